//! What a service holds while it runs.

use std::{
    net::TcpListener,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use eventlog::EventLog;
use sea_orm::DatabaseConnection;
use sea_orm_migration::MigrationTrait;
use thiserror::Error;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;
use tonic::{service::Routes, transport::Channel};

use crate::{
    ChannelError, Clock, DatabaseError, Egress, Layout, NatsError, ServeError, Shared, channel,
    database::{Home, places::Places},
    identity::{self, IdentityError, IdentityIssuer, IdentityStore},
    metrics::{self, Collect},
    nats, serve,
};

/// One service's hold on everything around it. Cheap to clone; clones share the connections.
#[derive(Clone)]
pub struct Runtime {
    inner: Arc<Inner>,
}

struct Inner {
    service: &'static str,
    shared: Shared,
    layout: Layout,
    home: Home,
    clock: Clock,
    stopping: CancellationToken,
    identity: IdentityStore,
    egress: Egress,
    listener: Mutex<Option<TcpListener>>,
    nats: OnceCell<async_nats::Client>,
    log: OnceCell<EventLog>,
    answers: AtomicBool,
    needs_log: AtomicBool,
    collected: Mutex<Vec<Arc<dyn Collect>>>,
}

impl Runtime {
    /// Reads the identity of `service` and begins to watch over its rotation.
    ///
    /// `listener`: a socket for [`serve`](Self::serve) that is bound already; else it binds the service's own.
    ///
    /// Call it inside of the async executor.
    ///
    /// # Errors
    /// When the identity's files are not there or not right.
    pub fn start(
        service: &'static str,
        shared: Shared,
        clock: Clock,
        stopping: CancellationToken,
        listener: Option<TcpListener>,
    ) -> Result<Self, StartError> {
        let layout = Layout::of(&shared);
        let identity =
            IdentityStore::open(service, &layout, clock.clone()).map_err(StartError::Identity)?;
        let runtime = Self {
            inner: Arc::new(Inner {
                home: shared.home(service).watched(metrics::statement_failed),
                egress: Egress::new(&shared.egress.allow),
                service,
                shared,
                layout,
                clock,
                stopping,
                identity,
                listener: Mutex::new(listener),
                nats: OnceCell::new(),
                log: OnceCell::new(),
                answers: AtomicBool::new(false),
                needs_log: AtomicBool::new(false),
                collected: Mutex::default(),
            }),
        };
        // The keystore has nobody to ask: it renews its own through `rotate_with`.
        if service != identity::ISSUER {
            let issuer = identity::KeystoreIssuer::new(
                runtime
                    .channel(identity::ISSUER)
                    .map_err(StartError::Channel)?,
            );
            runtime.rotate_with(issuer);
        }
        Ok(runtime)
    }

    /// The service's name: "acme-agent".
    pub fn service(&self) -> &'static str {
        self.inner.service
    }

    /// The time.
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// Cancelled when the service is to stop: take in no more work, finish what there is, return.
    pub fn stopping(&self) -> CancellationToken {
        self.inner.stopping.clone()
    }

    /// Where everything lies.
    pub fn layout(&self) -> &Layout {
        &self.inner.layout
    }

    /// The configuration that all services read.
    pub fn shared(&self) -> &Shared {
        &self.inner.shared
    }

    /// The one way out to the internet.
    pub fn egress(&self) -> &Egress {
        &self.inner.egress
    }

    /// The connection to NATS: one per service, made at the first call, and reconnecting by itself.
    ///
    /// # Errors
    /// When the server cannot be reached, is not the internal CA's "nats", or refuses the service's nkey.
    pub async fn nats(&self) -> Result<async_nats::Client, NatsError> {
        let connect = || {
            nats::connect(
                self.inner.service,
                &self.inner.shared.nats,
                &self.inner.layout,
                &self.inner.identity,
            )
        };
        self.inner.nats.get_or_try_init(connect).await.cloned()
    }

    /// The event log, on the service's connection, once its stream and server were found to be safe.
    ///
    /// # Errors
    /// When NATS cannot be reached, or what is unsafe about the stream.
    pub async fn log(&self) -> Result<EventLog, LogOpenError> {
        let open = async || {
            let client = self.nats().await.map_err(LogOpenError::Nats)?;
            let store = self.inner.layout.nats_store();
            let here = store.exists().then_some(store);
            EventLog::open_beside(client, self.inner.service, here)
                .await
                .map_err(LogOpenError::Open)
        };
        self.inner.log.get_or_try_init(open).await.cloned()
    }

    /// The service's own database, migrated: what is committed there stays, and foreign keys are checked.
    ///
    /// # Errors
    /// When it cannot be opened or migrated, or does not have the settings that keep it safe.
    pub async fn database(
        &self,
        migrations: Vec<Box<dyn MigrationTrait>>,
    ) -> Result<DatabaseConnection, DatabaseError> {
        metrics::no_statement_failed_yet(self.inner.service);
        self.inner.home.open(migrations).await
    }

    /// One more connection to that database, alone, for who writes all the time: what it has in its
    /// cache stays good, and no reader keeps it waiting for a connection.
    ///
    /// # Errors
    /// As [`Runtime::database`]. The database must have been opened before.
    pub async fn writer(&self) -> Result<DatabaseConnection, DatabaseError> {
        self.inner.home.writer().await
    }

    /// Where this service may have further databases, for tables that are made beside those that are served.
    pub fn places(&self) -> Places {
        self.inner.home.places()
    }

    /// A channel to another service, which connects when it is first used and whenever it must. A connection
    /// is made only to a peer that proves to be `spiffe://chancery/<peer>`.
    ///
    /// # Errors
    /// When the configuration knows no such peer.
    pub fn channel(&self, peer: &str) -> Result<Channel, ChannelError> {
        channel::open(peer, &self.inner.shared.peers, &self.inner.identity)
    }

    /// Serves the internal gRPC until the service is to stop, then lets what runs finish for a while.
    ///
    /// A call is let through when it comes from an identity that the method's `callers` in `proto/` name; it
    /// then carries a [`crate::Caller`]. gRPC health is served beside the routes, to any identity.
    ///
    /// # Errors
    /// When the socket cannot be bound, or the service has no place to listen.
    pub async fn serve(&self, routes: Routes) -> Result<(), ServeError> {
        let bound = self
            .inner
            .listener
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        serve::serve(self, bound, routes).await
    }

    /// Lets `issuer` renew this service's identity when a third of its life is left. Only the keystore needs
    /// to call it.
    pub fn rotate_with(&self, issuer: impl IdentityIssuer) {
        let (identity, stopping) = (self.inner.identity.clone(), self.inner.stopping.clone());
        tokio::spawn(identity::rotate(identity, issuer, stopping));
    }

    /// From now on the service answers, and is ready as long as nothing stands in its way; it can do without
    /// the log for a while. [`serve`](Self::serve) says for itself that it answers; only who answers in another way calls this.
    pub fn answers(&self) {
        self.inner.answers.store(true, Ordering::Relaxed);
    }

    /// What the service cannot count as it happens is collected from this at each look at the metrics.
    pub fn collect(&self, from: impl Collect) {
        let collected = self.inner.collected.lock();
        let mut collected = collected.unwrap_or_else(PoisonError::into_inner);
        collected.push(Arc::new(from));
    }

    /// From now on it answers, as long as the log does.
    pub(crate) fn answers_with_log(&self) {
        self.inner.needs_log.store(true, Ordering::Relaxed);
        self.answers();
    }

    pub(crate) fn needs_log(&self) -> bool {
        self.inner.needs_log.load(Ordering::Relaxed)
    }

    pub(crate) fn has_answered(&self) -> bool {
        self.inner.answers.load(Ordering::Relaxed)
    }

    pub(crate) fn collected(&self) -> Vec<Arc<dyn Collect>> {
        let collected = self.inner.collected.lock();
        collected.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The log, where it was opened.
    pub(crate) fn opened_log(&self) -> Option<&EventLog> {
        self.inner.log.get()
    }

    pub(crate) fn identity(&self) -> &IdentityStore {
        &self.inner.identity
    }
}

/// The service cannot start.
#[derive(Debug, Error)]
pub enum StartError {
    /// Its identity cannot be used.
    #[error("cannot use the service's identity")]
    Identity(#[source] IdentityError),
    /// The channel to the keystore, which renews the identity, cannot be made.
    #[error("cannot make the channel to the keystore")]
    Channel(#[source] ChannelError),
}

/// The event log cannot be opened.
#[derive(Debug, Error)]
pub enum LogOpenError {
    /// NATS cannot be reached.
    #[error("cannot connect to the event log's server")]
    Nats(#[source] NatsError),
    /// What is there is not a log to rely on.
    #[error("cannot open the event log")]
    Open(#[source] eventlog::OpenError),
}
