//! DNS providers: fields and answers. Removed ones are not there.

use std::collections::BTreeMap;

use api::projection::v1 as answer;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};

use super::{
    condition,
    filter::{self, Kind, Term, Test},
    question::List,
    sort::{Direction, Sort},
};
use crate::tables::{
    automation,
    dns_provider::{Column, Entity, Model},
    instant::{NEVER, timestamp},
};

/// The fields of DNS providers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// What people call it.
    Name,
    /// For example "rfc2136".
    Kind,
    /// When it was added.
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
            Self::Name | Self::Kind => Kind::Text,
            Self::Created => Kind::Time,
        }
    }
}

impl List for Field {
    type Entity = Entity;

    const NAME: &'static str = "dns-providers";
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
        Some(Column::RemovedAt.eq(NEVER))
    }

    fn weight(row: &Model) -> usize {
        let settings = row.settings.0.iter();
        let settings = settings.map(|(id, value)| id.len() + value.len());
        settings.sum::<usize>() + ROW_WEIGHT
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

/// The rows as they are answered, each with the automations that use it and were not cancelled.
///
/// # Errors
/// What the database says.
pub async fn answered(
    database: &impl ConnectionTrait,
    rows: Vec<Model>,
) -> Result<Vec<answer::DnsProvider>, DbErr> {
    let mut users = users(database, &rows).await?;
    let rows = rows.into_iter().map(|row| answer::DnsProvider {
        automation_ids: users.remove(&row.id).unwrap_or_default(),
        id: row.id,
        name: row.name,
        kind: row.kind,
        settings: row.settings.0.into_iter().collect(),
        created: timestamp(row.created),
    });
    Ok(rows.collect())
}

/// The automations that use each of them, by its id.
async fn users(
    database: &impl ConnectionTrait,
    rows: &[Model],
) -> Result<BTreeMap<String, Vec<String>>, DbErr> {
    use automation::{Column, Entity};
    let ids = rows.iter().map(|row| row.id.as_str());
    let pairs = Entity::find()
        .select_only()
        .columns([Column::DnsProviderId, Column::Id])
        .filter(Column::DnsProviderId.is_in(ids))
        .filter(Column::Cancelled.ne(true))
        .order_by_asc(Column::Id)
        .into_tuple::<(String, String)>()
        .all(database)
        .await?;
    let mut users = BTreeMap::<_, Vec<_>>::new();
    for (provider, automation) in pairs {
        users.entry(provider).or_default().push(automation);
    }
    Ok(users)
}

/// What a row takes beside its settings, in bytes: a name, ids, times.
const ROW_WEIGHT: usize = 600;
