//! Automated certificates: fields and answers.

use std::collections::{BTreeMap, BTreeSet};

use api::{CertificateFilter, acme::v1::Failure, projection::v1 as answer};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait},
};

use super::{
    condition::{self, TRUE_FALSE},
    filter::{self, Kind, Term, Test},
    names,
    question::List,
    servers,
    sort::{Direction, Sort},
    unsigned,
};
use crate::{
    refusal::Refusal,
    status::Columns,
    tables::{
        automation::{Column, Entity, Model},
        automation_name, folded,
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
    /// When the next renewal begins by itself.
    RenewAt,
    /// Whether it is paused.
    Paused,
    /// When it was requested.
    Created,
    /// Whether it has ended for good.
    Cancelled,
    /// Whether its first certificate is here.
    Issued,
}

impl filter::Field for Field {
    const ALL: &'static [Self] = &[
        Self::Name,
        Self::Status,
        Self::Server,
        Self::NotAfter,
        Self::RenewAt,
        Self::Paused,
        Self::Created,
        Self::Cancelled,
        Self::Issued,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Status => "status",
            Self::Server => "server",
            Self::NotAfter => "not_after",
            Self::RenewAt => "renew_at",
            Self::Paused => "paused",
            Self::Created => "created",
            Self::Cancelled => "cancelled",
            Self::Issued => "issued",
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::Name | Self::Server => Kind::Text,
            Self::Status => Kind::Choice(condition::STATUSES),
            Self::NotAfter | Self::RenewAt | Self::Created => Kind::Time,
            Self::Paused | Self::Cancelled | Self::Issued => Kind::Choice(TRUE_FALSE),
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
            // Its status is not in the table, and its server's name is in another.
            Self::Status | Self::Server => None,
            // Two values are no order.
            Self::Paused | Self::Cancelled | Self::Issued => None,
            Self::NotAfter => Some(Column::NotAfter),
            Self::RenewAt => Some(Column::RenewAt),
            Self::Created => Some(Column::Created),
        }
    }

    fn condition(self, test: &Test, now: i64) -> Expr {
        match self {
            Self::Name => condition::on(Column::FriendlyNameFolded, test),
            Self::Status => condition::status(STANDING, test, now),
            // One server may have nearly all, and its automations are in no order of theirs.
            Self::Server => condition::of_no_index(of_server(test)),
            Self::NotAfter => until(Column::NotAfter, test),
            Self::RenewAt => until(Column::RenewAt, test),
            Self::Paused => condition::flag(Column::Paused, true, test),
            Self::Created => condition::on(Column::Created, test),
            Self::Cancelled => condition::flag(Column::Cancelled, true, test),
            Self::Issued if condition::wanted(test) => Column::NotAfter.lt(NEVER),
            // Those without are the rarer ones.
            Self::Issued => Column::NotAfter.eq(NEVER),
        }
    }

    fn unless_asked(terms: &[Term<Self>]) -> Option<Expr> {
        let asked = |term: &Term<Self>| matches!(term.field, Self::Cancelled);
        (!terms.iter().any(asked)).then(|| Column::Cancelled.ne(true))
    }

    fn within(held_to: &CertificateFilter) -> Expr {
        names::within::<automation_name::Entity>(
            Column::Id,
            automation_name::Column::AutomationId,
            automation_name::Column::Name,
            held_to,
        )
    }

    fn weight(row: &Model) -> usize {
        let names = row.dns_names.0.iter().chain(&row.ip_addresses.0);
        let names = names.map(String::len).sum::<usize>();
        let failures = row.last_failure.iter().chain(&row.revocation_failure);
        let failures = failures.map(|failure| prost::Message::encoded_len(&failure.0));
        let urls = row.order_url.len() + row.explanation_url.len();
        names + failures.sum::<usize>() + urls + ROW_WEIGHT
    }
}

/// One automated certificate by id or friendly name: the one that goes on before those that were cancelled.
///
/// # Errors
/// [`Refusal::NotFound`], or what the database says.
pub async fn get(
    database: &impl ConnectionTrait,
    id: &str,
    now: i64,
) -> Result<answer::Automation, Refusal> {
    let mut row = Entity::find_by_id(id).one(database).await?;
    if row.is_none() {
        row = Entity::find()
            // The folded name has the index; the exact one decides.
            .filter(Column::FriendlyNameFolded.eq(folded(id)))
            .filter(Column::FriendlyName.eq(id))
            .order_by_desc(Column::CancelledAt)
            .order_by_asc(Column::Id)
            .one(database)
            .await?;
    }
    let answers = answered(database, row.into_iter().collect(), now).await?;
    answers.into_iter().next().ok_or_else(|| Refusal::NotFound {
        what: "automated certificate",
        id: id.to_owned(),
    })
}

/// The rows as they are answered at this moment, each with its server's name.
///
/// # Errors
/// What the database says.
pub async fn answered(
    database: &impl ConnectionTrait,
    rows: Vec<Model>,
    now: i64,
) -> Result<Vec<answer::Automation>, Refusal> {
    let servers = rows.iter().map(|row| row.server_id.as_str());
    let servers = servers.collect::<BTreeSet<_>>();
    let names = servers::names(database, servers).await?;
    let rows = rows.into_iter();
    Ok(rows.map(|row| one(row, &names, now)).collect())
}

fn one(row: Model, server_names: &BTreeMap<String, String>, now: i64) -> answer::Automation {
    let issued = row.certificate_version > 0;
    let goes_on = !row.paused && !row.cancelled;
    answer::Automation {
        status: row.standing().status(now).into(),
        server_name: server_names
            .get(&row.server_id)
            .cloned()
            .unwrap_or_default(),
        id: row.id,
        friendly_name: row.friendly_name,
        server_id: row.server_id,
        fallback_server_id: row.fallback_server_id,
        dns_names: row.dns_names.0,
        ip_addresses: row.ip_addresses.0,
        key_algorithm: row.key_algorithm,
        challenge_type: row.challenge_type,
        dns_provider_id: row.dns_provider_id,
        profile: row.profile,
        preferred_chain: row.preferred_chain,
        certificate_id: row.certificate_id,
        certificate_version: unsigned(row.certificate_version),
        not_after: timestamp(row.not_after),
        renew_at: timestamp(row.renew_at),
        schedule_reason: row.schedule_reason,
        error_at: timestamp(row.error_at).filter(|_| issued),
        window_start: timestamp(row.window_start),
        window_end: timestamp(row.window_end),
        explanation_url: row.explanation_url,
        attempt: unsigned(row.attempt),
        order_url: row.order_url,
        ordering: row.ordering,
        failures: unsigned(row.failures),
        failing_since: timestamp(row.failing_since),
        retry_at: timestamp(row.retry_at).filter(|_| goes_on && !row.ordering),
        last_failure: row.last_failure.map(|failure| failure.0),
        revocation_failure: row.revocation_failure.map(|failure| failure.0),
        paused: timestamp(row.paused_at),
        pause_reason: row.pause_reason,
        cancelled: timestamp(row.cancelled_at),
        last_event: row.last_event,
        created: timestamp(row.created),
        updated: timestamp(row.updated),
    }
}

/// What a certificate shows of an automation whose last order failed.
#[derive(Debug, Clone, PartialEq)]
pub struct Failing {
    /// Why it failed.
    pub last_failure: Failure,
    /// Since when orders fail, microseconds since 1970.
    pub since: i64,
    /// When the next one is tried; [`NEVER`] where a person has to act first.
    pub retry_at: i64,
}

/// Those of the automations with these ids whose last order failed, by id.
///
/// # Errors
/// What the database says.
pub async fn failing(
    database: &impl ConnectionTrait,
    ids: BTreeSet<&str>,
) -> Result<BTreeMap<String, Failing>, DbErr> {
    let rows = Entity::find()
        .filter(Column::Id.is_in(ids))
        .filter(Column::FailingSince.ne(NEVER))
        .all(database)
        .await?;
    let rows = rows.into_iter().filter_map(|row| {
        let goes_on = !row.paused && !row.cancelled && !row.ordering;
        let failing = Failing {
            last_failure: row.last_failure?.0,
            since: row.failing_since,
            retry_at: if goes_on { row.retry_at } else { NEVER },
        };
        Some((row.id, failing))
    });
    Ok(rows.collect())
}

/// A time that may be still to come: where there is none, none is late.
fn until(column: Column, test: &Test) -> Expr {
    match test {
        Test::Above(at) => column.gt(*at).and(column.lt(NEVER)),
        test => condition::on(column, test),
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

/// What their status is told from.
pub const STANDING: Columns<Column> = Columns {
    revoked: Column::Revoked,
    not_before: Column::NotBefore,
    not_after: Column::NotAfter,
    due_at: Column::DueAt,
    error_at: Column::ErrorAt,
    renewal: Column::Renewal,
};

/// What a row takes beside its names and failure, in bytes.
const ROW_WEIGHT: usize = 600;
