//! Sessions that end: what the log is owed about them.

use api::gateway::v1::SessionEnd;
use eventlog::Origin;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};
use sea_orm_migration::prelude::*;
use uuid::Uuid;

use super::entity;

/// How a session ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// Why.
    pub reason: SessionEnd,
    /// Who ends it.
    pub actor: String,
    /// What that belongs to.
    pub correlation: Uuid,
    /// The event that ends it, where one does.
    pub cause: Option<Uuid>,
}

impl Ending {
    /// What the event brings: a session ends once, so whoever says so to the log says the same.
    pub fn origin(&self, session: Uuid) -> Origin {
        Origin {
            actor: self.actor.clone(),
            request_id: format!("session-ended-{session}"),
            request_digest: session.to_string(),
            correlation_id: self.correlation,
            causation_id: self.cause,
            unchanged_since: None,
        }
    }
}

/// Ends one, from now on. `false`: it is gone, or ends already.
///
/// # Errors
/// What the database says.
pub async fn end(db: &impl ConnectionTrait, id: Uuid, ending: &Ending) -> Result<bool, DbErr> {
    let this = entity::Column::Id
        .eq(id)
        .and(entity::Column::Confirmed.eq(true));
    Ok(end_where(db, this.into_condition(), ending).await? > 0)
}

/// Ends those of a person, but for one. How many there were.
///
/// # Errors
/// What the database says.
pub async fn end_all_of(
    db: &impl ConnectionTrait,
    user: Uuid,
    but: Option<Uuid>,
    ending: &Ending,
) -> Result<u64, DbErr> {
    use entity::Column as C;
    let mut his = Condition::all()
        .add(C::User.eq(user))
        .add(C::Confirmed.eq(true));
    if let Some(but) = but {
        his = his.add(C::Id.ne(but));
    }
    end_where(db, his, ending).await
}

async fn end_where(
    db: &impl ConnectionTrait,
    which: Condition,
    ending: &Ending,
) -> Result<u64, DbErr> {
    use entity::Column as C;
    let done = entity::Entity::update_many()
        .col_expr(C::Ending, Expr::value(i32::from(ending.reason)))
        .col_expr(C::EndingActor, Expr::value(ending.actor.clone()))
        .col_expr(C::EndingCorrelation, Expr::value(ending.correlation))
        .col_expr(C::EndingCause, Expr::value(ending.cause))
        // Nobody needs to know any more where it was.
        .col_expr(C::Address, Expr::value(""))
        .col_expr(C::UserAgent, Expr::value(""))
        .filter(which)
        // Who ended it first has ended it.
        .filter(C::Ending.is_null())
        .exec(db)
        .await?;
    Ok(done.rows_affected)
}

/// Some of those whose end the log is still to be told of.
///
/// # Errors
/// What the database says.
pub async fn owed(db: &impl ConnectionTrait) -> Result<Vec<(Uuid, Ending)>, DbErr> {
    let rows = entity::Entity::find()
        .filter(entity::Column::Ending.is_not_null())
        .limit(AT_A_TIME)
        .all(db)
        .await?;
    let owed = rows.into_iter().map(|row| {
        let ending = Ending {
            reason: SessionEnd::try_from(row.ending.unwrap_or_default()).unwrap_or_default(),
            actor: row.ending_actor.unwrap_or_default(),
            correlation: row.ending_correlation.unwrap_or_default(),
            cause: row.ending_cause,
        };
        (row.id, ending)
    });
    Ok(owed.collect())
}

const AT_A_TIME: u64 = 100;
