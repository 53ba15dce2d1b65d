//! What was used of the limits: rows that all replicas share.

use std::collections::HashMap;

use runtime::Clock;
use sea_orm::{
    ColumnTrait, DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect, Set, TransactionTrait, sea_query::OnConflict,
};
use sea_orm_migration::prelude::*;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{Counter, Limit, Verdict, decide};
use crate::config::Limits;

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
        let transaction = self.database.begin().await?;
        Ok(match self.judge(&transaction, asked, None).await? {
            Verdict::Go => None,
            Verdict::Turn(at) | Verdict::Wait(at) => Some(at),
        })
    }

    /// A transaction that no other replica's comes in between of; what is too old to count is gone.
    async fn begin(&self, server: Uuid) -> Result<DatabaseTransaction, DbErr> {
        let transaction = self.database.begin().await?;
        // The row is locked until the end; with SQLite everything is.
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

mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "limit_use")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub order_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub kind: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub key: String,
        pub server: Uuid,
        pub at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// One row a server, so that replicas take turns.
mod turn {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "limit_turn")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub server: Uuid,
        pub taken: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The tables `limit_use` and `limit_turn`.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20260101_000010_limit_use"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use sea_orm_migration::schema::{big_integer, string, uuid};
        let table = Table::create()
            .table("limit_use")
            .col(uuid("order_id"))
            .col(string("kind"))
            .col(string("key"))
            .col(uuid("server"))
            .col(big_integer("at"))
            .primary_key(Index::create().col("order_id").col("kind").col("key"))
            .to_owned();
        manager.create_table(table).await?;
        let index = Index::create()
            .name("limit_use_latest")
            .table("limit_use")
            .col("server")
            .col("kind")
            .col("key")
            .col("at")
            .to_owned();
        manager.create_index(index).await?;
        let table = Table::create()
            .table("limit_turn")
            .col(uuid("server").primary_key())
            .col(big_integer("taken"))
            .to_owned();
        manager.create_table(table).await
    }
}

const ORDERS: &str = "orders";
const DOMAIN: &str = "domain";
const NAMES: &str = "names";
const FAILURES: &str = "failures";

/// What is older counts nowhere.
const LONGEST_WINDOW: Duration = Duration::WEEK;

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::memory::database;

    const SERVER: Uuid = Uuid::from_u128(1);
    const NOW: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);

    /// A CA that takes two orders in 3 hours, and one certificate for the same names a week.
    async fn budget() -> (Budget, Clock) {
        let clock = Clock::manual(NOW);
        let limits = Limits {
            hosts: vec!["ca.example".to_owned()],
            orders_in_3_hours: 2,
            certificates_per_names_in_a_week: 1,
            ..Limits::default()
        };
        let database = database(vec![Box::new(Migration)]).await;
        (Budget::new(database, clock.clone(), limits), clock)
    }

    fn asked(order: u128, names: &[String]) -> Asked<'_> {
        Asked {
            server: SERVER,
            directory_url: "https://ca.example/dir",
            order: Uuid::from_u128(order),
            names,
        }
    }

    #[tokio::test]
    async fn orders_get_their_turns_one_after_the_other_and_keep_them() {
        let (budget, clock) = budget().await;
        let names = [1, 2, 3, 4, 5].map(|n| [format!("shop-{n}.com")]);
        let take = async |n: usize| {
            let taken = budget.take(&asked(n as u128, &names[n - 1])).await;
            taken.unwrap()
        };
        let hours = |n: i64| NOW + Duration::hours(n);
        assert_eq!(take(1).await, Verdict::Go);
        assert_eq!(take(2).await, Verdict::Go);
        assert_eq!(take(3).await, Verdict::Turn(hours(3)));
        // Asked again, for example after a crash, nothing is used twice.
        assert_eq!(take(1).await, Verdict::Go);
        assert_eq!(take(3).await, Verdict::Turn(hours(3)));
        assert_eq!(take(4).await, Verdict::Turn(hours(3)));
        assert_eq!(take(5).await, Verdict::Turn(hours(6)));
        clock.advance(Duration::hours(4).try_into().unwrap());
        assert_eq!(take(3).await, Verdict::Go);
        clock.advance(Duration::hours(1).try_into().unwrap());
        assert_eq!(take(4).await, Verdict::Go);
        // The third was an hour late, and so is the fifth.
        clock.advance(Duration::hours(1).try_into().unwrap());
        assert_eq!(take(5).await, Verdict::Turn(hours(7)));
        clock.advance(Duration::hours(1).try_into().unwrap());
        assert_eq!(take(5).await, Verdict::Go);
    }

    #[tokio::test]
    async fn what_came_to_nothing_was_no_certificate_and_its_failures_count() {
        let (budget, _) = budget().await;
        let names = ["shop.com".to_owned()];
        let week = NOW + Duration::WEEK;
        assert_eq!(budget.take(&asked(1, &names)).await.unwrap(), Verdict::Go);
        assert_eq!(budget.room(&asked(2, &names)).await.unwrap(), Some(week));
        budget.failed(&asked(1, &names), &names).await.unwrap();
        assert_eq!(budget.room(&asked(2, &names)).await.unwrap(), None);
        for order in 2..6 {
            budget.failed(&asked(order, &names), &names).await.unwrap();
        }
        let hour = NOW + Duration::HOUR;
        assert_eq!(budget.room(&asked(7, &names)).await.unwrap(), Some(hour));
        assert_eq!(
            budget.take(&asked(7, &names)).await.unwrap(),
            Verdict::Wait(hour)
        );
        let other = Asked {
            directory_url: "https://own.example/dir",
            ..asked(8, &names)
        };
        assert_eq!(budget.take(&other).await.unwrap(), Verdict::Go);
    }
}
