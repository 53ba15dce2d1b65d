//! Where CAs want to be left alone for a while (`Retry-After`): nothing is asked there before its time.
//!
//! One endpoint is one URL of a directory, with what is below it; all the other URLs of a CA (orders, authorizations,
//! certificates) are one endpoint together.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use time::OffsetDateTime;

/// All endpoints that are to be left alone, of all CAs.
#[derive(Debug, Default)]
pub struct Holds(Mutex<HashMap<String, OffsetDateTime>>);

impl Holds {
    /// How long the endpoint is still to be left alone.
    pub(super) fn left(&self, endpoint: &str, now: OffsetDateTime) -> Option<Duration> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|_, until| *until > now);
        let left = *held.get(endpoint)? - now;
        Duration::try_from(left).ok()
    }

    /// Leaves the endpoint alone until then, or as long as it was asked before if that is longer.
    pub(super) fn hold(&self, endpoint: &str, until: OffsetDateTime) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = held.entry(endpoint.to_owned()).or_insert(until);
        *known = until.max(*known);
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn an_endpoint_is_left_alone_for_the_longest_time_that_was_asked() {
        let now = datetime!(2026-01-01 00:00 UTC);
        let (short, long) = (Duration::from_secs(10), Duration::from_secs(20));
        let holds = Holds::default();
        assert_eq!(holds.left("a", now), None);
        holds.hold("a", now + long);
        holds.hold("a", now + short);
        assert_eq!(holds.left("a", now), Some(long));
        assert_eq!(holds.left("a", now + short), Some(short));
        assert_eq!(holds.left("b", now), None);
        assert_eq!(holds.left("a", now + long), None);
    }
}
