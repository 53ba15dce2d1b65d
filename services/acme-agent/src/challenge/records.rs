//! The records that DNS-01 has written, each from before it is written until it is gone again.
//!
//! A row is due once its order is over, and at the latest when no order takes that long: so a crash between
//! the record and its end leaves nothing behind. What is due is worked off by [`Sweeper`].

use std::{sync::Arc, time::Duration};

use runtime::Clock;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, Set, sea_query::OnConflict,
};
use sea_orm_migration::prelude::*;
use time::OffsetDateTime;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::dns01::Dns01;
use crate::worker::chain;

/// A TXT record that is ours to take away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What needs it: an order, or a test.
    pub holder: String,
    /// The DNS provider that writes it.
    pub provider: Uuid,
    /// The zone.
    pub zone: String,
    /// The record's name.
    pub owner: String,
    /// Its value.
    pub value: String,
}

impl From<entity::Model> for Row {
    fn from(row: entity::Model) -> Self {
        Self {
            holder: row.holder,
            provider: row.provider,
            zone: row.zone,
            owner: row.owner,
            value: row.value,
        }
    }
}

/// Notes a record that is about to be written, to be gone at that time at the latest.
///
/// # Errors
/// What the database says.
pub async fn note(
    db: &impl ConnectionTrait,
    row: &Row,
    remove_at: OffsetDateTime,
) -> Result<(), DbErr> {
    let model = entity::ActiveModel {
        holder: Set(row.holder.clone()),
        provider: Set(row.provider),
        zone: Set(row.zone.clone()),
        owner: Set(row.owner.clone()),
        value: Set(row.value.clone()),
        remove_at: Set(remove_at),
        failures: Set(0),
    };
    let again = OnConflict::columns([
        entity::Column::Holder,
        entity::Column::Owner,
        entity::Column::Value,
    ])
    .update_columns([entity::Column::RemoveAt, entity::Column::Failures])
    .to_owned();
    let insert = entity::Entity::insert(model).on_conflict(again);
    insert.exec_without_returning(db).await.map(drop)
}

/// The holder needs none of its records any more.
///
/// # Errors
/// What the database says.
pub async fn release(
    db: &impl ConnectionTrait,
    holder: &str,
    now: OffsetDateTime,
) -> Result<(), DbErr> {
    entity::Entity::update_many()
        .col_expr(entity::Column::RemoveAt, Expr::value(now))
        .filter(entity::Column::Holder.eq(holder))
        .exec(db)
        .await?;
    Ok(())
}

/// How many are written, or may be.
///
/// # Errors
/// What the database says.
pub async fn count(db: &impl ConnectionTrait) -> Result<u64, DbErr> {
    entity::Entity::find().count(db).await
}

/// What is due, the oldest first.
async fn due(db: &impl ConnectionTrait, now: OffsetDateTime) -> Result<Vec<(Row, u32)>, DbErr> {
    let rows = entity::Entity::find()
        .filter(entity::Column::RemoveAt.lte(now))
        .order_by_asc(entity::Column::RemoveAt)
        .limit(AT_A_TIME)
        .all(db)
        .await?;
    let rows = rows.into_iter().map(|row| {
        let failures = row.failures.try_into().unwrap_or_default();
        (row.into(), failures)
    });
    Ok(rows.collect())
}

/// Whether another holder needs the same record still.
async fn is_shared(
    db: &impl ConnectionTrait,
    row: &Row,
    now: OffsetDateTime,
) -> Result<bool, DbErr> {
    let other = entity::Entity::find()
        .filter(entity::Column::Holder.ne(&row.holder))
        .filter(entity::Column::Owner.eq(&row.owner))
        .filter(entity::Column::Value.eq(&row.value))
        .filter(entity::Column::RemoveAt.gt(now))
        .one(db)
        .await?;
    Ok(other.is_some())
}

/// All that a provider has written, due or not.
///
/// # Errors
/// What the database says.
pub async fn of_provider(db: &impl ConnectionTrait, provider: Uuid) -> Result<Vec<Row>, DbErr> {
    let rows = entity::Entity::find()
        .filter(entity::Column::Provider.eq(provider))
        .all(db)
        .await?;
    Ok(rows.into_iter().map(Row::from).collect())
}

/// The record is gone.
///
/// # Errors
/// What the database says.
pub async fn forget(db: &impl ConnectionTrait, row: &Row) -> Result<(), DbErr> {
    let id = (row.holder.clone(), row.owner.clone(), row.value.clone());
    entity::Entity::delete_by_id(id).exec(db).await.map(drop)
}

async fn put_off(
    db: &impl ConnectionTrait,
    row: &Row,
    failures: u32,
    until: OffsetDateTime,
) -> Result<(), DbErr> {
    entity::Entity::update_many()
        .col_expr(entity::Column::RemoveAt, Expr::value(until))
        .col_expr(entity::Column::Failures, Expr::value(i64::from(failures)))
        .filter(entity::Column::Holder.eq(&row.holder))
        .filter(entity::Column::Owner.eq(&row.owner))
        .filter(entity::Column::Value.eq(&row.value))
        .exec(db)
        .await?;
    Ok(())
}

/// Takes the records away that are due.
pub struct Sweeper {
    /// Where the rows are.
    pub database: DatabaseConnection,
    /// Who takes a record away.
    pub dns01: Arc<Dns01>,
    /// The time.
    pub clock: Clock,
    /// Notified when something is due.
    pub released: Arc<Notify>,
}

impl Sweeper {
    /// Works until `stopping`; what is still there then is due at the next start.
    pub async fn run(self, stopping: CancellationToken) {
        let work = async {
            loop {
                if let Err(error) = self.sweep().await {
                    tracing::warn!(
                        error = chain(&error),
                        "cannot look for records to take away"
                    );
                }
                tokio::select! {
                    () = self.released.notified() => {}
                    () = self.clock.sleep(PAUSE) => {}
                }
            }
        };
        stopping.run_until_cancelled(work).await;
    }

    async fn sweep(&self) -> Result<(), DbErr> {
        let now = self.clock.now();
        for (row, failures) in due(&self.database, now).await? {
            let failures = failures + 1;
            let owner = row.owner.as_str();
            if is_shared(&self.database, &row, now).await? {
                forget(&self.database, &row).await?;
                continue;
            }
            match self.dns01.take_away(&row).await {
                Ok(()) => {
                    tracing::info!(owner, "record taken away");
                    forget(&self.database, &row).await?;
                }
                Err(error) if failures < GIVE_UP && !error.is_final() => {
                    tracing::warn!(
                        owner,
                        error = chain(&error),
                        "cannot take a record away, trying again"
                    );
                    let wait = PAUSE * 2_u32.pow(Ord::min(failures, LONGEST_WAIT));
                    put_off(&self.database, &row, failures, now + wait).await?;
                }
                Err(error) => {
                    tracing::error!(
                        owner,
                        value = row.value,
                        error = chain(&error),
                        "cannot take a record away: it is left to the zone's owner"
                    );
                    forget(&self.database, &row).await?;
                }
            }
        }
        Ok(())
    }
}

/// How often is looked, where nothing is said.
const PAUSE: Duration = Duration::from_secs(30);

/// The longest wait after a failure: half a minute, doubled so often, is a good four hours.
const LONGEST_WAIT: u32 = 9;

/// So many failures are two weeks.
const GIVE_UP: u32 = 90;

/// Of many that are due, so many are looked up at once.
const AT_A_TIME: u64 = 100;

mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "challenge_record")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub holder: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub owner: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub value: String,
        pub provider: Uuid,
        pub zone: String,
        pub remove_at: TimeDateTimeWithTimeZone,
        pub failures: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `challenge_record`.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20260101_000021_challenge_record"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use sea_orm_migration::schema::{big_integer, string, timestamp_with_time_zone, uuid};
        let table = Table::create()
            .table("challenge_record")
            .col(string("holder"))
            .col(string("owner"))
            .col(string("value"))
            .col(uuid("provider"))
            .col(string("zone"))
            .col(timestamp_with_time_zone("remove_at"))
            .col(big_integer("failures"))
            .primary_key(Index::create().col("holder").col("owner").col("value"))
            .to_owned();
        manager.create_table(table).await?;
        let due = Index::create()
            .name("challenge_record_due")
            .table("challenge_record")
            .col("remove_at")
            .to_owned();
        manager.create_index(due).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::database;
    use time::{Duration, macros::datetime};

    const NOW: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);
    const LATER: OffsetDateTime = datetime!(2026-01-01 02:00 UTC);

    fn row(holder: &str, value: &str) -> Row {
        Row {
            holder: holder.into(),
            provider: Uuid::from_u128(1),
            zone: "a.example".into(),
            owner: "_acme-challenge.a.example".into(),
            value: value.into(),
        }
    }

    async fn values(db: &DatabaseConnection, now: OffsetDateTime) -> Vec<String> {
        let due = due(db, now).await.unwrap().into_iter();
        due.map(|(row, _)| row.value).collect()
    }

    #[tokio::test]
    async fn a_record_is_due_when_its_holder_is_done_or_its_time_is_over() {
        let db = database(vec![Box::new(Migration)]).await;
        for (holder, value) in [
            ("order", "x"),
            ("order", "y"),
            ("order", "x"),
            ("other", "z"),
        ] {
            note(&db, &row(holder, value), LATER).await.unwrap();
        }
        assert!(values(&db, NOW).await.is_empty());
        release(&db, "order", NOW).await.unwrap();
        assert_eq!(values(&db, NOW).await, ["x", "y"]);
        assert_eq!(values(&db, LATER).await.len(), 3);
        forget(&db, &row("order", "x")).await.unwrap();
        assert_eq!(values(&db, NOW).await, ["y"]);
        // Noted again, for the order goes on after all.
        note(&db, &row("order", "y"), LATER).await.unwrap();
        assert!(values(&db, NOW).await.is_empty());
    }

    #[tokio::test]
    async fn a_record_that_another_needs_still_stays() {
        let db = database(vec![Box::new(Migration)]).await;
        let (mine, other) = (row("order", "x"), row("other", "x"));
        note(&db, &mine, NOW).await.unwrap();
        assert!(!is_shared(&db, &mine, NOW).await.unwrap());
        note(&db, &other, LATER).await.unwrap();
        assert!(is_shared(&db, &mine, NOW).await.unwrap());
        assert!(!is_shared(&db, &mine, LATER).await.unwrap());
    }

    #[tokio::test]
    async fn what_cannot_be_taken_away_is_put_off() {
        let db = database(vec![Box::new(Migration)]).await;
        note(&db, &row("order", "x"), NOW).await.unwrap();
        let until = NOW + Duration::MINUTE;
        put_off(&db, &row("order", "x"), 1, until).await.unwrap();
        assert!(values(&db, NOW).await.is_empty());
        assert_eq!(due(&db, until).await.unwrap(), [(row("order", "x"), 1)]);
    }
}
