//! Self-signed certificates, against bare appends of the events that they make.

use std::time::Instant;

use api::{
    csr::v1::{CreateSelfSignedRequest, csr_service_client::CsrServiceClient},
    keystore::v1::{KeyChoice, key_choice},
    x509::v1::{KeyAlgorithm, SubjectAltNames},
};
use futures_util::{StreamExt, stream};
use town::installation::Installation;
use uuid::Uuid;

use crate::{
    bare::{Audit, Bare},
    client,
    figure::{Figure, Wanted, median},
};

/// Through the public API, and at csr-service itself.
pub async fn measure() -> Vec<Figure> {
    let folder = tempfile::tempdir().unwrap();
    let mut installation = Installation::new(folder.path(), "");
    installation.services().await;
    let public = client::of(&installation).await.csr();
    let public = async |create| {
        public.clone().create_self_signed(create).await.unwrap();
    };
    let inside = CsrServiceClient::new(installation.channel("gateway", "csr-service"));
    let inside = async |create| {
        inside.clone().create_self_signed(create).await.unwrap();
    };
    let bare = Bare::start().await;

    // The first of each is not counted, and shows what events there are.
    let audit = Audit::of(&installation).await;
    let before = audit.last().await;
    sign(&public).await;
    sign(&inside).await;
    let kinds = ["key", "certificate"];
    let mut bodies = audit.bodies(&kinds, before, audit.last().await).await;
    let events_each = bodies.len() / (2 * COMMANDS);
    bodies.truncate(events_each * COMMANDS);
    bare.append(IN_FLIGHT, &bodies).await;

    let (mut outside, mut direct, mut limits) = (Vec::new(), Vec::new(), Vec::new());
    // Short rounds take turns, so that all meet the same machine.
    for _ in 0..ROUNDS {
        outside.push(sign(&public).await);
        let appended = bare.append(IN_FLIGHT, &bodies).await;
        // As many appends as the commands have events: commands a second, if nothing else took time.
        limits.push(COMMANDS as f64 / appended.as_secs_f64());
        direct.push(sign(&inside).await);
    }
    let how = |from: &str| {
        format!(
            "{ROUNDS} rounds of {COMMANDS} commands with new P-256 keys, {IN_FLIGHT} in flight, {from}; each beside bare \
             async-nats publishes of the same {events_each} events a command; sync_interval: always; the median of the rounds' ratios"
        )
    };
    [
        (
            "self-signed certificates, 16 in flight",
            outside,
            how("from outside through the gateway"),
        ),
        (
            "self-signed certificates, at csr-service itself",
            direct,
            how("as the gateway calls csr-service"),
        ),
    ]
    .map(|(name, ours, how)| Figure {
        name,
        value: median(ours.iter().zip(&limits).map(|(our, limit)| our / limit)),
        measured: median(ours),
        against: Some(median(limits.iter().copied())),
        unit: "certs/s",
        wanted: Wanted::AtLeast(0.7),
        how,
    })
    .into()
}

/// Certificates a second.
async fn sign(create: impl AsyncFn(CreateSelfSignedRequest)) -> f64 {
    let started = Instant::now();
    stream::iter(0..COMMANDS)
        .for_each_concurrent(IN_FLIGHT, async |_| {
            let name = format!("{}.example", Uuid::new_v4());
            create(CreateSelfSignedRequest {
                friendly_name: name.clone(),
                key: Some(KeyChoice {
                    key: Some(key_choice::Key::NewKey(KeyAlgorithm::EcdsaP256.into())),
                }),
                subject_alt_names: Some(SubjectAltNames {
                    dns_names: vec![name],
                    ip_addresses: Vec::new(),
                }),
                ..CreateSelfSignedRequest::default()
            })
            .await;
        })
        .await;
    COMMANDS as f64 / started.elapsed().as_secs_f64()
}

const IN_FLIGHT: usize = 16;
const COMMANDS: usize = 200;
const ROUNDS: usize = 15;
