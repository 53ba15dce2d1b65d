//! Signed heads of the tree over the log. Not where a follower stands: that is [`eventlog::checkpoint`]'s.

use api::projection::v1::CheckpointSigned;
use sea_orm::entity::prelude::*;

/// One signed head.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "checkpoint")]
pub struct Model {
    /// How many events are under it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub size: i64,
    /// The log's name.
    #[sea_orm(column_type = "Text")]
    pub origin: String,
    /// The root over them.
    #[sea_orm(column_type = "Blob")]
    pub root_hash: Vec<u8>,
    /// As a signed note, with the log's own signature.
    #[sea_orm(column_type = "Text")]
    pub note: String,
    /// What that is verified with.
    #[sea_orm(column_type = "Text")]
    pub verifier_key: String,
    /// When it was signed, microseconds since 1970.
    pub time: i64,
    /// The event of its signing.
    pub sequence: i64,
}

/// None: found by its size.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The row of a head that was signed.
    pub fn of(event: CheckpointSigned, time: i64, sequence: u64) -> Self {
        Self {
            size: event.size.cast_signed(),
            origin: event.origin,
            root_hash: event.root_hash.to_vec(),
            note: event.note,
            verifier_key: event.verifier_key,
            time,
            sequence: sequence.cast_signed(),
        }
    }
}
