//! The tree of RFC 6962, section 2.1, growing by its leaves.

use std::{collections::VecDeque, fmt::Write as _, sync::LazyLock};

use aws_lc_rs::digest::{SHA256, digest};

/// A leaf, a node, or the root of a tree.
pub type Hash = [u8; 32];

/// SHA-256.
pub fn sha256(octets: &[u8]) -> Hash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, octets).as_ref());
    hash
}

/// The leaf of some octets.
pub fn leaf(octets: &[u8]) -> Hash {
    sha256(&[&[LEAF], octets].concat())
}

/// The node over two others.
pub fn node(left: &Hash, right: &Hash) -> Hash {
    let mut octets = [NODE; 65];
    octets[1..33].copy_from_slice(left);
    octets[33..].copy_from_slice(right);
    sha256(&octets)
}

/// The root of a tree without leaves.
pub fn empty() -> Hash {
    static EMPTY: LazyLock<Hash> = LazyLock::new(|| sha256(&[]));
    *EMPTY
}

/// A hash as people compare it.
pub fn hex(hash: &Hash) -> String {
    hash.iter()
        .fold(String::with_capacity(64), |mut text, octet| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{octet:02x}");
            text
        })
}

/// A tree that keeps what it needs to grow, and to say what its root was a while ago.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    size: u64,
    window: u64,
    /// Of each height the newest nodes that are whole; the last of them is the last that there is.
    levels: Vec<VecDeque<Hash>>,
}

impl Tree {
    /// An empty tree that knows its roots over the last `window` leaves.
    pub fn knowing(window: u64) -> Self {
        Self {
            window,
            ..Self::default()
        }
    }

    /// How many leaves it has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// One leaf more.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        let mut index = self.size;
        for height in 0.. {
            if self.levels.len() == height {
                self.levels.push(VecDeque::new());
            }
            let nodes = &mut self.levels[height];
            nodes.push_back(hash);
            // A node's right sibling completes its parent.
            if index.is_multiple_of(2) {
                break;
            }
            hash = node(&nodes[nodes.len() - 2], &hash);
            let kept = (self.window >> height).saturating_add(2);
            // Two were added since the last look.
            while nodes.len() as u64 > kept {
                nodes.pop_front();
            }
            index /= 2;
        }
        self.size += 1;
    }

    /// The root now.
    pub fn root(&self) -> Hash {
        // What it takes is always kept.
        self.root_at(self.size).unwrap_or_else(empty)
    }

    /// The root over the first `size` leaves; `None` where that is too long ago, or yet to come.
    pub fn root_at(&self, size: u64) -> Option<Hash> {
        if size > self.size {
            return None;
        }
        let mut root = None;
        for (height, nodes) in self.levels.iter().enumerate() {
            if (size >> height).is_multiple_of(2) {
                continue;
            }
            // The last whole node of this height in the smaller tree, counted from the last one now.
            let back = (self.size >> height) - (size >> height);
            let at = (nodes.len() as u64).checked_sub(back + 1)?;
            let hash = nodes[usize::try_from(at).ok()?];
            root = Some(match root {
                Some(right) => node(&hash, &right),
                None => hash,
            });
        }
        root.or_else(|| (size == 0).then(empty))
    }
}

/// What a leaf's octets begin with.
pub(super) const LEAF: u8 = 0;
const NODE: u8 = 1;

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 6962, section 2.1, word by word.
    pub fn mth(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => empty(),
            [one] => *one,
            _ => {
                let k = leaves.len().next_power_of_two() / 2;
                node(&mth(&leaves[..k]), &mth(&leaves[k..]))
            }
        }
    }

    /// That many leaves, each another.
    pub fn leaves(count: usize) -> Vec<Hash> {
        (0..count).map(|n| leaf(&n.to_be_bytes())).collect()
    }

    fn from_hex(text: &str) -> Vec<u8> {
        let octet = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
        (0..text.len()).step_by(2).map(octet).collect()
    }

    #[test]
    fn certificate_transparencys_own_vectors() {
        // The leaves and roots of its reference implementation's tests.
        let leaves = [
            "",
            "00",
            "10",
            "2021",
            "3031",
            "40414243",
            "5051525354555657",
            "606162636465666768696a6b6c6d6e6f",
        ];
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let mut tree = Tree::default();
        assert_eq!(
            hex(&tree.root()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        for (octets, root) in leaves.iter().zip(roots) {
            tree.push(leaf(&from_hex(octets)));
            assert_eq!(hex(&tree.root()), root);
        }
    }

    #[test]
    fn a_tree_forgets_what_it_was_not_to_know() {
        let mut tree = Tree::knowing(16);
        for leaf in leaves(1_000) {
            tree.push(leaf);
        }
        assert_eq!(tree.root_at(1), None);
        assert_eq!(tree.root_at(1_001), None);
        let kept = tree.levels.iter().map(VecDeque::len).sum::<usize>();
        assert!(kept < 100, "{kept}");
    }

    proptest! {
        #[test]
        fn it_grows_as_the_rfc_says_and_knows_its_past(size in 0usize..300, window in 0u64..64) {
            let leaves = leaves(size);
            let mut tree = Tree::knowing(window);
            for leaf in &leaves {
                tree.push(*leaf);
            }
            prop_assert_eq!(tree.root(), mth(&leaves));
            for back in 0..=window.min(size as u64) {
                let then = size - back as usize;
                prop_assert_eq!(tree.root_at(then as u64), Some(mth(&leaves[..then])));
            }
        }
    }
}
