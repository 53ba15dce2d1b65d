//! A unary call through the gateway, beside the same call straight to the service.

use std::time::Instant;

use api::acme::v1::{ListPresetsRequest, server_service_client::ServerServiceClient};
use town::installation::{Installation, SERVICES};

use crate::{
    client,
    figure::{Figure, Wanted, median},
};

/// What the way through the gateway costs.
pub async fn measure() -> Vec<Figure> {
    let folder = tempfile::tempdir().unwrap();
    let mut installation = Installation::new(folder.path(), "");
    installation.event_log_alone().await;
    // The service and who calls it are on one core, and what is between them on the other.
    for service in SERVICES {
        let core = usize::from(service != "gateway");
        installation.start_on_core(service, core);
    }
    installation.until_open().await;
    let through = client::of(&installation).await.servers();
    let straight = ServerServiceClient::new(installation.channel("gateway", "acme-agent"));

    let (mut forwarded, mut direct) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let (mut these, mut those) = (Vec::new(), Vec::new());
        for _ in 0..CALLS {
            let started = Instant::now();
            through
                .clone()
                .list_presets(ListPresetsRequest {})
                .await
                .unwrap();
            these.push(started.elapsed().as_secs_f64() * 1e6);
            let started = Instant::now();
            straight
                .clone()
                .list_presets(ListPresetsRequest {})
                .await
                .unwrap();
            those.push(started.elapsed().as_secs_f64() * 1e6);
        }
        // The first is not counted.
        if round > 0 {
            forwarded.push(median(these));
            direct.push(median(those));
        }
    }
    let cost = forwarded
        .iter()
        .zip(&direct)
        .map(|(one, other)| one - other);
    vec![Figure {
        name: "unary call through the gateway, beside the direct one",
        value: median(cost),
        measured: median(forwarded.iter().copied()),
        against: Some(median(direct.iter().copied())),
        unit: "us",
        wanted: Wanted::AtMost(150.0),
        how: format!(
            "ListPresets of acme-agent, one call after the other, {ROUNDS} rounds of {CALLS} each way in turns: by TLS and a token \
             through the gateway, and by mTLS; the difference of the medians, the median of the rounds"
        ),
    }]
}

const CALLS: usize = 400;
const ROUNDS: usize = 11;
