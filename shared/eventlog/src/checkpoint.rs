//! How far a follower has come: the sequence, and a hash of the event there.

use aws_lc_rs::digest;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait as _, ConnectionTrait, DbErr, EntityTrait as _, QueryFilter as _,
    sea_query::{Expr, OnConflict},
};
use sea_orm_migration::{
    MigrationName, MigrationTrait, SchemaManager,
    prelude::Table,
    schema::{big_integer, binary, string},
};

use crate::envelope::Recorded;

/// A place in the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// The last event that took effect, 0 before the first.
    pub sequence: u64,
    /// SHA-256 of that event; zeros before the first.
    pub hash: [u8; 32],
}

impl Checkpoint {
    /// The place of an event.
    pub fn at(event: &Recorded) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest_of(event).as_ref());
        Self {
            sequence: event.sequence,
            hash,
        }
    }
}

/// The table that a follower's database needs.
pub fn migration() -> Box<dyn MigrationTrait> {
    Box::new(CreateTable)
}

/// Where the follower of that name stands; the start of the log where it has not begun.
///
/// # Errors
/// What the database says.
pub async fn checkpoint(db: &impl ConnectionTrait, name: &str) -> Result<Checkpoint, DbErr> {
    let Some(row) = table::Entity::find_by_id(name).one(db).await? else {
        return Ok(Checkpoint::default());
    };
    let hash = row.hash.try_into().map_err(|_| {
        DbErr::Type(format!(
            "the hash of checkpoint {name} is not 32 bytes long"
        ))
    })?;
    Ok(Checkpoint {
        sequence: row.sequence.cast_unsigned(),
        hash,
    })
}

/// Says that rows are as of `to`, whatever was said before: for rows that were made otherwise than by a follower,
/// in tables that none follows yet.
///
/// # Errors
/// What the database says.
pub async fn put(db: &impl ConnectionTrait, name: &str, to: Checkpoint) -> Result<(), DbErr> {
    let row = table::ActiveModel {
        follower: Set(name.to_owned()),
        sequence: Set(to.sequence.cast_signed()),
        hash: Set(to.hash.to_vec()),
    };
    let replace = OnConflict::column(table::Column::Follower)
        .update_columns([table::Column::Sequence, table::Column::Hash])
        .to_owned();
    table::Entity::insert(row)
        .on_conflict(replace)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// Moves a checkpoint on, where it still stands at `from`; says whether it did.
pub(crate) async fn advance(
    db: &impl ConnectionTrait,
    name: &str,
    from: Checkpoint,
    to: Checkpoint,
) -> Result<bool, DbErr> {
    let moved = if from.sequence == 0 {
        let row = table::ActiveModel {
            follower: Set(name.to_owned()),
            sequence: Set(to.sequence.cast_signed()),
            hash: Set(to.hash.to_vec()),
        };
        let keep = OnConflict::column(table::Column::Follower)
            .do_nothing()
            .to_owned();
        table::Entity::insert(row)
            .on_conflict(keep)
            .exec_without_returning(db)
            .await?
    } else {
        table::Entity::update_many()
            .col_expr(
                table::Column::Sequence,
                Expr::value(to.sequence.cast_signed()),
            )
            .col_expr(table::Column::Hash, Expr::value(to.hash.to_vec()))
            .filter(table::Column::Follower.eq(name))
            .filter(table::Column::Sequence.eq(from.sequence.cast_signed()))
            .exec(db)
            .await?
            .rows_affected
    };
    Ok(moved == 1)
}

/// All that makes it this event, each part with its length.
fn digest_of(event: &Recorded) -> digest::Digest {
    let mut hash = digest::Context::new(&digest::SHA256);
    let stored = event.stored.unix_timestamp_nanos().to_be_bytes();
    for part in [
        event.sequence.to_be_bytes().as_slice(),
        &stored,
        event.aggregate.as_bytes(),
        event.id.as_bytes(),
        event.event.as_bytes(),
        event.event_id.as_bytes(),
        event.actor.as_bytes(),
        &event.body,
    ] {
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finish()
}

mod table {
    use sea_orm::entity::prelude::*;

    /// One follower's checkpoint.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "follower_checkpoint")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub follower: String,
        pub sequence: i64,
        pub hash: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

struct CreateTable;

impl MigrationName for CreateTable {
    fn name(&self) -> &str {
        "eventlog_000001_follower_checkpoint"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateTable {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("follower_checkpoint")
                    .col(string("follower").primary_key())
                    .col(big_integer("sequence"))
                    .col(binary("hash"))
                    .to_owned(),
            )
            .await
    }
}
