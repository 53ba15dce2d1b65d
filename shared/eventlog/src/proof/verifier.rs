//! Whether events are the log that they say: the tree is grown again from them, event by event.
//!
//! Three things are held against each other. What was recorded of each event beside it (its leaf in the tables, or in
//! an exported file) names the event that is another one now. What an event says itself, which one of its aggregate
//! it followed, names where events were taken out or put in and the rest counted anew. And the root of a checkpoint
//! tells whether all events up to it are the ones that it was signed for, whatever stands beside them; it cannot say
//! which is not, but between which two checkpoints.
//!
//! Where a leaf was recorded, it and not the event grows the tree: if the root of a checkpoint is met then, what was
//! recorded is right, and the event is what was changed.

use std::collections::{BTreeMap, HashMap};

use super::{
    finding::Finding,
    leaf::Stored,
    note::Head,
    tree::{Hash, Tree},
};
use crate::publish::{EXPECTED_FILTER, EXPECTED_SEQUENCE};

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// How many events were looked at.
    pub events: u64,
    /// How many there are without a gap from the first on.
    pub size: u64,
    /// The root over those.
    pub root: Hash,
    /// How many checkpoints fit.
    pub fitting: u64,
    /// The size of the largest of them; 0: none.
    pub fits_to: u64,
    /// How many could not be held against anything, because events before them are missing.
    pub passed_over: u64,
    /// What does not fit, the first [`NAMED`] of it.
    pub findings: Vec<Finding>,
    /// How much more does not fit.
    pub more: u64,
}

/// Looks at one event after the other.
#[derive(Debug)]
pub struct Verifier {
    tree: Tree,
    next: u64,
    /// Events before this one are missing, and nothing says what they were: roots can no longer be told.
    broken: bool,
    /// Events that came before their turn.
    ahead: BTreeMap<u64, (Stored, Option<Hash>)>,
    /// The newest event of each aggregate, by the filter that its events name; nothing where that is not looked at.
    newest: Option<HashMap<String, u64>>,
    /// Roots that are yet to be met.
    expected: BTreeMap<u64, Vec<Hash>>,
    missing: Vec<(u64, u64)>,
    diverged: bool,
    report: Report,
}

impl Default for Verifier {
    fn default() -> Self {
        Self {
            tree: Tree::knowing(WINDOW),
            next: 1,
            broken: false,
            ahead: BTreeMap::new(),
            newest: Some(HashMap::new()),
            expected: BTreeMap::new(),
            missing: Vec::new(),
            diverged: false,
            report: Report {
                events: 0,
                size: 0,
                root: [0; 32],
                fitting: 0,
                fits_to: 0,
                passed_over: 0,
                findings: Vec::new(),
                more: 0,
            },
        }
    }
}

impl Verifier {
    /// For who has a leaf of each event, and looks at those past `after` alone. What an event says that it followed is not
    /// looked at, so that memory does not grow with the log. Past the first event no root can be told.
    pub fn by_leaves(after: u64) -> Self {
        Self {
            next: after + 1,
            broken: after > 0,
            newest: None,
            ..Self::default()
        }
    }

    /// Looks at the next event; `recorded` is its leaf as something beside it says.
    pub fn take(&mut self, event: Stored, recorded: Option<Hash>) {
        self.report.events += 1;
        let sequence = event.sequence;
        if sequence < self.next {
            let after = self.next - 1;
            self.find(match self.is_missing(sequence) {
                true => Finding::OutOfPlace { sequence, after },
                false => Finding::Repeated { sequence },
            });
        } else if sequence > self.next {
            if self.ahead.insert(sequence, (event, recorded)).is_some() {
                self.find(Finding::Repeated { sequence });
            }
            if self.ahead.len() > AHEAD {
                self.give_up();
            }
        } else {
            if let Some((&after, _)) = self.ahead.last_key_value() {
                self.find(Finding::OutOfPlace { sequence, after });
            }
            self.accept(&event, recorded);
            self.go_on();
        }
    }

    /// The next event is not there, and this is its leaf.
    pub fn miss(&mut self, recorded: Hash) {
        let sequence = self.next;
        self.note_missing(sequence, sequence);
        self.grow(recorded);
        self.go_on();
    }

    /// A checkpoint whose signature is good: its root is held against the events, now or when they come.
    pub fn expect(&mut self, head: &Head) {
        match head.size <= self.tree.size() {
            true => self.compare(head.size, head.root),
            false => self.expected.entry(head.size).or_default().push(head.root),
        }
    }

    /// All events have come.
    pub fn finish(mut self) -> Report {
        while !self.ahead.is_empty() {
            self.give_up();
        }
        let has = self.next - 1;
        for (size, roots) in std::mem::take(&mut self.expected) {
            match size <= has {
                true => self.report.passed_over += roots.len() as u64,
                false => self.find(Finding::TooShort { size, has }),
            }
        }
        self.report.size = self.tree.size();
        self.report.root = self.tree.root();
        self.report
    }

    fn accept(&mut self, event: &Stored, recorded: Option<Hash>) {
        let sequence = event.sequence;
        let leaf = event.leaf();
        if recorded.is_some_and(|recorded| recorded != leaf) {
            self.find(Finding::Changed { sequence });
            // What came after it followed it, whatever it says now.
            let _ = self.turn(event);
        } else {
            self.follow(event);
        }
        self.grow(recorded.unwrap_or(leaf));
    }

    /// Whether it followed what it says it followed.
    fn follow(&mut self, event: &Stored) {
        let sequence = event.sequence;
        let Some((says, there)) = self.turn(event) else {
            return;
        };
        if says != there && !self.is_missing(says) {
            self.find(Finding::Follows {
                sequence,
                says,
                there,
            });
        }
    }

    /// Takes its turn among the events of its aggregate: which one it says was before it, and which one was.
    fn turn(&mut self, event: &Stored) -> Option<(u64, u64)> {
        let newest = self.newest.as_mut()?;
        let says = event.header(EXPECTED_SEQUENCE)?.parse().ok()?;
        let filter = event.header(EXPECTED_FILTER)?;
        let there = match newest.get_mut(filter) {
            Some(newest) => std::mem::replace(newest, event.sequence),
            None => {
                newest.insert(filter.to_owned(), event.sequence);
                0
            }
        };
        Some((says, there))
    }

    fn grow(&mut self, leaf: Hash) {
        self.next += 1;
        if self.broken {
            return;
        }
        self.tree.push(leaf);
        let size = self.tree.size();
        if self
            .expected
            .first_key_value()
            .is_some_and(|(first, _)| *first == size)
        {
            for root in self.expected.remove(&size).unwrap_or_default() {
                self.compare(size, root);
            }
        }
    }

    fn compare(&mut self, size: u64, root: Hash) {
        match self.tree.root_at(size) {
            Some(own) if own == root => {
                self.report.fitting += 1;
                self.report.fits_to = self.report.fits_to.max(size);
            }
            // All that come after the first one that differs differ, too.
            Some(_) if self.diverged => self.report.more += 1,
            Some(_) => {
                self.diverged = true;
                let after = match self.report.fits_to < size {
                    true => self.report.fits_to,
                    false => 0,
                };
                self.find(Finding::OtherRoot { size, after });
            }
            None => self.report.passed_over += 1,
        }
    }

    /// What is expected next does not come any more.
    fn give_up(&mut self) {
        let Some((&sequence, _)) = self.ahead.first_key_value() else {
            return;
        };
        self.note_missing(self.next, sequence - 1);
        self.broken = true;
        self.next = sequence;
        self.go_on();
    }

    /// Takes those whose turn it is now.
    fn go_on(&mut self) {
        while let Some((event, recorded)) = self.ahead.remove(&self.next) {
            self.accept(&event, recorded);
        }
    }

    fn note_missing(&mut self, first: u64, last: u64) {
        match self.missing.last_mut().filter(|(_, end)| *end + 1 == first) {
            Some((begun, end)) => {
                *end = last;
                let longer = Finding::Missing {
                    first: *begun,
                    last,
                };
                let begun = *begun;
                let mut findings = self.report.findings.iter_mut();
                let earlier = findings
                    .rfind(|f| matches!(f, Finding::Missing { first, .. } if *first == begun));
                if let Some(earlier) = earlier {
                    *earlier = longer;
                }
            }
            None => {
                self.missing.push((first, last));
                self.find(Finding::Missing { first, last });
            }
        }
    }

    fn is_missing(&self, sequence: u64) -> bool {
        let mut gaps = self.missing.iter();
        gaps.any(|(first, last)| (*first..=*last).contains(&sequence))
    }

    fn find(&mut self, finding: Finding) {
        match self.report.findings.len() < NAMED {
            true => self.report.findings.push(finding),
            false => self.report.more += 1,
        }
    }
}

/// How much that does not fit is named one by one.
pub const NAMED: usize = 50;

/// A checkpoint's event comes some events after the last one that it was signed for.
const WINDOW: u64 = 1 << 17;

/// Events that may come before one whose turn it was, until that one is missing.
const AHEAD: usize = 1_000;

#[cfg(test)]
mod tests;
