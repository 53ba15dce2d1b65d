//! The table `schedule`: a row for each automation, kept by a follower of the log, with two times that
//! have an index each: when it begins something by itself, and when its CA is asked when to renew it.

use std::{collections::HashMap, sync::Arc};

use eventlog::Recorded;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{Expr, ExprTrait as _, OnConflict},
};
use time::OffsetDateTime;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::{
    automation::Agenda,
    events::AutomationEvent as Event,
    outbox,
    together::{Heard, Rows},
};

mod table;

pub use table::{Migration, PositionMigration};

use table::{Column, Entity, Model, microseconds};

/// An automation that has something to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Which.
    pub automation: Uuid,
    /// What the row knows of it.
    pub agenda: Agenda,
    /// The sequence of the last event that is in it.
    pub position: u64,
}

/// An automation whose CA is to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Which.
    pub automation: Uuid,
    /// How often in a row the CA had no answer.
    pub failures: u32,
    /// The version that the row speaks of.
    version: i64,
}

/// What is due, the oldest first.
///
/// # Errors
/// What the database says.
pub async fn due(
    db: &impl ConnectionTrait,
    now: OffsetDateTime,
    most: usize,
) -> Result<Vec<Due>, DbErr> {
    let rows = Entity::find()
        .filter(Column::NextAt.lte(microseconds(now)))
        .order_by_asc(Column::NextAt)
        .limit(most as u64)
        .all(db)
        .await?;
    let due = rows.into_iter().map(|row| Due {
        automation: row.automation,
        agenda: row.agenda(),
        position: row.position.try_into().unwrap_or(0),
    });
    Ok(due.collect())
}

/// When the next one is due.
///
/// # Errors
/// What the database says.
pub async fn earliest(db: &impl ConnectionTrait) -> Result<Option<OffsetDateTime>, DbErr> {
    first(db, Column::NextAt).await
}

/// How many orders are wanted or under way, but for those that wait for room at their CA; counts up to `most`.
///
/// # Errors
/// What the database says.
pub async fn busy(
    db: &impl ConnectionTrait,
    now: OffsetDateTime,
    most: usize,
) -> Result<usize, DbErr> {
    let rows = Entity::find()
        .select_only()
        .column(Column::Automation)
        .filter(Column::Busy.eq(true))
        .filter(Column::Automation.not_in_subquery(outbox::put_off(now)))
        .limit(most as u64)
        .into_tuple::<Uuid>()
        .all(db)
        .await?;
    Ok(rows.len())
}

/// These have begun: until the follower says so too, nobody else begins them.
///
/// # Errors
/// What the database says.
pub async fn begun(db: &impl ConnectionTrait, these: &[Due]) -> Result<(), DbErr> {
    let row = table::ActiveModel {
        busy: Set(true),
        next_at: Set(None),
        ..Default::default()
    };
    change(db, these, row).await
}

/// These are looked at again then, unless an event of theirs comes before.
///
/// # Errors
/// What the database says.
pub async fn put_off(
    db: &impl ConnectionTrait,
    these: &[Due],
    until: OffsetDateTime,
) -> Result<(), DbErr> {
    let row = table::ActiveModel {
        next_at: Set(Some(microseconds(until))),
        ..Default::default()
    };
    change(db, these, row).await
}

/// Changes the rows that are as they were: where the follower was here before, they say more than we know.
async fn change(
    db: &impl ConnectionTrait,
    these: &[Due],
    row: table::ActiveModel,
) -> Result<(), DbErr> {
    let as_they_were =
        || Expr::tuple([Column::Automation.into_expr(), Column::Position.into_expr()]);
    for some in these.chunks(ROWS_AT_A_TIME) {
        let some = some.iter().map(|due| {
            let position = due.position.try_into().unwrap_or(i64::MAX);
            (due.automation, position)
        });
        Entity::update_many()
            .set(row.clone())
            .filter(as_they_were().in_tuples(some.collect::<Vec<(Uuid, i64)>>()))
            .exec(db)
            .await?;
    }
    Ok(())
}

/// Whose CA is to be asked by now, the oldest first.
///
/// # Errors
/// What the database says.
pub async fn to_ask(
    db: &impl ConnectionTrait,
    now: OffsetDateTime,
    most: usize,
) -> Result<Vec<Question>, DbErr> {
    let rows = Entity::find()
        .filter(Column::AskAt.lte(microseconds(now)))
        .order_by_asc(Column::AskAt)
        .limit(most as u64)
        .all(db)
        .await?;
    let questions = rows.into_iter().map(|row| Question {
        automation: row.automation,
        failures: row.ask_failures.try_into().unwrap_or(0),
        version: row.version,
    });
    Ok(questions.collect())
}

/// When the next CA is to be asked.
///
/// # Errors
/// What the database says.
pub async fn earliest_question(db: &impl ConnectionTrait) -> Result<Option<OffsetDateTime>, DbErr> {
    first(db, Column::AskAt).await
}

/// The CA was asked, and is asked again then; about a version that came meanwhile it is asked as planned.
///
/// # Errors
/// What the database says.
pub async fn asked(
    db: &impl ConnectionTrait,
    question: &Question,
    failures: u32,
    again: OffsetDateTime,
) -> Result<(), DbErr> {
    let row = table::ActiveModel {
        ask_at: Set(Some(microseconds(again))),
        ask_failures: Set(failures.try_into().unwrap_or(i32::MAX)),
        ..Default::default()
    };
    Entity::update_many()
        .set(row)
        .filter(Column::Automation.eq(question.automation))
        .filter(Column::Version.eq(question.version))
        // Paused or cancelled meanwhile: it is not asked again.
        .filter(Column::AskAt.is_not_null())
        .exec(db)
        .await?;
    Ok(())
}

async fn first(db: &impl ConnectionTrait, column: Column) -> Result<Option<OffsetDateTime>, DbErr> {
    let first = Entity::find()
        .select_only()
        .column(column)
        .filter(column.is_not_null())
        .order_by_asc(column)
        .limit(1)
        .into_tuple::<i64>()
        .one(db)
        .await?;
    Ok(first.and_then(table::instant))
}

/// Keeps the rows; tells those who wait for them when there may be new ones.
pub struct Agendas {
    changed: Vec<Arc<Notify>>,
}

impl Agendas {
    /// Each of `changed` is notified after each batch.
    pub fn new(changed: Vec<Arc<Notify>>) -> Self {
        Self { changed }
    }
}

#[async_trait::async_trait]
impl Rows for Agendas {
    async fn hear(&mut self, tx: &DatabaseTransaction, heard: &[Heard<'_>]) -> Result<(), DbErr> {
        let automations = heard.iter().map(|one| one.automation);
        let mut rows = load(tx, automations.collect()).await?;
        for one in heard {
            let row = rows
                .entry(one.automation)
                .or_insert_with(|| Row::new(one.automation));
            row.evolve(&one.event, one.recorded);
        }
        let (asked, as_before) = rows.into_values().partition(|row| row.asks_anew);
        put(tx, asked, &Model::COLUMNS).await?;
        // What the CA was asked meanwhile stays.
        put(tx, as_before, &Model::COLUMNS_BUT_QUESTIONS).await?;
        Ok(())
    }

    fn changed(&self) -> &[Arc<Notify>] {
        &self.changed
    }
}

/// A row as events change it.
struct Row {
    model: Model,
    agenda: Agenda,
    asks_anew: bool,
}

impl Row {
    fn new(automation: Uuid) -> Self {
        Self::from(Model::new(automation))
    }

    fn evolve(&mut self, event: &Event, recorded: &Recorded) {
        let at = recorded.time;
        // Sequences are far from the largest i64.
        self.model.position = recorded.sequence.try_into().unwrap_or(i64::MAX);
        let before = (self.agenda.asks(), self.agenda.version);
        self.agenda.evolve(event, at);
        let asks = self.agenda.asks();
        if (asks, self.agenda.version) != before {
            // At once about a version that is new, or was not asked about for a while.
            self.model.ask_at = asks.then(|| microseconds(at));
            self.model.ask_failures = 0;
            self.asks_anew = true;
        }
    }
}

impl From<Model> for Row {
    fn from(model: Model) -> Self {
        Self {
            agenda: model.agenda(),
            model,
            asks_anew: false,
        }
    }
}

async fn load(
    tx: &DatabaseTransaction,
    mut automations: Vec<Uuid>,
) -> Result<HashMap<Uuid, Row>, DbErr> {
    automations.sort_unstable();
    automations.dedup();
    let mut rows = HashMap::new();
    for some in automations.chunks(ROWS_AT_A_TIME) {
        let found = Entity::find()
            .filter(Column::Automation.is_in(some.iter().copied()))
            .all(tx)
            .await?;
        rows.extend(
            found
                .into_iter()
                .map(|model| (model.automation, model.into())),
        );
    }
    Ok(rows)
}

async fn put(tx: &DatabaseTransaction, rows: Vec<Row>, columns: &[Column]) -> Result<(), DbErr> {
    let models = rows.into_iter().map(|row| row.model.with(&row.agenda));
    let models = models.map(table::ActiveModel::from).collect::<Vec<_>>();
    for some in models.chunks(ROWS_AT_A_TIME) {
        let replace = OnConflict::column(Column::Automation)
            .update_columns(columns.iter().copied())
            .to_owned();
        Entity::insert_many(some.to_vec())
            .on_conflict(replace)
            .exec_without_returning(tx)
            .await?;
    }
    Ok(())
}

/// A statement has at most 32,766 values in SQLite.
const ROWS_AT_A_TIME: usize = 500;

#[cfg(test)]
mod tests;
