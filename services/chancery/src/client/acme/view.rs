//! Automated certificates as people read them: a line each, or one whole.

use api::{
    acme::v1::ScheduleReason,
    projection::v1::{Automation, ListRequest},
    x509::v1::SubjectAltNames,
};
use time::OffsetDateTime;

use super::super::{
    ClientError, Connection, answer, error,
    list::{self, ListArgs},
    names, renewal,
};
use crate::cli::Output;

/// `chancery acme list`
pub async fn list(
    args: ListArgs,
    connection: &Connection,
    output: Output,
    now: OffsetDateTime,
) -> Result<(), ClientError> {
    let now = args.as_of.time(now);
    let mut queries = connection.queries();
    let request = ListRequest::from(args);
    let page = connection
        .ask(request, async |request| {
            queries.list_automations(request).await
        })
        .await?;
    if output == Output::Json {
        return answer::json(&page);
    }
    let rows = page.automations.iter().map(|row| {
        [
            row.friendly_name.clone(),
            status(row),
            row.server_name.clone(),
            answer::day(&row.not_after, now),
            renewal::of_automation(row, now),
            row.last_failure
                .as_ref()
                .map(|f| f.reason.clone())
                .unwrap_or_default(),
            row.id.clone(),
        ]
    });
    answer::table(
        [
            "name", "status", "server", "expires", "renewal", "failure", "id",
        ],
        rows,
        "no automated certificates",
    )?;
    list::more(&page.next_page_token);
    Ok(())
}

/// An automation, whole.
pub fn show(row: &Automation, output: Output, now: OffsetDateTime) -> Result<(), ClientError> {
    if output == Output::Json {
        return answer::json(row);
    }
    let names = SubjectAltNames {
        dns_names: row.dns_names.clone(),
        ip_addresses: row.ip_addresses.clone(),
    };
    answer::details([
        ("name", row.friendly_name.clone()),
        ("id", row.id.clone()),
        ("status", status(row)),
        ("names", names::list(Some(&names), usize::MAX)),
        ("server", row.server_name.clone()),
        ("second server", row.fallback_server_id.clone()),
        (
            "key",
            answer::word(row.key_algorithm().as_str_name(), "KEY_ALGORITHM_"),
        ),
        (
            "challenge",
            answer::word(row.challenge_type().as_str_name(), "CHALLENGE_TYPE_"),
        ),
        ("dns provider", row.dns_provider_id.clone()),
        ("profile", row.profile.clone()),
        ("preferred chain", row.preferred_chain.clone()),
        ("certificate", row.certificate_id.clone()),
        ("version", number(row.certificate_version)),
        ("expires", answer::day(&row.not_after, now)),
        ("renewal", renewal::of_automation(row, now)),
        ("renews at", renews_at(row)),
        ("explained at", row.explanation_url.clone()),
        ("error from", answer::time(&row.error_at)),
        ("paused", paused(row)),
        ("cancelled", answer::time(&row.cancelled)),
        ("orders", row.attempt.to_string()),
        ("failed orders", number(row.failures)),
        ("last order", row.order_url.clone()),
        ("last event", row.last_event.clone()),
        ("created", answer::time(&row.created)),
        ("updated", answer::time(&row.updated)),
    ])?;
    if let Some(failure) = &row.last_failure {
        answer::line(&format!("\nfailed: {}", error::failure(failure)))?;
        let next = answer::time(&row.retry_at);
        if !next.is_empty() {
            answer::line(&format!("  next try: {next}"))?;
        }
    }
    match &row.revocation_failure {
        Some(failure) => answer::line(&format!("\nnot revoked: {}", error::failure(failure))),
        None => Ok(()),
    }
}

fn status(row: &Automation) -> String {
    answer::word(row.status().as_str_name(), "CERTIFICATE_STATUS_")
}

/// When the next renewal begins by itself, and why then.
fn renews_at(row: &Automation) -> String {
    let at = answer::time(&row.renew_at);
    if at.is_empty() {
        return at;
    }
    match row.schedule_reason() {
        ScheduleReason::Unspecified => at,
        ScheduleReason::Lifetime => {
            format!("{at}: a third of its life is left then (half, below 10 days)")
        }
        ScheduleReason::RenewalInformation => {
            let (start, end) = (
                answer::time(&row.window_start),
                answer::time(&row.window_end),
            );
            format!("{at}: in the CA's window, {start} to {end}")
        }
    }
}

fn paused(row: &Automation) -> String {
    match (answer::time(&row.paused), row.pause_reason.as_str()) {
        (at, "") => at,
        (at, reason) => format!("{at}: {reason}"),
    }
}

fn number(number: u32) -> String {
    match number {
        0 => String::new(),
        number => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use api::convert::timestamp;
    use time::{Duration, macros::datetime};

    use super::*;

    #[test]
    fn a_schedule_says_why_it_is_then() {
        let at = datetime!(2026-03-01 12:00 UTC);
        let mut row = Automation {
            renew_at: Some(timestamp(at)),
            schedule_reason: ScheduleReason::Lifetime.into(),
            ..Automation::default()
        };
        let shown = renews_at(&row);
        assert!(
            shown.starts_with("2026-03-01T12:00:00Z: a third"),
            "{shown}"
        );
        row.schedule_reason = ScheduleReason::RenewalInformation.into();
        row.window_start = Some(timestamp(at - Duration::HOUR));
        row.window_end = Some(timestamp(at + Duration::HOUR));
        assert_eq!(
            renews_at(&row),
            "2026-03-01T12:00:00Z: in the CA's window, 2026-03-01T11:00:00Z to 2026-03-01T13:00:00Z"
        );
        assert_eq!(renews_at(&Automation::default()), "");
    }

    #[test]
    fn a_pause_says_since_when_and_why() {
        let mut row = Automation {
            paused: Some(timestamp(datetime!(2026-03-01 12:00 UTC))),
            ..Automation::default()
        };
        assert_eq!(paused(&row), "2026-03-01T12:00:00Z");
        "a move".clone_into(&mut row.pause_reason);
        assert_eq!(paused(&row), "2026-03-01T12:00:00Z: a move");
        assert_eq!(paused(&Automation::default()), "");
    }
}
