//! What messages are about, and how much they want somebody, in people's words.

use api::notifier::v1::{MessageKind, Rule, Severity};

use crate::web::parts::Chip;

/// A kind of message.
pub struct Kind {
    /// As a form sends it.
    pub word: &'static str,
    /// As people read it.
    pub title: &'static str,
    /// What it is.
    pub kind: MessageKind,
}

const fn kind(word: &'static str, title: &'static str, kind: MessageKind) -> Kind {
    Kind { word, title, kind }
}

/// All of them.
pub const ALL: [Kind; 12] = [
    kind(
        "expiring",
        "A certificate expires, and nothing renews it",
        MessageKind::CertificateExpiring,
    ),
    kind(
        "expired",
        "A certificate has expired",
        MessageKind::CertificateExpired,
    ),
    kind(
        "renewal-failing",
        "A renewal still fails, and time runs out",
        MessageKind::RenewalFailing,
    ),
    kind(
        "renewal-absent",
        "A renewal was due, and nothing is heard of it",
        MessageKind::RenewalAbsent,
    ),
    kind(
        "issuance-failed",
        "A first certificate could not be had",
        MessageKind::IssuanceFailed,
    ),
    kind(
        "renewal-failed",
        "A renewal failed, and is tried again",
        MessageKind::RenewalFailed,
    ),
    kind(
        "renewed",
        "A certificate was issued or renewed",
        MessageKind::CertificateRenewed,
    ),
    kind(
        "key-exported",
        "A private key was exported",
        MessageKind::PrivateKeyExported,
    ),
    kind(
        "revoked",
        "A certificate was revoked",
        MessageKind::CertificateRevoked,
    ),
    kind(
        "delivery-failing",
        "Another channel does not take messages",
        MessageKind::DeliveryFailing,
    ),
    kind(
        "tables-stopped",
        "The tables stopped at an event, and no list goes on",
        MessageKind::TablesStopped,
    ),
    kind(
        "log-damaged",
        "The event log is not what was recorded",
        MessageKind::LogDamaged,
    ),
];

/// Severities, as a form sends them and people read them.
pub const SEVERITIES: [(&str, &str, &str, Severity); 3] = [
    (
        "warning",
        "Warnings and errors",
        "Somebody will have to act, or has to now",
        Severity::Warning,
    ),
    (
        "error",
        "Errors only",
        "Somebody has to act now",
        Severity::Error,
    ),
    (
        "info",
        "Everything",
        "Also what went well: renewals, exports of keys",
        Severity::Info,
    ),
];

/// The chip of a severity.
pub fn chip(severity: Severity) -> Chip {
    match severity {
        Severity::Error => Chip::new("Error", "error", "error"),
        Severity::Warning | Severity::Unspecified => Chip::new("Warning", "soon", "bell"),
        Severity::Info => Chip::new("Good to know", "valid", "info"),
    }
}

/// What a channel is told, in one line.
pub fn rule(rule: &Rule) -> String {
    let mut words = match rule.kinds.len() {
        0 => match rule.minimum_severity() {
            Severity::Info => "Everything".to_owned(),
            Severity::Error => "Errors only".to_owned(),
            Severity::Warning | Severity::Unspecified => "Warnings and errors".to_owned(),
        },
        1 => "One kind of message".to_owned(),
        n => format!("{n} kinds of messages"),
    };
    if rule.digest {
        words.push_str(", once a day; errors at once");
    }
    words
}
