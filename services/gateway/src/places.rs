//! A bounded number of places: so many in all, and so many for one holder.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tracing::warn;

/// The places. Cheap to clone; clones share them.
#[derive(Clone)]
pub struct Places<K> {
    what: &'static str,
    most: usize,
    most_each: usize,
    taken: Arc<Mutex<Taken<K>>>,
}

struct Taken<K> {
    total: usize,
    by_holder: HashMap<K, usize>,
    told: Option<Instant>,
}

/// One place, free again when it is dropped.
pub struct Place<K: Eq + Hash> {
    holder: K,
    taken: Arc<Mutex<Taken<K>>>,
}

impl<K: Clone + Eq + Hash> Places<K> {
    /// `what` there are places for, in the log: "connections".
    pub fn new(what: &'static str, most: usize, most_each: usize) -> Places<K> {
        Places {
            what,
            most,
            most_each,
            taken: Arc::new(Mutex::new(Taken {
                total: 0,
                by_holder: HashMap::new(),
                told: None,
            })),
        }
    }

    /// A place for this holder; `None` where all that there are, or all that are his, are taken.
    pub fn take(&self, holder: K) -> Option<Place<K>> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let total = taken.total;
        let his = taken.by_holder.get(&holder).copied().unwrap_or(0);
        if total >= self.most || his >= self.most_each {
            // Once a minute: a flood does not fill the log as well.
            let told = taken.told.replace(Instant::now());
            if told.is_none_or(|at| at.elapsed() > TELL_AGAIN) {
                warn!(
                    total,
                    of_one_holder = his,
                    "too many {}, refusing more",
                    self.what
                );
            } else {
                taken.told = told;
            }
            return None;
        }
        taken.total += 1;
        *taken.by_holder.entry(holder.clone()).or_default() += 1;
        Some(Place {
            holder,
            taken: self.taken.clone(),
        })
    }
}

impl<K: Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.total -= 1;
        if let Some(count) = taken.by_holder.get_mut(&self.holder) {
            *count -= 1;
            if *count == 0 {
                taken.by_holder.remove(&self.holder);
            }
        }
    }
}

const TELL_AGAIN: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_in_all_and_for_each() {
        let places = Places::new("things", 3, 2);
        let first = places.take("a").unwrap();
        let _second = places.take("a").unwrap();
        assert!(places.take("a").is_none(), "a third of one holder");
        let _third = places.take("b").unwrap();
        assert!(places.take("c").is_none(), "a fourth in all");
        drop(first);
        assert!(places.take("a").is_some());
    }

    #[test]
    fn holders_without_a_place_are_forgotten() {
        let places = Places::new("things", 3, 2);
        drop(places.take("a"));
        assert!(places.taken.lock().unwrap().by_holder.is_empty());
    }
}
