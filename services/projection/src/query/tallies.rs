//! The counts that are kept.

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, DbErr, EntityTrait, QueryOrder};

use crate::tables::tally::{Column, Entity, Model, What};

/// All of them, as of one moment.
#[derive(Debug, Clone, Default)]
pub struct Tallies(BTreeMap<i32, Vec<Model>>);

/// Reads them.
///
/// # Errors
/// What the database says.
pub async fn read(database: &impl ConnectionTrait) -> Result<Tallies, DbErr> {
    let rows = Entity::find()
        .order_by_asc(Column::What)
        .order_by_asc(Column::Part)
        .all(database)
        .await?;
    let mut all = BTreeMap::<i32, Vec<Model>>::new();
    for row in rows {
        all.entry(row.what).or_default().push(row);
    }
    Ok(Tallies(all))
}

impl Tallies {
    /// How many there are, in all parts.
    pub fn of(&self, what: What) -> i64 {
        self.parts(what).map(|(_, rows)| rows).sum()
    }

    /// How many there are in each part.
    pub fn parts(&self, what: What) -> impl Iterator<Item = (&str, i64)> {
        let rows = self.0.get(&(what as i32)).into_iter().flatten();
        rows.map(|row| (row.part.as_str(), row.rows))
    }
}
