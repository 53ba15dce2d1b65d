//! What was used of the limits: rows that all replicas share.

mod table;

pub use table::Migration;

use std::collections::HashMap;

use runtime::{
    Clock,
    database::{begin_read, begin_write},
};
use sea_orm::{
    ColumnTrait, DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait, ExprTrait,
    QueryFilter, QueryOrder, QuerySelect, Set,
    sea_query::{Expr, OnConflict},
};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{Counter, Limit, Verdict, decide};
use crate::config::Limits;

use table::{entity, turn};

/// Gives orders their room. Cheap to clone.
#[derive(Clone)]
pub struct Budget {
    database: DatabaseConnection,
    clock: Clock,
    limits: Limits,
}

/// An order, and where it goes.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The account's server.
    pub server: Uuid,
    /// Its directory, which tells whether there are limits at all.
    pub directory_url: &'a str,
    /// The same for every try of the same order.
    pub order: Uuid,
    /// Host names and addresses.
    pub names: &'a [String],
}

impl Budget {
    /// Over the service's database.
    pub fn new(database: DatabaseConnection, clock: Clock, limits: Limits) -> Self {
        Self {
            database,
            clock,
            limits,
        }
    }

    /// Takes the room for an order, or a place in the queue for it. An order that has its room has it for good.
    ///
    /// # Errors
    /// What the database says.
    pub async fn take(&self, asked: &Asked<'_>) -> Result<Verdict, DbErr> {
        if !self.limits.apply_to(asked.directory_url) {
            return Ok(Verdict::Go);
        }
        let transaction = self.begin(asked.server).await?;
        let (place, used) = mine(&transaction, asked.order).await?;
        if used {
            return Ok(Verdict::Go);
        }
        let mut verdict = self.judge(&transaction, asked, place).await?;
        if let (Verdict::Turn(_), Some(_)) = (verdict, place.filter(|at| *at <= self.clock.now())) {
            // Its turn has come, and those before it were late: it is the last of the queue again.
            give_back(&transaction, asked.order).await?;
            verdict = self.judge(&transaction, asked, None).await?;
        }
        match verdict {
            Verdict::Go => self.use_up(&transaction, asked).await?,
            Verdict::Turn(at) => write(&transaction, asked, &Counter::Orders, at).await?,
            Verdict::Wait(_) => give_back(&transaction, asked.order).await?,
        }
        transaction.commit().await?;
        Ok(verdict)
    }

    /// Counts an order that has been placed without asking for room.
    ///
    /// # Errors
    /// What the database says.
    pub async fn note(&self, asked: &Asked<'_>) -> Result<(), DbErr> {
        if !self.limits.apply_to(asked.directory_url) {
            return Ok(());
        }
        let transaction = self.begin(asked.server).await?;
        self.use_up(&transaction, asked).await?;
        transaction.commit().await
    }

    /// An order has come to nothing: it was no certificate. `unproved`: the names whose authorizations failed.
    ///
    /// # Errors
    /// What the database says.
    pub async fn failed(&self, asked: &Asked<'_>, unproved: &[String]) -> Result<(), DbErr> {
        if !self.limits.apply_to(asked.directory_url) {
            return Ok(());
        }
        let transaction = self.begin(asked.server).await?;
        entity::Entity::delete_many()
            .filter(entity::Column::OrderId.eq(asked.order))
            .filter(entity::Column::Kind.is_in([DOMAIN, NAMES]))
            .exec(&transaction)
            .await?;
        let now = self.clock.now();
        for name in unproved {
            write(&transaction, asked, &Counter::Failures(name.clone()), now).await?;
        }
        transaction.commit().await
    }

    /// When an order for these names would have its room; `None`: now.
    ///
    /// # Errors
    /// What the database says.
    pub async fn room(&self, asked: &Asked<'_>) -> Result<Option<OffsetDateTime>, DbErr> {
        if !self.limits.apply_to(asked.directory_url) {
            return Ok(None);
        }
        let transaction = begin_read(&self.database).await?;
        Ok(match self.judge(&transaction, asked, None).await? {
            Verdict::Go => None,
            Verdict::Turn(at) | Verdict::Wait(at) => Some(at),
        })
    }

    /// A transaction that no other replica's comes in between of; what is too old to count is gone.
    async fn begin(&self, server: Uuid) -> Result<DatabaseTransaction, DbErr> {
        let transaction = begin_write(&self.database).await?;
        let row = turn::ActiveModel {
            server: Set(server),
            taken: Set(1),
        };
        let taken = Expr::col((turn::Entity, turn::Column::Taken)).add(1);
        let again = OnConflict::column(turn::Column::Server)
            .value(turn::Column::Taken, taken)
            .to_owned();
        turn::Entity::insert(row)
            .on_conflict(again)
            .exec_without_returning(&transaction)
            .await?;
        let oldest = micros(self.clock.now() - LONGEST_WINDOW);
        entity::Entity::delete_many()
            .filter(entity::Column::Server.eq(server))
            .filter(entity::Column::At.lt(oldest))
            .exec(&transaction)
            .await?;
        Ok(transaction)
    }

    async fn judge(
        &self,
        tx: &DatabaseTransaction,
        asked: &Asked<'_>,
        place: Option<OffsetDateTime>,
    ) -> Result<Verdict, DbErr> {
        let now = self.clock.now();
        let mut latest = HashMap::new();
        let counters = Counter::of(asked.names);
        for counter in counters.into_iter().chain([Counter::Orders]) {
            let limit = counter.limit(&self.limits);
            let until = match counter {
                Counter::Orders => place.filter(|at| *at <= now).map(|_| now),
                _ => None,
            };
            if let Some(at) = nth(tx, asked, &counter, limit, until).await? {
                latest.insert(counter, at);
            }
        }
        let nth = |counter: &Counter, _| latest.get(counter).copied();
        Ok(decide(&self.limits, asked.names, place, now, nth))
    }

    async fn use_up(&self, tx: &DatabaseTransaction, asked: &Asked<'_>) -> Result<(), DbErr> {
        let now = self.clock.now();
        let certificate = Counter::of_certificate(asked.names);
        for counter in certificate.chain([Counter::Orders]) {
            write(tx, asked, &counter, now).await?;
        }
        Ok(())
    }
}

/// The order's place among the orders, and whether it has used its room.
async fn mine(
    tx: &DatabaseTransaction,
    order: Uuid,
) -> Result<(Option<OffsetDateTime>, bool), DbErr> {
    let rows = entity::Entity::find()
        .filter(entity::Column::OrderId.eq(order))
        .all(tx)
        .await?;
    let place = rows.iter().find(|row| row.kind == ORDERS);
    let used = rows.iter().any(|row| row.kind == NAMES);
    Ok((place.map(|row| time(row.at)), used))
}

async fn give_back(tx: &DatabaseTransaction, order: Uuid) -> Result<(), DbErr> {
    entity::Entity::delete_many()
        .filter(entity::Column::OrderId.eq(order))
        .filter(entity::Column::Kind.eq(ORDERS))
        .exec(tx)
        .await?;
    Ok(())
}

/// The time of the latest but so many of other orders, of those up to `until`.
async fn nth(
    tx: &DatabaseTransaction,
    asked: &Asked<'_>,
    counter: &Counter,
    limit: Limit,
    until: Option<OffsetDateTime>,
) -> Result<Option<OffsetDateTime>, DbErr> {
    let Some(before) = limit.most.checked_sub(1) else {
        return Ok(None);
    };
    let (kind, key) = columns(counter);
    let mut rows = entity::Entity::find()
        .filter(entity::Column::Server.eq(asked.server))
        .filter(entity::Column::Kind.eq(kind))
        .filter(entity::Column::Key.eq(key));
    if let Some(until) = until {
        rows = rows
            .filter(entity::Column::At.lte(micros(until)))
            .filter(entity::Column::OrderId.ne(asked.order));
    }
    let row = rows
        .order_by_desc(entity::Column::At)
        .offset(u64::from(before))
        .limit(1)
        .one(tx)
        .await?;
    Ok(row.map(|row| time(row.at)))
}

async fn write(
    tx: &DatabaseTransaction,
    asked: &Asked<'_>,
    counter: &Counter,
    at: OffsetDateTime,
) -> Result<(), DbErr> {
    let (kind, key) = columns(counter);
    let row = entity::ActiveModel {
        order_id: Set(asked.order),
        kind: Set(kind.to_owned()),
        key: Set(key.to_owned()),
        server: Set(asked.server),
        at: Set(micros(at)),
    };
    let replace = [
        entity::Column::OrderId,
        entity::Column::Kind,
        entity::Column::Key,
    ];
    let replace = OnConflict::columns(replace)
        .update_column(entity::Column::At)
        .to_owned();
    entity::Entity::insert(row)
        .on_conflict(replace)
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

fn columns(counter: &Counter) -> (&'static str, &str) {
    match counter {
        Counter::Orders => (ORDERS, ""),
        Counter::Domain(domain) => (DOMAIN, domain),
        Counter::Names(names) => (NAMES, names),
        Counter::Failures(name) => (FAILURES, name),
    }
}

fn micros(at: OffsetDateTime) -> i64 {
    // Good for 290,000 years.
    let micros = at.unix_timestamp_nanos() / 1_000;
    micros.try_into().unwrap_or(i64::MAX)
}

fn time(micros: i64) -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + Duration::microseconds(micros)
}

const ORDERS: &str = "orders";
const DOMAIN: &str = "domain";
const NAMES: &str = "names";
const FAILURES: &str = "failures";

/// What is older counts nowhere.
const LONGEST_WINDOW: Duration = Duration::WEEK;

#[cfg(test)]
mod tests;
