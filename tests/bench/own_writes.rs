//! How long it takes until who gave a command is shown what it did.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use api::{
    csr::v1::CreateRequestRequest,
    keystore::v1::{KeyChoice, key_choice},
    projection::v1::GetRequest,
    x509::v1::{KeyAlgorithm, SubjectAltNames},
};
use databases::Kind;
use tokio::task::JoinSet;
use tonic::Request;
use town::{client::Client, installation::Installation};
use uuid::Uuid;

use crate::{
    client,
    figure::{Figure, Wanted},
};

/// The 99th percentile, under a steady load of commands.
pub async fn measure(kind: Kind) -> Vec<Figure> {
    let folder = tempfile::tempdir().unwrap();
    let mut installation = Installation::on(kind, folder.path(), "");
    installation.services().await;
    let client = client::of(&installation).await;
    one(&client).await;
    let times = Arc::<Mutex<Vec<(f64, f64)>>>::default();
    let mut commands = JoinSet::new();
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / RATE);
    let started = Instant::now();
    while started.elapsed() < LONG {
        ticks.tick().await;
        let (client, times) = (client.clone(), times.clone());
        commands.spawn(async move {
            let took = one(&client).await;
            times.lock().unwrap().push(took);
        });
    }
    commands.join_all().await;
    let times = std::mem::take(&mut *times.lock().unwrap());
    let p99 = |of: fn(&(f64, f64)) -> f64| {
        let mut all = times.iter().map(of).collect::<Vec<_>>();
        all.sort_by(f64::total_cmp);
        all[all.len() * 99 / 100]
    };
    let (command, query) = (p99(|(command, _)| *command), p99(|(_, query)| *query));
    vec![Figure {
        name: "p99 of a query at a command's position",
        measured: query,
        against: Some(command),
        unit: "ms",
        value: query,
        wanted: Wanted::AtMost(250.0),
        how: format!(
            "GetCertificateRequest at the position that CreateRequest answered, {RATE} of them a second for {} s ({} in all) through \
             the gateway; against the command before it",
            LONG.as_secs(),
            times.len()
        ),
    }]
}

/// A command, and the question what it did; milliseconds of both.
async fn one(client: &Client) -> (f64, f64) {
    let name = format!("{}.example", Uuid::new_v4());
    let create = CreateRequestRequest {
        friendly_name: name.clone(),
        key: Some(KeyChoice {
            key: Some(key_choice::Key::NewKey(KeyAlgorithm::EcdsaP256.into())),
        }),
        subject_alt_names: Some(SubjectAltNames {
            dns_names: vec![name],
            ip_addresses: Vec::new(),
        }),
        ..CreateRequestRequest::default()
    };
    let started = Instant::now();
    let mut create = Request::new(create);
    create.set_timeout(PATIENCE);
    let created = client.csr().create_request(create).await.unwrap();
    let created = created.into_inner();
    let command = started.elapsed();
    let get = GetRequest {
        id: created.request_id,
        at_least: created.position,
        ..GetRequest::default()
    };
    client.query().get_certificate_request(get).await.unwrap();
    let both = started.elapsed();
    (
        command.as_secs_f64() * 1e3,
        (both - command).as_secs_f64() * 1e3,
    )
}

/// A second.
const RATE: u32 = 200;
const LONG: Duration = Duration::from_secs(20);
const PATIENCE: Duration = Duration::from_secs(60);
