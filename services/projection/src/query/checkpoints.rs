//! Signed checkpoints, with what witnesses have signed since.

use api::projection::v1 as answer;
use eventlog::proof::Note;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder};

use crate::{
    refusal::Refusal,
    seal::{self, SEAL},
    tables::{
        checkpoint::{Column, Entity, Model},
        cosignature, event,
        instant::timestamp,
    },
};

/// The newest one; none where none was signed yet.
///
/// # Errors
/// What the database says.
pub async fn newest(database: &impl ConnectionTrait) -> Result<Option<Model>, DbErr> {
    Entity::find()
        .order_by_desc(Column::Size)
        .one(database)
        .await
}

/// The one of this size; the newest for 0.
///
/// # Errors
/// [`Refusal::NotFound`], or what the database says.
pub async fn get(database: &impl ConnectionTrait, size: u64) -> Result<Model, Refusal> {
    let found = match size {
        0 => newest(database).await?,
        _ => {
            let by_size = Entity::find_by_id(size.cast_signed());
            by_size.one(database).await?
        }
    };
    found.ok_or_else(|| match size {
        0 => Refusal::NothingSealed,
        _ => Refusal::NotFound {
            what: "checkpoint of size",
            id: size.to_string(),
        },
    })
}

/// Those over at least `first` and at most `last` events, the smallest first.
///
/// # Errors
/// What the database says.
pub async fn between(
    database: &impl ConnectionTrait,
    first: u64,
    last: u64,
) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::Size.between(first.cast_signed(), last.cast_signed()))
        .order_by_asc(Column::Size)
        .all(database)
        .await
}

/// As it is answered, with all signatures.
///
/// # Errors
/// [`Refusal::Damaged`], or what the database says.
pub async fn answered(
    database: &impl ConnectionTrait,
    row: Model,
) -> Result<answer::Checkpoint, Refusal> {
    let note = signed(database, &row).await?;
    let witnesses = note.signers().filter(|name| *name != row.origin);
    Ok(answer::Checkpoint {
        witnesses: witnesses.map(str::to_owned).collect(),
        note: note.to_string(),
        origin: row.origin,
        size: row.size.cast_unsigned(),
        root_hash: row.root_hash.into(),
        verifier_key: row.verifier_key,
        time: timestamp(row.time),
        position: row.sequence.cast_unsigned(),
    })
}

/// The note with all signatures.
///
/// # Errors
/// [`Refusal::Damaged`], or what the database says.
pub async fn signed(database: &impl ConnectionTrait, row: &Model) -> Result<Note, Refusal> {
    let damaged = |error: eventlog::proof::NoteError| Refusal::Damaged {
        table: "checkpoint",
        source: error.into(),
    };
    let mut note = Note::parse(&row.note).map_err(damaged)?;
    let lines = cosignature::Entity::find()
        .filter(cosignature::Column::Size.eq(row.size))
        .order_by_asc(cosignature::Column::Witness)
        .all(database);
    for line in lines.await? {
        note = note.with_line(&line.line).map_err(damaged)?;
    }
    Ok(note)
}

/// The first event past this one that is not of the seal itself.
///
/// # Errors
/// What the database says.
pub async fn first_unsealed(
    database: &impl ConnectionTrait,
    size: i64,
) -> Result<Option<event::Model>, DbErr> {
    event::Entity::find()
        .filter(event::Column::Sequence.gt(size))
        .filter(event::Column::Aggregate.ne(SEAL))
        .order_by_asc(event::Column::Sequence)
        .one(database)
        .await
}

/// The sequence of the seal's own last event, 0 for none.
///
/// # Errors
/// What the database says.
pub async fn last_of_seal(database: &impl ConnectionTrait) -> Result<u64, DbErr> {
    let last = event::Entity::find()
        .filter(event::Column::Aggregate.eq(SEAL))
        .filter(event::Column::AggregateId.eq(seal::ID))
        .order_by_desc(event::Column::Sequence)
        .one(database)
        .await?;
    Ok(last.map_or(0, |event| event.sequence.cast_unsigned()))
}
