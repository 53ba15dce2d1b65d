//! What people ask of automated certificates: the first one, the next one, another try, a pause, an end.

use std::net::IpAddr;

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
    claims::{self, Claimed, Named},
    dns_provider::DnsProvider,
    names::{self, Kind},
    providers::uses,
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
    /// The host names; with the addresses at least one.
    pub dns_names: Vec<DnsName>,
    /// The addresses.
    pub ip_addresses: Vec<IpAddr>,
    /// The kind of key.
    pub key_algorithm: KeyAlgorithm,
    /// How control is proved.
    pub challenge_type: ChallengeType,
    /// Id or name of the DNS provider, where the challenge needs one.
    pub dns_provider: Option<String>,
    /// What the certificate is to be called.
    pub friendly_name: FriendlyName,
    /// The server's certificate profile; empty for its default.
    pub profile: String,
    /// Id or name of the server to turn to after failures.
    pub fallback_server: Option<String>,
    /// The common name of the issuer at the top of the chain to prefer; empty for the CA's default.
    pub preferred_chain: String,
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
        let fallback_server = self.fallback(wish, server_id).await?;
        let kind = Kind::Automation;
        let (name, now) = (&wish.friendly_name, self.clock.now());
        let claimed = claims::claim::<Automation>(&self.log, &self.database, kind, name, id, now);
        if let Claimed::Taken = claimed.await? {
            return Err(Refusal::NameTaken(name.to_string()).into());
        }
        let done = self.request_claimed(origin, id, wish, server_id, fallback_server);
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

    /// Notes first which servers and which DNS provider it uses: who is about to end one sees that, or is seen here.
    async fn request_claimed(
        &self,
        origin: &Origin,
        id: Uuid,
        wish: &Wish,
        server: Uuid,
        fallback_server: Option<Uuid>,
    ) -> Result<u64, CommandError> {
        let dns_provider = match &wish.dns_provider {
            Some(asked) => Some(self.dns_provider(asked, id).await?),
            None => None,
        };
        let requested = requested(server, fallback_server, dns_provider, wish);
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
        let request = Command::Request(requested);
        self.append(origin, id, REQUEST, request).await
    }

    /// A provider by its id or name, used by this automation from now on.
    async fn dns_provider(&self, asked: &str, automation: Uuid) -> Result<Uuid, CommandError> {
        let not_found = || Refusal::DnsProviderNotFound(asked.to_owned());
        let id = names::by_id_or_name(&self.database, Kind::DnsProvider, asked).await?;
        let id = id.ok_or_else(not_found)?;
        // First the use, then the look: whoever removes the provider does the two the other way round.
        uses::begin(&self.database, automation, id, self.clock.now()).await?;
        let loaded = self.log.load::<DnsProvider>(&id.to_string()).await;
        let provider = loaded.map_err(CommandError::Log)?.state;
        provider.added().map_err(|_| not_found())?;
        if uses::is_being_removed(&self.database, id, self.clock.now()).await? {
            return Err(not_found().into());
        }
        Ok(id)
    }

    async fn fallback(&self, wish: &Wish, server: Uuid) -> Result<Option<Uuid>, CommandError> {
        let Some(asked) = &wish.fallback_server else {
            return Ok(None);
        };
        let found = self.server(asked).await.map_err(|error| match error {
            CommandError::Refused(Refusal::ServerNotFound(asked)) => {
                Refusal::FallbackNotFound(asked).into()
            }
            error => error,
        });
        match found?.0 {
            same if same == server => Err(Refusal::FallbackIsServer.into()),
            other => Ok(Some(other)),
        }
    }

    async fn forget(&self, id: Uuid, name: &FriendlyName) -> Result<(), DbErr> {
        uses::end(&self.database, id).await?;
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

    /// Ends an automation for good, and gives its name free where no certificate has it: the position of
    /// the event.
    ///
    /// # Errors
    /// Why not.
    pub async fn cancel(&self, origin: &Origin, id: Uuid) -> Result<u64, CommandError> {
        let position = self.ask(origin, id, "cancel", Command::Cancel).await?;
        let loaded = self.log.load::<Automation>(&id.to_string()).await;
        let state = loaded.map_err(CommandError::Log)?.state;
        let requested = state.requested().map_err(Refusal::Automation)?;
        let (kind, name) = (Kind::Automation, &requested.friendly_name);
        if state.name().is_none()
            && let Err(error) = names::release(&self.database, kind, name, id).await
        {
            // It is swept when somebody wants it.
            tracing::warn!(automation = %id, error = chain(&error), "a cancelled automation left its name behind");
        }
        Ok(position)
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
        let id = names::by_id_or_name(&self.database, Kind::Server, asked).await?;
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

fn requested(
    server: Uuid,
    fallback_server: Option<Uuid>,
    dns_provider: Option<Uuid>,
    wish: &Wish,
) -> AutomationRequested {
    let id = |id: Option<Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
    AutomationRequested {
        friendly_name: wish.friendly_name.to_string(),
        server_id: server.to_string(),
        dns_names: wish.dns_names.iter().map(ToString::to_string).collect(),
        key_algorithm: wish.key_algorithm.into(),
        challenge_type: wish.challenge_type.into(),
        profile: wish.profile.clone(),
        ip_addresses: wish.ip_addresses.iter().map(ToString::to_string).collect(),
        dns_provider_id: id(dns_provider),
        fallback_server_id: id(fallback_server),
        preferred_chain: wish.preferred_chain.clone(),
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
