//! The rows of the log as proof that a batch adds: the tree's new leaves, and what is signed and given out.

use std::collections::BTreeMap;

use eventlog::{
    ApplyError, Recorded,
    proof::{Tiles, tile},
};
use sea_orm::{ConnectionTrait, DbErr};

use super::write;
use crate::{
    events::SealEvent,
    query::tree,
    tables::{checkpoint, cosignature, disclosure, instant::micros, tile as row},
};

/// Adds a leaf for each event. The tree is as high as the event before the first of them.
pub(super) async fn grow(
    tx: &impl ConnectionTrait,
    events: &[&Recorded],
) -> Result<(), ApplyError> {
    let Some(first) = events.first() else {
        return Ok(());
    };
    let size = first.sequence - 1;
    let read = tree::tiles(tx, &tile::growing(size)).await;
    let mut tiles: Tiles = read.map_err(|error| match error {
        tree::TreeError::Database(error) => ApplyError::Database(error),
        tree::TreeError::Damaged => ApplyError::event(first, error),
    })?;
    for event in events {
        let grown = tiles.push(event.sequence - 1, event.leaf);
        grown.map_err(|misfit| ApplyError::event(event, misfit))?;
    }
    let rows = tiles.rows().map(|(id, hashes)| row::Model::of(id, hashes));
    Ok(write::put::<row::Entity>(tx, rows).await?)
}

/// What is signed and given out.
#[derive(Debug, Default)]
pub(super) struct Seals {
    checkpoints: BTreeMap<i64, checkpoint::Model>,
    cosignatures: BTreeMap<(i64, String), cosignature::Model>,
    disclosures: Vec<disclosure::Model>,
}

impl Seals {
    /// Takes in one event of the seal.
    pub(super) fn take(&mut self, recorded: &Recorded, event: SealEvent) {
        match event {
            SealEvent::Signed(event) => {
                let row = checkpoint::Model::of(event, micros(recorded.time), recorded.sequence);
                self.checkpoints.insert(row.size, row);
            }
            SealEvent::Cosigned(event) => {
                let row = cosignature::Model::of(event);
                self.cosignatures
                    .insert((row.size, row.witness.clone()), row);
            }
            // They stand for themselves, among the events.
            SealEvent::DamageFound(_) | SealEvent::FoundWhole(_) => {}
        }
    }

    /// Somebody could read a key.
    pub(super) fn disclosed(&mut self, row: disclosure::Model) {
        self.disclosures.push(row);
    }

    /// Writes all rows.
    pub(super) async fn store(self, tx: &impl ConnectionTrait) -> Result<(), DbErr> {
        write::put::<checkpoint::Entity>(tx, self.checkpoints.into_values()).await?;
        write::put::<cosignature::Entity>(tx, self.cosignatures.into_values()).await?;
        write::put::<disclosure::Entity>(tx, self.disclosures).await
    }
}
