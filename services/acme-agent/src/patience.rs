//! How long a CA that is in trouble is tried again before a step fails.

use std::time::Duration;

use runtime::EgressError;
use time::OffsetDateTime;

use crate::client::Error;

/// Whether the CA may do another time what it did not do now.
pub fn may_pass(error: &Error) -> bool {
    let mut patience = Patience::until(OffsetDateTime::UNIX_EPOCH + FOR_EVER);
    patience.after(error, OffsetDateTime::UNIX_EPOCH).is_some() || error.is("rateLimited")
}

/// The tries of one step.
#[derive(Debug)]
pub struct Patience {
    until: OffsetDateTime,
    pause: Duration,
}

impl Patience {
    /// Lasts until then.
    pub fn until(until: OffsetDateTime) -> Self {
        Self {
            until,
            pause: FIRST_PAUSE,
        }
    }

    /// How long to wait before the next try; `None`: this error is final, or there is no time left.
    pub fn after(&mut self, error: &Error, now: OffsetDateTime) -> Option<Duration> {
        let asked = match error {
            Error::Unreachable { source, .. } => match source {
                EgressError::Unresolved { .. }
                | EgressError::Unreachable { .. }
                | EgressError::TimedOut { .. } => None,
                EgressError::Url { .. }
                | EgressError::Refused { .. }
                | EgressError::Untrusted { .. }
                | EgressError::TooLarge { .. }
                | EgressError::Redirected { .. }
                | EgressError::Roots { .. } => return None,
            },
            Error::Status {
                status,
                retry_after,
                ..
            } if *status == 429 || *status >= 500 => *retry_after,
            Error::Refused {
                problem,
                retry_after,
            } => match problem.kind() {
                // Without a time to wait for, a limit is not worth hammering at.
                "rateLimited" => Some((*retry_after)?),
                _ if problem.status >= 500 => *retry_after,
                _ => return None,
            },
            Error::LeftAlone { retry_after, .. } => Some(*retry_after),
            Error::Status { .. } | Error::Unexpected { .. } => return None,
        };
        let pause = asked.unwrap_or_default().max(self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        (now + pause <= self.until).then_some(pause)
    }
}

/// Longer than any CA asks for.
const FOR_EVER: Duration = Duration::from_secs(365 * 86_400);

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Problem;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);

    fn status(status: u16, retry_after: Option<u64>) -> Error {
        Error::Status {
            url: "https://ca.example".into(),
            status,
            retry_after: retry_after.map(Duration::from_secs),
        }
    }

    fn refused(kind: &str, status: u16, retry_after: Option<u64>) -> Error {
        let problem = Problem {
            kind_uri: format!("urn:ietf:params:acme:error:{kind}"),
            status,
            ..Problem::default()
        };
        Error::Refused {
            problem: Box::new(problem),
            retry_after: retry_after.map(Duration::from_secs),
        }
    }

    #[test]
    fn pauses_grow_until_the_time_is_up() {
        let mut patience = Patience::until(NOW + Duration::from_secs(2));
        let mut pause = |after_ms| {
            let pause = patience.after(&status(503, None), NOW + Duration::from_millis(after_ms));
            pause.map(|p| p.as_millis())
        };
        assert_eq!(pause(0), Some(500));
        assert_eq!(pause(500), Some(1_000));
        assert_eq!(pause(1_500), None);
    }

    #[test]
    fn the_ca_s_own_time_is_kept() {
        let mut patience = Patience::until(NOW + Duration::from_secs(30));
        let mut after = |error| patience.after(&error, NOW);
        let seven = Some(Duration::from_secs(7));
        assert_eq!(after(status(429, Some(7))), seven);
        assert_eq!(after(refused("rateLimited", 429, Some(7))), seven);
        assert_eq!(after(refused("rateLimited", 429, Some(31))), None);
        assert_eq!(after(refused("rateLimited", 429, None)), None);
        assert!(may_pass(&refused("rateLimited", 429, None)));
    }

    #[test]
    fn what_waiting_does_not_mend_is_not_tried_again() {
        let mut patience = Patience::until(NOW + Duration::from_secs(30));
        for error in [
            status(404, None),
            refused("rejectedIdentifier", 400, None),
            refused("badNonce", 400, None),
        ] {
            assert_eq!(patience.after(&error, NOW), None);
            assert!(!may_pass(&error));
        }
    }
}
