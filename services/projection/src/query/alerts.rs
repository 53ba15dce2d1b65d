//! Alerts: fields and answers.

use api::{
    notifier::v1::{AlertSubject, MessageKind, Severity},
    projection::v1 as answer,
};
use sea_orm::{
    ColumnTrait,
    sea_query::{Expr, ExprTrait},
};

use super::{
    condition::{self, TRUE_FALSE},
    filter::{self, Kind, Test},
    question::List,
    sort::{Direction, Sort},
    unsigned,
};
use crate::tables::{
    alert::{Column, Entity, Model},
    instant::timestamp,
};

/// The fields of alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// What it is about: an expiry, a renewal, a delivery.
    Kind,
    /// How much it wants somebody.
    Severity,
    /// What it is about, by id or name.
    Subject,
    /// Whether it still is.
    Up,
    /// When it was raised.
    Raised,
}

impl filter::Field for Field {
    const ALL: &'static [Self] = &[
        Self::Kind,
        Self::Severity,
        Self::Subject,
        Self::Up,
        Self::Raised,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Severity => "severity",
            Self::Subject => "subject",
            Self::Up => "up",
            Self::Raised => "raised",
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::Kind => Kind::Choice(KINDS),
            Self::Severity => Kind::Choice(SEVERITIES),
            Self::Subject => Kind::Text,
            Self::Up => Kind::Choice(TRUE_FALSE),
            Self::Raised => Kind::Time,
        }
    }
}

impl List for Field {
    type Entity = Entity;

    const NAME: &'static str = "alerts";
    /// Those that are up first, and the newest of each.
    const DEFAULT_SORT: Sort<Self> = Sort {
        field: Self::Up,
        direction: Direction::Descending,
    };
    const ID: Column = Column::Id;

    fn sort_column(self) -> Option<Column> {
        Some(match self {
            Self::Kind => Column::Kind,
            Self::Severity => Column::Severity,
            Self::Subject => Column::SubjectNameFolded,
            Self::Up => Column::Urgency,
            Self::Raised => Column::Raised,
        })
    }

    fn condition(self, test: &Test, _now: i64) -> Expr {
        match self {
            Self::Kind => condition::on(Column::Kind, test),
            Self::Severity => condition::on(Column::Severity, test),
            Self::Subject => about(test),
            Self::Up => condition::flag(Column::Up, true, test),
            Self::Raised => condition::on(Column::Raised, test),
        }
    }

    fn is_common(self) -> bool {
        matches!(self, Self::Kind | Self::Severity)
    }

    fn weight(row: &Model) -> usize {
        row.subject_name.len() + row.message.len() + row.advice.len() + ROW_WEIGHT
    }
}

/// The row as it is answered.
pub fn answered(row: Model) -> answer::Alert {
    answer::Alert {
        id: row.id,
        kind: row.kind,
        severity: row.severity,
        subject: Some(AlertSubject {
            kind: row.subject_kind,
            id: row.subject_id,
            name: row.subject_name,
        }),
        message: row.message,
        advice: row.advice,
        deadline: timestamp(row.deadline),
        raised: timestamp(row.raised),
        cleared: timestamp(row.cleared_at),
        notified: unsigned(row.notified),
        last_notified: timestamp(row.last_notified),
    }
}

/// Its subject has that id, or its name passes the test; or, for "not", neither.
fn about(test: &Test) -> Expr {
    let is = |text: &str| {
        let by_id = Column::SubjectId.eq(text);
        by_id.or(Column::SubjectNameFolded.eq(text))
    };
    match test {
        Test::Is(text) => is(text),
        Test::IsNot(text) => is(text).not(),
        other => condition::on(Column::SubjectNameFolded, other),
    }
}

const SEVERITIES: &[(&str, i32)] = &[
    ("info", Severity::Info as i32),
    ("warning", Severity::Warning as i32),
    ("error", Severity::Error as i32),
];

const KINDS: &[(&str, i32)] = &[
    (
        "certificate-expiring",
        MessageKind::CertificateExpiring as i32,
    ),
    (
        "certificate-expired",
        MessageKind::CertificateExpired as i32,
    ),
    ("renewal-failing", MessageKind::RenewalFailing as i32),
    ("renewal-absent", MessageKind::RenewalAbsent as i32),
    ("issuance-failed", MessageKind::IssuanceFailed as i32),
    ("renewal-failed", MessageKind::RenewalFailed as i32),
    (
        "certificate-renewed",
        MessageKind::CertificateRenewed as i32,
    ),
    (
        "private-key-exported",
        MessageKind::PrivateKeyExported as i32,
    ),
    (
        "certificate-revoked",
        MessageKind::CertificateRevoked as i32,
    ),
    ("delivery-failing", MessageKind::DeliveryFailing as i32),
];

/// What a row takes beside its texts, in bytes.
const ROW_WEIGHT: usize = 400;
