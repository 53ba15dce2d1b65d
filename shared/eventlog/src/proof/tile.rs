//! The tree as rows: each row a tile, 64 hashes of one height beside each other.
//!
//! A tile of level 0 holds leaves; when it is full, its root is one hash of a tile of level 1, and so on. So a million
//! events are 16,000 rows, an event changes the last row of a level or two, and any root or path is put together from
//! a row or two of each of four levels.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    path::Node,
    tree::{self, Hash},
};

/// Which tile: of the leaves that it covers, and counting from the left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    /// 0 for leaves.
    pub level: u32,
    /// Its place among those of its level.
    pub index: u64,
}

impl TileId {
    /// Where a node's hash is found, or made of others.
    pub fn of(node: Node) -> Self {
        let level = node.height / HEIGHT;
        let first = node.index << (node.height % HEIGHT);
        Self {
            level,
            index: first / WIDTH,
        }
    }
}

/// Hashes in a full tile.
pub const WIDTH: u64 = 1 << HEIGHT;
const HEIGHT: u32 = 6;

/// The tiles that a tree of `size` leaves grows on.
pub fn growing(size: u64) -> Vec<TileId> {
    let mut tiles = Vec::new();
    let (mut level, mut count) = (0, size);
    while count > 0 {
        if !count.is_multiple_of(WIDTH) {
            tiles.push(TileId {
                level,
                index: count / WIDTH,
            });
        }
        (level, count) = (level + 1, count / WIDTH);
    }
    tiles
}

/// The tiles that something is put together from: `ask` is called with a look-up that knows everything, to see what
/// it looks for.
pub fn needed<T>(
    ask: impl FnOnce(&mut dyn FnMut(Node) -> Option<Hash>) -> Option<T>,
) -> Vec<TileId> {
    let mut tiles = BTreeSet::new();
    ask(&mut |node| {
        tiles.insert(TileId::of(node));
        Some([0; 32])
    });
    tiles.into_iter().collect()
}

/// Some tiles of a tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tiles(BTreeMap<TileId, Vec<Hash>>);

/// The rows are not those of a tree of this size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the tiles are not those of a tree of {size} leaves")]
pub struct Misfit {
    /// How many leaves it was to have.
    pub size: u64,
}

impl Tiles {
    /// One tile more, from a row; `None` where the octets are not hashes.
    #[must_use]
    pub fn put(&mut self, id: TileId, octets: &[u8]) -> Option<()> {
        let (hashes, []) = octets.as_chunks::<32>() else {
            return None;
        };
        let fits = !hashes.is_empty() && hashes.len() as u64 <= WIDTH;
        fits.then(|| drop(self.0.insert(id, hashes.to_vec())))
    }

    /// Each tile as it goes into a row.
    pub fn rows(&self) -> impl Iterator<Item = (TileId, Vec<u8>)> {
        self.0.iter().map(|(id, hashes)| (*id, hashes.concat()))
    }

    /// A node's hash; `None` where its tile is not here, or has not come that far.
    pub fn node(&self, node: Node) -> Option<Hash> {
        let hashes = self.0.get(&TileId::of(node))?;
        let first = ((node.index << (node.height % HEIGHT)) % WIDTH) as usize;
        let hashes = hashes.get(first..first + (1 << (node.height % HEIGHT)))?;
        Some(whole(hashes))
    }

    /// The leaves of a tile of level 0, as far as it has come.
    pub fn leaves(&self, index: u64) -> &[Hash] {
        let id = TileId { level: 0, index };
        self.0.get(&id).map_or(&[], Vec::as_slice)
    }

    /// The leaf after the first `size`. The tiles of [`growing`] must be here.
    ///
    /// # Errors
    /// [`Misfit`] where they are those of another size.
    pub fn push(&mut self, size: u64, leaf: Hash) -> Result<(), Misfit> {
        let (mut level, mut count, mut hash) = (0, size, leaf);
        loop {
            let id = TileId {
                level,
                index: count / WIDTH,
            };
            let hashes = self.0.entry(id).or_default();
            if hashes.len() as u64 != count % WIDTH {
                return Err(Misfit { size });
            }
            hashes.push(hash);
            if (hashes.len() as u64) < WIDTH {
                return Ok(());
            }
            hash = whole(hashes);
            (level, count) = (level + 1, count / WIDTH);
        }
    }
}

/// The node over as many hashes as a power of two.
fn whole(hashes: &[Hash]) -> Hash {
    match hashes {
        [one] => *one,
        _ => {
            let (left, right) = hashes.split_at(hashes.len() / 2);
            tree::node(&whole(left), &whole(right))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::proof::{
        path,
        tree::tests::{leaves, mth},
    };

    fn grown(leaves: &[Hash]) -> Tiles {
        let mut tiles = Tiles::default();
        for (n, leaf) in leaves.iter().enumerate() {
            tiles.push(n as u64, *leaf).unwrap();
        }
        tiles
    }

    fn only(tiles: &Tiles, wanted: Vec<TileId>) -> Tiles {
        let mut some = Tiles::default();
        for (id, row) in tiles.rows().filter(|(id, _)| wanted.contains(id)) {
            some.put(id, &row).unwrap();
        }
        some
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]
        #[test]
        fn roots_and_paths_come_from_few_tiles(
            (size, then, index) in (1usize..9_000)
                .prop_flat_map(|size| (Just(size), 1..=size))
                .prop_flat_map(|(size, then)| (Just(size), Just(then), 0..then)),
        ) {
            let all = leaves(size);
            let tiles = grown(&all);
            let (root, then_root) = (mth(&all), mth(&all[..then]));
            let (size, then, index) = (size as u64, then as u64, index as u64);

            let wanted = needed(|node| path::root(then, &mut |n| node(n)));
            let some = only(&tiles, wanted);
            prop_assert_eq!(path::root(then, &mut |n| some.node(n)), Some(then_root));

            let wanted = needed(|node| path::inclusion(index, then, &mut |n| node(n)));
            prop_assert!(wanted.len() <= 9, "{}", wanted.len());
            let some = only(&tiles, wanted);
            let found = path::inclusion(index, then, &mut |n| some.node(n)).unwrap();
            prop_assert!(path::includes(&all[index as usize], index, then, &found, &then_root));

            let wanted = needed(|node| path::consistency(then, size, &mut |n| node(n)));
            let some = only(&tiles, wanted);
            let found = path::consistency(then, size, &mut |n| some.node(n)).unwrap();
            prop_assert!(path::goes_on((then, &then_root), (size, &root), &found));
        }

        #[test]
        fn a_tree_goes_on_from_its_last_tiles(size in 0usize..5_000, more in 1usize..200) {
            let all = leaves(size + more);
            let mut tiles = only(&grown(&all[..size]), growing(size as u64));
            for (n, leaf) in all.iter().enumerate().skip(size) {
                tiles.push(n as u64, *leaf).unwrap();
            }
            let whole = grown(&all);
            for (id, row) in tiles.rows() {
                let same = whole.rows().find(|(other, _)| *other == id).map(|(_, row)| row);
                prop_assert_eq!(same, Some(row));
            }
        }
    }

    #[test]
    fn a_million_leaves_grow_on_few_tiles() {
        assert!(growing(1_000_000).len() <= 4);
        let of_million = |node: &mut dyn FnMut(Node) -> Option<Hash>| {
            path::inclusion(123_456, 1_000_000, &mut |n| node(n))
        };
        assert!(needed(of_million).len() <= 8);
    }

    #[test]
    fn tiles_of_another_size_are_noticed() {
        let mut tiles = grown(&leaves(70));
        assert_eq!(tiles.push(71, [0; 32]), Err(Misfit { size: 71 }));
        assert_eq!(tiles.push(69, [0; 32]), Err(Misfit { size: 69 }));
        assert_eq!(tiles.push(70, [0; 32]), Ok(()));
        let id = TileId { level: 0, index: 9 };
        assert_eq!(tiles.put(id, &[0; 33]), None);
        assert_eq!(tiles.put(id, &[]), None);
    }
}
