//! Claiming a unique name for an aggregate whose first event is about to come.

use eventlog::{Aggregate, EventLog};
use sea_orm::DatabaseConnection;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    names::{self, Claim, Kind},
    refusal::CommandError,
};

pub use names::release;

/// Whether a name could be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claimed {
    /// It is ours, now or since an earlier try.
    Ours,
    /// Another has it.
    Taken,
}

/// Claims the name for `id`. A claim that another made a while ago, and whose aggregate the log does
/// not know, was left by a crash: it is swept.
///
/// # Errors
/// Where the log or the database does not answer.
pub async fn claim<A: Aggregate>(
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
    if owner.map_err(CommandError::Log)?.last_sequence > 0 {
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
