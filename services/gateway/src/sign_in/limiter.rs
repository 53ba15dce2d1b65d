//! How often one may be wrong: so many times freely, then after waits that double. Pure.
//!
//! Counted are an account name (whether or not somebody has it), a source network, and a browser that signed in
//! before. Such a browser has a count of its own, and no other count keeps it out: who tries passwords from
//! elsewhere makes unknown browsers wait, and nobody else.

use std::{net::IpAddr, time::Duration};

use aws_lc_rs::digest::{SHA256, digest};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::code::CodeDigest;

/// What is counted by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A name that was typed, by its hash.
    Name(NameDigest),
    /// Where it was typed: an IPv4 address, or an IPv6 /64.
    Network(IpAddr),
    /// A browser that its person signed in with before, by the hash of its cookie.
    Browser(CodeDigest),
    /// A person who is signed in, and shows again who he is.
    Person(Uuid),
}

/// SHA-256 of a name, as names are compared: what stands in the table tells nobody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameDigest([u8; 32]);

/// Wrong ones so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// How many, when the last of them came.
    pub failures: u32,
    /// When that was.
    pub last: OffsetDateTime,
}

/// How many are free, and how long the waits are then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Policy {
    free: u32,
    longest: Duration,
    /// One is forgiven after each such time without another.
    forgiven_after: Duration,
}

impl NameDigest {
    /// Of a name that is folded already.
    pub fn of(folded: &str) -> NameDigest {
        let mut octets = [0; 32];
        octets.copy_from_slice(digest(&SHA256, folded.as_bytes()).as_ref());
        NameDigest(octets)
    }
}

impl Subject {
    /// As it stands in the table.
    pub fn key(&self) -> String {
        match self {
            Subject::Name(NameDigest(octets)) => {
                let hex = octets.iter().map(|byte| format!("{byte:02x}"));
                format!("name/{}", hex.collect::<String>())
            }
            Subject::Network(address) => format!("network/{address}"),
            Subject::Browser(digest) => format!("browser/{}", digest.to_hex()),
            Subject::Person(user) => format!("person/{user}"),
        }
    }

    /// The count with one more, which stands until it is known to have been right.
    ///
    /// # Errors
    /// When the next may come.
    pub fn one_more(
        &self,
        so_far: Option<Count>,
        now: OffsetDateTime,
    ) -> Result<Count, OffsetDateTime> {
        let policy = self.policy();
        let Some(so_far) = so_far else {
            return Ok(Count {
                failures: 1,
                last: now,
            });
        };
        let next = so_far.last + policy.wait(so_far.failures);
        // A clock that was set back must not keep anybody out for longer than a wait.
        if now < next && so_far.last <= now {
            return Err(next);
        }
        let failures = policy.left(so_far, now).saturating_add(1);
        Ok(Count {
            failures,
            last: now,
        })
    }

    fn policy(&self) -> Policy {
        match self {
            Subject::Name(_) => Policy {
                free: 5,
                longest: Duration::from_secs(15 * 60),
                forgiven_after: Duration::from_secs(15 * 60),
            },
            // Many people may share one address, and one attacker may try many names from it.
            Subject::Network(_) => Policy {
                free: 30,
                longest: Duration::from_secs(60 * 60),
                forgiven_after: Duration::from_secs(5 * 60),
            },
            Subject::Browser(_) | Subject::Person(_) => Policy {
                free: 10,
                longest: Duration::from_secs(15 * 60),
                forgiven_after: Duration::from_secs(15 * 60),
            },
        }
    }
}

impl Policy {
    /// How long after the last of so many the next may come.
    fn wait(&self, failures: u32) -> Duration {
        match failures.checked_sub(self.free) {
            None => Duration::ZERO,
            Some(beyond) => FIRST_WAIT
                .saturating_mul(1_u32.checked_shl(beyond).unwrap_or(u32::MAX))
                .min(self.longest),
        }
    }

    /// How many are not forgiven yet.
    fn left(&self, count: Count, now: OffsetDateTime) -> u32 {
        let passed = Duration::try_from(now - count.last).unwrap_or_default();
        let forgiven = passed.as_secs() / self.forgiven_after.as_secs();
        count
            .failures
            .saturating_sub(u32::try_from(forgiven).unwrap_or(u32::MAX))
    }
}

/// After the first that was not free.
const FIRST_WAIT: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::code::Code;

    const START: OffsetDateTime = datetime!(2026-01-01 12:00 UTC);
    const NAME: Subject = Subject::Name(NameDigest([7; 32]));

    /// Tries as fast as it may until `end`: how often it came through.
    fn hammer(subject: Subject, end: OffsetDateTime) -> usize {
        let (mut count, mut now, mut tried) = (None, START, 0);
        while now < end {
            match subject.one_more(count, now) {
                Ok(counted) => {
                    (count, tried) = (Some(counted), tried + 1);
                }
                Err(next) => now = next,
            }
        }
        tried
    }

    #[test]
    fn the_first_are_free_and_then_waits_double() {
        let (mut count, mut now) = (None, START);
        for _ in 0..5 {
            count = Some(NAME.one_more(count, now).unwrap());
        }
        for wait in [15, 30, 60, 120, 240, 480, 900, 900] {
            let next = NAME.one_more(count, now).unwrap_err();
            assert_eq!(next - now, Duration::from_secs(wait));
            // A moment too soon is too soon, and does not make it longer.
            let early = next - Duration::from_micros(1);
            assert_eq!(NAME.one_more(count, early), Err(next));
            now = next;
            count = Some(NAME.one_more(count, now).unwrap());
        }
    }

    #[test]
    fn a_day_of_tries_is_few_tries() {
        let day = START + Duration::from_secs(86_400);
        let browser = Subject::Browser(Code::generate().unwrap().digest());
        assert!(hammer(NAME, day) < 120);
        assert!(hammer(browser, day) < 120);
        assert!(hammer(Subject::Network([127, 0, 0, 1].into()), day) < 340);
    }

    #[test]
    fn what_is_long_ago_is_forgiven() {
        let count = Some(Count {
            failures: 9,
            last: START,
        });
        let soon = NAME
            .one_more(count, START + Duration::from_secs(900))
            .unwrap();
        assert_eq!(soon.failures, 9);
        let late = NAME
            .one_more(count, START + Duration::from_secs(86_400))
            .unwrap();
        assert_eq!(late.failures, 1);
    }

    #[test]
    fn a_clock_that_was_set_back_keeps_nobody_out() {
        let count = Some(Count {
            failures: 50,
            last: START,
        });
        let before = START - Duration::from_secs(86_400);
        assert!(NAME.one_more(count, before).is_ok());
        let many = Some(Count {
            failures: u32::MAX,
            last: START,
        });
        assert!(
            NAME.one_more(many, START + Duration::from_secs(3_600))
                .is_ok()
        );
    }
}
