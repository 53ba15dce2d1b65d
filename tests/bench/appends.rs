//! Acked appends through `eventlog`, against bare publishes of the same bodies to the same server.

use std::time::Instant;

use api::keystore::v1::KeyGenerated;
use async_nats::jetstream;
use eventlog::{Aggregate, Envelope, EventBody, EventLog, Origin, Provision, provision};
use futures_util::{StreamExt, stream};
use time::OffsetDateTime;
use town::nats::Nats;
use uuid::Uuid;

use crate::{
    bare,
    figure::{Figure, Wanted, median},
};

eventlog::events! {
    /// What can happen to a key.
    enum Event {
        /// It was made.
        Generated("generated"): KeyGenerated = "chancery.keystore.v1.KeyGenerated",
    }
}

#[derive(Debug, Default, Clone)]
struct Key;

impl Aggregate for Key {
    const NAME: &'static str = "key";
    type Event = Event;

    fn evolve(&mut self, _: &Event, _: &Envelope) {}
}

/// One at a time, and 64 in flight.
pub async fn measure() -> Vec<Figure> {
    let folder = tempfile::tempdir().unwrap();
    let nats = Nats::start(folder.path()).await;
    provision(
        &nats.connect().await,
        &Provision {
            replicas: 1,
            max_bytes: None,
            buckets: Vec::new(),
        },
    )
    .await
    .unwrap();
    let log = EventLog::open(nats.connect().await, "bench").await.unwrap();
    let bare = jetstream::new(nats.connect().await);

    let mut figures = Vec::new();
    for (name, in_flight, count) in [
        ("acked appends, 1 at a time", 1, 300),
        ("acked appends, 64 in flight", 64, 2_000),
    ] {
        // Short rounds take turns, so that both meet the same machine; the first of each is not counted.
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for round in 0..=ROUNDS {
            let (our_rate, their_rate) = (
                append(&log, in_flight, count).await,
                publish(&bare, in_flight, count).await,
            );
            if round > 0 {
                ours.push(our_rate);
                theirs.push(their_rate);
            }
        }
        let ratio = median(ours.iter().zip(&theirs).map(|(our, their)| our / their));
        figures.push(Figure {
            name,
            measured: median(ours),
            against: Some(median(theirs)),
            unit: "events/s",
            value: ratio,
            wanted: Wanted::AtLeast(0.85),
            how: format!(
                "{ROUNDS} rounds of {count} new aggregates through EventLog::execute, each beside as many bare async-nats \
                 publishes with acks; sync_interval: always; the median of the rounds' ratios"
            ),
        });
    }
    figures
}

async fn append(log: &EventLog, in_flight: usize, count: usize) -> f64 {
    let started = Instant::now();
    stream::iter(0..count)
        .for_each_concurrent(in_flight, async |_| {
            let id = Uuid::new_v4().to_string();
            let origin = Origin {
                actor: "service/bench".to_owned(),
                request_id: id.clone(),
                request_digest: id.clone(),
                correlation_id: Uuid::new_v4(),
                causation_id: None,
                unchanged_since: None,
            };
            let decide = |_: &Key| Ok::<_, std::convert::Infallible>(event());
            log.execute::<Key, _>(&id, &origin, "", OffsetDateTime::UNIX_EPOCH, decide)
                .await
                .unwrap();
        })
        .await;
    count as f64 / started.elapsed().as_secs_f64()
}

async fn publish(bare: &jetstream::Context, in_flight: usize, count: usize) -> f64 {
    let bodies = vec![event().to_json().unwrap().into(); count];
    count as f64 / bare::append(bare, in_flight, &bodies).await.as_secs_f64()
}

fn event() -> Event {
    Event::Generated(KeyGenerated {
        algorithm: api::x509::v1::KeyAlgorithm::EcdsaP256.into(),
        spki_der: vec![7; 91].into(),
        spki_sha256: "07".repeat(32),
    })
}

const ROUNDS: usize = 25;
