//! How long to wait before the next try.

use std::time::Duration;

use uuid::Uuid;

/// Waits that double from [`FIRST`] to [`LONGEST`], each shortened by up to half at random, so that
/// gateways that lost the same server do not come back to it all at once.
#[derive(Debug)]
pub struct Backoff {
    next: Duration,
}

impl Backoff {
    /// Nothing has failed yet.
    pub fn new() -> Backoff {
        Backoff { next: FIRST }
    }

    /// It works again: the next failure is a first one.
    pub fn reset(&mut self) {
        self.next = FIRST;
    }

    /// How long to wait now.
    pub fn wait(&mut self) -> Duration {
        let whole = self.next;
        self.next = (whole * 2).min(LONGEST);
        let random = Uuid::new_v4().as_bytes()[0];
        whole - whole / 2 * u32::from(random) / 255
    }
}

const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_start_again() {
        let mut backoff = Backoff::new();
        let waits = (0..20).map(|_| backoff.wait()).collect::<Vec<_>>();
        assert!(waits[0] >= FIRST / 2 && waits[0] <= FIRST);
        assert!(waits[19] >= LONGEST / 2 && waits[19] <= LONGEST);
        backoff.reset();
        assert!(backoff.wait() <= FIRST);
    }
}
