//! Which automations use which server, so that none loses its account.
//!
//! A row is written before the event that makes it true, and taken out after `cancelled`: who asks finds
//! too many at most, and looks at the log for those. A follower writes them too, for a database that was
//! restored, or is older than this table.

use std::sync::Arc;

use api::acme::v1::AutomationRequested;
use eventlog::EventLog;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait,
    QueryFilter, Set, sea_query::OnConflict,
};
use sea_orm_migration::prelude::*;
use time::{Duration, OffsetDateTime};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::{
    automation::Automation,
    events::AutomationEvent as Event,
    refusal::CommandError,
    together::{Heard, Rows},
};

/// The servers of an automation: the first, and the second where there is one.
pub fn servers(requested: &AutomationRequested) -> Vec<Uuid> {
    let ids = [&requested.server_id, &requested.fallback_server_id];
    let ids = ids.into_iter().filter_map(|id| Uuid::parse_str(id).ok());
    ids.collect()
}

/// Notes that an automation uses these servers, as of `now`.
///
/// # Errors
/// What the database says.
pub async fn note(
    db: &impl ConnectionTrait,
    automation: Uuid,
    servers: &[Uuid],
    now: OffsetDateTime,
) -> Result<(), DbErr> {
    for server in servers {
        let row = entity::ActiveModel {
            server: Set(*server),
            automation: Set(automation),
            since: Set(now),
        };
        let columns = [entity::Column::Server, entity::Column::Automation];
        let known = OnConflict::columns(columns).do_nothing().to_owned();
        entity::Entity::insert(row)
            .on_conflict(known)
            .exec_without_returning(db)
            .await?;
    }
    Ok(())
}

/// Forgets what an automation uses.
///
/// # Errors
/// What the database says.
pub async fn forget(db: &impl ConnectionTrait, automation: Uuid) -> Result<(), DbErr> {
    entity::Entity::delete_many()
        .filter(entity::Column::Automation.eq(automation))
        .exec(db)
        .await?;
    Ok(())
}

/// The names of the automations that use a server and are not cancelled, by the log.
///
/// # Errors
/// Where the log or the database does not answer.
pub async fn names(
    log: &EventLog,
    db: &DatabaseConnection,
    server: Uuid,
    now: OffsetDateTime,
) -> Result<Vec<String>, CommandError> {
    let rows = entity::Entity::find()
        .filter(entity::Column::Server.eq(server))
        .all(db)
        .await?;
    let mut names = Vec::new();
    for row in rows {
        let id = row.automation.to_string();
        let loaded = log.load::<Automation>(&id).await;
        let loaded = loaded.map_err(CommandError::Log)?;
        let cancelled = loaded.events.iter().any(|e| e.event == CANCELLED);
        match loaded.state.requested() {
            Ok(requested) if !cancelled => names.push(requested.friendly_name.clone()),
            // Its request may still be on its way to the log.
            Err(_) if now - row.since < LONGEST_COMMAND => names.push(id),
            _ => forget(db, row.automation).await?,
        }
        if names.len() == ENOUGH {
            break;
        }
    }
    Ok(names)
}

/// Keeps the rows from the log.
pub struct Uses;

#[async_trait::async_trait]
impl Rows for Uses {
    async fn hear(&mut self, tx: &DatabaseTransaction, heard: &[Heard<'_>]) -> Result<(), DbErr> {
        for one in heard {
            match &one.event {
                Event::Requested(requested) => {
                    let since = one.recorded.time;
                    note(tx, one.automation, &servers(requested), since).await?;
                }
                Event::Cancelled(_) => forget(tx, one.automation).await?,
                _ => {}
            }
        }
        Ok(())
    }

    fn changed(&self) -> &[Arc<Notify>] {
        &[]
    }
}

mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "server_use")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub server: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub automation: Uuid,
        pub since: TimeDateTimeWithTimeZone,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `server_use`.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20260101_000011_server_use"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use sea_orm_migration::schema::{timestamp_with_time_zone, uuid};
        let table = Table::create()
            .table("server_use")
            .col(uuid("server"))
            .col(uuid("automation"))
            .col(timestamp_with_time_zone("since"))
            .primary_key(Index::create().col("server").col("automation"))
            .to_owned();
        manager.create_table(table).await
    }
}

const CANCELLED: &str = "cancelled";

/// No command takes longer from its row to its event.
const LONGEST_COMMAND: Duration = Duration::minutes(10);

/// As many names as a refusal can hold.
const ENOUGH: usize = 20;

#[cfg(test)]
mod tests {
    use eventlog::{Aggregate, Apply, EventBody, Recorded};
    use sea_orm::TransactionTrait;
    use time::macros::datetime;

    use super::*;
    use crate::{memory::database, together::Together};

    const NOW: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);

    async fn users(db: &DatabaseConnection, server: Uuid) -> Vec<u128> {
        let rows = entity::Entity::find()
            .filter(entity::Column::Server.eq(server))
            .all(db)
            .await
            .unwrap();
        rows.iter().map(|row| row.automation.as_u128()).collect()
    }

    async fn apply(db: &DatabaseConnection, automation: Uuid, event: Event) {
        let recorded = Recorded {
            sequence: 1,
            aggregate: Automation::NAME.into(),
            id: automation.to_string(),
            event: event.name().into(),
            event_id: Uuid::from_u128(9),
            time: NOW,
            stored: NOW,
            actor: "token/1".into(),
            correlation_id: Uuid::from_u128(100),
            causation_id: None,
            request_id: String::new(),
            request_digest: String::new(),
            schema: event.schema().into(),
            traceparent: None,
            leaf: [0; 32],
            body: event.to_json().unwrap().into(),
        };
        let tx = db.begin().await.unwrap();
        Together(vec![Box::new(Uses)])
            .apply(&tx, &[recorded])
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    #[tokio::test]
    async fn an_automation_uses_both_its_servers_until_it_is_cancelled() {
        let db = database(vec![Box::new(Migration)]).await;
        let (one, two, a) = (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(0xa));
        let requested = AutomationRequested {
            server_id: one.to_string(),
            fallback_server_id: two.to_string(),
            ..AutomationRequested::default()
        };
        // Before the event, and by it.
        note(&db, a, &servers(&requested), NOW).await.unwrap();
        apply(&db, a, Event::Requested(requested)).await;
        assert_eq!(users(&db, one).await, [0xa]);
        assert_eq!(users(&db, two).await, [0xa]);
        apply(&db, a, Event::Cancelled(Default::default())).await;
        assert!(users(&db, one).await.is_empty() && users(&db, two).await.is_empty());
    }
}
