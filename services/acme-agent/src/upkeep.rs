//! Changes of an account that is there: other contact addresses, another key, its end.
//!
//! A change is written down before the CA hears of it ([`changes`]), and is an event once the CA has done it.
//! What was cut short between the two, by a crash or a CA that did not answer, is gone on with: each step
//! can be done again, and the event is that of the command which asked for it.

use std::{sync::Arc, time::Duration};

use api::acme::v1::ServerRegistered;
use eventlog::{ClaimError, EventLog, Origin, RequestLedger};
use runtime::Clock;
use sea_orm::DatabaseConnection;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    accounts::{AccountError, Accounts, SealedKey},
    changes::{self, Change, What},
    client, contacts,
    events::ServerEvent,
    failure::About,
    names::{self, Kind},
    refusal::{CommandError, Refusal},
    server::{self, Command, Server},
    server_uses,
    under_way::UnderWay,
    worker::chain,
};

/// Changes accounts.
pub struct Upkeep {
    /// Where the events go.
    pub log: EventLog,
    /// Changes, addresses, names and request ids.
    pub database: DatabaseConnection,
    /// The accounts.
    pub accounts: Arc<Accounts>,
    /// The time.
    pub clock: Clock,
    /// One change of a server at a time.
    pub under_way: UnderWay,
}

/// A change that is done.
#[derive(Debug)]
pub struct Done {
    /// What happened.
    pub event: ServerEvent,
    /// The log's position of the event.
    pub position: u64,
}

/// Why a change is not done.
enum Stop {
    /// The CA does not do it, or the rules say no.
    Refused(CommandError),
    /// This try did not get as far as the act.
    Before(CommandError),
    /// It may have been done, or half of it: it is gone on with.
    InDoubt(CommandError),
}

/// Whether something may have been done before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Try {
    /// Nothing, for sure.
    First,
    /// An earlier one was cut short.
    Later,
}

impl Upkeep {
    /// Makes a change, or answers as the first try of the same request did.
    ///
    /// # Errors
    /// Why not.
    pub async fn change(
        &self,
        origin: &Origin,
        server: Uuid,
        what: What,
    ) -> Result<Done, CommandError> {
        let _alone = self
            .under_way
            .enter(server)
            .ok_or(CommandError::Contended)?;
        let change = Change {
            server,
            what,
            origin: origin.clone(),
        };
        if let Some(done) = self.earlier(&change).await? {
            return match &change.what {
                // The addresses are not in the digest, from which they could be guessed.
                What::Contact(emails) if contacts::of(&self.database, server).await? != *emails => {
                    Err(CommandError::RequestIdReused)
                }
                _ => Ok(done),
            };
        }
        // Looked at just now; and once the CA has done it, it is written down whatever else has changed.
        let origin = &Origin {
            unchanged_since: None,
            ..origin.clone()
        };
        let change = Change {
            origin: origin.clone(),
            ..change
        };
        self.usable(server).await?;
        let claimed = RequestLedger::claim(&self.database, origin).await;
        claimed.map_err(|error| match error {
            ClaimError::Reused => CommandError::RequestIdReused,
            ClaimError::Database(error) => CommandError::Database(error),
        })?;
        let standing = changes::begin(&self.database, &change).await?;
        if standing == change {
            return self.finish(&change, Try::First).await;
        }
        // One that was cut short goes first.
        self.finish(&standing, Try::Later).await?;
        if changes::begin(&self.database, &change).await? != change {
            return Err(CommandError::Contended);
        }
        self.finish(&change, Try::First).await
    }

    /// Goes on with what was cut short, at the start and then now and then, until `stopping`.
    pub async fn tend(&self, stopping: CancellationToken) {
        while !stopping.is_cancelled() {
            if let Err(error) = self.go_on().await {
                tracing::error!(error = chain(&error), "cannot read the changes of accounts");
            }
            tokio::select! {
                () = stopping.cancelled() => {}
                () = self.clock.sleep(PAUSE) => {}
            }
        }
    }

    async fn go_on(&self) -> Result<(), CommandError> {
        for change in changes::open(&self.database).await? {
            let server = change.server;
            let Some(_alone) = self.under_way.enter(server) else {
                continue;
            };
            // It may have ended since it was listed.
            if changes::of(&self.database, server).await?.as_ref() != Some(&change) {
                continue;
            }
            let what = change.what.text();
            match self.finish(&change, Try::Later).await {
                Ok(_) => tracing::info!(%server, what, "a change of an account was gone on with"),
                Err(error) => {
                    tracing::warn!(%server, what, error = chain(&error), "a change of an account is not done yet");
                }
            }
        }
        Ok(())
    }

    /// From wherever the change is to its end. What is in doubt stays written down.
    async fn finish(&self, change: &Change, which: Try) -> Result<Done, CommandError> {
        let done = match self.earlier(change).await? {
            Some(done) => Ok(done),
            None => match self.act(change).await {
                Ok(command) => self.append(change, command).await.map_err(Stop::InDoubt),
                Err(stop) => Err(stop),
            },
        };
        match done {
            Ok(done) => {
                self.clear_up(change).await?;
                changes::end(&self.database, change).await?;
                Ok(done)
            }
            Err(Stop::Refused(error)) => {
                changes::end(&self.database, change).await?;
                Err(error)
            }
            Err(Stop::Before(error)) if which == Try::First => {
                changes::end(&self.database, change).await?;
                Err(error)
            }
            Err(Stop::Before(error) | Stop::InDoubt(error)) => Err(error),
        }
    }

    /// Has the CA do it: what is to be written into the log then.
    async fn act(&self, change: &Change) -> Result<Command, Stop> {
        let usable = self.usable(change.server).await;
        let registered = usable.map_err(|error| match error {
            CommandError::Refused(_) => Stop::Refused(error),
            _ => Stop::Before(error),
        })?;
        match &change.what {
            What::Contact(emails) => self.update_contact(change, &registered, emails).await,
            What::RollKey => self.roll_key(change, &registered).await,
            What::Deactivate => self.deactivate(change, &registered).await,
        }
    }

    async fn update_contact(
        &self,
        change: &Change,
        registered: &ServerRegistered,
        emails: &[String],
    ) -> Result<Command, Stop> {
        let server = change.server;
        // Step 1: the CA. The account may have to be made again there, with the addresses that it had.
        let account = self.accounts.at(server, registered, &change.origin).await;
        let account = account.map_err(|e| Stop::Before(refused(e, registered)))?;
        let told = account.update_contact(emails).await;
        told.map_err(|e| answered(e, registered))?;
        // Step 2: what the account is made of here.
        let kept = contacts::keep(&self.database, server, emails).await;
        kept.map_err(|e| Stop::InDoubt(e.into()))?;
        Ok(Command::UpdateContact(
            u32::try_from(emails.len()).unwrap_or(u32::MAX),
        ))
    }

    async fn roll_key(
        &self,
        change: &Change,
        registered: &ServerRegistered,
    ) -> Result<Command, Stop> {
        let (server, origin) = (change.server, &change.origin);
        // Step 1: the new key is sealed. A crash after this leaves a key that no CA knows.
        let next = self.accounts.new_next_key(server, origin).await;
        let next = next.map_err(|e| Stop::Before(refused(e, registered)))?;
        // Step 2: the account, with whichever of both keys the CA knows.
        let account = match self.accounts.at(server, registered, origin).await {
            Ok(account) => account,
            Err(error) => {
                let error = refused(error, registered);
                return match next {
                    SealedKey::New(_) => Err(self.give_up(change, error).await),
                    SealedKey::Found(_) => Err(Stop::InDoubt(error)),
                };
            }
        };
        // Step 3: the CA. A crash after this: the next use finds that it knows the new key.
        let next = next.key();
        if account.thumbprint() != next.thumbprint()
            && let Err(error) = account.change_key(next.clone()).await
        {
            let sure = error.nothing_happened();
            let stop = answered(error, registered);
            // Another replica may have changed it meanwhile: the CA has the last word.
            let known = account.client().find(next.clone()).await;
            match known {
                Ok(Some(_)) => self.accounts.forget(server),
                Ok(None) if sure => return Err(self.give_up(change, stop.into()).await),
                Ok(None) | Err(_) => return Err(Stop::InDoubt(stop.into())),
            }
        }
        // Step 4: it is the account's key here too.
        let taken = self.accounts.take_next_key(server, origin).await;
        taken.map_err(|e| Stop::InDoubt(refused(e, registered)))?;
        Ok(Command::RollKey(next.thumbprint()))
    }

    /// The CA knows nothing of the new key: it is destroyed.
    async fn give_up(&self, change: &Change, error: CommandError) -> Stop {
        let (server, origin) = (change.server, &change.origin);
        match self.accounts.destroy_next_key(server, origin).await {
            Ok(()) => Stop::Refused(error),
            // It is found by the next try.
            Err(left) => {
                tracing::warn!(%server, error = chain(&left), "a key that no CA knows is left");
                Stop::InDoubt(error)
            }
        }
    }

    async fn deactivate(
        &self,
        change: &Change,
        registered: &ServerRegistered,
    ) -> Result<Command, Stop> {
        // Step 1: nobody uses it; and since the change is written down, nobody begins to.
        let now = self.clock.now();
        let users = server_uses::names(&self.log, &self.database, change.server, now).await;
        let users = users.map_err(Stop::Before)?;
        if !users.is_empty() {
            return Err(Stop::Refused(Refusal::ServerInUse(users).into()));
        }
        // Step 2: the CA. A crash after this: it says that the account has ended.
        let (server, origin) = (change.server, &change.origin);
        let account = self.accounts.to_end(server, registered, origin).await;
        let account = account.map_err(|e| Stop::Before(refused(e, registered)))?;
        if let Some(account) = account {
            let ended = account.deactivate().await;
            ended.map_err(|e| answered(e, registered))?;
        }
        Ok(Command::Deactivate)
    }

    /// What is not needed any more, now that the event is in the log.
    async fn clear_up(&self, change: &Change) -> Result<(), CommandError> {
        let (server, origin) = (change.server, &change.origin);
        let state = self.load(server).await?;
        let registered = &state.registered().map_err(Refusal::Server)?.what;
        let cleared = match &change.what {
            What::Contact(_) => Ok(()),
            What::RollKey => self.accounts.destroy_next_key(server, origin).await,
            What::Deactivate => {
                contacts::forget(&self.database, server).await?;
                names::release(&self.database, Kind::Server, &registered.name, server).await?;
                self.accounts.destroy_secrets(server, origin).await
            }
        };
        cleared.map_err(|e| refused(e, registered))
    }

    /// What an earlier try of the same request has come to.
    async fn earlier(&self, change: &Change) -> Result<Option<Done>, CommandError> {
        let looked = self
            .execute(change, |_| Err(server::Refusal::NotFound))
            .await;
        match looked {
            Ok(done) => Ok(Some(done)),
            // What is not in the log yet is not put there by this.
            Err(CommandError::Refused(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn append(&self, change: &Change, command: Command) -> Result<Done, CommandError> {
        self.execute(change, |state| server::decide(state, command.clone()))
            .await
    }

    async fn execute(
        &self,
        change: &Change,
        decide: impl Fn(&Server) -> Result<ServerEvent, server::Refusal> + Send + Sync,
    ) -> Result<Done, CommandError> {
        let (id, now) = (change.server.to_string(), self.clock.now());
        let item = change.what.text();
        let executed = self.log.execute(&id, &change.origin, item, now, decide);
        let executed = executed.await.map_err(CommandError::from_log)?;
        Ok(Done {
            event: executed.event,
            position: executed.position,
        })
    }

    async fn usable(&self, server: Uuid) -> Result<ServerRegistered, CommandError> {
        let state = self.load(server).await?;
        Ok(state.usable().map_err(Refusal::Server)?.what.clone())
    }

    async fn load(&self, server: Uuid) -> Result<Server, CommandError> {
        let loaded = self.log.load::<Server>(&server.to_string()).await;
        Ok(loaded.map_err(CommandError::Log)?.state)
    }
}

impl From<Stop> for CommandError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Refused(error) | Stop::Before(error) | Stop::InDoubt(error) => error,
        }
    }
}

/// The CA's answer to the act itself.
fn answered(error: client::Error, registered: &ServerRegistered) -> Stop {
    let sure = error.nothing_happened();
    let error = refused(AccountError::Ca(error), registered);
    match sure {
        true => Stop::Refused(error),
        false => Stop::InDoubt(error),
    }
}

fn refused(error: AccountError, registered: &ServerRegistered) -> CommandError {
    let about = About {
        directory_url: &registered.directory_url,
        names: &[],
    };
    error.refusal(about, false)
}

/// How long what was cut short waits for its next try.
const PAUSE: Duration = Duration::from_secs(60);
