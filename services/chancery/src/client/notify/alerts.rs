//! `chancery notify alerts`

use api::projection::v1::{Alert, ListRequest};
use clap::Subcommand;
use time::OffsetDateTime;

use super::super::{
    ClientError, Connection, answer,
    list::{self, ListArgs},
};
use crate::cli::Output;

/// `chancery notify alerts`
#[derive(Debug, Subcommand)]
pub enum AlertsCommand {
    /// Alerts, a line each; those that are up first.
    #[command(
        after_help = "Fields: kind, severity (info, warning, error), subject (id or name), up (true, false), raised.

Examples:
  chancery notify alerts list
  chancery notify alerts list --filter up=true
  chancery notify alerts list --filter 'subject=www.example.com severity=error' --output json"
    )]
    List(ListArgs),
}

pub async fn run(
    command: AlertsCommand,
    connection: &Connection,
    output: Output,
    now: OffsetDateTime,
) -> Result<(), ClientError> {
    match command {
        AlertsCommand::List(args) => show_list(args, connection, output, now).await,
    }
}

async fn show_list(
    args: ListArgs,
    connection: &Connection,
    output: Output,
    now: OffsetDateTime,
) -> Result<(), ClientError> {
    let now = args.as_of.time(now);
    let mut queries = connection.queries();
    let request = ListRequest::from(args);
    let page = connection
        .ask(request, async |request| queries.list_alerts(request).await)
        .await?;
    if output == Output::Json {
        return answer::json(&page);
    }
    let rows = page.alerts.iter().map(|row| line(row, now));
    answer::table(
        [
            "severity", "subject", "what", "until", "raised", "told", "cleared", "id",
        ],
        rows,
        "no alerts: nothing wants you",
    )?;
    list::more(&page.next_page_token);
    Ok(())
}

fn line(row: &Alert, now: OffsetDateTime) -> [String; 8] {
    let subject = row.subject.as_ref();
    [
        answer::word(row.severity().as_str_name(), "SEVERITY_"),
        subject.map(|s| s.name.clone()).unwrap_or_default(),
        row.message.clone(),
        answer::day(&row.deadline, now),
        answer::time(&row.raised),
        match row.notified {
            0 => "never".to_owned(),
            1 => "once".to_owned(),
            times => format!("{times} times"),
        },
        answer::time(&row.cleared),
        row.id.clone(),
    ]
}

#[cfg(test)]
mod tests {
    use api::{
        convert::timestamp,
        notifier::v1::{AlertSubject, Severity},
    };
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_line_says_what_is_wrong_with_what_until_when() {
        let now = datetime!(2026-03-01 12:00 UTC);
        let row = Alert {
            id: "0199".into(),
            severity: Severity::Error.into(),
            subject: Some(AlertSubject {
                name: "shop".into(),
                ..AlertSubject::default()
            }),
            message: "Its renewal fails.".into(),
            deadline: Some(timestamp(datetime!(2026-03-26 12:00 UTC))),
            raised: Some(timestamp(now)),
            notified: 2,
            ..Alert::default()
        };
        let expected = [
            "error",
            "shop",
            "Its renewal fails.",
            "2026-03-26 (in 25 days)",
            "2026-03-01T12:00:00Z",
            "2 times",
            "",
            "0199",
        ];
        assert_eq!(line(&row, now), expected);
    }
}
