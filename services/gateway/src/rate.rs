//! How often one source may call without having signed in.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// So many calls at once, and then one each `every` (a token bucket, kept as the time when it is full again).
/// Monotonic time: a clock that is set does not open or shut it.
#[derive(Debug)]
pub struct Rate<K> {
    every: Duration,
    burst: u32,
    most: usize,
    full_again: Mutex<HashMap<K, Instant>>,
}

impl<K: Eq + Hash> Rate<K> {
    /// `most` sources are remembered.
    pub fn new(burst: u32, every: Duration, most: usize) -> Rate<K> {
        Rate {
            every,
            burst,
            most,
            full_again: Mutex::new(HashMap::new()),
        }
    }

    /// Whether this source may call now; then it has called.
    pub fn take(&self, source: K) -> bool {
        self.take_at(source, Instant::now())
    }

    fn take_at(&self, source: K, now: Instant) -> bool {
        let mut full_again = self
            .full_again
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if full_again.len() >= self.most && !full_again.contains_key(&source) {
            full_again.retain(|_, at| *at > now);
            // More sources than anyone has honestly: all begin anew, so that they shut out nobody.
            if full_again.len() >= self.most {
                full_again.clear();
            }
        }
        let at = full_again.entry(source).or_insert(now);
        let next = (*at).max(now) + self.every;
        if next > now + self.every * self.burst {
            return false;
        }
        *at = next;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_one_at_a_time_each_source_for_itself() {
        let rate = Rate::new(3, Duration::from_secs(1), 100);
        let now = Instant::now();
        for _ in 0..3 {
            assert!(rate.take_at("a", now));
        }
        assert!(!rate.take_at("a", now));
        assert!(rate.take_at("b", now));
        let later = now + Duration::from_secs(1);
        assert!(rate.take_at("a", later) && !rate.take_at("a", later));
        let much_later = now + Duration::from_secs(60);
        for _ in 0..3 {
            assert!(rate.take_at("a", much_later));
        }
        assert!(!rate.take_at("a", much_later));
    }

    #[test]
    fn many_sources_take_bounded_memory_and_shut_out_nobody() {
        let rate = Rate::new(1, Duration::from_secs(1), 100);
        let now = Instant::now();
        for source in 0..10_000 {
            assert!(rate.take_at(source, now));
        }
        assert!(rate.full_again.lock().unwrap().len() <= 100);
    }
}
