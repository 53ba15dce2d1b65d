//! What people ask of automated certificates: the first one, the next one, another try, a pause, an end.

use api::acme::v1::{AutomationRequested, ChallengeType, ServerRegistered};
use api::x509::v1::{KeyAlgorithm, RevocationReason};
use eventlog::{Aggregate, ClaimError, EventLog, Executed, Origin, RequestLedger};
use pki::{DnsName, FriendlyName};
use runtime::Clock;
use sea_orm::{DatabaseConnection, DbErr};
use uuid::Uuid;

use crate::{
    automation::{self, Automation, Command},
    changes::{self, What},
    claims::{self, Claimed},
    names::{self, Kind},
    refusal::{CommandError, Refusal},
    server::{self, Server},
    server_uses,
    worker::chain,
};

/// A certificate that a person wants.
#[derive(Debug, Clone, PartialEq)]
pub struct Wish {
    /// Id or name of the server.
    pub server: String,
    /// The names, at least one.
    pub dns_names: Vec<DnsName>,
    /// The kind of key.
    pub key_algorithm: KeyAlgorithm,
    /// How control is proved.
    pub challenge_type: ChallengeType,
    /// What the certificate is to be called.
    pub friendly_name: FriendlyName,
    /// The server's certificate profile; empty for its default.
    pub profile: String,
}

/// Takes people's requests.
pub struct Requests {
    /// Where the events go.
    pub log: EventLog,
    /// Names and request ids.
    pub database: DatabaseConnection,
    /// The time.
    pub clock: Clock,
}

impl Requests {
    /// Makes an automation: its id, and the position of its first event.
    ///
    /// # Errors
    /// Why not; nothing is kept of a refused request.
    pub async fn request(&self, origin: &Origin, wish: &Wish) -> Result<(Uuid, u64), CommandError> {
        let id = eventlog::derive_id(origin, Automation::NAME);
        let loaded = self.log.load::<Automation>(&id.to_string()).await;
        let loaded = loaded.map_err(CommandError::Log)?;
        if let Ok(requested) = loaded.state.requested() {
            // A repeat: the log knows whether it is the same request.
            let again = Command::Request(requested.clone());
            return Ok((id, self.append(origin, id, REQUEST, again).await?));
        }
        let (server_id, server) = self.server(&wish.server).await?;
        check_profile(&server, &wish.profile)?;
        let kind = Kind::Automation;
        let (name, now) = (&wish.friendly_name, self.clock.now());
        let claimed = claims::claim::<Automation>(&self.log, &self.database, kind, name, id, now);
        if let Claimed::Taken = claimed.await? {
            return Err(Refusal::NameTaken(name.to_string()).into());
        }
        let done = self.request_claimed(origin, id, requested(server_id, wish));
        let done = done.await;
        if let Err(error) = &done
            && error.nothing_happened()
            && let Err(error) = self.forget(id, name).await
        {
            // The caller is told why he was refused; the name is swept when somebody wants it.
            tracing::warn!(automation = %id, error = chain(&error), "a refused request left its name behind");
        }
        Ok((id, done?))
    }

    /// Notes first which servers it uses: who is about to deactivate one sees that, or is seen here.
    async fn request_claimed(
        &self,
        origin: &Origin,
        id: Uuid,
        requested: AutomationRequested,
    ) -> Result<u64, CommandError> {
        let servers = server_uses::servers(&requested);
        server_uses::note(&self.database, id, &servers, self.clock.now()).await?;
        for server in servers {
            let change = changes::of(&self.database, server).await?;
            if change.is_some_and(|c| c.what == What::Deactivate) {
                return Err(Refusal::Server(server::Refusal::Deactivated).into());
            }
            // It may have ended meanwhile, and its change with it.
            let loaded = self.log.load::<Server>(&server.to_string()).await;
            let server = loaded.map_err(CommandError::Log)?.state;
            server.usable().map_err(Refusal::Server)?;
        }
        self.append(origin, id, REQUEST, Command::Request(requested))
            .await
    }

    async fn forget(&self, id: Uuid, name: &FriendlyName) -> Result<(), DbErr> {
        server_uses::forget(&self.database, id).await?;
        names::release(&self.database, Kind::Automation, name, id).await
    }

    /// Asks for the next version of a certificate, or for another try: the position of the event.
    ///
    /// # Errors
    /// Why not.
    pub async fn renew(&self, origin: &Origin, id: Uuid) -> Result<u64, CommandError> {
        self.ask(origin, id, "renew", Command::RenewNow).await
    }

    /// Stops what begins by itself: the position of the event.
    ///
    /// # Errors
    /// Why not.
    pub async fn pause(
        &self,
        origin: &Origin,
        id: Uuid,
        reason: String,
    ) -> Result<u64, CommandError> {
        self.ask(origin, id, "pause", Command::Pause { reason })
            .await
    }

    /// Lets it go on: the position of the event.
    ///
    /// # Errors
    /// Why not.
    pub async fn resume(&self, origin: &Origin, id: Uuid) -> Result<u64, CommandError> {
        self.ask(origin, id, "resume", Command::Resume).await
    }

    /// Ends an automation for good: the position of the event.
    ///
    /// # Errors
    /// Why not.
    pub async fn cancel(&self, origin: &Origin, id: Uuid) -> Result<u64, CommandError> {
        self.ask(origin, id, "cancel", Command::Cancel).await
    }

    /// Has a version revoked, the newest one for 0: the position of the intent.
    ///
    /// # Errors
    /// Why not.
    pub async fn revoke(
        &self,
        origin: &Origin,
        id: Uuid,
        version: u32,
        reason: RevocationReason,
    ) -> Result<u64, CommandError> {
        let command = Command::IntendRevocation { version, reason };
        self.ask(origin, id, "revoke", command).await
    }

    /// Asks something of an automation that is there.
    async fn ask(
        &self,
        origin: &Origin,
        id: Uuid,
        item: &str,
        command: Command,
    ) -> Result<u64, CommandError> {
        let loaded = self.log.load::<Automation>(&id.to_string()).await;
        let loaded = loaded.map_err(CommandError::Log)?;
        // A refused command claims nothing; a repeat is refused here (what it asked for has been
        // done), but found by its id below.
        if automation::decide(&loaded.state, command.clone()).is_ok() {
            let claimed = RequestLedger::claim(&self.database, origin).await;
            claimed.map_err(|error| match error {
                ClaimError::Reused => CommandError::RequestIdReused,
                ClaimError::Database(error) => CommandError::Database(error),
            })?;
        }
        self.append(origin, id, item, command).await
    }

    /// A server by its id or name, where it can be used.
    ///
    /// # Errors
    /// Where there is none.
    pub async fn server(&self, asked: &str) -> Result<(Uuid, ServerRegistered), CommandError> {
        let id = match Uuid::parse_str(asked) {
            Ok(id) => Some(id),
            Err(_) => {
                let claim = names::find(&self.database, Kind::Server, asked).await?;
                claim.map(|claim| claim.owner)
            }
        };
        let not_found = || Refusal::ServerNotFound(asked.to_owned());
        let id = id.ok_or_else(not_found)?;
        let loaded = self.log.load::<Server>(&id.to_string()).await;
        let loaded = loaded.map_err(CommandError::Log)?;
        let registered = loaded.state.usable().map_err(|refusal| match refusal {
            server::Refusal::NotFound => not_found(),
            other => other.into(),
        })?;
        Ok((id, registered.what.clone()))
    }

    async fn append(
        &self,
        origin: &Origin,
        id: Uuid,
        item: &str,
        command: Command,
    ) -> Result<u64, CommandError> {
        let decide = |state: &Automation| automation::decide(state, command.clone());
        let (id, now) = (id.to_string(), self.clock.now());
        let executed = self.log.execute(&id, origin, item, now, decide).await;
        let Executed { position, .. } = executed.map_err(CommandError::from_log)?;
        Ok(position)
    }
}

/// A server that lists its profiles has no other.
fn check_profile(server: &ServerRegistered, profile: &str) -> Result<(), Refusal> {
    let known = &server.profiles;
    if profile.is_empty() || known.iter().any(|known| known == profile) {
        return Ok(());
    }
    Err(Refusal::ProfileUnknown {
        profile: profile.to_owned(),
        offered: known.clone(),
    })
}

fn requested(server: Uuid, wish: &Wish) -> AutomationRequested {
    AutomationRequested {
        friendly_name: wish.friendly_name.to_string(),
        server_id: server.to_string(),
        dns_names: wish.dns_names.iter().map(ToString::to_string).collect(),
        key_algorithm: wish.key_algorithm.into(),
        challenge_type: wish.challenge_type.into(),
        profile: wish.profile.clone(),
        ..AutomationRequested::default()
    }
}

const REQUEST: &str = "request";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_must_be_one_that_the_server_lists() {
        let server = ServerRegistered {
            profiles: vec!["default".into(), "shortlived".into()],
            ..ServerRegistered::default()
        };
        assert_eq!(check_profile(&server, ""), Ok(()));
        assert_eq!(check_profile(&server, "shortlived"), Ok(()));
        let unknown = Refusal::ProfileUnknown {
            profile: "long".into(),
            offered: server.profiles.clone(),
        };
        assert_eq!(check_profile(&server, "long"), Err(unknown));
    }
}
