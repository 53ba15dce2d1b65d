//! Which certificates may have a text in one of their names: those that have each three letters of it. Who asks compares
//! the names themselves.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sea_orm::{
    ConnectionTrait, DbErr,
    sea_query::{Alias, Asterisk, Expr, ExprTrait, Query, SelectStatement},
};

use crate::tables::certificate_gram::{Column, Entity, grams};

/// How many certificates have letters that are not few: they are not counted again each time. Clones share it.
///
/// What has become rarer since, or is in other tables, costs time alone.
#[derive(Debug, Clone, Default)]
pub struct Common(Arc<Mutex<HashMap<i32, u64>>>);

impl Common {
    fn known(&self) -> MutexGuard<'_, HashMap<i32, u64>> {
        // It is whole at any time.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many certificates have these letters, up to [`MANY`].
    async fn count(&self, database: &impl ConnectionTrait, gram: i32) -> Result<u64, DbErr> {
        let known = self.known().get(&gram).copied();
        if let Some(count) = known {
            return Ok(count);
        }
        let having = having([gram]).limit(MANY).to_owned();
        let count = counted(database, having).await?;
        if count >= MOST {
            self.known().insert(gram, count);
        }
        Ok(count)
    }
}

/// The certificates' numbers, as a set in SQL; nothing, where they are not few, or it cannot be told.
///
/// # Errors
/// What the database says.
pub async fn few(
    database: &impl ConnectionTrait,
    texts: &[String],
    common: &Common,
) -> Result<Option<SelectStatement>, DbErr> {
    let grams = texts.iter().flat_map(|text| grams(text));
    let mut rarest = Vec::new();
    for gram in grams.collect::<BTreeSet<_>>() {
        let count = common.count(database, gram).await?;
        rarest.push((count, gram));
        if count == 0 {
            break;
        }
    }
    rarest.sort_unstable();
    rarest.truncate(TOGETHER);
    if rarest.first().is_none_or(|(least, _)| *least >= MANY) {
        return Ok(None);
    }
    let having = having(rarest.into_iter().map(|(_, gram)| gram));
    // Looked at only as far as it takes to know.
    let found = counted(database, having.clone().limit(MOST + 1).to_owned()).await?;
    Ok((found <= MOST).then_some(having))
}

/// How many rows it yields.
async fn counted(database: &impl ConnectionTrait, rows: SelectStatement) -> Result<u64, DbErr> {
    let count = Query::select()
        .expr(Expr::col(Asterisk).count())
        .from_subquery(rows, Alias::new("rows"))
        .to_owned();
    let row = database.query_one(&count).await?;
    let count = row.map(|row| row.try_get_by_index::<i64>(0)).transpose()?;
    Ok(count.unwrap_or_default().cast_unsigned())
}

/// The numbers of those that have all of these.
fn having(grams: impl IntoIterator<Item = i32>) -> SelectStatement {
    let first = Alias::new("g0");
    let mut all = Query::select();
    all.column((first.clone(), Column::Number))
        .from_as(Entity, first.clone());
    for (n, gram) in grams.into_iter().enumerate() {
        let this = Alias::new(format!("g{n}"));
        let is = Expr::col((this.clone(), Column::Gram)).eq(gram);
        if n == 0 {
            all.and_where(is);
            continue;
        }
        let too = Query::select()
            .expr(Expr::val(1))
            .from_as(Entity, this.clone())
            .and_where(is)
            .and_where(Expr::col((this, Column::Number)).equals((first.clone(), Column::Number)))
            .to_owned();
        all.and_where(Expr::exists(too));
    }
    all
}

/// So many are put in order sooner than the list is walked past those between them.
const MOST: u64 = 4_000;

/// Letters that so many have tell nothing.
const MANY: u64 = 10 * MOST;

/// More of them leave hardly fewer.
const TOGETHER: usize = 5;
