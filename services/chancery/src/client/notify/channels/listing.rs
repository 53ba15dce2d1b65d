//! Channels, a line each.

use api::{
    notifier::v1::{Rule, Severity},
    projection::v1::{ListRequest, NotificationChannel},
};

use super::super::super::{
    ClientError, Connection, answer,
    list::{self, ListArgs},
};
use crate::cli::Output;

/// `chancery notify channels list`
pub(super) async fn show_list(
    args: ListArgs,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    let mut queries = connection.queries();
    let request = ListRequest::from(args);
    let page = connection
        .ask(request, async |request| {
            queries.list_channels(request).await
        })
        .await?;
    if output == Output::Json {
        return answer::json(&page);
    }
    let rows = page.channels.iter().map(|row| {
        [
            row.name.clone(),
            answer::word(row.kind().as_str_name(), "CHANNEL_KIND_"),
            told(row.rule.as_ref()),
            answer::time(&row.last_notified),
            failed(row),
            row.id.clone(),
        ]
    });
    answer::table(
        ["name", "kind", "told", "last told", "last failed", "id"],
        rows,
        "no channels: nobody is told of anything",
    )?;
    list::more(&page.next_page_token);
    Ok(())
}

/// What a channel is told.
pub(super) fn told(rule: Option<&Rule>) -> String {
    let Some(rule) = rule else {
        return String::new();
    };
    let what = if rule.kinds.is_empty() {
        match rule.minimum_severity() {
            Severity::Info => "everything",
            Severity::Unspecified | Severity::Warning => "warnings and errors",
            Severity::Error => "errors",
        }
        .to_owned()
    } else {
        let kinds = rule.kinds().map(|kind| kind.as_str_name());
        let kinds = kinds.map(|name| answer::word(name, "MESSAGE_KIND_"));
        kinds.collect::<Vec<_>>().join(", ")
    };
    match rule.digest {
        true => format!("{what}, once a day"),
        false => what,
    }
}

fn failed(row: &NotificationChannel) -> String {
    match (answer::time(&row.last_failed), row.last_failure.as_str()) {
        (at, "") => at,
        (at, why) => format!("{at}: {why}"),
    }
}

#[cfg(test)]
mod tests {
    use api::notifier::v1::MessageKind;

    use super::*;

    #[test]
    fn a_rule_is_said_in_words() {
        let mut rule = Rule::default();
        assert_eq!(told(Some(&rule)), "warnings and errors");
        rule.set_minimum_severity(Severity::Error);
        rule.digest = true;
        assert_eq!(told(Some(&rule)), "errors, once a day");
        rule.kinds = vec![MessageKind::CertificateRenewed.into()];
        assert_eq!(told(Some(&rule)), "certificate-renewed, once a day");
    }
}
