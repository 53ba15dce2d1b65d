//! Which certificates may have a text in one of their names: those that have each three letters of it. Who asks compares
//! the names themselves.

use std::{
    collections::{BTreeSet, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sea_orm::{
    ConnectionTrait, DbErr,
    sea_query::{Alias, Asterisk, Expr, ExprTrait, Query, SelectStatement},
};

use crate::tables::certificate_gram::{Column, Entity, grams};

/// Letters of which it is known that very many certificates have them: they are not counted each time. Clones share it.
///
/// What has become rare since, or is rare in other tables, is taken for common: that costs time alone.
#[derive(Debug, Clone, Default)]
pub struct Common(Arc<Mutex<HashSet<i32>>>);

impl Common {
    fn known(&self) -> MutexGuard<'_, HashSet<i32>> {
        // It is whole at any time.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
    let mut grams = grams.collect::<BTreeSet<_>>();
    {
        let known = common.known();
        grams.retain(|gram| !known.contains(gram));
    }
    for most in [MOST / 10, MOST, MANY] {
        let mut counted = counts(database, &grams, most).await?;
        if most == MANY {
            let many = counted.iter().filter(|(count, _)| *count == MANY);
            common.known().extend(many.map(|(_, gram)| gram));
        }
        counted.sort_unstable();
        let Some((least, _)) = counted.first() else {
            return Ok(None);
        };
        if *least >= most {
            continue;
        }
        let rarest = counted.iter().map(|(_, gram)| *gram).take(TOGETHER);
        let having = having(rarest.collect());
        // Looked at only as far as it takes to know.
        let some = having.clone().limit(MOST + 1).to_owned();
        let found = Query::select()
            .expr(Expr::col(Asterisk).count())
            .from_subquery(some, Alias::new("some"))
            .to_owned();
        let statement = database.get_database_backend().build(&found);
        let row = database.query_one_raw(statement).await?;
        let found = row.map(|row| row.try_get_by_index::<i64>(0)).transpose()?;
        let few = found.is_some_and(|found| found <= MOST as i64);
        return Ok(few.then_some(having));
    }
    Ok(None)
}

/// How many certificates have each of them, up to `most`.
async fn counts(
    database: &impl ConnectionTrait,
    grams: &BTreeSet<i32>,
    most: u64,
) -> Result<Vec<(u64, i32)>, DbErr> {
    let mut counts = Vec::with_capacity(grams.len());
    for gram in grams {
        let some = Query::select()
            .expr(Expr::val(1))
            .from(Entity)
            .and_where(Expr::col(Column::Gram).eq(*gram))
            .limit(most)
            .to_owned();
        let count = Query::select()
            .expr(Expr::col(Asterisk).count())
            .from_subquery(some, Alias::new("some"))
            .to_owned();
        let statement = database.get_database_backend().build(&count);
        let row = database.query_one_raw(statement).await?;
        let count = row.map(|row| row.try_get_by_index::<i64>(0)).transpose()?;
        let count = count.unwrap_or_default().cast_unsigned();
        counts.push((count, *gram));
        if count == 0 {
            break;
        }
    }
    Ok(counts)
}

/// The numbers of those that have all of these.
fn having(grams: Vec<i32>) -> SelectStatement {
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
