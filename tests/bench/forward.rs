//! A unary call through the gateway, beside the same call straight to the service: each way has one processor core for all
//! that is on it, the caller among them. Where the gateway has a core of its own, two more wake-ups of a core that sleeps
//! are in each call, and what they cost is the machine's: that is told beside it.

use std::{thread, time::Instant};

use api::acme::v1::{ListPresetsRequest, server_service_client::ServerServiceClient};
use rustix::thread::{CpuSet, sched_setaffinity};
use town::installation::{Installation, SERVICES};

use crate::{
    client,
    figure::{Figure, Wanted, median},
};

/// What the way through the gateway costs.
pub async fn measure() -> Vec<Figure> {
    let together = ways(CALLERS_CORE).await;
    let apart = ways(OTHER_CORE).await;
    let how = |cores: &str| {
        format!(
            "ListPresets of acme-agent, one call after the other, {ROUNDS} rounds of {CALLS} each way in turns: by TLS and a token \
             through the gateway, and by mTLS; {cores}; the difference of the medians, the median of the rounds"
        )
    };
    vec![
        Figure {
            name: "unary call through the gateway, beside the direct one",
            value: together.cost(),
            measured: median(together.forwarded.iter().copied()),
            against: Some(median(together.direct.iter().copied())),
            unit: "us",
            wanted: Wanted::AtMost(150.0),
            how: how("caller, gateway and service on one core"),
        },
        Figure {
            name: "the same, the gateway on a core of its own",
            value: apart.cost(),
            measured: median(apart.forwarded.iter().copied()),
            against: Some(median(apart.direct.iter().copied())),
            unit: "us",
            wanted: Wanted::Anything,
            how: how("caller and service on one core, the gateway on the other"),
        },
    ]
}

/// The median of each round, in microseconds.
struct Ways {
    forwarded: Vec<f64>,
    direct: Vec<f64>,
}

impl Ways {
    fn cost(&self) -> f64 {
        let rounds = self.forwarded.iter().zip(&self.direct);
        median(rounds.map(|(forwarded, direct)| forwarded - direct))
    }
}

/// Both ways, with the gateway on this core.
async fn ways(gateway: usize) -> Ways {
    let folder = tempfile::tempdir().unwrap();
    let mut installation = Installation::new(folder.path(), "");
    installation.event_log_alone().await;
    for service in SERVICES {
        let core = match service {
            "gateway" => gateway,
            "acme-agent" => CALLERS_CORE,
            _ => OTHER_CORE,
        };
        installation.start_on_core(service, core);
    }
    installation.until_open().await;
    thread::scope(|scope| {
        let caller = scope.spawn(|| {
            let mut core = CpuSet::new();
            core.set(CALLERS_CORE);
            sched_setaffinity(None, &core).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(call(&installation))
        });
        caller.join().unwrap()
    })
}

async fn call(installation: &Installation) -> Ways {
    let mut through = client::of(installation).await.servers();
    let mut straight = ServerServiceClient::new(installation.channel("gateway", "acme-agent"));
    let (mut forwarded, mut direct) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let (mut these, mut those) = (Vec::new(), Vec::new());
        for _ in 0..CALLS {
            let started = Instant::now();
            through.list_presets(ListPresetsRequest {}).await.unwrap();
            these.push(started.elapsed().as_secs_f64() * 1e6);
            let started = Instant::now();
            straight.list_presets(ListPresetsRequest {}).await.unwrap();
            those.push(started.elapsed().as_secs_f64() * 1e6);
        }
        // The first is not counted.
        if round > 0 {
            forwarded.push(median(these));
            direct.push(median(those));
        }
    }
    Ways { forwarded, direct }
}

const CALLERS_CORE: usize = 1;
const OTHER_CORE: usize = 0;
const CALLS: usize = 400;
const ROUNDS: usize = 11;
