//! Which automation uses which DNS provider, so that one that is used is not removed.
//!
//! Both sides write first and look then, so that of a request and a removal at the same time at least one
//! sees the other: a request notes its use and then looks for a removal, a removal notes itself and then
//! looks for uses. A use without an automation in the log was left by a crash, as was an old removal.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, Set, sea_query::OnConflict,
};
use sea_orm_migration::prelude::*;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// One use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use {
    /// The automation.
    pub automation: Uuid,
    /// Since when.
    pub since: OffsetDateTime,
}

/// Notes that an automation uses a provider.
///
/// # Errors
/// What the database says.
pub async fn begin(
    db: &impl ConnectionTrait,
    automation: Uuid,
    provider: Uuid,
    now: OffsetDateTime,
) -> Result<(), DbErr> {
    let row = entity::ActiveModel {
        used_by: Set(automation),
        provider: Set(provider),
        since: Set(now),
    };
    let again = OnConflict::column(entity::Column::UsedBy)
        .update_columns([entity::Column::Provider, entity::Column::Since])
        .to_owned();
    let insert = entity::Entity::insert(row).on_conflict(again);
    insert.exec_without_returning(db).await.map(drop)
}

/// The automation uses no provider any more.
///
/// # Errors
/// What the database says.
pub async fn end(db: &impl ConnectionTrait, automation: Uuid) -> Result<(), DbErr> {
    let end = entity::Entity::delete_by_id(automation).exec(db);
    end.await.map(drop)
}

/// The uses of a provider.
///
/// # Errors
/// What the database says.
pub async fn of(db: &impl ConnectionTrait, provider: Uuid) -> Result<Vec<Use>, DbErr> {
    let rows = entity::Entity::find()
        .filter(entity::Column::Provider.eq(provider))
        .filter(entity::Column::UsedBy.ne(provider))
        .all(db)
        .await?;
    let uses = rows.into_iter().map(|row| Use {
        automation: row.used_by,
        since: row.since,
    });
    Ok(uses.collect())
}

/// Notes that a provider is being removed: its own id stands in the place of a user.
///
/// # Errors
/// What the database says.
pub async fn begin_removal(
    db: &impl ConnectionTrait,
    provider: Uuid,
    now: OffsetDateTime,
) -> Result<(), DbErr> {
    begin(db, provider, provider, now).await
}

/// Whether a provider is being removed.
///
/// # Errors
/// What the database says.
pub async fn is_being_removed(
    db: &impl ConnectionTrait,
    provider: Uuid,
    now: OffsetDateTime,
) -> Result<bool, DbErr> {
    let row = entity::Entity::find_by_id(provider).one(db).await?;
    Ok(row.is_some_and(|row| now - row.since < LONGEST_COMMAND))
}

/// Whether a use that no automation in the log bears out may still become one.
pub fn may_become(one: Use, now: OffsetDateTime) -> bool {
    now - one.since < LONGEST_COMMAND
}

/// No command takes longer from its first row to its event.
const LONGEST_COMMAND: Duration = Duration::minutes(10);

mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "dns_provider_use")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub used_by: Uuid,
        pub provider: Uuid,
        pub since: TimeDateTimeWithTimeZone,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `dns_provider_use`.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20260101_000020_dns_provider_use"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use sea_orm_migration::schema::{timestamp_with_time_zone, uuid};
        let table = Table::create()
            .table("dns_provider_use")
            .col(uuid("used_by").primary_key())
            .col(uuid("provider"))
            .col(timestamp_with_time_zone("since"))
            .to_owned();
        manager.create_table(table).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::database;
    use time::macros::datetime;

    const PROVIDER: Uuid = Uuid::from_u128(1);
    const NOW: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);

    #[tokio::test]
    async fn a_use_is_seen_until_it_ends() {
        let db = database(vec![Box::new(Migration)]).await;
        let automation = Uuid::from_u128(7);
        assert!(of(&db, PROVIDER).await.unwrap().is_empty());
        for _ in 0..2 {
            begin(&db, automation, PROVIDER, NOW).await.unwrap();
        }
        let uses = of(&db, PROVIDER).await.unwrap();
        assert_eq!(
            uses,
            [Use {
                automation,
                since: NOW
            }]
        );
        assert!(may_become(uses[0], NOW) && !may_become(uses[0], NOW + LONGEST_COMMAND));
        end(&db, automation).await.unwrap();
        assert!(of(&db, PROVIDER).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_removal_is_seen_by_requests_and_is_no_use() {
        let db = database(vec![Box::new(Migration)]).await;
        let removed = |now| is_being_removed(&db, PROVIDER, now);
        assert!(!removed(NOW).await.unwrap());
        begin_removal(&db, PROVIDER, NOW).await.unwrap();
        assert!(removed(NOW).await.unwrap());
        assert!(of(&db, PROVIDER).await.unwrap().is_empty());
        // One that a crash has left is believed no longer than a command takes.
        assert!(!removed(NOW + LONGEST_COMMAND).await.unwrap());
        end(&db, PROVIDER).await.unwrap();
        assert!(!removed(NOW).await.unwrap());
    }
}
