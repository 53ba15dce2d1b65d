//! Automated certificates: fields and answers.

use std::collections::{BTreeMap, BTreeSet};

use api::projection::v1 as answer;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait,
    sea_query::{Expr, ExprTrait},
};

use super::{
    condition,
    filter::{self, Kind, Test},
    question::List,
    servers,
    sort::{Direction, Sort},
    unsigned,
};
use crate::{
    refusal::Refusal,
    tables::{
        automation::{Column, Entity, Model},
        folded,
        instant::{NEVER, timestamp},
        server,
    },
};

/// The fields of automations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// Friendly name.
    Name,
    /// Where it stands.
    Status,
    /// The ACME server, by id or name.
    Server,
    /// End of the certificate's validity.
    NotAfter,
    /// When it was requested.
    Created,
}

impl filter::Field for Field {
    const ALL: &'static [Self] = &[
        Self::Name,
        Self::Status,
        Self::Server,
        Self::NotAfter,
        Self::Created,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Status => "status",
            Self::Server => "server",
            Self::NotAfter => "not_after",
            Self::Created => "created",
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::Name | Self::Server => Kind::Text,
            Self::Status => Kind::Choice(STATUSES),
            Self::NotAfter | Self::Created => Kind::Time,
        }
    }
}

impl List for Field {
    type Entity = Entity;

    const NAME: &'static str = "automations";
    const DEFAULT_SORT: Sort<Self> = Sort {
        field: Self::Name,
        direction: Direction::Ascending,
    };
    const ID: Column = Column::Id;

    fn sort_column(self) -> Option<Column> {
        match self {
            Self::Name => Some(Column::FriendlyNameFolded),
            Self::Status => Some(Column::Status),
            // Its name is in another table, and its id orders nothing that people know.
            Self::Server => None,
            Self::NotAfter => Some(Column::NotAfter),
            Self::Created => Some(Column::Created),
        }
    }

    fn condition(self, test: &Test, _now: i64) -> Expr {
        match (self, test) {
            (Self::Name, test) => condition::on(Column::FriendlyNameFolded, test),
            (Self::Status, test) => condition::on(Column::Status, test),
            (Self::Server, test) => of_server(test),
            // Where there is no certificate yet, no end of it is late.
            (Self::NotAfter, Test::Above(at)) => {
                Column::NotAfter.gt(*at).and(Column::NotAfter.lt(NEVER))
            }
            (Self::NotAfter, test) => condition::on(Column::NotAfter, test),
            (Self::Created, test) => condition::on(Column::Created, test),
        }
    }

    fn weight(row: &Model) -> usize {
        let names = row.dns_names.0.iter().map(String::len).sum::<usize>();
        let failure = row.last_failure.as_ref();
        let failure = failure.map_or(0, |failure| prost::Message::encoded_len(&failure.0));
        names + failure + row.order_url.len() + ROW_WEIGHT
    }
}

/// One automated certificate by id or friendly name.
///
/// # Errors
/// [`Refusal::NotFound`], or what the database says.
pub async fn get(database: &impl ConnectionTrait, id: &str) -> Result<answer::Automation, Refusal> {
    let mut row = Entity::find_by_id(id).one(database).await?;
    if row.is_none() {
        row = Entity::find()
            // The folded name has the index; the exact one decides.
            .filter(Column::FriendlyNameFolded.eq(folded(id)))
            .filter(Column::FriendlyName.eq(id))
            .order_by_asc(Column::Id)
            .one(database)
            .await?;
    }
    let row = row.ok_or_else(|| Refusal::NotFound {
        what: "automated certificate",
        id: id.to_owned(),
    })?;
    let names = servers::names(database, [row.server_id.as_str()]).await?;
    Ok(one(row, &names))
}

/// The rows as they are answered, each with its server's name.
///
/// # Errors
/// What the database says.
pub async fn answered(
    database: &impl ConnectionTrait,
    rows: Vec<Model>,
) -> Result<Vec<answer::Automation>, Refusal> {
    let servers = rows
        .iter()
        .map(|row| row.server_id.as_str())
        .collect::<BTreeSet<_>>();
    let names = servers::names(database, servers).await?;
    Ok(rows.into_iter().map(|row| one(row, &names)).collect())
}

fn one(row: Model, server_names: &BTreeMap<String, String>) -> answer::Automation {
    answer::Automation {
        server_name: server_names
            .get(&row.server_id)
            .cloned()
            .unwrap_or_default(),
        id: row.id,
        friendly_name: row.friendly_name,
        status: row.status,
        server_id: row.server_id,
        dns_names: row.dns_names.0,
        key_algorithm: row.key_algorithm,
        challenge_type: row.challenge_type,
        profile: row.profile,
        certificate_id: row.certificate_id,
        certificate_version: unsigned(row.certificate_version),
        not_after: timestamp(row.not_after),
        attempt: unsigned(row.attempt),
        order_url: row.order_url,
        last_event: row.last_event,
        last_failure: row.last_failure.map(|failure| failure.0),
        created: timestamp(row.created),
        updated: timestamp(row.updated),
        ..answer::Automation::default()
    }
}

/// The server has that id, or its name passes the test; or, for "not", neither.
fn of_server(test: &Test) -> Expr {
    let among = |condition: Condition| {
        let ids = server::Entity::find()
            .select_only()
            .column(server::Column::Id)
            .filter(condition);
        Column::ServerId.in_subquery(ids.into_query())
    };
    let is = |text: &str| {
        let either = Condition::any()
            .add(server::Column::Id.eq(text))
            .add(server::Column::NameFolded.eq(text));
        among(either)
    };
    match test {
        Test::Is(text) => is(text),
        Test::IsNot(text) => is(text).not(),
        other => among(Condition::all().add(condition::on(server::Column::NameFolded, other))),
    }
}

const STATUSES: &[(&str, i32)] = &[
    ("pending", answer::AutomationStatus::Pending as i32),
    ("active", answer::AutomationStatus::Active as i32),
    ("renewing", answer::AutomationStatus::Renewing as i32),
    ("failed", answer::AutomationStatus::Failed as i32),
];

/// What a row takes beside its names and failure, in bytes.
const ROW_WEIGHT: usize = 600;
