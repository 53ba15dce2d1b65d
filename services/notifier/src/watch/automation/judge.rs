//! Whether somebody has to see to an automated certificate. Pure: the time comes in.
//!
//! From `error_at` on ([`pki::Lifetime`]) a renewal that fails is an error, and so is one of which nothing was heard. The
//! moment is computed from the certificate's own life, and set when the certificate came: acme-agent
//! has no part in it, and may be dead.

use api::notifier::v1::{MessageKind, Severity};
use time::OffsetDateTime;

use super::{Automation, Failing, Standing, Version};
use crate::watch::{Up, Verdict};

/// What stands with the automation now.
pub fn judge(this: &Automation, now: OffsetDateTime) -> Verdict {
    let over = match this.standing {
        Standing::Active => "It has a new certificate.",
        Standing::Paused => "It was paused: no renewal begins until it is resumed.",
        Standing::Cancelled => "It was cancelled.",
    };
    let (up, next) = match (this.standing, &this.version) {
        // Nothing renews its certificate, which is watched itself.
        (Standing::Paused | Standing::Cancelled, _) => (None, None),
        (Standing::Active, None) => (this.failing.as_ref().map(first_failed), None),
        (Standing::Active, Some(version)) => {
            let error_at = version.lifetime().error_at();
            let next = (now < error_at).then_some(error_at);
            (
                renewal(version, this.failing.as_ref(), now >= error_at),
                next,
            )
        }
    };
    Verdict {
        name: this.name.clone(),
        up,
        next,
        over: over.into(),
    }
}

fn renewal(version: &Version, failing: Option<&Failing>, late: bool) -> Option<Up> {
    match (failing, late) {
        (None, false) => None,
        (Some(failing), false) => Some(Up {
            kind: MessageKind::RenewalFailed,
            severity: Severity::Warning,
            deadline: Some(version.not_after),
            ..failed("The renewal failed", failing)
        }),
        (Some(failing), true) => Some(Up {
            kind: MessageKind::RenewalFailing,
            severity: Severity::Error,
            deadline: Some(version.not_after),
            ..failed("The renewal still fails", failing)
        }),
        (None, true) => Some(Up {
            kind: MessageKind::RenewalAbsent,
            severity: Severity::Error,
            message: "The renewal is overdue, and nothing has been heard of it: the renewer may not be running.".into(),
            advice: "See that acme-agent runs, and that its clock is right; its log says what it is at.".into(),
            deadline: Some(version.not_after),
            since: version.lifetime().renew_at(),
            cause: None,
        }),
    }
}

fn first_failed(failing: &Failing) -> Up {
    Up {
        kind: MessageKind::IssuanceFailed,
        severity: Severity::Warning,
        ..failed("The first certificate could not be had", failing)
    }
}

fn failed(what: &str, failing: &Failing) -> Up {
    let message = match failing.message.trim() {
        "" => format!("{what}."),
        why => format!("{what}: {why}"),
    };
    let again = match failing.retried {
        true => "It is tried again by itself.",
        false => "It is not tried again by itself: when this is done, retry it.",
    };
    Up {
        kind: MessageKind::RenewalFailed,
        severity: Severity::Warning,
        message,
        advice: format!("{} {again}", failing.advice.trim())
            .trim()
            .to_owned(),
        deadline: None,
        since: failing.since,
        cause: Some(failing.cause),
    }
}

impl Version {
    fn lifetime(&self) -> pki::Lifetime {
        pki::Lifetime {
            not_before: self.not_before,
            not_after: self.not_after,
        }
    }
}

#[cfg(test)]
mod tests {
    use time::{Duration, macros::datetime};
    use uuid::Uuid;

    use super::*;
    use crate::watch::automation::tests::automation;

    const START: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);

    fn day(n: i64) -> OffsetDateTime {
        START + Duration::days(n)
    }

    fn failing(n: i64) -> Automation {
        Automation {
            failing: Some(Failing {
                since: day(n),
                message: "The CA could not reach www.example.com on port 80.".into(),
                advice: "Open port 80.".into(),
                retried: true,
                cause: Uuid::from_u128(5),
            }),
            ..automation()
        }
    }

    #[test]
    fn a_failure_is_a_warning_and_from_the_twenty_fifth_day_on_an_error() {
        let kind = |now| judge(&failing(60), now).up.map(|up| (up.kind, up.severity));
        let warning = (MessageKind::RenewalFailed, Severity::Warning);
        let error = (MessageKind::RenewalFailing, Severity::Error);
        assert_eq!(kind(day(61)), Some(warning));
        assert_eq!(kind(day(65) - Duration::SECOND), Some(warning));
        assert_eq!(kind(day(65)), Some(error));
        assert_eq!(kind(day(99)), Some(error));
        assert_eq!(judge(&failing(60), day(61)).next, Some(day(65)));
        let up = judge(&failing(60), day(70)).up.unwrap();
        assert_eq!((up.since, up.deadline), (day(60), Some(day(90))));
        assert!(up.message.ends_with("on port 80."), "{}", up.message);
    }

    #[test]
    fn a_renewal_of_which_nothing_is_heard_is_an_error_although_the_renewer_is_dead() {
        let of = |now| judge(&automation(), now);
        assert_eq!((of(day(1)).up, of(day(1)).next), (None, Some(day(65))));
        let up = of(day(65)).up.unwrap();
        assert_eq!(up.kind, MessageKind::RenewalAbsent);
        assert_eq!((up.since, up.cause), (day(60), None));
    }

    #[test]
    fn what_is_paused_or_cancelled_is_left_to_its_certificate() {
        for standing in [Standing::Paused, Standing::Cancelled] {
            let this = Automation {
                standing,
                ..failing(60)
            };
            let verdict = judge(&this, day(80));
            assert_eq!((verdict.up, verdict.next), (None, None));
        }
    }

    #[test]
    fn a_first_certificate_that_cannot_be_had_is_a_warning_until_it_can() {
        let first = Automation {
            version: None,
            ..failing(3)
        };
        let up = judge(&first, day(99)).up.unwrap();
        assert_eq!(up.kind, MessageKind::IssuanceFailed);
        assert_eq!((up.severity, up.deadline), (Severity::Warning, None));
    }
}
