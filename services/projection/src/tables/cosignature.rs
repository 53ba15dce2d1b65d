//! What witnesses have signed, too.

use api::projection::v1::CheckpointCosigned;
use sea_orm::entity::prelude::*;

/// One witness's signature under one checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "cosignature")]
pub struct Model {
    /// The checkpoint's.
    #[sea_orm(primary_key, auto_increment = false)]
    pub size: i64,
    /// The name of his key.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub witness: String,
    /// The line of the note.
    #[sea_orm(column_type = "Text")]
    pub line: String,
}

/// None: found by the checkpoint.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The row of a signature.
    pub fn of(event: CheckpointCosigned) -> Self {
        Self {
            size: event.size.cast_signed(),
            witness: event.witness,
            line: event.line,
        }
    }
}
