//! How the next version of a certificate comes, in a few words: the column "renewal".

use api::projection::v1::{Automation, Certificate};
use pbjson_types::Timestamp;
use time::OffsetDateTime;

use super::answer;

/// Of an automation.
pub fn of_automation(row: &Automation, now: OffsetDateTime) -> String {
    if row.cancelled.is_some() {
        return "cancelled".to_owned();
    }
    let begins = match (&row.paused, row.ordering) {
        (_, true) => "under way".to_owned(),
        (Some(_), false) => "paused".to_owned(),
        (None, false) => begins(&row.renew_at, now),
    };
    let next = match (&row.paused, row.ordering) {
        (_, true) => "under way".to_owned(),
        (Some(_), false) => "paused".to_owned(),
        (None, false) => next_try(&row.retry_at),
    };
    failing(&row.failing_since, &next).unwrap_or(begins)
}

/// Of a certificate: somebody has to see to one that no automation renews.
pub fn of_certificate(row: &Certificate, now: OffsetDateTime) -> String {
    if row.automation_id.is_empty() {
        return "by hand".to_owned();
    }
    let (begins, next) = match row.renew_at {
        Some(_) => (begins(&row.renew_at, now), next_try(&row.retry_at)),
        None => ("paused".to_owned(), "paused".to_owned()),
    };
    failing(&row.failing_since, &next).unwrap_or(begins)
}

fn begins(renew_at: &Option<Timestamp>, now: OffsetDateTime) -> String {
    match renew_at.as_ref().and_then(api::convert::time) {
        Some(at) if at > now => answer::far(at, now),
        Some(_) => "due".to_owned(),
        None => String::new(),
    }
}

/// Since when it fails, and what comes next; nothing, where it does not.
fn failing(since: &Option<Timestamp>, next: &str) -> Option<String> {
    let since = since.as_ref().and_then(api::convert::time)?.date();
    Some(match next {
        "" => format!("failing since {since}"),
        next => format!("failing since {since}, {next}"),
    })
}

fn next_try(retry_at: &Option<Timestamp>) -> String {
    match answer::time(retry_at) {
        at if at.is_empty() => at,
        at => format!("next try at {at}"),
    }
}

#[cfg(test)]
mod tests {
    use api::convert::timestamp;
    use time::{Duration, macros::datetime};

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

    fn active() -> Automation {
        Automation {
            renew_at: Some(timestamp(NOW + Duration::days(12))),
            ..Automation::default()
        }
    }

    fn failing() -> Automation {
        Automation {
            renew_at: Some(timestamp(NOW - Duration::DAY)),
            failing_since: Some(timestamp(NOW - Duration::DAY)),
            retry_at: Some(timestamp(NOW + Duration::HOUR)),
            ..Automation::default()
        }
    }

    #[test]
    fn an_automation_says_what_comes_next() {
        let paused = Some(timestamp(NOW));
        let due = Some(timestamp(NOW));
        for (row, expected) in [
            (active(), "in 12 days"),
            (
                Automation {
                    renew_at: due,
                    ..active()
                },
                "due",
            ),
            (
                Automation {
                    ordering: true,
                    ..active()
                },
                "under way",
            ),
            (
                Automation {
                    paused,
                    renew_at: None,
                    ..active()
                },
                "paused",
            ),
            (
                failing(),
                "failing since 2026-02-28, next try at 2026-03-01T13:00:00Z",
            ),
            (
                Automation {
                    ordering: true,
                    ..failing()
                },
                "failing since 2026-02-28, under way",
            ),
            (
                Automation {
                    paused,
                    ..failing()
                },
                "failing since 2026-02-28, paused",
            ),
            (
                Automation {
                    cancelled: Some(timestamp(NOW)),
                    ..failing()
                },
                "cancelled",
            ),
            (Automation::default(), ""),
        ] {
            assert_eq!(of_automation(&row, NOW), expected);
        }
    }

    #[test]
    fn a_certificate_that_nothing_renews_is_renewed_by_hand() {
        let mut row = Certificate::default();
        assert_eq!(of_certificate(&row, NOW), "by hand");
        "0199".clone_into(&mut row.automation_id);
        assert_eq!(of_certificate(&row, NOW), "paused");
        row.renew_at = Some(timestamp(NOW + Duration::days(30)));
        assert_eq!(of_certificate(&row, NOW), "in 30 days");
        row.failing_since = Some(timestamp(NOW));
        assert_eq!(of_certificate(&row, NOW), "failing since 2026-03-01");
    }
}
