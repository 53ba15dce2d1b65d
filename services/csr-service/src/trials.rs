//! The reaction on a real event log and database. The keystore's events are told by the trial; a crash
//! is what was not done, or what was done and not noted.

mod copies;
mod fulfilment;
mod issuers;
mod keys;
mod keystore;
mod requests;

use std::sync::Arc;

use api::{
    keystore::v1::{CertificateImported, KeyGenerated},
    x509::v1::Certificate,
};
use databases::Databases;
use eventlog::{
    Aggregate, Envelope, EventLog, Executed, Follower, Origin, Provision, Recorded,
    checkpoint::checkpoint, provision, subject,
};
use runtime::{Clock, Egress};
use sea_orm::DatabaseConnection;
use tempfile::TempDir;
use time::{OffsetDateTime, macros::datetime};
use tokio::{sync::Notify, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use town::{nats::Nats, wait};
use uuid::Uuid;

use self::keystore::StandIn;
use crate::{
    certificate::CertificateEvent,
    commands::Commands,
    key::KeyEvent,
    keystore::Keystore,
    reactions::{Reactions, worker::Worker},
    request::{self, Command, State},
    samples,
};

/// A log, and a service's database; what runs on them is the trial's to start and stop.
pub struct Trial {
    pub log: EventLog,
    pub database: DatabaseConnection,
    databases: Databases,
    pub clock: Clock,
    pub nats: Nats,
    folder: TempDir,
}

/// Something that runs until it is stopped.
pub struct Running {
    stopping: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    /// Lets it finish what it is at.
    pub async fn stop(self) {
        self.stopping.cancel();
        self.task.await.unwrap();
    }
}

impl Trial {
    pub async fn begin() -> Self {
        Self::on_a_log_of(None).await
    }

    /// On a log that takes so many bytes and no more.
    pub async fn with_room_for(bytes: u64) -> Self {
        Self::on_a_log_of(Some(bytes)).await
    }

    async fn on_a_log_of(max_bytes: Option<u64>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let nats = Nats::start(folder.path()).await;
        let wanted = Provision {
            replicas: 1,
            max_bytes,
            buckets: Vec::new(),
        };
        provision(&nats.connect().await, &wanted).await.unwrap();
        let log = EventLog::open(nats.connect().await, "csr-service");
        let databases = Databases::wanted(folder.path());
        Self {
            log: log.await.unwrap(),
            database: open(&databases).await,
            databases,
            clock: Clock::manual(NOON),
            nats,
            folder,
        }
    }

    /// The database is lost: an empty one is in its place.
    pub async fn lose_the_database(&mut self) {
        self.database.clone().close().await.unwrap();
        self.databases = Databases::wanted(self.folder.path().join("empty"));
        self.database = open(&self.databases).await;
    }

    /// What this service does for callers, with this keystore.
    pub async fn commands(&self, keystore: &StandIn) -> Commands {
        let loopback = "127.0.0.0/8".parse().unwrap();
        let reactions = Reactions::new(Arc::default());
        let progress = reactions.progress();
        // It ends with the trial.
        self.follow(reactions);
        Commands {
            log: self.log.clone(),
            database: self.database.clone(),
            keystore: Keystore::new(keystore.open().await),
            egress: Egress::new(&[loopback]),
            progress,
            clock: self.clock.clone(),
        }
    }

    /// The follower alone, until the rows have all that the log has now: nothing is appended.
    pub async fn follow_to_the_end(&self) {
        let reactions = Reactions::new(Arc::default());
        let progress = reactions.progress();
        let follower = self.follow(reactions);
        let last = self.log.last_sequence().await.unwrap();
        progress.reaches(last).await.unwrap();
        follower.stop().await;
        let at = checkpoint(&self.database, Reactions::FOLLOWER).await;
        assert!(at.unwrap().sequence >= last);
    }

    /// The worker alone.
    pub fn work(&self) -> Running {
        let worker = self.worker(Arc::default());
        running(|stopping| worker.run(stopping))
    }

    /// A worker at rest.
    pub fn worker(&self, owed: Arc<Notify>) -> Worker {
        Worker {
            log: self.log.clone(),
            database: self.database.clone(),
            clock: self.clock.clone(),
            owed,
        }
    }

    fn follow(&self, reactions: Reactions) -> Running {
        let follower = Follower {
            name: Reactions::FOLLOWER.to_owned(),
            subjects: Reactions::KINDS.map(subject::of_kind).to_vec(),
            log: self.log.clone(),
            database: self.database.clone(),
        };
        running(|stopping| async { follower.run(reactions, stopping).await.unwrap() })
    }

    /// Both, as the service runs them.
    pub fn react(&self) -> [Running; 2] {
        let owed = Arc::<Notify>::default();
        let follower = self.follow(Reactions::new(owed.clone()));
        let worker = self.worker(owed);
        [follower, running(|stopping| worker.run(stopping))]
    }

    /// A request that waits, of this number.
    pub async fn create(&self, request: u128) -> Executed<State> {
        let command = Command::Create(Box::new(samples::created()));
        self.command(request, "create", command).await.unwrap()
    }

    /// Something that a person asks of it.
    pub async fn command(
        &self,
        request: u128,
        what: &str,
        command: Command,
    ) -> Result<Executed<State>, eventlog::CommandError<crate::refusal::Refusal>> {
        let (id, now) = (Uuid::from_u128(request).to_string(), self.clock.now());
        let decide = |state: &State| request::decide(state, &command);
        let origin = origin(&format!("{what} {request}"));
        self.log.execute(&id, &origin, what, now, decide).await
    }

    /// The keystore imports a certificate of this number, for this request.
    pub async fn import(&self, certificate: u128, request: u128) -> Executed<Certificates> {
        let imported = CertificateEvent::Imported(CertificateImported {
            friendly_name: "shop".into(),
            certificate: Some(Certificate {
                sha256_fingerprint: format!("{certificate:064x}"),
                ..Certificate::default()
            }),
            request_id: Uuid::from_u128(request).to_string(),
            ..CertificateImported::default()
        });
        self.tell(certificate, imported).await
    }

    /// The keystore makes a key of this number.
    pub async fn generate_key(&self, key: u128, spki_sha256: &str) {
        let generated = KeyEvent::Generated(KeyGenerated {
            spki_sha256: spki_sha256.into(),
            ..KeyGenerated::default()
        });
        self.tell::<Keys>(key, generated).await;
    }

    /// The keystore says that this happened.
    pub async fn tell<A: Aggregate>(&self, id: u128, event: A::Event) -> Executed<A> {
        tell(&self.log, id, event).await
    }

    /// The events of a request.
    pub async fn events(&self, request: u128) -> Vec<Recorded> {
        let id = Uuid::from_u128(request).to_string();
        self.log.events_of(State::NAME, &id).await.unwrap()
    }

    /// Waits until a request has this event last.
    pub async fn until(&self, request: u128, event: &str) -> Recorded {
        wait::until(event, async || {
            let last = self.events(request).await.pop()?;
            (last.event == event).then_some(last)
        })
        .await
    }
}

/// The keystore says that this happened.
pub async fn tell<A: Aggregate>(log: &EventLog, id: u128, event: A::Event) -> Executed<A> {
    let id = Uuid::from_u128(id).to_string();
    let (origin, now) = (origin(&Uuid::new_v4().to_string()), NOON);
    let decide = |_: &A| Ok::<_, crate::refusal::Refusal>(event.clone());
    log.execute(&id, &origin, "told", now, decide)
        .await
        .unwrap()
}

/// What the keystore keeps of certificates is its own: here they only have events.
#[derive(Debug, Clone, Default)]
pub struct Certificates;

impl Aggregate for Certificates {
    const NAME: &'static str = crate::certificate::AGGREGATE;
    type Event = CertificateEvent;

    fn evolve(&mut self, _: &CertificateEvent, _: &Envelope) {}
}

/// Likewise of keys.
#[derive(Debug, Clone, Default)]
pub struct Keys;

impl Aggregate for Keys {
    const NAME: &'static str = crate::key::AGGREGATE;
    type Event = KeyEvent;

    fn evolve(&mut self, _: &KeyEvent, _: &Envelope) {}
}

fn running<F>(run: impl FnOnce(CancellationToken) -> F) -> Running
where
    F: Future<Output = ()> + Send + 'static,
{
    let stopping = CancellationToken::new();
    let task = tokio::spawn(run(stopping.clone()));
    Running { stopping, task }
}

/// A person's command; the text is its id and all that it asks for.
fn origin(request: &str) -> Origin {
    Origin {
        actor: "token/7".into(),
        request_id: request.into(),
        request_digest: pki::fingerprint::sha256_hex(request.as_bytes()),
        correlation_id: Uuid::from_u128(99),
        causation_id: None,
        unchanged_since: None,
    }
}

async fn open(databases: &Databases) -> DatabaseConnection {
    let home = databases.home("csr-service");
    home.open(crate::migrations()).await.unwrap()
}

const NOON: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);
