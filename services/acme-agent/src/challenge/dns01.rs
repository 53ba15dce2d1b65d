//! DNS-01 (RFC 8555, section 8.4): a TXT record in the zone, seen at each of the zone's servers before the CA
//! looks for it, and taken away in the end.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};
use eventlog::Origin;
use hickory_proto::rr::Name;
use runtime::Clock;
use sea_orm::{DatabaseConnection, DbErr};
use time::OffsetDateTime;
use tokio::sync::Notify;
use uuid::Uuid;

use super::records::{self, Row};
use crate::{
    dns::{self, DnsError, Missing, Resolver, Zone, update::Change},
    providers::{OpenError, Openers, WriteError},
};

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum Dns01Error {
    /// The name is none.
    #[error("{name} is no host name")]
    Name {
        /// The name.
        name: String,
    },
    /// Where the record belongs cannot be told.
    #[error("it cannot be told where the record for {name} belongs")]
    Dns {
        /// The host name.
        name: String,
        /// Why.
        #[source]
        error: DnsError,
    },
    /// The provider cannot be used.
    #[error("the DNS provider cannot be used")]
    Open(#[source] OpenError),
    /// The provider did not write it.
    #[error("the DNS provider {provider} did not change {owner}")]
    Write {
        /// Its name.
        provider: String,
        /// The record's name.
        owner: String,
        /// Why.
        #[source]
        error: WriteError,
    },
    /// The own database.
    #[error("the database did not answer")]
    Database(#[from] DbErr),
}

impl Dns01Error {
    /// Whether it is the same however often it is tried: nobody is there to do it.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Open(OpenError::NotFound) | Self::Name { .. })
    }
}

/// A record that was written.
#[derive(Debug, Clone)]
pub struct Written {
    /// The zone.
    pub zone: Zone,
    owner: Name,
    value: String,
}

impl Written {
    /// The record's name, without the final dot.
    pub fn owner(&self) -> String {
        dns::written(&self.owner)
    }

    /// The zone's servers that do not show it yet.
    pub async fn missing(&self) -> Vec<Missing> {
        self.zone.missing(&self.owner, &self.value).await
    }
}

/// A record to write.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// What needs it: an order, or a test.
    pub holder: &'a str,
    /// The DNS provider.
    pub provider: Uuid,
    /// The host name that is proved, without "*.".
    pub name: &'a str,
    /// The record's value.
    pub value: &'a str,
    /// When nothing needs it any more, at the latest.
    pub remove_at: OffsetDateTime,
}

/// Writes records, and takes them away.
pub struct Dns01 {
    /// The DNS.
    pub resolver: Resolver,
    /// Who writes.
    pub providers: Openers,
    /// What is to be taken away.
    pub database: DatabaseConnection,
    /// The time.
    pub clock: Clock,
    /// Notified when something is due to be taken away.
    pub released: Arc<Notify>,
}

/// What the record of a key authorization says.
pub fn value(key_authorization: &str) -> String {
    BASE64URL.encode(super::digest(key_authorization))
}

impl Dns01 {
    /// Writes a record beside others of its name.
    ///
    /// # Errors
    /// Why it is not there.
    pub async fn write(&self, wanted: Wanted<'_>, origin: &Origin) -> Result<Written, Dns01Error> {
        let owner = owner(wanted.name)?;
        let about = |error| Dns01Error::Dns {
            name: wanted.name.to_owned(),
            error,
        };
        let owner = self.resolver.past_aliases(&owner).await.map_err(about)?;
        let zone = self.resolver.zone(&owner).await.map_err(about)?;
        let opened = self.providers.open(wanted.provider, origin).await;
        let opened = opened.map_err(Dns01Error::Open)?;
        // Step 1: the row. A crash after this leaves a row whose record is not there, which is no harm.
        let row = Row {
            holder: wanted.holder.to_owned(),
            provider: wanted.provider,
            zone: zone.written(),
            owner: dns::written(&owner),
            value: wanted.value.to_owned(),
        };
        records::note(&self.database, &row, wanted.remove_at).await?;
        // Step 2: the record. A crash after this: the row says that it is to be taken away.
        let added = opened
            .writer
            .change(&zone.name, &owner, wanted.value, Change::Add);
        added.await.map_err(|error| Dns01Error::Write {
            provider: opened.name.clone(),
            owner: dns::written(&owner),
            error,
        })?;
        tracing::info!(
            owner = row.owner,
            zone = row.zone,
            provider = opened.name,
            "record written"
        );
        Ok(Written {
            zone,
            owner,
            value: wanted.value.to_owned(),
        })
    }

    /// The holder needs none of its records any more: they are taken away soon.
    ///
    /// # Errors
    /// What the database says; then they are taken away when their time is over.
    pub async fn release(&self, holder: &str) -> Result<(), DbErr> {
        records::release(&self.database, holder, self.clock.now()).await?;
        self.released.notify_one();
        Ok(())
    }

    /// Takes a record away. That it is gone already is no error.
    ///
    /// # Errors
    /// Why it may still be there.
    pub async fn take_away(&self, row: &Row) -> Result<(), Dns01Error> {
        let cause = Uuid::new_v5(&row.provider, row.value.as_bytes());
        let origin = Origin::reaction("service/acme-agent", cause, cause);
        let opened = self.providers.open(row.provider, &origin).await;
        let opened = opened.map_err(Dns01Error::Open)?;
        let (zone, owner) = (absolute(&row.zone)?, absolute(&row.owner)?);
        let removed = opened
            .writer
            .change(&zone, &owner, &row.value, Change::Remove);
        removed.await.map_err(|error| Dns01Error::Write {
            provider: opened.name.clone(),
            owner: row.owner.clone(),
            error,
        })
    }
}

/// The name at which the CA looks.
fn owner(name: &str) -> Result<Name, Dns01Error> {
    absolute(&format!(
        "_acme-challenge.{}",
        name.trim_start_matches("*.")
    ))
}

fn absolute(text: &str) -> Result<Name, Dns01Error> {
    let mut name = Name::from_ascii(text).map_err(|_| Dns01Error::Name {
        name: text.to_owned(),
    })?;
    name.set_fqdn(true);
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_of_a_name_and_its_wildcard_is_one() {
        for name in ["a.example", "*.a.example"] {
            assert_eq!(
                dns::written(&owner(name).unwrap()),
                "_acme-challenge.a.example"
            );
        }
        assert!(owner(&"a.".repeat(200)).is_err());
    }

    #[test]
    fn its_value_is_the_digest_of_the_key_authorization() {
        // printf 'token.thumbprint' | openssl dgst -sha256 -binary | basenc --base64url
        assert_eq!(
            value("token.thumbprint"),
            "61rBZ_4knHblO0MNoxFsXZ_eTFUHum0B6IVRbhvUn5I"
        );
    }
}
