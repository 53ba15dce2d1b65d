//! Adding, trying out and removing DNS providers.

use std::{sync::Arc, time::Duration};

use api::acme::v1::DnsProviderAdded;
use eventlog::{Aggregate, EventLog, Executed, Origin};
use pki::DnsName;
use runtime::Clock;
use sea_orm::{DatabaseConnection, DbErr};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Openers, WrongSetting, kinds::NewProvider, secret_name, uses};
use crate::{
    automation::Automation,
    challenge::{
        dns01::{Dns01, Dns01Error, Wanted, Written},
        records,
    },
    claims::{self, Claimed, Named},
    dns_provider::{self, Command, DnsProvider},
    failure,
    keystore::KeystoreError,
    names::{self, Kind},
    refusal::{CommandError, Refusal},
    worker::chain,
};

/// What people do with DNS providers.
pub struct Admin {
    /// Where the events go.
    pub log: EventLog,
    /// Names, uses and records.
    pub database: DatabaseConnection,
    /// Opens providers, and seals their secrets.
    pub openers: Openers,
    /// Writes records.
    pub dns01: Arc<Dns01>,
    /// The time.
    pub clock: Clock,
}

/// Where the record of a test was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tested {
    /// The zone.
    pub zone: String,
    /// The record's name.
    pub record: String,
}

impl Admin {
    /// A setting that no provider of the kind could be opened with.
    ///
    /// # Errors
    /// [`WrongSetting`]
    pub fn check(&self, new: &NewProvider) -> Result<(), WrongSetting> {
        self.openers.writer(new.kind, &new.settings).map(drop)
    }

    /// Keeps a provider, or answers as the first try of the same request did: its id, and the event's position.
    ///
    /// # Errors
    /// Why not. Nothing is kept of a refused one.
    pub async fn add(
        &self,
        origin: &Origin,
        new: &NewProvider,
    ) -> Result<(Uuid, u64), CommandError> {
        let id = eventlog::derive_id(origin, DnsProvider::NAME);
        let loaded = self.log.load::<DnsProvider>(&id.to_string()).await;
        let loaded = loaded.map_err(CommandError::Log)?;
        if let Ok(added) = loaded.state.added() {
            // A repeat: the log knows whether it is the same request, except for the secrets.
            let sealed = self.openers.keystore.open(origin, &secret_name(id)).await;
            let sealed = sealed.map_err(CommandError::Keystore)?;
            if sealed.as_deref() != Some(&new.settings.sealed(new.kind)) {
                return Err(CommandError::RequestIdReused);
            }
            let again = Command::Add(added.clone());
            return Ok((id, self.append(origin, id, again).await?));
        }
        let (kind, name, now) = (Kind::DnsProvider, &new.name, self.clock.now());
        let claimed = claims::claim::<DnsProvider>(&self.log, &self.database, kind, name, id, now);
        if let Claimed::Taken = claimed.await? {
            return Err(Refusal::DnsProviderNameTaken(name.to_string()).into());
        }
        let done = self.add_claimed(origin, id, new).await;
        if let Err(error) = &done
            && error.nothing_happened()
            && let Err(error) = self.forget(origin, id, name).await
        {
            // The caller is told why he was refused; the name is swept when somebody wants it.
            tracing::warn!(dns_provider = %id, error = chain(&error), "a refused DNS provider left something behind");
        }
        Ok((id, done?))
    }

    async fn add_claimed(
        &self,
        origin: &Origin,
        id: Uuid,
        new: &NewProvider,
    ) -> Result<u64, CommandError> {
        // Step 1: the secrets. A crash after this leaves a secret that nobody asks for, and the repeat seals it again.
        let (secret, secrets) = (secret_name(id), new.settings.sealed(new.kind));
        let sealed = self.openers.keystore.seal(origin, &secret, &secrets);
        sealed.await.map_err(CommandError::Keystore)?;
        // Step 2: the event. Only now is there a provider.
        let added = DnsProviderAdded {
            name: new.name.to_string(),
            kind: new.kind.id.to_owned(),
            settings: new.settings.public(new.kind).into_iter().collect(),
        };
        self.append(origin, id, Command::Add(added)).await
    }

    /// Writes a TXT record where a challenge's would be, waits until the zone's own servers show it, and takes
    /// it away.
    ///
    /// # Errors
    /// [`Refusal::Dns`] says which server does not, or who did not write it.
    pub async fn test(
        &self,
        origin: &Origin,
        asked: &str,
        name: &DnsName,
    ) -> Result<Tested, CommandError> {
        let id = names::by_id_or_name(&self.database, Kind::DnsProvider, asked).await?;
        let id = id.ok_or_else(|| Refusal::DnsProviderNotFound(asked.to_owned()))?;
        let test = eventlog::derive_id(origin, "test");
        let holder = format!("test/{test}");
        let wanted = Wanted {
            holder: &holder,
            provider: id,
            name: name.as_str(),
            value: &format!("chancery-test-{test}"),
            remove_at: self.clock.now() + TEST * 2,
        };
        let tested = self.try_out(wanted, origin, asked).await;
        // Whatever came of it, nothing of it is to stay.
        self.dns01.release(&holder).await?;
        tested
    }

    async fn try_out(
        &self,
        wanted: Wanted<'_>,
        origin: &Origin,
        asked: &str,
    ) -> Result<Tested, CommandError> {
        let written = self.dns01.write(wanted, origin).await;
        let written = written.map_err(|error| refused(error, asked))?;
        let give_up = self.clock.now() + TEST;
        loop {
            let missing = written.missing().await;
            if missing.is_empty() {
                return Ok(tested(&written));
            }
            if self.clock.now() >= give_up {
                let failure = failure::not_shown(&written.owner(), &missing, TEST.as_secs());
                return Err(Refusal::Dns(Box::new(failure)).into());
            }
            self.clock.sleep(PAUSE).await;
        }
    }

    /// Forgets a provider and its secrets: the event's position.
    ///
    /// # Errors
    /// [`Refusal::DnsProviderInUse`]
    pub async fn remove(&self, origin: &Origin, id: Uuid) -> Result<u64, CommandError> {
        let loaded = self.log.load::<DnsProvider>(&id.to_string()).await;
        let loaded = loaded.map_err(CommandError::Log)?;
        let now = self.clock.now();
        let DnsProvider::Added(added) = loaded.state else {
            // A repeat is found by its id, and all else refused.
            return self.append(origin, id, Command::Remove).await;
        };
        // Step 1: no request may begin to use it. Requests note their use, and then look for this.
        uses::begin_removal(&self.database, id, now).await?;
        let used_by = self.used_by(id, now).await?;
        if !used_by.is_empty() {
            uses::end(&self.database, id).await?;
            return Err(Refusal::DnsProviderInUse { used_by }.into());
        }
        // Step 2: what it wrote is taken away as long as that is possible.
        for row in records::of_provider(&self.database, id).await? {
            match self.dns01.take_away(&row).await {
                Ok(()) => records::forget(&self.database, &row).await?,
                Err(error) => tracing::warn!(
                    owner = row.owner,
                    error = chain(&error),
                    "a record of a DNS provider that is removed may still be there"
                ),
            }
        }
        // Step 3: the event. A crash after this leaves a secret that nobody asks for.
        let position = self.append(origin, id, Command::Remove).await?;
        // Step 4: what is not needed any more.
        let forgotten = self.forget(origin, id, &added.name).await;
        if let Err(error) = forgotten {
            tracing::warn!(dns_provider = %id, error = chain(&error), "a removed DNS provider left something behind");
        }
        Ok(position)
    }

    /// The friendly names of the automations that would stand without it, the first few.
    async fn used_by(&self, id: Uuid, now: OffsetDateTime) -> Result<Vec<String>, CommandError> {
        let mut names = Vec::new();
        for one in uses::of(&self.database, id).await? {
            let loaded = self
                .log
                .load::<Automation>(&one.automation.to_string())
                .await;
            let automation = loaded.map_err(CommandError::Log)?.state;
            match (automation.name(), automation.requested()) {
                (Some(name), _) => names.push(name.to_owned()),
                (None, Err(_)) if uses::may_become(one, now) => {
                    names.push("a request that is under way".to_owned());
                }
                // It was cancelled, or a crash has left its row.
                (None, _) => uses::end(&self.database, one.automation).await?,
            }
            if names.len() == MAX_NAMED {
                break;
            }
        }
        Ok(names)
    }

    async fn forget(&self, origin: &Origin, id: Uuid, name: &str) -> Result<(), ForgetError> {
        let secret = secret_name(id);
        let destroyed = self.openers.keystore.destroy(origin, &secret).await;
        destroyed.map_err(ForgetError::Keystore)?;
        uses::end(&self.database, id).await?;
        names::release(&self.database, Kind::DnsProvider, name, id).await?;
        Ok(())
    }

    async fn append(
        &self,
        origin: &Origin,
        id: Uuid,
        command: Command,
    ) -> Result<u64, CommandError> {
        let item = match command {
            Command::Add(_) => "add",
            Command::Remove => "remove",
        };
        let decide = |state: &DnsProvider| dns_provider::decide(state, command.clone());
        let (id, now) = (id.to_string(), self.clock.now());
        let executed = self.log.execute(&id, origin, item, now, decide).await;
        let Executed { position, .. } = executed.map_err(CommandError::from_log)?;
        Ok(position)
    }
}

/// Something was left behind.
#[derive(Debug, thiserror::Error)]
enum ForgetError {
    #[error("the secrets could not be destroyed")]
    Keystore(#[source] KeystoreError),
    #[error("the database did not answer")]
    Database(#[from] DbErr),
}

fn tested(written: &Written) -> Tested {
    Tested {
        zone: written.zone.written(),
        record: written.owner(),
    }
}

fn refused(error: Dns01Error, asked: &str) -> CommandError {
    use super::OpenError;
    match error {
        Dns01Error::Open(OpenError::NotFound) => {
            Refusal::DnsProviderNotFound(asked.to_owned()).into()
        }
        Dns01Error::Open(OpenError::Log(error)) => CommandError::Log(error),
        Dns01Error::Open(OpenError::Keystore(error)) => CommandError::Keystore(error),
        Dns01Error::Database(error) => CommandError::Database(error),
        error => Refusal::Dns(Box::new(failure::dns01(&error))).into(),
    }
}

/// How long a test waits for the zone's servers: a person waits for it, and `chancery` for a minute.
const TEST: Duration = Duration::from_secs(45);

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// How many automations a refusal names.
const MAX_NAMED: usize = 5;
