//! What commands on people and their sessions do, step by step: what may not stand in the log goes into the
//! database first, then the event, and the rows follow from it ([`crate::follow`]). A repeat goes through all of it
//! again, and finds what the first try did; what no event followed is swept ([`chores`]).
//!
//! Without the log nobody signs in and nothing is changed, and everybody is told so; sessions that are open
//! stay open, for the rows are here.

pub mod chores;
mod devices;
mod directory;
mod link;
mod machine;
mod passwords;
mod refusal;
mod refused;
mod sessions;
mod tokens;
mod users;

use std::{path::PathBuf, sync::Arc};

use eventlog::{Changed, ClaimError, EventLog, LogError, Origin};
use runtime::Clock;
use sea_orm::{DatabaseConnection, DbErr};
use time::Duration;
use tokio::sync::{Notify, watch};
use uuid::Uuid;

use crate::{
    follow::Progress,
    password::{HashError, Passwords},
    rows,
};

pub use self::{
    devices::{BegunLogin, POLL_EVERY, WaitingLogin},
    link::Link,
    machine::{MachineError, MachineLink, reset_admin},
    passwords::{Checked, Credentials},
    refusal::Refusal,
    refused::{Refusals, id as refused_id},
    sessions::{NewSession, OpenSession, Visit},
    tokens::{CreatedToken, Whose},
    users::{Created, Invited, NewUser},
};

/// What commands work with. Cheap to clone.
#[derive(Clone)]
pub struct Commands {
    /// Where events go, once it is there.
    pub log: watch::Receiver<Option<EventLog>>,
    /// Where people are.
    pub database: DatabaseConnection,
    /// How far the rows are.
    pub progress: Progress,
    /// The position of the last event that changed them here.
    pub changed: watch::Sender<u64>,
    /// Computes hashes.
    pub passwords: Passwords,
    /// How long sessions live.
    pub lives: Lives,
    /// What the gateway knows of the set-up code.
    pub set_up_file: PathBuf,
    /// Whether the set-up is done, as far as is known here.
    pub set_up: watch::Sender<bool>,
    /// Notified where a session ends.
    pub ending: Arc<Notify>,
    /// The time.
    pub clock: Clock,
}

/// How long sessions live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lives {
    /// Without use.
    pub idle: Duration,
    /// In all.
    pub whole: Duration,
}

/// Why a command was not done.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The rules said no; the caller can act on it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The event log is not there yet.
    #[error("the event log is away: nobody signs in and no user is changed until it is back")]
    LogAway,
    /// This request id was used before, for another command.
    #[error("the request id was used before for another command")]
    RequestIdReused,
    /// Others kept changing the same thing.
    #[error("others keep changing this at the same time; try again")]
    Contended,
    /// It has changed since the caller read it.
    #[error(transparent)]
    Changed(Changed),
    /// The event log did not do its part. The event may be stored: the same request again finds out.
    #[error("the event log did not do its part")]
    Log(#[source] LogError),
    /// The tables do not reach the log's end in time.
    #[error("the gateway's tables are behind the log; try again in a moment")]
    Behind,
    /// The database did not answer.
    #[error("the database does not answer")]
    Database(#[from] DbErr),
    /// A password was not hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The machine gave no random numbers.
    #[error("the machine gave no random numbers")]
    Random,
    /// What the gateway knows of the set-up code cannot be read.
    #[error("cannot read the digest of the set-up code")]
    SetUpFile(#[source] std::io::Error),
}

impl<R: Into<Refusal>> From<eventlog::CommandError<R>> for CommandError {
    fn from(error: eventlog::CommandError<R>) -> Self {
        match error {
            eventlog::CommandError::Refused(refusal) => Self::Refused(refusal.into()),
            eventlog::CommandError::RequestIdReused => Self::RequestIdReused,
            eventlog::CommandError::Contended => Self::Contended,
            eventlog::CommandError::Changed(changed) => Self::Changed(changed),
            eventlog::CommandError::Failed(log) => Self::Log(log),
        }
    }
}

impl From<ClaimError> for CommandError {
    fn from(error: ClaimError) -> Self {
        match error {
            ClaimError::Reused => Self::RequestIdReused,
            ClaimError::Database(database) => Self::Database(database),
        }
    }
}

impl Commands {
    /// The event log.
    ///
    /// # Errors
    /// [`CommandError::LogAway`].
    pub fn log(&self) -> Result<EventLog, CommandError> {
        self.log.borrow().clone().ok_or(CommandError::LogAway)
    }

    /// Whether the set-up is done: then the set-up link and the bootstrap token open nothing.
    ///
    /// # Errors
    /// What the database says.
    pub async fn is_set_up(&self) -> Result<bool, DbErr> {
        if *self.set_up.borrow() {
            return Ok(true);
        }
        let done = rows::set_up::is_done(&self.database).await?;
        if done {
            self.set_up.send_replace(true);
        }
        Ok(done)
    }

    /// What a person's own command brings: each is a request of its own.
    pub fn origin_of(&self, user: Uuid) -> Origin {
        let request = self.clock.new_id().to_string();
        Origin {
            actor: actor(user),
            request_digest: request.clone(),
            request_id: request,
            correlation_id: self.clock.new_id(),
            causation_id: None,
            unchanged_since: None,
        }
    }
}

/// A person, as he stands in events.
pub fn actor(user: Uuid) -> String {
    format!("user/{user}")
}

/// No command takes longer from its first row to its event.
const LONGEST_COMMAND: Duration = Duration::minutes(10);
