//! The rows that a batch of events touches: read once, changed in memory, written once. So the last
//! event on a row wins, and a thousand events are a handful of statements.

use std::collections::{BTreeMap, BTreeSet};

use api::x509::v1::SubjectAltNames;
use eventlog::Recorded;
use sea_orm::{ConnectionTrait, DbErr};

use super::{
    Rows,
    certificates::{self, Certificates},
    link::{self, KeysHere},
    notifications::Notifications,
    renewers::Renewers,
    seals::Seals,
    tally::Tally,
    write::{self, by_id},
};
use crate::{
    events::{AutomationEvent, Event, KeyEvent, RequestEvent, TlsEvent},
    tables::{
        Unusable, automation, automation_name, default_certificate, disclosure, dns_provider,
        each_name,
        event::{self, NotText},
        folded,
        instant::micros,
        key, request, request_name, server,
    },
};

/// The rows of one batch, by id.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// None, where they are not wanted.
    events: Option<Vec<event::Model>>,
    keys: BTreeMap<String, key::Model>,
    keys_here: KeysHere,
    servers: BTreeMap<String, server::Model>,
    dns_providers: BTreeMap<String, dns_provider::Model>,
    automations: BTreeMap<String, automation::Model>,
    automation_names: BTreeMap<(String, String), automation_name::Model>,
    renewers: Renewers,
    notifications: Notifications,
    certificates: Certificates,
    counted: Before,
    defaults: BTreeMap<String, default_certificate::Model>,
    requests: BTreeMap<String, request::Model>,
    request_names: BTreeMap<(String, String), request_name::Model>,
    seals: Seals,
}

/// Rows that are counted, as they were.
#[derive(Debug, Default)]
struct Before {
    keys: Vec<key::Model>,
    automations: Vec<automation::Model>,
    requests: Vec<request::Model>,
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
        rows: Rows,
    ) -> Result<Self, DbErr> {
        // Those that begin, too: what was counted before is not counted again.
        let automations = touched(events, |event| matches!(event, Event::Automation(_)));
        let automations =
            write::load::<automation::Entity>(tx, automation::Column::Id, automations).await?;
        let servers = touched(events, |event| matches!(event, Event::Server(_)));
        let servers = write::load::<server::Entity>(tx, server::Column::Id, servers).await?;
        let dns_providers = touched(events, |event| matches!(event, Event::DnsProvider(_)));
        let dns_providers =
            write::load::<dns_provider::Entity>(tx, dns_provider::Column::Id, dns_providers)
                .await?;
        let requests = touched(events, |event| matches!(event, Event::Request(_)));
        let requests = write::load::<request::Entity>(tx, request::Column::Id, requests).await?;
        let keys = touched(events, |event| matches!(event, Event::Key(_)));
        let keys = write::load::<key::Entity>(tx, key::Column::Id, keys).await?;

        // A key that comes or goes changes the certificates that are there; a certificate that
        // comes looks for its key.
        let coming = events.iter().filter_map(|(_, event)| match event {
            Event::Key(KeyEvent::Generated(key)) => Some(folded(&key.spki_sha256)),
            Event::Key(KeyEvent::Imported(key)) => Some(folded(&key.spki_sha256)),
            _ => None,
        });
        let of_keys = coming.chain(keys.iter().map(|row| row.spki_sha256.clone()));
        let mut public_keys = of_keys.collect::<BTreeSet<_>>();
        let of_certificates = || {
            events.iter().filter_map(|(recorded, event)| match event {
                Event::Certificate(event) => Some((recorded.id.as_str(), event)),
                _ => None,
            })
        };
        let of_keys = public_keys.iter().cloned().collect();
        // An automation that changes changes its certificate; a certificate that comes looks for what
        // renews it.
        let of_automations = touched(events, |event| matches!(event, Event::Automation(_)));
        let certificates =
            Certificates::load(tx, of_certificates(), of_keys, of_automations).await?;
        let brought = of_certificates().filter_map(|(_, event)| certificates::brought(event));
        public_keys.extend(brought.map(|certificate| folded(&certificate.spki_sha256)));
        public_keys.extend(certificates.public_keys().map(str::to_owned));
        let renewers = of_certificates().filter_map(|(_, event)| certificates::renewer(event));
        let renewers = renewers.chain(certificates.automations());
        let renewers = renewers.map(str::to_owned).collect();

        let all = events
            .iter()
            .map(|(recorded, event)| (recorded.id.as_str(), event));

        Ok(Self {
            counted: Before {
                keys: keys.clone(),
                automations: automations.clone(),
                requests: requests.clone(),
            },
            events: (rows == Rows::All).then(Vec::new),
            keys_here: KeysHere::load(tx, public_keys).await?,
            keys: by_id(keys, |row| &row.id),
            servers: by_id(servers, |row| &row.id),
            dns_providers: by_id(dns_providers, |row| &row.id),
            renewers: Renewers::load(tx, renewers).await?,
            notifications: Notifications::load(tx, all).await?,
            automations: by_id(automations, |row| &row.id),
            requests: by_id(requests, |row| &row.id),
            certificates,
            ..Self::default()
        })
    }

    /// Takes in one event, in the log's order.
    pub(super) fn take(&mut self, recorded: &Recorded, event: Event) -> Result<(), CannotTake> {
        if let Some(events) = &mut self.events {
            events.push(match event {
                Event::Skipped => event::Model::shown(recorded),
                _ => event::Model::of(recorded)?,
            });
        }
        let (id, at) = (recorded.id.as_str(), micros(recorded.time));
        match event {
            Event::Key(event) => {
                if let KeyEvent::Exported(exported) = &event {
                    let row = disclosure::Model::export(recorded, exported.clone());
                    self.seals.disclosed(row);
                }
                self.take_key(id, event, at)?;
            }
            Event::Server(event) => {
                let before = self.servers.remove(id);
                let row = server::Model::after(before, id, event, at)?;
                self.servers.insert(id.to_owned(), row);
            }
            Event::DnsProvider(event) => {
                let before = self.dns_providers.remove(id);
                let row = dns_provider::Model::after(before, id, event, at)?;
                self.dns_providers.insert(id.to_owned(), row);
            }
            Event::Channel(event) => self.notifications.take_channel(id, event, at)?,
            Event::Alert(event) => self.notifications.take_alert(id, event, at)?,
            Event::Automation(event) => {
                self.name_automation(id, &event);
                let before = self.automations.remove(id);
                let row = automation::Model::after(before, id, event, at)?;
                self.automations.insert(id.to_owned(), row);
            }
            Event::Certificate(event) => {
                let number = i64::try_from(recorded.sequence).unwrap_or(i64::MAX);
                self.certificates.take(number, id, event, at)?;
            }
            Event::Tls(TlsEvent::DefaultSelected(selected)) => {
                self.choose_default(id, selected.certificate_id);
            }
            Event::Tls(TlsEvent::DefaultCleared(_)) => self.choose_default(id, String::new()),
            Event::Request(event) => self.take_request(id, event, at)?,
            Event::Tls(TlsEvent::ServingGranted(granted)) => {
                let row = disclosure::Model::grant(recorded, granted);
                self.seals.disclosed(row);
            }
            Event::Seal(event) => self.seals.take(recorded, event),
            Event::Other | Event::Skipped => {}
        }
        Ok(())
    }

    fn take_key(&mut self, id: &str, event: KeyEvent, at: i64) -> Result<(), Unusable> {
        match event {
            KeyEvent::Generated(generated) => {
                self.keep_key(key::Model::generated(id, generated, at));
            }
            KeyEvent::Imported(imported) => self.keep_key(key::Model::imported(id, imported, at)),
            KeyEvent::Exported(_) => {
                let row = self.key(id)?;
                row.exports += 1;
                row.last_exported = at;
            }
            KeyEvent::Destroyed(_) => {
                let row = self.key(id)?;
                row.destroyed_at = at;
                let row = row.clone();
                self.keys_here.remove(&row);
            }
        }
        Ok(())
    }

    fn keep_key(&mut self, row: key::Model) {
        self.keys_here.add(&row);
        self.keys.insert(row.id.clone(), row);
    }

    fn key(&mut self, id: &str) -> Result<&mut key::Model, Unusable> {
        self.keys.get_mut(id).ok_or_else(|| Unusable::Unknown {
            what: "key",
            id: id.to_owned(),
        })
    }

    fn choose_default(&mut self, id: &str, certificate_id: String) {
        let row = default_certificate::Model {
            id: id.to_owned(),
            certificate_id,
        };
        self.defaults.insert(id.to_owned(), row);
    }

    /// An automation's names stay what they were at first.
    fn name_automation(&mut self, id: &str, event: &AutomationEvent) {
        let AutomationEvent::Requested(requested) = event else {
            return;
        };
        let names = SubjectAltNames {
            dns_names: requested.dns_names.clone(),
            ip_addresses: requested.ip_addresses.clone(),
        };
        for name in each_name(Some(&names)) {
            let row = automation_name::Model {
                automation_id: id.to_owned(),
                name,
            };
            self.automation_names
                .insert((id.to_owned(), row.name.clone()), row);
        }
    }

    fn take_request(&mut self, id: &str, event: RequestEvent, at: i64) -> Result<(), Unusable> {
        if let RequestEvent::Created(created) = &event {
            for name in each_name(created.subject_alt_names.as_ref()) {
                let row = request_name::Model {
                    request_id: id.to_owned(),
                    name,
                };
                self.request_names
                    .insert((id.to_owned(), row.name.clone()), row);
            }
        }
        let before = self.requests.remove(id);
        let row = request::Model::after(before, id, event, at)?;
        self.requests.insert(id.to_owned(), row);
        Ok(())
    }

    /// Writes all rows.
    pub(super) async fn store(mut self, tx: &impl ConnectionTrait) -> Result<(), DbErr> {
        self.renewers.now(self.automations.values());
        let of_keys = self.keys.values().map(|row| row.spki_sha256.clone());
        let of_requests = self.requests.values().map(|row| row.spki_sha256.clone());
        let mut public_keys = of_keys.chain(of_requests).collect::<BTreeSet<_>>();

        let mut tally = Tally::default();
        let before = self.counted;
        tally.change(&before.keys, self.keys.values());
        tally.change(&before.automations, self.automations.values());
        tally.change(&before.requests, self.requests.values());

        write::put::<event::Entity>(tx, self.events.into_iter().flatten()).await?;
        write::put::<key::Entity>(tx, self.keys.into_values()).await?;
        write::put::<server::Entity>(tx, self.servers.into_values()).await?;
        write::put::<dns_provider::Entity>(tx, self.dns_providers.into_values()).await?;
        write::put::<automation::Entity>(tx, self.automations.into_values()).await?;
        write::put::<automation_name::Entity>(tx, self.automation_names.into_values()).await?;
        write::put::<default_certificate::Entity>(tx, self.defaults.into_values()).await?;
        write::put::<request::Entity>(tx, self.requests.into_values()).await?;
        write::put::<request_name::Entity>(tx, self.request_names.into_values()).await?;
        self.notifications.store(tx).await?;
        self.seals.store(tx).await?;
        let certificates = self.certificates;
        public_keys.extend(
            certificates
                .store(tx, &self.keys_here, &self.renewers, &mut tally)
                .await?,
        );
        tally.store(tx).await?;
        link::mark_used(tx, public_keys).await
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
