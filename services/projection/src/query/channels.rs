//! Channels for notifications: fields and answers. Deleted ones are not there.

use api::{notifier::v1::ChannelKind, projection::v1 as answer};
use sea_orm::{ColumnTrait, sea_query::Expr};

use super::{
    condition, decoded,
    filter::{self, Kind, Term, Test},
    question::List,
    sort::{Direction, Sort},
};
use crate::{
    refusal::Refusal,
    tables::{
        channel::{Column, Entity, Model},
        instant::{NEVER, timestamp},
    },
};

/// The fields of channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// What people call it.
    Name,
    /// How it delivers.
    Kind,
    /// When it was made.
    Created,
}

impl filter::Field for Field {
    const ALL: &'static [Self] = &[Self::Name, Self::Kind, Self::Created];

    fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Kind => "kind",
            Self::Created => "created",
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::Name => Kind::Text,
            Self::Kind => Kind::Choice(KINDS),
            Self::Created => Kind::Time,
        }
    }
}

impl List for Field {
    type Entity = Entity;

    const NAME: &'static str = "channels";
    const DEFAULT_SORT: Sort<Self> = Sort {
        field: Self::Name,
        direction: Direction::Ascending,
    };
    const ID: Column = Column::Id;

    fn sort_column(self) -> Option<Column> {
        Some(self.column())
    }

    fn condition(self, test: &Test, _now: i64) -> Expr {
        condition::on(self.column(), test)
    }

    fn is_common(self) -> bool {
        matches!(self, Self::Kind)
    }

    fn unless_asked(_: &[Term<Self>]) -> Option<Expr> {
        Some(Column::DeletedAt.eq(NEVER))
    }

    fn weight(row: &Model) -> usize {
        row.rule.len() + row.last_failure.len() + ROW_WEIGHT
    }
}

impl Field {
    fn column(self) -> Column {
        match self {
            Self::Name => Column::NameFolded,
            Self::Kind => Column::Kind,
            Self::Created => Column::Created,
        }
    }
}

/// The row as it is answered.
///
/// # Errors
/// [`Refusal::Damaged`] where the database changed the row.
pub fn answered(row: Model) -> Result<answer::NotificationChannel, Refusal> {
    Ok(answer::NotificationChannel {
        rule: Some(decoded("channel", &row.rule)?),
        id: row.id,
        name: row.name,
        kind: row.kind,
        created: timestamp(row.created),
        last_notified: timestamp(row.last_notified),
        last_failed: timestamp(row.last_failed),
        last_failure: row.last_failure,
    })
}

const KINDS: &[(&str, i32)] = &[
    ("email", ChannelKind::Email as i32),
    ("webhook", ChannelKind::Webhook as i32),
];

/// What a row takes beside its rule and failure, in bytes: a name, ids, times.
const ROW_WEIGHT: usize = 600;
