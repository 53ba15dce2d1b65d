//! Subject lines.

use api::notifier::v1::{MessageKind, Severity};

use super::At;
use crate::item::{About, Item};

/// The subject of a message about these, the worst of which is the first.
pub(super) fn of(items: &[&Item], at: &At) -> String {
    match items {
        [] => "Chancery".to_owned(),
        [item] => format!("Chancery: {}", line(item, at)),
        [first, rest @ ..] => {
            let counted = counted(items);
            format!(
                "Chancery: {counted}: {}, and {} more",
                line(first, at),
                rest.len()
            )
        }
    }
}

/// One item in one line.
pub(super) fn line(item: &Item, at: &At) -> String {
    let name = &item.name;
    let expiry = item.deadline.map(|deadline| at.expiry(deadline));
    let and_expiry = expiry.map(|e| format!(", {e}")).unwrap_or_default();
    match &item.about {
        About::AllClear { .. } => return format!("all clear for {name}: {}", lower(&item.message)),
        About::Test => return format!("a test message to {name}"),
        About::Alert { .. } | About::Notice { .. } => {}
    }
    match item.kind {
        MessageKind::RenewalFailing => {
            format!(
                "renewal of {name} fails {}{and_expiry}",
                at.since(item.since)
            )
        }
        MessageKind::RenewalAbsent => {
            format!(
                "renewal of {name} is overdue {}{and_expiry}",
                at.since(item.since)
            )
        }
        MessageKind::RenewalFailed => format!("renewal of {name} failed{and_expiry}"),
        MessageKind::IssuanceFailed => format!("the first certificate of {name} failed"),
        MessageKind::CertificateExpiring => match item.deadline {
            Some(deadline) => format!(
                "{name} expires {}, on {}, and nothing renews it",
                at.until(deadline),
                at.day(deadline)
            ),
            None => format!("{name} expires, and nothing renews it"),
        },
        MessageKind::CertificateExpired => match item.deadline {
            Some(deadline) => format!("{name} {}", at.expiry(deadline)),
            None => format!("{name} has expired"),
        },
        MessageKind::CertificateRenewed => format!("{name} has a new certificate{and_expiry}"),
        MessageKind::PrivateKeyExported => format!("the private key of {name} was exported"),
        MessageKind::CertificateRevoked => format!("{name} was revoked"),
        MessageKind::DeliveryFailing => {
            format!("channel {name} takes no messages {}", at.since(item.since))
        }
        MessageKind::TablesStopped => "the tables have stopped, and no list goes on".to_owned(),
        MessageKind::LogDamaged => "the event log is damaged".to_owned(),
        MessageKind::Unspecified => format!("about {name}"),
    }
}

/// "200 errors, 1 warning, 3 all clear".
fn counted(items: &[&Item]) -> String {
    let is_over = |item: &&&Item| matches!(item.about, About::AllClear { .. });
    let up = |severity: Severity| {
        let of_it = items.iter().filter(|item| !is_over(item));
        of_it.filter(|item| item.severity == severity).count()
    };
    let over = items.iter().filter(is_over).count();
    let parts = [
        (up(Severity::Error), "error", "errors"),
        (up(Severity::Warning), "warning", "warnings"),
        (up(Severity::Info), "message", "messages"),
        (over, "all clear", "all clear"),
    ];
    let parts = parts.into_iter().filter(|(count, ..)| *count > 0);
    let parts = parts.map(|(count, one, many)| match count {
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    });
    parts.collect::<Vec<_>>().join(", ")
}

/// A sentence inside another.
fn lower(sentence: &str) -> String {
    let sentence = sentence.trim_end_matches('.');
    let mut letters = sentence.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => String::new(),
    }
}
