//! Request ids of commands on aggregates that were there before: each is for one command, for good.

use sea_orm::{ActiveValue::Set, ConnectionTrait, DbErr, EntityTrait as _, sea_query::OnConflict};
use sea_orm_migration::{
    MigrationName, MigrationTrait, SchemaManager,
    prelude::{Index, Table},
    schema::string,
};

use crate::envelope::Origin;

/// Why a request id could not be claimed.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// The actor used it before for another command.
    #[error("the request id was used before for another command")]
    Reused,
    /// The database did not answer.
    #[error("cannot look up the request id")]
    Database(#[source] DbErr),
}

/// The table `command_request`.
pub struct RequestLedger;

impl RequestLedger {
    /// Claims the request id for this command; again for the same command is fine. For commands
    /// whose aggregate is not derived from the request id, after `decide` said yes and before the append.
    ///
    /// # Errors
    /// [`ClaimError::Reused`] where it stands for another command, however long ago.
    pub async fn claim(db: &impl ConnectionTrait, origin: &Origin) -> Result<(), ClaimError> {
        let row = table::ActiveModel {
            actor: Set(origin.actor.clone()),
            request_id: Set(origin.request_id.clone()),
            digest: Set(origin.request_digest.clone()),
        };
        let first_wins = OnConflict::columns([table::Column::Actor, table::Column::RequestId])
            .do_nothing()
            .to_owned();
        table::Entity::insert(row)
            .on_conflict(first_wins)
            .exec_without_returning(db)
            .await
            .map_err(ClaimError::Database)?;
        let key = (origin.actor.clone(), origin.request_id.clone());
        let claimed = table::Entity::find_by_id(key)
            .one(db)
            .await
            .map_err(ClaimError::Database)?;
        match claimed {
            Some(claim) if claim.digest == origin.request_digest => Ok(()),
            _ => Err(ClaimError::Reused),
        }
    }
}

/// The table that a ledger needs.
pub fn migration() -> Box<dyn MigrationTrait> {
    Box::new(CreateTable)
}

mod table {
    use sea_orm::entity::prelude::*;

    /// One request id of one actor.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "command_request")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub actor: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub request_id: String,
        pub digest: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

struct CreateTable;

impl MigrationName for CreateTable {
    fn name(&self) -> &str {
        "eventlog_000001_command_request"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateTable {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("command_request")
                    .col(string("actor"))
                    .col(string("request_id"))
                    .col(string("digest"))
                    .primary_key(Index::create().col("actor").col("request_id"))
                    .to_owned(),
            )
            .await
    }
}
