//! Bare appends: what the server of the event log takes from plain async-nats, with nothing of ours between.

use std::time::{Duration, Instant};

use async_nats::jetstream;
use bytes::Bytes;
use eventlog::{EventLog, Provision, provision, subject};
use futures_util::{StreamExt, stream};
use tempfile::TempDir;
use town::{installation::Installation, nats::Nats};
use uuid::Uuid;

/// A server with the stream in it, for nobody else.
pub struct Bare {
    context: jetstream::Context,
    _nats: Nats,
    _folder: TempDir,
}

impl Bare {
    /// Starts one on a folder of its own.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let nats = Nats::start(folder.path()).await;
        let wanted = Provision {
            replicas: 1,
            max_bytes: None,
            buckets: Vec::new(),
        };
        provision(&nats.connect().await, &wanted).await.unwrap();
        Self {
            context: jetstream::new(nats.connect().await),
            _nats: nats,
            _folder: folder,
        }
    }

    /// How long it takes to append each of these to an aggregate of its own, so many in flight.
    pub async fn append(&self, in_flight: usize, bodies: &[Bytes]) -> Duration {
        append(&self.context, in_flight, bodies).await
    }
}

/// The same on a server that is there.
pub async fn append(context: &jetstream::Context, in_flight: usize, bodies: &[Bytes]) -> Duration {
    let started = Instant::now();
    stream::iter(bodies)
        .for_each_concurrent(in_flight, async |body| {
            let subject = subject::event("key", &Uuid::new_v4().to_string(), "generated");
            let ack = context.publish(subject, body.clone()).await.unwrap();
            ack.await.unwrap();
        })
        .await;
    started.elapsed()
}

/// An installation's log, as its auditor reads it.
pub struct Audit(EventLog);

impl Audit {
    /// Of this installation.
    pub async fn of(installation: &Installation) -> Self {
        let (client, _complaints) = installation.nats("auditor").await;
        Self(EventLog::open(client, "auditor").await.unwrap())
    }

    /// The position of its last event.
    pub async fn last(&self) -> u64 {
        self.0.last_sequence().await.unwrap()
    }

    /// The bodies of the events past `after`, up to `last`, of these kinds of aggregates.
    pub async fn bodies(&self, kinds: &[&str], after: u64, last: u64) -> Vec<Bytes> {
        let events = self.0.tail(vec![subject::everything()], after);
        let events = events.take((last - after).try_into().unwrap());
        let events = events.map(Result::unwrap).collect::<Vec<_>>().await;
        let wanted = events
            .into_iter()
            .filter(|event| kinds.contains(&event.aggregate.as_str()));
        wanted.map(|event| event.body).collect()
    }
}
