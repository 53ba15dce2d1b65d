//! What a command does, step by step: name, addresses and secrets first, then the event. A repeat goes
//! through all of it again, and finds what the first try did.

mod create;
mod delete;
mod test;
mod update;

use eventlog::{Changed, ClaimError, EventLog, LogError, Origin};
use pki::FriendlyName;
use runtime::Clock;
use sea_orm::{DatabaseConnection, DbErr};
use time::Duration;
use tokio::sync::watch;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    channel::{self, Channel, State},
    deliver::Deliverer,
    dispatch::owed::Manners,
    keystore::{Keystore, KeystoreError, Secret},
    refusal::Refusal,
    settings::{
        Settings,
        row::{self, Claim},
    },
};

/// What commands work with. Cheap to clone.
#[derive(Clone)]
pub struct Commands {
    /// Where events go.
    pub log: EventLog,
    /// Where addresses are.
    pub database: DatabaseConnection,
    /// Where secrets are.
    pub keystore: Keystore,
    /// Sends test messages.
    pub deliverer: Deliverer,
    /// In whose days they are written.
    pub manners: Manners,
    /// The time.
    pub clock: Clock,
    /// Changes with the rows.
    pub changed: watch::Sender<u64>,
}

/// A channel, as a person fills it in.
#[derive(Debug)]
pub struct Form {
    /// What it is to be called.
    pub name: FriendlyName,
    /// What it is told.
    pub rule: api::notifier::v1::Rule,
    /// Where its messages go.
    pub settings: Settings,
    /// Its secrets, as far as they are given.
    pub secrets: Secrets,
}

/// The secrets of a channel that are to be set; what is left out stays as it is.
#[derive(Default)]
pub struct Secrets(pub Vec<(Secret, Zeroizing<String>)>);

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets")
    }
}

/// Why a command was not done.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The rules said no; the caller can act on it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The keystore did not seal or destroy a secret.
    #[error(transparent)]
    Keystore(#[from] KeystoreError),
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
    /// The database did not answer.
    #[error("the database does not answer")]
    Database(#[from] DbErr),
}

impl From<eventlog::CommandError<Refusal>> for CommandError {
    fn from(error: eventlog::CommandError<Refusal>) -> Self {
        match error {
            eventlog::CommandError::Refused(refusal) => Self::Refused(refusal),
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
    /// A channel by its id or name, with its addresses.
    ///
    /// # Errors
    /// Where there is none.
    pub async fn find(&self, asked: &str) -> Result<(Uuid, Channel, Settings), CommandError> {
        let id = match Uuid::parse_str(asked) {
            Ok(id) => Some(id),
            Err(_) => row::named(&self.database, asked).await?,
        };
        let id = id.ok_or(Refusal::NoSuchChannel)?;
        let channel = self.state(id).await?.open()?.clone();
        let settings = row::of(&self.database, id).await?;
        Ok((id, channel, settings.ok_or(Refusal::NoSuchChannel)?))
    }

    async fn state(&self, id: Uuid) -> Result<State, CommandError> {
        let loaded = self.log.load::<State>(&id.to_string()).await;
        Ok(loaded.map_err(CommandError::Log)?.state)
    }

    /// Claims a name. A claim that another made a while ago, and whose channel does not have that name by
    /// the log, was left by a crash: it is swept.
    async fn claim(&self, name: &str, channel: Uuid) -> Result<(), CommandError> {
        let now = self.clock.now();
        let mine = Claim {
            channel,
            since: now,
        };
        let standing = row::claim(&self.database, name, mine).await?;
        if standing.channel == channel {
            return Ok(());
        }
        let taken = || Refusal::NameTaken(name.to_owned()).into();
        if now - standing.since < LONGEST_COMMAND {
            return Err(taken());
        }
        let owner = self.state(standing.channel).await?;
        if owner
            .open()
            .is_ok_and(|owner| row::are_one(&owner.name, name))
        {
            return Err(taken());
        }
        row::release(&self.database, name, standing.channel).await?;
        let standing = row::claim(&self.database, name, mine).await?;
        match standing.channel == channel {
            true => Ok(()),
            false => Err(taken()),
        }
    }

    async fn seal(
        &self,
        origin: &Origin,
        channel: Uuid,
        secrets: &Secrets,
    ) -> Result<(), CommandError> {
        for (secret, content) in &secrets.0 {
            self.keystore
                .seal(origin, channel, *secret, content.as_bytes())
                .await?;
        }
        Ok(())
    }

    async fn append(
        &self,
        origin: &Origin,
        id: Uuid,
        item: &str,
        command: &channel::Command,
    ) -> Result<u64, CommandError> {
        let decide = |state: &State| channel::decide(state, command);
        let (id, now) = (id.to_string(), self.clock.now());
        let done = self.log.execute(&id, origin, item, now, decide).await?;
        Ok(done.position)
    }
}

/// No command takes longer from its claim to its event.
const LONGEST_COMMAND: Duration = Duration::minutes(10);
