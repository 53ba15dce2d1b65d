//! Paths through a tree (RFC 6962, sections 2.1.1 and 2.1.2), and whether they lead to its root (RFC 9162, sections
//! 2.1.3.2 and 2.1.4.2).

use std::ops::Range;

use super::tree::{self, Hash};

/// A node that is whole: over the leaves from `index << height`, `1 << height` of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    /// 0 for a leaf.
    pub height: u32,
    /// Its place among those of its height.
    pub index: u64,
}

/// The root of the first `size` leaves; `None` where `node` does not know one that it takes.
pub fn root(size: u64, node: &mut impl FnMut(Node) -> Option<Hash>) -> Option<Hash> {
    match size {
        0 => Some(tree::empty()),
        _ => over(0..size, node),
    }
}

/// That the leaf at `index` is in the tree of `size` leaves. `None` as in [`root`], or where it is not.
pub fn inclusion(
    index: u64,
    size: u64,
    node: &mut impl FnMut(Node) -> Option<Hash>,
) -> Option<Vec<Hash>> {
    if index >= size {
        return None;
    }
    let mut path = Vec::new();
    let mut all = 0..size;
    while all.end - all.start > 1 {
        let middle = all.start + split(all.end - all.start);
        let (inside, beside) = match index < middle {
            true => (all.start..middle, middle..all.end),
            false => (middle..all.end, all.start..middle),
        };
        path.push(over(beside, node)?);
        all = inside;
    }
    path.reverse();
    Some(path)
}

/// That the tree of `later` leaves begins with that of `earlier`. `None` likewise.
pub fn consistency(
    earlier: u64,
    later: u64,
    node: &mut impl FnMut(Node) -> Option<Hash>,
) -> Option<Vec<Hash>> {
    if earlier > later {
        return None;
    }
    // Everything goes on from nothing, and from itself.
    if earlier == 0 || earlier == later {
        return Some(Vec::new());
    }
    let mut path = Vec::new();
    let mut all = 0..later;
    // Whether the earlier tree ends where a node of it does that its own root is not.
    let mut known = true;
    while earlier != all.end {
        let middle = all.start + split(all.end - all.start);
        if earlier <= middle {
            path.push(over(middle..all.end, node)?);
            all = all.start..middle;
        } else {
            path.push(over(all.start..middle, node)?);
            all = middle..all.end;
            known = false;
        }
    }
    if !known {
        path.push(over(all, node)?);
    }
    path.reverse();
    Some(path)
}

/// Whether `path` leads from this leaf to this root.
pub fn includes(leaf: &Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut inside, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for beside in path {
        if last == 0 {
            return false;
        }
        if inside % 2 == 1 || inside == last {
            hash = tree::node(beside, &hash);
            while inside.is_multiple_of(2) && inside != 0 {
                inside /= 2;
                last /= 2;
            }
        } else {
            hash = tree::node(&hash, beside);
        }
        inside /= 2;
        last /= 2;
    }
    last == 0 && hash == *root
}

/// Whether `path` shows that the later tree goes on from the earlier one.
pub fn goes_on(earlier: (u64, &Hash), later: (u64, &Hash), path: &[Hash]) -> bool {
    let ((size, root), (later_size, later_root)) = (earlier, later);
    if size > later_size {
        return false;
    }
    if size == 0 {
        return path.is_empty() && *root == tree::empty();
    }
    if size == later_size {
        return path.is_empty() && root == later_root;
    }
    let mut path = path.iter();
    let (mut inside, mut last) = (size - 1, later_size - 1);
    while inside % 2 == 1 {
        inside /= 2;
        last /= 2;
    }
    // A tree of a power of two is a node of the later one itself.
    let first = match size.is_power_of_two() {
        true => Some(root),
        false => path.next(),
    };
    let Some(first) = first else {
        return false;
    };
    let (mut old, mut new) = (*first, *first);
    for beside in path {
        if last == 0 {
            return false;
        }
        if inside % 2 == 1 || inside == last {
            old = tree::node(beside, &old);
            new = tree::node(beside, &new);
            while inside.is_multiple_of(2) && inside != 0 {
                inside /= 2;
                last /= 2;
            }
        } else {
            new = tree::node(&new, beside);
        }
        inside /= 2;
        last /= 2;
    }
    last == 0 && old == *root && new == *later_root
}

/// The hash over some leaves, which begin where a node of their number may.
fn over(leaves: Range<u64>, node: &mut impl FnMut(Node) -> Option<Hash>) -> Option<Hash> {
    let count = leaves.end - leaves.start;
    if count.is_power_of_two() {
        let height = count.trailing_zeros();
        return node(Node {
            height,
            index: leaves.start >> height,
        });
    }
    let middle = leaves.start + split(count);
    let left = over(leaves.start..middle, node)?;
    let right = over(middle..leaves.end, node)?;
    Some(tree::node(&left, &right))
}

/// The largest power of two that is smaller; of two or more.
fn split(count: u64) -> u64 {
    1 << (count - 1).ilog2()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::proof::tree::tests::{leaves, mth};

    fn nodes(leaves: &[Hash]) -> impl FnMut(Node) -> Option<Hash> {
        |node: Node| {
            let start = usize::try_from(node.index << node.height).unwrap();
            Some(mth(leaves.get(start..start + (1 << node.height))?))
        }
    }

    #[test]
    fn the_paths_of_the_rfcs_example() {
        // RFC 6962, section 2.1.3: seven leaves, d0 to d6.
        let d = leaves(7);
        let (a, b, c, e, f, j) = (d[0], d[1], d[2], d[3], d[4], d[6]);
        let (g, h, i) = (
            tree::node(&a, &b),
            tree::node(&c, &e),
            tree::node(&f, &d[5]),
        );
        let (k, l) = (tree::node(&g, &h), tree::node(&i, &j));
        let mut node = nodes(&d);
        assert_eq!(inclusion(0, 7, &mut node).unwrap(), [b, h, l]);
        assert_eq!(inclusion(3, 7, &mut node).unwrap(), [c, g, l]);
        assert_eq!(inclusion(4, 7, &mut node).unwrap(), [d[5], j, k]);
        assert_eq!(inclusion(6, 7, &mut node).unwrap(), [i, k]);
        assert_eq!(consistency(3, 7, &mut node).unwrap(), [c, e, g, l]);
        assert_eq!(consistency(4, 7, &mut node).unwrap(), [l]);
        assert_eq!(consistency(6, 7, &mut node).unwrap(), [i, j, k]);
        assert_eq!(inclusion(7, 7, &mut node), None);
        assert_eq!(consistency(8, 7, &mut node), None);
    }

    #[test]
    fn every_leaf_of_every_small_tree_has_its_path_and_no_other() {
        let all = leaves(40);
        for size in 1..=all.len() {
            let mut node = nodes(&all[..size]);
            let root = mth(&all[..size]);
            for (index, leaf) in all[..size].iter().enumerate() {
                let path = inclusion(index as u64, size as u64, &mut node).unwrap();
                let leads = |leaf, index: usize, size: usize, path: &[Hash]| {
                    includes(leaf, index as u64, size as u64, path, &root)
                };
                assert!(leads(leaf, index, size, &path), "{index} of {size}");
                assert!(!leads(&all[39 - index % 2], index, size, &path) || index >= 38);
                assert!(!leads(leaf, index + 1, size, &path));
                assert!(!leads(
                    leaf,
                    index,
                    size,
                    &[path.as_slice(), &[root]].concat()
                ));
                if !path.is_empty() {
                    assert!(!leads(leaf, index, size, &path[1..]));
                }
            }
        }
    }

    #[test]
    fn every_small_tree_goes_on_from_every_smaller_one() {
        let all = leaves(40);
        for later in 0..=all.len() {
            let mut node = nodes(&all[..later]);
            let root = mth(&all[..later]);
            for earlier in 0..=later {
                let (was, path) = (
                    mth(&all[..earlier]),
                    consistency(earlier as u64, later as u64, &mut node).unwrap(),
                );
                let shows = |was: &Hash, earlier: usize, path: &[Hash]| {
                    goes_on((earlier as u64, was), (later as u64, &root), path)
                };
                assert!(shows(&was, earlier, &path), "{earlier} of {later}");
                assert!(!shows(&all[0], earlier, &path) || earlier == 1);
                assert!(!shows(&was, earlier, &[path.as_slice(), &[root]].concat()));
                assert!(!shows(&was, later + 1, &path));
            }
        }
    }

    proptest! {
        #[test]
        fn a_path_that_was_touched_leads_nowhere(
            (size, index) in (2usize..200).prop_flat_map(|size| (Just(size), 0..size)),
            flipped in 0usize..8 * 32,
            which in 0usize..8,
        ) {
            let all = leaves(size);
            let root = mth(&all);
            let mut path = inclusion(index as u64, size as u64, &mut nodes(&all)).unwrap();
            let which = which % path.len();
            path[which][flipped / 8] ^= 1 << (flipped % 8);
            prop_assert!(!includes(&all[index], index as u64, size as u64, &path, &root));
            let was = mth(&all[..index]);
            let mut path = consistency(index as u64, size as u64, &mut nodes(&all)).unwrap();
            if !path.is_empty() {
                let which = which % path.len();
                path[which][flipped / 8] ^= 1 << (flipped % 8);
                prop_assert!(!goes_on((index as u64, &was), (size as u64, &root), &path));
            }
        }
    }
}
