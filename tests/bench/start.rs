//! `chancery up` from exec to ready on a folder with many certificates, and the memory that it then holds.

use std::time::{Duration, Instant};

use town::{
    installation::{Installation, SERVICES},
    wait,
};

use crate::{
    client,
    figure::{Figure, Wanted, median},
    memory::{Sampling, resident},
    seed,
};

/// Time to ready, and memory at rest.
pub async fn measure() -> Vec<Figure> {
    let folder = tempfile::tempdir().unwrap();
    let mut installation = Installation::new(folder.path(), "");
    installation.services().await;
    let names = seed::certificates(&installation, CERTIFICATES).await;
    until_serving(&installation, &names).await;
    for service in SERVICES {
        installation.process(service).stop("TERM").await;
    }
    installation.process("nats").stop("TERM").await;

    let (mut all, mut nats) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        nats.push(nats_alone(&mut installation).await);
        let started = Instant::now();
        installation.start_up();
        until_serving(&installation, &names).await;
        all.push(started.elapsed().as_secs_f64());
        installation.process("up").stop("INT").await;
    }
    let (all, nats) = (median(all), median(nats));

    installation.start_up();
    until_serving(&installation, &names).await;
    let up = installation.process("up").id();
    let server = town::child::descendants(up)
        .into_iter()
        .map(resident)
        .sum::<f64>();
    let sampling = Sampling::of(up);
    // Time itself is what is measured here: at rest is when nothing has been asked for a while.
    tokio::time::sleep(REST).await;
    let samples = sampling.end();
    let at_rest = samples.iter().copied().fold(0.0, f64::max);
    vec![
        Figure {
            name: "chancery up, exec to ready, beside nats-server's own",
            measured: all,
            against: Some(nats),
            unit: "s",
            value: all - nats,
            wanted: Wanted::AtMost(1.5),
            how: format!(
                "a folder with {CERTIFICATES} certificates; ready is when the last one is served by its name and the API \
                 answers; the median of {ROUNDS} starts, less the median of nats-server's own until it shows the stream"
            ),
        },
        Figure {
            name: "all services at rest, resident",
            measured: at_rest,
            against: None,
            unit: "MiB",
            value: at_rest,
            wanted: Wanted::AtMost(100.0),
            how: format!(
                "`chancery up` with {CERTIFICATES} certificates, the highest in {} s",
                REST.as_secs()
            ),
        },
        Figure {
            name: "nats-server beside them, resident",
            measured: server,
            against: None,
            unit: "MiB",
            value: server,
            wanted: Wanted::Anything,
            how: "the child of the same `chancery up`".to_owned(),
        },
    ]
}

/// Seconds from exec of nats-server on the installation's store until it shows the stream.
async fn nats_alone(installation: &mut Installation) -> f64 {
    let started = Instant::now();
    installation.start_nats();
    wait::within(PATIENCE, "NATS shows the stream", async || {
        let (client, _complaints) = installation.try_nats("auditor").await.ok()?;
        async_nats::jetstream::new(client)
            .get_stream(eventlog::subject::STREAM)
            .await
            .ok()
    })
    .await;
    let took = started.elapsed().as_secs_f64();
    installation.process("nats").stop("TERM").await;
    took
}

/// Ready: the last certificate is served by its name, and the API answers.
async fn until_serving(installation: &Installation, names: &[String]) {
    let last = names.last().unwrap();
    wait::within(PATIENCE, "the last certificate is served", async || {
        let leaf = pki::Certificate::parse(&installation.edge.leaf(Some(last)).await?).unwrap();
        (!leaf.self_signed).then_some(())
    })
    .await;
    client::of(installation).await;
}

const CERTIFICATES: usize = 1_000;
const ROUNDS: usize = 5;
const REST: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(120);
