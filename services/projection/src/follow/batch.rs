//! The rows that a batch of events touches: read once, changed in memory, written once. So the last
//! event on a row wins, and a thousand events are a handful of statements.

use std::collections::BTreeMap;

use api::projection::v1::Source;
use eventlog::Recorded;
use sea_orm::{ConnectionTrait, DbErr};

use super::write;
use crate::{
    events::{AutomationEvent, CertificateEvent, Event, KeyEvent, ServerEvent},
    tables::{
        Unusable, automation,
        certificate::{self, Standing, Version},
        certificate_issuer, certificate_name, certificate_version,
        event::{self, NotText},
        instant::micros,
        issuer, key, server,
    },
};

/// The rows of one batch, by id.
#[derive(Debug, Default)]
pub(super) struct Batch {
    events: Vec<event::Model>,
    keys: BTreeMap<String, key::Model>,
    servers: BTreeMap<String, server::Model>,
    automations: BTreeMap<String, automation::Model>,
    certificates: BTreeMap<String, certificate::Model>,
    versions: BTreeMap<(String, i64), certificate_version::Model>,
    newest: BTreeMap<String, Newest>,
    issuers: BTreeMap<String, issuer::Model>,
}

/// What goes with a certificate's newest version alone.
#[derive(Debug, Default)]
struct Newest {
    names: Vec<certificate_name::Model>,
    chain: Vec<certificate_issuer::Model>,
}

/// An event that cannot become rows.
#[derive(Debug, thiserror::Error)]
pub(super) enum CannotTake {
    #[error(transparent)]
    Unusable(#[from] Unusable),
    #[error(transparent)]
    NotText(#[from] NotText),
}

impl Batch {
    /// The rows that these events build on, as they are now.
    pub(super) async fn load(
        tx: &impl ConnectionTrait,
        events: &[(&Recorded, Event)],
    ) -> Result<Self, DbErr> {
        let automations = touched(
            events,
            |event| matches!(event, Event::Automation(event) if !matches!(event, AutomationEvent::Requested(_))),
        );
        let certificates = touched(events, |event| {
            matches!(event, Event::Certificate(CertificateEvent::Renewed(_)))
        });
        Ok(Self {
            automations: write::load::<automation::Entity>(tx, automation::Column::Id, automations)
                .await?
                .into_iter()
                .map(|row| (row.id.clone(), row))
                .collect(),
            certificates: write::load::<certificate::Entity>(
                tx,
                certificate::Column::Id,
                certificates,
            )
            .await?
            .into_iter()
            .map(|row| (row.id.clone(), row))
            .collect(),
            ..Self::default()
        })
    }

    /// Takes in one event, in the log's order.
    pub(super) fn take(&mut self, recorded: &Recorded, event: Event) -> Result<(), CannotTake> {
        self.events.push(event::Model::of(recorded)?);
        let (id, at) = (recorded.id.as_str(), micros(recorded.time));
        match event {
            Event::Key(KeyEvent::Generated(generated)) => {
                let row = key::Model::generated(id, generated, at);
                self.keys.insert(id.to_owned(), row);
            }
            Event::Server(ServerEvent::Registered(registered)) => {
                let row = server::Model::registered(id, registered, at);
                self.servers.insert(id.to_owned(), row);
            }
            Event::Automation(event) => {
                let before = self.automations.remove(id);
                let row = automation::Model::after(before, id, event, at)?;
                self.automations.insert(id.to_owned(), row);
            }
            Event::Certificate(event) => self.take_certificate(id, event, at)?,
            Event::Other => {}
        }
        Ok(())
    }

    fn take_certificate(
        &mut self,
        id: &str,
        event: CertificateEvent,
        at: i64,
    ) -> Result<(), Unusable> {
        let (row, version) = match event {
            CertificateEvent::Issued(issued) => {
                let version = Version::new(1, issued.key_id, issued.certificate, issued.issuers)?;
                let standing = Standing {
                    id: id.to_owned(),
                    friendly_name: issued.friendly_name,
                    source: Source::Acme,
                    automation_id: issued.automation_id,
                    serve: issued.serve,
                };
                (certificate::Model::first(standing, &version, at)?, version)
            }
            CertificateEvent::SelfSigned(signed) => {
                let version = Version::new(1, signed.key_id, signed.certificate, Vec::new())?;
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
                    serve: signed.serve,
                };
                (certificate::Model::first(standing, &version, at)?, version)
            }
            CertificateEvent::Renewed(renewed) => {
                let before = self
                    .certificates
                    .remove(id)
                    .ok_or_else(|| Unusable::Unknown {
                        what: "certificate",
                        id: id.to_owned(),
                    })?;
                let version = Version::new(
                    renewed.version,
                    renewed.key_id,
                    renewed.certificate,
                    renewed.issuers,
                )?;
                (before.renewed(&version, at)?, version)
            }
        };
        self.certificates.insert(id.to_owned(), row);
        self.keep_version(id, &version, at);
        Ok(())
    }

    fn keep_version(&mut self, id: &str, version: &Version, at: i64) {
        let row = certificate_version::Model::of(id, version, at);
        self.versions.insert((id.to_owned(), row.version), row);
        let mut newest = Newest::default();
        for name in version.names() {
            let certificate_id = id.to_owned();
            newest.names.push(certificate_name::Model {
                certificate_id,
                name,
            });
        }
        for (place, certificate) in (0..).zip(&version.issuers) {
            let issuer = issuer::Model::of(certificate);
            newest.chain.push(certificate_issuer::Model {
                certificate_id: id.to_owned(),
                place,
                sha256_fingerprint: issuer.sha256_fingerprint.clone(),
            });
            self.issuers
                .insert(issuer.sha256_fingerprint.clone(), issuer);
        }
        self.newest.insert(id.to_owned(), newest);
    }

    /// Writes all rows.
    pub(super) async fn store(self, tx: &impl ConnectionTrait) -> Result<(), DbErr> {
        write::put::<event::Entity>(tx, self.events).await?;
        write::put::<key::Entity>(tx, self.keys.into_values()).await?;
        write::put::<server::Entity>(tx, self.servers.into_values()).await?;
        write::put::<automation::Entity>(tx, self.automations.into_values()).await?;
        write::put::<certificate::Entity>(tx, self.certificates.into_values()).await?;
        write::put::<certificate_version::Entity>(tx, self.versions.into_values()).await?;
        write::put::<issuer::Entity>(tx, self.issuers.into_values()).await?;

        let ids = self.newest.keys().cloned().collect::<Vec<_>>();
        write::delete::<certificate_name::Entity>(
            tx,
            certificate_name::Column::CertificateId,
            &ids,
        )
        .await?;
        write::delete::<certificate_issuer::Entity>(
            tx,
            certificate_issuer::Column::CertificateId,
            &ids,
        )
        .await?;
        let (mut names, mut chains) = (Vec::new(), Vec::new());
        for newest in self.newest.into_values() {
            names.extend(newest.names);
            chains.extend(newest.chain);
        }
        write::put::<certificate_name::Entity>(tx, names).await?;
        write::put::<certificate_issuer::Entity>(tx, chains).await
    }
}

/// The ids of the events that build on a row, each once.
fn touched(events: &[(&Recorded, Event)], builds: impl Fn(&Event) -> bool) -> Vec<String> {
    let ids = events.iter().filter(|(_, event)| builds(event));
    let mut ids = ids
        .map(|(recorded, _)| recorded.id.clone())
        .collect::<Vec<_>>();
    ids.sort_unstable();
    ids.dedup();
    ids
}
