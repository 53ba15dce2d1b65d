//! Claiming a unique name for an aggregate whose first event is about to come.

use eventlog::{Aggregate, EventLog};
use sea_orm::DatabaseConnection;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    names::{self, Claim, Kind},
    refusal::CommandError,
};

/// An aggregate whose name no other may have.
pub trait Named: Aggregate {
    /// Its name, once it has one.
    fn name(&self) -> Option<&str>;
}

/// Whether a name could be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claimed {
    /// It is ours, now or since an earlier try.
    Ours,
    /// Another has it.
    Taken,
}

/// Claims the name for `id`. A claim that another made a while ago, and whose aggregate does not have
/// that name by the log, was left by a crash: it is swept.
///
/// # Errors
/// Where the log or the database does not answer.
pub async fn claim<A: Named>(
    log: &EventLog,
    database: &DatabaseConnection,
    kind: Kind,
    name: &str,
    id: Uuid,
    now: OffsetDateTime,
) -> Result<Claimed, CommandError> {
    let mine = Claim {
        owner: id,
        since: now,
    };
    let standing = names::claim(database, kind, name, mine).await?;
    if standing.owner == id {
        return Ok(Claimed::Ours);
    }
    if now - standing.since < LONGEST_COMMAND {
        return Ok(Claimed::Taken);
    }
    let owner = log.load::<A>(&standing.owner.to_string()).await;
    let owner = owner.map_err(CommandError::Log)?.state;
    // That it exists is not enough: of two requests with one id, the refused one may have claimed a
    // name that its winner does not have.
    if owner.name().is_some_and(|own| names::are_one(own, name)) {
        return Ok(Claimed::Taken);
    }
    names::release(database, kind, name, standing.owner).await?;
    let standing = names::claim(database, kind, name, mine).await?;
    Ok(if standing.owner == id {
        Claimed::Ours
    } else {
        Claimed::Taken
    })
}

/// No command takes longer from its claim to its event.
const LONGEST_COMMAND: Duration = Duration::minutes(10);
