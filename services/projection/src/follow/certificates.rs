//! The rows of certificates that a batch touches.

use std::collections::{BTreeMap, BTreeSet};

use api::{projection::v1::Source, x509};
use sea_orm::{ConnectionTrait, DbErr};

use super::{
    link::{self, KeysHere},
    renewers::Renewers,
    tally::Tally,
    write,
};
use crate::{
    events::CertificateEvent,
    tables::{
        Unusable,
        certificate::{self, Standing, Version},
        certificate_gram::{self, grams},
        certificate_issuer, certificate_name, certificate_version, each_name,
        instant::NEVER,
        issuer,
    },
};

/// The rows, by the certificate's id.
#[derive(Debug, Default)]
pub(super) struct Certificates {
    rows: BTreeMap<String, certificate::Model>,
    /// The rows as they were: those that stay so are not written.
    before: BTreeMap<String, certificate::Model>,
    /// New here, or changed.
    versions: BTreeMap<(String, i64), certificate_version::Model>,
    /// Of those whose newest version is new here.
    names: BTreeMap<String, Vec<certificate_name::Model>>,
    /// What they can be searched by, by the certificate's number.
    grams: BTreeMap<i64, BTreeSet<i32>>,
    /// Likewise, and of those whose chain has changed.
    chains: BTreeMap<String, Vec<certificate_issuer::Model>>,
    issuers: BTreeMap<String, issuer::Model>,
    /// Deleted, or restored: their keys may be used no more, or again.
    gone_or_back: BTreeSet<String>,
}

impl Certificates {
    /// Those of these events, those that have these public keys, and those that these automations renew,
    /// as they are now.
    pub(super) async fn load<'a>(
        tx: &impl ConnectionTrait,
        events: impl Iterator<Item = (&'a str, &'a CertificateEvent)>,
        public_keys: Vec<String>,
        automations: Vec<String>,
    ) -> Result<Self, DbErr> {
        use certificate::{Column, Entity};
        let (mut ids, mut revoked) = (BTreeSet::new(), BTreeSet::new());
        for (id, event) in events {
            // Those that begin, too: what was counted before is not counted again.
            ids.insert(id.to_owned());
            if matches!(event, CertificateEvent::Revoked(_)) {
                revoked.insert(id.to_owned());
            }
        }
        let mut rows = write::load::<Entity>(tx, Column::Id, Vec::from_iter(ids)).await?;
        rows.extend(write::load::<Entity>(tx, Column::SpkiSha256, public_keys).await?);
        rows.extend(write::load::<Entity>(tx, Column::AutomationId, automations).await?);
        let rows = rows.into_iter().map(|row| (row.id.clone(), row));
        let rows = rows.collect::<BTreeMap<_, _>>();

        let column = certificate_version::Column::CertificateId;
        let revoked = Vec::from_iter(revoked);
        let versions = write::load::<certificate_version::Entity>(tx, column, revoked).await?;
        let versions = versions.into_iter().map(|row| (key_of(&row), row));
        Ok(Self {
            before: rows.clone(),
            rows,
            versions: versions.collect(),
            ..Self::default()
        })
    }

    /// The automations that renew them.
    pub(super) fn automations(&self) -> impl Iterator<Item = &str> {
        let ids = self.rows.values().map(|row| row.automation_id.as_str());
        ids.filter(|id| !id.is_empty())
    }

    /// The public keys of their newest versions.
    pub(super) fn public_keys(&self) -> impl Iterator<Item = &str> {
        self.rows.values().map(|row| row.spki_sha256.as_str())
    }

    /// Takes in one event, in the log's order.
    pub(super) fn take(
        &mut self,
        number: i64,
        id: &str,
        event: CertificateEvent,
        at: i64,
    ) -> Result<(), Unusable> {
        match event {
            CertificateEvent::Issued(issued) => {
                let version = Version::new(1, issued.certificate, issued.issuers)?;
                let standing = Standing {
                    id: id.to_owned(),
                    friendly_name: issued.friendly_name,
                    source: Source::Acme,
                    automation_id: issued.automation_id,
                    request_id: String::new(),
                    serve: issued.serve,
                };
                let row = certificate::Model::first(number, standing, &version, at);
                self.keep(row, version, at);
            }
            CertificateEvent::SelfSigned(signed) => {
                let version = Version::new(1, signed.certificate, Vec::new())?;
                let source = if signed.factory {
                    Source::Factory
                } else {
                    Source::SelfSigned
                };
                let standing = Standing {
                    id: id.to_owned(),
                    friendly_name: signed.friendly_name,
                    source,
                    automation_id: String::new(),
                    request_id: String::new(),
                    serve: signed.serve,
                };
                let row = certificate::Model::first(number, standing, &version, at);
                self.keep(row, version, at);
            }
            CertificateEvent::Imported(imported) => {
                let version = Version::new(1, imported.certificate, imported.issuers)?;
                let standing = Standing {
                    id: id.to_owned(),
                    friendly_name: imported.friendly_name,
                    source: Source::Imported,
                    automation_id: String::new(),
                    request_id: imported.request_id,
                    serve: imported.serve,
                };
                let row = certificate::Model::first(number, standing, &version, at);
                self.keep(row, version, at);
            }
            CertificateEvent::Renewed(renewed) => {
                let version = Version::new(renewed.version, renewed.certificate, renewed.issuers)?;
                let before = self.rows.remove(id).ok_or_else(|| unknown(id))?;
                self.keep(before.renewed(&version, at), version, at);
            }
            CertificateEvent::ChainCompleted(completed) => {
                let row = self.row(id)?;
                // Only the newest version's chain is kept, and a chain never shrinks to nothing.
                if row.version == i64::from(completed.version)
                    && let Some(last) = completed.issuers.last()
                {
                    row.ends_in(last);
                    self.keep_chain(id, &completed.issuers);
                }
            }
            CertificateEvent::Renamed(renamed) => self.name(id, renamed.friendly_name)?,
            CertificateEvent::Deleted(_) => {
                self.row(id)?.deleted_since(at);
                self.gone_or_back.insert(id.to_owned());
            }
            CertificateEvent::Restored(restored) => {
                self.name(id, restored.friendly_name)?;
                self.row(id)?.deleted_since(NEVER);
                self.gone_or_back.insert(id.to_owned());
            }
            CertificateEvent::Released(_) => self.row(id)?.released(),
            CertificateEvent::Revoked(revoked) => {
                let version = i64::from(revoked.version);
                let row = self.row(id)?;
                row.revoked |= row.version == version;
                if let Some(row) = self.versions.get_mut(&(id.to_owned(), version)) {
                    row.revoked_at = at;
                    row.revocation_reason = revoked.reason;
                }
            }
            // It leaves no trace but the event.
            CertificateEvent::Exported(_) => {}
        }
        Ok(())
    }

    fn row(&mut self, id: &str) -> Result<&mut certificate::Model, Unusable> {
        self.rows.get_mut(id).ok_or_else(|| unknown(id))
    }

    fn name(&mut self, id: &str, name: String) -> Result<(), Unusable> {
        let row = self.row(id)?;
        row.named(name);
        let (number, grams) = (row.number, grams(&row.friendly_name_folded));
        self.grams.entry(number).or_default().extend(grams);
        Ok(())
    }

    fn keep(&mut self, row: certificate::Model, version: Version, at: i64) {
        let id = row.id.clone();
        let of_version = certificate_version::Model::of(&id, &version, at);
        self.versions.insert(key_of(&of_version), of_version);
        let names = each_name(version.certificate.subject_alt_names.as_ref());
        let searched = self.grams.entry(row.number).or_default();
        searched.extend(grams(&row.friendly_name_folded));
        searched.extend(names.iter().flat_map(|name| grams(name)));
        let names = names.into_iter();
        let names = names.map(|name| certificate_name::Model::of(&id, name));
        self.names.insert(id.clone(), names.collect());
        self.keep_chain(&id, &version.issuers);
        self.rows.insert(id, row);
    }

    fn keep_chain(&mut self, id: &str, issuers: &[x509::v1::Certificate]) {
        let mut chain = Vec::with_capacity(issuers.len());
        for (place, certificate) in (0..).zip(issuers) {
            let issuer = issuer::Model::of(certificate);
            chain.push(certificate_issuer::Model {
                certificate_id: id.to_owned(),
                place,
                sha256_fingerprint: issuer.sha256_fingerprint.clone(),
            });
            self.issuers
                .insert(issuer.sha256_fingerprint.clone(), issuer);
        }
        self.chains.insert(id.to_owned(), chain);
    }

    /// Writes all rows, each linked to its key and to what renews it; answers the public keys of which
    /// one may now be used that was not, or no more.
    pub(super) async fn store(
        mut self,
        tx: &impl ConnectionTrait,
        keys: &KeysHere,
        renewers: &Renewers,
        tally: &mut Tally,
    ) -> Result<BTreeSet<String>, DbErr> {
        for row in self.rows.values_mut() {
            row.keyed(keys.of(&row.spki_sha256));
            row.renewed_by(renewers.of(&row.automation_id));
        }
        let before = self.before;
        tally.change(before.values(), self.rows.values());
        self.rows.retain(|id, row| before.get(id) != Some(row));
        let versions = self.versions.values();
        let mut public_keys = versions
            .map(|version| version.spki_sha256.clone())
            .collect::<BTreeSet<_>>();
        write::put::<certificate::Entity>(tx, self.rows.into_values()).await?;
        write::put::<certificate_version::Entity>(tx, self.versions.into_values()).await?;
        write::put::<issuer::Entity>(tx, self.issuers.into_values()).await?;
        let grams = self.grams.into_iter().flat_map(|(number, grams)| {
            let grams = grams.into_iter();
            grams.map(move |gram| certificate_gram::Model { gram, number })
        });
        write::put::<certificate_gram::Entity>(tx, grams).await?;
        let gone_or_back = Vec::from_iter(self.gone_or_back);
        public_keys.extend(link::public_keys_of(tx, &gone_or_back).await?);

        let ids = self.names.keys().cloned().collect::<Vec<_>>();
        let column = certificate_name::Column::CertificateId;
        write::delete::<certificate_name::Entity>(tx, column, &ids).await?;
        let names = self.names.into_values().flatten();
        write::put::<certificate_name::Entity>(tx, names).await?;

        let ids = self.chains.keys().cloned().collect::<Vec<_>>();
        let column = certificate_issuer::Column::CertificateId;
        write::delete::<certificate_issuer::Entity>(tx, column, &ids).await?;
        let chains = self.chains.into_values().flatten();
        write::put::<certificate_issuer::Entity>(tx, chains).await?;
        Ok(public_keys)
    }
}

/// The certificate that an event brings.
pub(super) fn brought(event: &CertificateEvent) -> Option<&x509::v1::Certificate> {
    match event {
        CertificateEvent::Issued(event) => event.certificate.as_ref(),
        CertificateEvent::SelfSigned(event) => event.certificate.as_ref(),
        CertificateEvent::Imported(event) => event.certificate.as_ref(),
        CertificateEvent::Renewed(event) => event.certificate.as_ref(),
        CertificateEvent::ChainCompleted(_)
        | CertificateEvent::Renamed(_)
        | CertificateEvent::Exported(_)
        | CertificateEvent::Deleted(_)
        | CertificateEvent::Restored(_)
        | CertificateEvent::Released(_)
        | CertificateEvent::Revoked(_) => None,
    }
}

/// The automation that an event names as the one that renews the certificate.
pub(super) fn renewer(event: &CertificateEvent) -> Option<&str> {
    match event {
        CertificateEvent::Issued(event) => Some(&event.automation_id),
        _ => None,
    }
}

fn key_of(row: &certificate_version::Model) -> (String, i64) {
    (row.certificate_id.clone(), row.version)
}

fn unknown(id: &str) -> Unusable {
    Unusable::Unknown {
        what: "certificate",
        id: id.to_owned(),
    }
}
