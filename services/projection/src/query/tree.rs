//! Roots of the tree over the log, and paths through it: each from a handful of its rows.

use eventlog::proof::{
    Hash, Tiles,
    path::{self, Node},
    tile::{self, TileId},
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter,
};

use crate::{
    refusal::Refusal,
    tables::tile::{Column, Entity, key},
};

/// Why the tree cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// The database did not answer.
    #[error("the database did not answer")]
    Database(#[from] DbErr),
    /// A row is missing, or holds something else.
    #[error("the rows are not those of the tree: rebuild the tables")]
    Damaged,
}

impl From<TreeError> for Refusal {
    fn from(error: TreeError) -> Self {
        match error {
            TreeError::Database(error) => Self::Database(error),
            TreeError::Damaged => Self::Damaged {
                table: "tree_tile",
                source: error.into(),
            },
        }
    }
}

/// These tiles, as far as they are there.
///
/// # Errors
/// [`TreeError`].
pub async fn tiles(database: &impl ConnectionTrait, ids: &[TileId]) -> Result<Tiles, TreeError> {
    if ids.is_empty() {
        return Ok(Tiles::default());
    }
    let mut any = Condition::any();
    for id in ids {
        let (level, place) = key(*id);
        any = any.add(Column::Level.eq(level).and(Column::Place.eq(place)));
    }
    found(database, any).await
}

/// The leaves of the events from `first` to `last`, in the tiles that hold them.
///
/// # Errors
/// [`TreeError`].
pub async fn leaves(
    database: &impl ConnectionTrait,
    first: u64,
    last: u64,
) -> Result<Tiles, TreeError> {
    let place = |sequence: u64| (sequence.saturating_sub(1) / tile::WIDTH).cast_signed();
    let some = Column::Level
        .eq(0)
        .and(Column::Place.between(place(first), place(last)));
    found(database, Condition::all().add(some)).await
}

/// The leaf of an event, from tiles that hold it.
pub fn leaf(tiles: &Tiles, sequence: u64) -> Option<Hash> {
    let index = sequence.checked_sub(1)?;
    tiles.node(Node { height: 0, index })
}

/// The root over the first `size` events, which the tables must hold.
///
/// # Errors
/// [`TreeError`].
pub async fn root(database: &impl ConnectionTrait, size: u64) -> Result<Hash, TreeError> {
    ask(database, |node| path::root(size, &mut |n| node(n))).await
}

/// The path from an event to the root over the first `size`, which hold it.
///
/// # Errors
/// [`TreeError`].
pub async fn inclusion(
    database: &impl ConnectionTrait,
    sequence: u64,
    size: u64,
) -> Result<Vec<Hash>, TreeError> {
    let index = sequence.saturating_sub(1);
    ask(database, |node| {
        path::inclusion(index, size, &mut |n| node(n))
    })
    .await
}

/// The path which shows that the first `later` events begin with the first `earlier`.
///
/// # Errors
/// [`TreeError`].
pub async fn consistency(
    database: &impl ConnectionTrait,
    earlier: u64,
    later: u64,
) -> Result<Vec<Hash>, TreeError> {
    ask(database, |node| {
        path::consistency(earlier, later, &mut |n| node(n))
    })
    .await
}

/// Asks twice: first to see which rows it takes, then with them.
async fn ask<T>(
    database: &impl ConnectionTrait,
    question: impl Fn(&mut dyn FnMut(Node) -> Option<Hash>) -> Option<T>,
) -> Result<T, TreeError> {
    let tiles = tiles(database, &tile::needed(&question)).await?;
    question(&mut |node| tiles.node(node)).ok_or(TreeError::Damaged)
}

async fn found(database: &impl ConnectionTrait, condition: Condition) -> Result<Tiles, TreeError> {
    let mut tiles = Tiles::default();
    for row in Entity::find().filter(condition).all(database).await? {
        tiles.put(row.id(), &row.hashes).ok_or(TreeError::Damaged)?;
    }
    Ok(tiles)
}
