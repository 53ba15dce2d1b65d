//! Changes of an account that its CA is about to hear of, or may have heard of: written down before the act,
//! and taken out when the log has the event. What a crash leaves here is gone on with.
//!
//! A server has one at a time. Contact addresses are personal data: they stand in this database alone.

use eventlog::Origin;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, Set, sea_query::OnConflict,
};
use sea_orm_migration::prelude::*;
use uuid::Uuid;

/// One change, and who wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The server.
    pub server: Uuid,
    /// What is to be different.
    pub what: What,
    /// The command that asked for it; the event is that command's, however late it comes.
    pub origin: Origin,
}

/// What is to be different.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The account has these contact addresses.
    Contact(Vec<String>),
    /// The account has another key.
    RollKey,
    /// The account has ended.
    Deactivate,
}

impl What {
    /// Its name in the database, and what tells its event from others of the same command.
    pub fn text(&self) -> &'static str {
        match self {
            Self::Contact(_) => "contact",
            Self::RollKey => "roll-key",
            Self::Deactivate => "deactivate",
        }
    }
}

/// Writes a change down: the one that now stands, which is another where the server has one already.
///
/// # Errors
/// What the database says.
pub async fn begin(db: &impl ConnectionTrait, change: &Change) -> Result<Change, DbErr> {
    let emails: &[String] = match &change.what {
        What::Contact(emails) => emails,
        What::RollKey | What::Deactivate => &[],
    };
    let origin = &change.origin;
    let row = entity::ActiveModel {
        server: Set(change.server),
        what: Set(change.what.text().to_owned()),
        // No address has a line's end in it.
        emails: Set(emails.join("\n")),
        actor: Set(origin.actor.clone()),
        request_id: Set(origin.request_id.clone()),
        request_digest: Set(origin.request_digest.clone()),
        correlation: Set(origin.correlation_id),
        causation: Set(origin.causation_id),
    };
    // One statement, so that a change that ends meanwhile is not answered without a row.
    let as_it_was = OnConflict::column(entity::Column::Server)
        .update_column(entity::Column::Server)
        .to_owned();
    let standing = entity::Entity::insert(row)
        .on_conflict(as_it_was)
        .exec_with_returning(db)
        .await?;
    Ok(standing.into())
}

/// The change that a server has, where it has one.
///
/// # Errors
/// What the database says.
pub async fn of(db: &impl ConnectionTrait, server: Uuid) -> Result<Option<Change>, DbErr> {
    let row = entity::Entity::find_by_id(server).one(db).await?;
    Ok(row.map(Change::from))
}

/// All that have not ended.
///
/// # Errors
/// What the database says.
pub async fn open(db: &impl ConnectionTrait) -> Result<Vec<Change>, DbErr> {
    let rows = entity::Entity::find().all(db).await?;
    Ok(rows.into_iter().map(Change::from).collect())
}

/// Takes a change out; another one of the same server stays.
///
/// # Errors
/// What the database says.
pub async fn end(db: &impl ConnectionTrait, change: &Change) -> Result<(), DbErr> {
    entity::Entity::delete_many()
        .filter(entity::Column::Server.eq(change.server))
        .filter(entity::Column::Actor.eq(&change.origin.actor))
        .filter(entity::Column::RequestId.eq(&change.origin.request_id))
        .exec(db)
        .await?;
    Ok(())
}

impl From<entity::Model> for Change {
    fn from(row: entity::Model) -> Self {
        let emails = || row.emails.lines().map(str::to_owned).collect();
        Self {
            server: row.server,
            what: match row.what.as_str() {
                "contact" => What::Contact(emails()),
                "roll-key" => What::RollKey,
                _ => What::Deactivate,
            },
            origin: Origin {
                actor: row.actor,
                request_id: row.request_id,
                request_digest: row.request_digest,
                correlation_id: row.correlation,
                causation_id: row.causation,
                unchanged_since: None,
            },
        }
    }
}

mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "server_change")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub server: Uuid,
        pub what: String,
        pub emails: String,
        pub actor: String,
        pub request_id: String,
        pub request_digest: String,
        pub correlation: Uuid,
        pub causation: Option<Uuid>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `server_change`.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20260101_000010_server_change"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use sea_orm_migration::schema::{string, text, uuid, uuid_null};
        let table = Table::create()
            .table("server_change")
            .col(uuid("server").primary_key())
            .col(string("what"))
            .col(text("emails"))
            .col(string("actor"))
            .col(string("request_id"))
            .col(string("request_digest"))
            .col(uuid("correlation"))
            .col(uuid_null("causation"))
            .to_owned();
        manager.create_table(table).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::database;

    fn change(request_id: &str, what: What) -> Change {
        Change {
            server: Uuid::from_u128(1),
            what,
            origin: Origin {
                actor: "token/1".into(),
                request_id: request_id.into(),
                request_digest: "ab".into(),
                correlation_id: Uuid::from_u128(2),
                causation_id: None,
                unchanged_since: None,
            },
        }
    }

    #[tokio::test]
    async fn a_server_has_one_change_until_that_ends() {
        let db = database(vec![Box::new(Migration)]).await;
        let emails = vec!["z@example.com".to_owned(), "a@example.com".to_owned()];
        let (first, second) = (
            change("one", What::Contact(emails)),
            change("two", What::Deactivate),
        );
        assert_eq!(begin(&db, &first).await.unwrap(), first);
        assert_eq!(begin(&db, &second).await.unwrap(), first);
        assert_eq!(of(&db, first.server).await.unwrap(), Some(first.clone()));
        end(&db, &second).await.unwrap();
        assert_eq!(open(&db).await.unwrap(), std::slice::from_ref(&first));
        end(&db, &first).await.unwrap();
        assert_eq!(begin(&db, &second).await.unwrap(), second);
        end(&db, &second).await.unwrap();
        let none = change("three", What::Contact(vec![]));
        assert_eq!(begin(&db, &none).await.unwrap(), none);
    }
}
