//! Registering an ACME server: an account is made at the CA, then it is an event.

use std::sync::Arc;

use api::acme::v1::ServerRegistered;
use bytes::Bytes;
use eventlog::{Aggregate, EventLog, Executed, Origin};
use runtime::Clock;
use sea_orm::{DatabaseConnection, DbErr};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    accounts::{AccountError, Accounts, SealedKey},
    claims::{self, Claimed},
    client::{self, Account, Client, Directory, ExternalAccountKey, NewAccount},
    contacts,
    failure::About,
    names::{self, Kind},
    refusal::{CommandError, Refusal},
    server::{self, Command, Registered, Server},
    under_way::UnderWay,
    worker::chain,
};

/// What a person asks for.
#[derive(Debug)]
pub struct Registration {
    /// What the server is to be called.
    pub name: pki::FriendlyName,
    /// Its directory, an https URL.
    pub directory_url: String,
    /// The account's contact addresses.
    pub contact_emails: Vec<String>,
    /// The person agrees to the CA's terms.
    pub terms_agreed: bool,
    /// What binds the account to one at the CA.
    pub binding: Option<Binding>,
    /// The only roots to trust for its https; none for the public ones.
    pub trusted_roots_der: Vec<Bytes>,
}

/// An external account (RFC 8555, section 7.3.4).
pub struct Binding {
    /// The key id.
    pub key_id: String,
    /// The HMAC key. Secret.
    pub hmac: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for Binding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Binding")
    }
}

/// Registers servers.
pub struct Registrar {
    log: EventLog,
    database: DatabaseConnection,
    accounts: Arc<Accounts>,
    clock: Clock,
    under_way: UnderWay,
}

impl Registrar {
    /// What a registration needs.
    pub fn new(
        log: EventLog,
        database: DatabaseConnection,
        accounts: Arc<Accounts>,
        clock: Clock,
    ) -> Self {
        Self {
            log,
            database,
            accounts,
            clock,
            under_way: UnderWay::default(),
        }
    }

    /// The contact addresses of a server's account.
    ///
    /// # Errors
    /// Where there is no such server.
    pub async fn contact(&self, id: Uuid) -> Result<Vec<String>, CommandError> {
        let loaded = self.log.load::<Server>(&id.to_string()).await;
        let server = loaded.map_err(CommandError::Log)?.state;
        server.registered().map_err(Refusal::Server)?;
        Ok(contacts::of(&self.database, id).await?)
    }

    /// What a registration at this directory needs. Keeps nothing.
    ///
    /// # Errors
    /// Where there is no directory, or it cannot be reached.
    pub async fn preview(
        &self,
        directory_url: &str,
        trusted_roots_der: &[Bytes],
    ) -> Result<Directory, CommandError> {
        let discovered = self
            .accounts
            .discover(directory_url, trusted_roots_der)
            .await;
        let about = About {
            directory_url,
            names: &[],
        };
        let ca = discovered.map_err(|e| e.refusal(about, false))?;
        Ok(ca.directory().clone())
    }

    /// Registers a server, or answers as the first try of the same request did.
    ///
    /// # Errors
    /// Why not. Nothing is kept of a refused registration; only where the CA may have made the account
    /// although it did not say so, the key stays sealed, so that a repeat finds that account.
    pub async fn register(
        &self,
        origin: &Origin,
        registration: &Registration,
    ) -> Result<(Uuid, Registered), CommandError> {
        let id = eventlog::derive_id(origin, Server::NAME);
        // Two of one request at a time would seal two keys under one name.
        let _alone = self.under_way.enter(id).ok_or(CommandError::Contended)?;
        let loaded = self.log.load::<Server>(&id.to_string()).await;
        let loaded = loaded.map_err(CommandError::Log)?;
        if let Ok(registered) = loaded.state.registered() {
            // A repeat: the log knows whether it is the same request, except for the addresses.
            if contacts::of(&self.database, id).await? != registration.contact_emails {
                return Err(CommandError::RequestIdReused);
            }
            let again = Command::Register(Box::new(registered.what.clone()));
            return self.append(origin, id, again).await;
        }
        let claimed = claims::claim::<Server>(
            &self.log,
            &self.database,
            Kind::Server,
            &registration.name,
            id,
            self.clock.now(),
        )
        .await?;
        if let Claimed::Taken = claimed {
            return Err(Refusal::ServerNameTaken(registration.name.to_string()).into());
        }
        let done = self.register_claimed(origin, id, registration).await;
        if let Err(error) = &done
            && error.nothing_happened()
            && let Err(error) = self.forget(id, &registration.name).await
        {
            // The caller is told why he was refused; the name is swept when somebody wants it.
            tracing::warn!(server = %id, error = chain(&error), "a refused registration left its name behind");
        }
        done
    }

    async fn forget(&self, id: Uuid, name: &str) -> Result<(), DbErr> {
        contacts::forget(&self.database, id).await?;
        names::release(&self.database, Kind::Server, name, id).await
    }

    async fn register_claimed(
        &self,
        origin: &Origin,
        id: Uuid,
        registration: &Registration,
    ) -> Result<(Uuid, Registered), CommandError> {
        // Step 1: what the CA asks for. Nothing has been made yet.
        let url = &registration.directory_url;
        let roots = &registration.trusted_roots_der;
        let discovered = self.accounts.discover(url, roots).await;
        let ca = discovered.map_err(|e| refused(e, registration))?;
        let directory = ca.directory().clone();
        check(&directory, registration)?;
        // Step 2: the key is sealed. A crash after this leaves a key that no CA knows.
        let sealed = self.accounts.new_key(id, origin).await;
        let key = sealed.map_err(|e| refused(e, registration))?;
        let thumbprint = key.key().thumbprint();
        // Step 3: the account. A crash after this: the repeat finds it by its key.
        let account = self.account(&ca, id, key, registration, origin).await;
        let account = account.map_err(|e| refused(AccountError::Ca(e), registration))?;
        // Step 4: what it takes to make the account again at a CA that forgets it.
        if let Some(binding) = &registration.binding {
            let sealed = self.accounts.seal_binding(id, &binding.hmac, origin).await;
            sealed.map_err(|e| refused(e, registration))?;
        }
        contacts::keep(&self.database, id, &registration.contact_emails).await?;
        // Step 5: the name is still ours. A CA that takes its time may have kept us for longer than a
        // claim is believed without an event.
        let name = &registration.name;
        if !names::confirm(&self.database, Kind::Server, name, id, self.clock.now()).await? {
            return Err(Refusal::ServerNameTaken(name.to_string()).into());
        }
        // Step 6: the event. Only now is there a server.
        let registered = registered(registration, directory, &account, thumbprint);
        self.append(origin, id, Command::Register(Box::new(registered)))
            .await
    }

    /// The account at the CA: the one that an earlier try made, else a new one.
    async fn account(
        &self,
        ca: &Arc<Client>,
        id: Uuid,
        key: SealedKey,
        registration: &Registration,
        origin: &Origin,
    ) -> Result<Account, client::Error> {
        let key = match key {
            SealedKey::New(key) => key,
            SealedKey::Found(key) => match ca.find(key.clone()).await? {
                Some(account) => return Ok(account),
                None => key,
            },
        };
        let external = registration.binding.as_ref();
        let external = external.map(|b| ExternalAccountKey::new(b.key_id.clone(), b.hmac.clone()));
        let new = NewAccount {
            contact_emails: &registration.contact_emails,
            external: external.as_ref(),
        };
        let made = ca.register(key, &new).await;
        if let Err(error) = &made
            && error.nothing_happened()
            && let Err(error) = self.accounts.destroy_key(id, origin).await
        {
            tracing::warn!(server = %id, error = chain(&error), "a refused registration left its key behind");
        }
        made
    }

    async fn append(
        &self,
        origin: &Origin,
        id: Uuid,
        command: Command,
    ) -> Result<(Uuid, Registered), CommandError> {
        let decide = |state: &Server| server::decide(state, command.clone());
        let (text, now) = (id.to_string(), self.clock.now());
        let executed = self.log.execute(&text, origin, "register", now, decide);
        let Executed { state, .. } = executed.await.map_err(CommandError::from_log)?;
        let registered = state.registered().map_err(Refusal::Server)?;
        Ok((id, registered.clone()))
    }
}

/// What the CA's directory asks for is given.
fn check(directory: &Directory, registration: &Registration) -> Result<(), Refusal> {
    let meta = &directory.meta;
    match &meta.terms_of_service {
        Some(terms) if !registration.terms_agreed => Err(Refusal::TermsNotAgreed {
            terms: terms.clone(),
        }),
        _ if meta.external_account_required && registration.binding.is_none() => {
            let website = meta.website.clone();
            Err(Refusal::EabRequired { website })
        }
        _ => Ok(()),
    }
}

fn registered(
    registration: &Registration,
    directory: Directory,
    account: &Account,
    account_key_thumbprint: String,
) -> ServerRegistered {
    let meta = directory.meta;
    let binding = registration.binding.as_ref();
    ServerRegistered {
        name: registration.name.to_string(),
        directory_url: registration.directory_url.clone(),
        account_url: account.url().to_owned(),
        account_key_thumbprint,
        terms_of_service_url: meta.terms_of_service.unwrap_or_default(),
        website_url: meta.website.unwrap_or_default(),
        caa_identities: meta.caa_identities,
        profiles: meta.profiles.into_keys().collect(),
        external_account_key_id: binding.map(|b| b.key_id.clone()).unwrap_or_default(),
        trusted_roots_der: registration.trusted_roots_der.clone(),
    }
}

fn refused(error: AccountError, registration: &Registration) -> CommandError {
    let about = About {
        directory_url: &registration.directory_url,
        names: &[],
    };
    error.refusal(about, registration.binding.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::directory::Meta;

    fn directory(terms: bool, external: bool) -> Directory {
        Directory {
            new_nonce: String::new(),
            new_account: String::new(),
            key_change: None,
            new_order: String::new(),
            revoke_cert: None,
            renewal_info: None,
            meta: Meta {
                terms_of_service: terms.then(|| "https://ca.example/terms".into()),
                external_account_required: external,
                ..Meta::default()
            },
        }
    }

    fn registration(terms_agreed: bool, bound: bool) -> Registration {
        let binding = bound.then(|| Binding {
            key_id: "kid-1".into(),
            hmac: Zeroizing::new(b"mac".to_vec()),
        });
        Registration {
            name: "CA".try_into().unwrap(),
            directory_url: "https://ca.example/dir".into(),
            contact_emails: vec![],
            terms_agreed,
            binding,
            trusted_roots_der: vec![],
        }
    }

    #[test]
    fn what_the_ca_asks_for_must_be_given() {
        let terms = Refusal::TermsNotAgreed {
            terms: "https://ca.example/terms".into(),
        };
        let eab = Refusal::EabRequired { website: None };
        for (directory, registration, result) in [
            (
                directory(true, false),
                registration(false, false),
                Err(terms),
            ),
            (directory(true, false), registration(true, false), Ok(())),
            (directory(false, false), registration(false, false), Ok(())),
            (directory(true, true), registration(true, false), Err(eab)),
            (directory(true, true), registration(true, true), Ok(())),
            (directory(true, false), registration(true, true), Ok(())),
        ] {
            assert_eq!(check(&directory, &registration), result);
        }
    }

    #[test]
    fn a_binding_is_silent() {
        let text = format!("{:?}", registration(true, true));
        assert!(text.contains("Binding") && !text.contains("109"), "{text}");
    }
}
