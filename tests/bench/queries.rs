//! How long a list takes to answer while the keystore makes RSA keys.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use api::{
    csr::v1::CreateRequestRequest,
    keystore::v1::{KeyChoice, key_choice},
    projection::v1::ListRequest,
    x509::v1::{KeyAlgorithm, SubjectAltNames},
};
use tokio::task::JoinSet;
use tonic::Request;
use town::{client::Client, installation::Installation};
use uuid::Uuid;

use crate::{
    bare::Audit,
    client,
    figure::{Figure, Wanted},
    seed,
};

/// The 99th percentile, with RSA keys being made and without.
pub async fn measure() -> Vec<Figure> {
    let folder = tempfile::tempdir().unwrap();
    let mut installation = Installation::new(folder.path(), "");
    installation.services().await;
    seed::certificates(&installation, CERTIFICATES).await;
    let client = client::of(&installation).await;
    let at_least = Audit::of(&installation).await.last().await;
    list(&client, at_least).await;

    let at_rest = latencies(&client).await;
    let made = Arc::<AtomicUsize>::default();
    let mut makers = JoinSet::new();
    for _ in 0..MAKERS {
        makers.spawn(make_keys(client.clone(), made.clone()));
    }
    let busy = latencies(&client).await;
    makers.abort_all();
    vec![Figure {
        name: "p99 of a list query while RSA keys are made",
        value: p99(&busy),
        measured: p99(&busy),
        against: Some(p99(&at_rest)),
        unit: "ms",
        wanted: Wanted::AtMost(20.0),
        how: format!(
            "ListCertificates through the gateway, 50 of {CERTIFICATES}, one after the other for {} s beside {MAKERS} loops of \
             CreateRequest with new RSA-4096 keys ({} were made, medians {:.1} ms and, without them, {:.1} ms); against the same \
             without them",
            LONG.as_secs(),
            made.load(Ordering::Relaxed),
            percentile(&busy, 50),
            percentile(&at_rest, 50),
        ),
    }]
}

/// Makes RSA-4096 keys until it is dropped.
async fn make_keys(client: Client, made: Arc<AtomicUsize>) {
    loop {
        let name = format!("{}.example", Uuid::new_v4());
        let mut create = Request::new(CreateRequestRequest {
            friendly_name: name.clone(),
            key: Some(KeyChoice {
                key: Some(key_choice::Key::NewKey(KeyAlgorithm::Rsa4096.into())),
            }),
            subject_alt_names: Some(SubjectAltNames {
                dns_names: vec![name],
                ip_addresses: Vec::new(),
            }),
            ..CreateRequestRequest::default()
        });
        // Each waits for the others' keys.
        create.set_timeout(PATIENCE);
        client.csr().create_request(create).await.unwrap();
        made.fetch_add(1, Ordering::Relaxed);
    }
}

/// Milliseconds that lists take, ascending.
async fn latencies(client: &Client) -> Vec<f64> {
    let mut latencies = Vec::new();
    let started = Instant::now();
    while started.elapsed() < LONG {
        let asked = Instant::now();
        list(client, 0).await;
        latencies.push(asked.elapsed().as_secs_f64() * 1e3);
    }
    latencies.sort_by(f64::total_cmp);
    latencies
}

async fn list(client: &Client, at_least: u64) {
    let list = ListRequest {
        page_size: 50,
        at_least,
        ..ListRequest::default()
    };
    let listed = client.query().list_certificates(list).await.unwrap();
    assert_eq!(listed.into_inner().certificates.len(), 50);
}

fn p99(ascending: &[f64]) -> f64 {
    percentile(ascending, 99)
}

fn percentile(ascending: &[f64], percent: usize) -> f64 {
    ascending[ascending.len() * percent / 100]
}

const CERTIFICATES: usize = 1_000;
const MAKERS: usize = 8;
/// Long enough for some dozens of keys.
const LONG: Duration = Duration::from_secs(20);
const PATIENCE: Duration = Duration::from_secs(60);
