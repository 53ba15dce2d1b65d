//! The tree over the log (RFC 6962), as [`eventlog::proof::tile`] cuts it into rows. It has a leaf for each event that
//! the tables were made from, so it is as many leaves high as the follower's checkpoint says.

use eventlog::proof::tile::TileId;
use sea_orm::entity::prelude::*;

/// One tile.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tree_tile")]
pub struct Model {
    /// 0 for leaves.
    #[sea_orm(primary_key, auto_increment = false)]
    pub level: i32,
    /// Its place among those of its level.
    #[sea_orm(primary_key, auto_increment = false)]
    pub place: i64,
    /// 32 octets each, 64 of them at most.
    #[sea_orm(column_type = "Blob")]
    pub hashes: Vec<u8>,
}

/// None: it stands for itself.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The row of a tile.
    pub fn of(id: TileId, hashes: Vec<u8>) -> Self {
        let (level, place) = key(id);
        Self {
            level,
            place,
            hashes,
        }
    }

    /// Which tile it is.
    pub fn id(&self) -> TileId {
        TileId {
            level: self.level.cast_unsigned(),
            index: self.place.cast_unsigned(),
        }
    }
}

/// What tells a tile's row apart. A tree has ten levels at most, and no more leaves than there are sequences.
pub fn key(id: TileId) -> (i32, i64) {
    (id.level.cast_signed(), id.index.cast_signed())
}
