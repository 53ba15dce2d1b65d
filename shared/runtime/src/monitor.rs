//! What a process shows of its services to whoever watches over them, by plain HTTP on a port of its own:
//! `/metrics` for Prometheus; `/healthz` (the process answers) and `/readyz` (its services can work) for
//! whoever runs containers.
//!
//! It names certificates and hosts, and asks nobody who he is: it belongs on a loopback address or a network
//! of one's own.

mod door;

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::join_all;
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use crate::{
    Runtime,
    metrics::{self, CollectError, Kind, Metric, Page},
};

/// Shows what is watched until it is dropped; nothing, where it is off.
#[derive(Debug, Default)]
#[must_use = "it shows nothing any more once it is dropped"]
pub struct Monitor {
    shown: Option<Shown>,
}

#[derive(Debug)]
struct Shown {
    watched: Arc<Watched>,
    address: SocketAddr,
    _tasks: [AbortOnDropHandle<()>; 2],
}

struct Watched {
    recorder: PrometheusHandle,
    services: Mutex<Vec<Runtime>>,
    /// One look at a time: each asks databases.
    looking: tokio::sync::Mutex<()>,
}

/// Nothing can be shown.
#[derive(Debug, Error)]
pub enum MonitorError {
    /// The port is not to be had.
    #[error(
        "cannot show metrics on {address}: set metrics in [telemetry] or in the service's own table"
    )]
    Bind {
        /// What was configured.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The buckets of the histograms are not right.
    #[error("cannot count")]
    Buckets(#[source] BuildError),
    /// Something else in this process counts already.
    #[error("metrics are counted in this process already")]
    Twice,
}

impl Monitor {
    /// Begins to count what the catalog names, and to show it at this address; does nothing, where there is none.
    ///
    /// Call it before any service starts: what was counted before is lost. Once in a process.
    ///
    /// # Errors
    /// [`MonitorError`].
    pub async fn start(
        address: Option<SocketAddr>,
        catalog: &[&[Metric]],
    ) -> Result<Self, MonitorError> {
        let Some(address) = address else {
            return Ok(Self::default());
        };
        let bound = TcpListener::bind(address).await;
        let bound = bound.and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (address, listener) = bound.map_err(|source| MonitorError::Bind { address, source })?;
        let builder = PrometheusBuilder::new().set_buckets(&BUCKETS);
        let recorder = builder.map_err(MonitorError::Buckets)?.build_recorder();
        let handle = recorder.handle();
        ::metrics::set_global_recorder(recorder).map_err(|_| MonitorError::Twice)?;
        catalog.iter().copied().flatten().for_each(describe);
        let watched = Arc::new(Watched {
            recorder: handle.clone(),
            services: Mutex::default(),
            looking: tokio::sync::Mutex::default(),
        });
        let shown = tokio::spawn(door::serve(listener, watched.clone()));
        let tidied = tokio::spawn(tidy(handle));
        tracing::info!(%address, "showing metrics");
        Ok(Self {
            shown: Some(Shown {
                watched,
                address,
                _tasks: [shown, tidied].map(AbortOnDropHandle::new),
            }),
        })
    }

    /// Shows this service, too.
    pub fn watch(&self, service: &Runtime) {
        if let Some(shown) = &self.shown {
            let services = shown.watched.services.lock();
            let mut services = services.unwrap_or_else(PoisonError::into_inner);
            services.push(service.clone());
        }
    }

    /// Where it is shown, if it is.
    pub fn address(&self) -> Option<SocketAddr> {
        self.shown.as_ref().map(|shown| shown.address)
    }
}

impl Watched {
    fn services(&self) -> Vec<Runtime> {
        let services = self.services.lock();
        services.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Everything, as of now.
    async fn write(&self, page: &mut Page) -> Result<(), CollectError> {
        let _turn = self.looking.lock().await;
        let services = self.services();
        join_all(services.iter().map(refresh)).await;
        page.text(&self.recorder.render()).await?;
        for service in &services {
            for collected in service.collected() {
                collected.write(page).await?;
            }
        }
        Ok(page.send().await?)
    }

    /// What keeps each service from its work; nothing, where all are ready.
    async fn unready(&self) -> Vec<String> {
        let services = self.services();
        if services.is_empty() {
            return vec!["it is starting".to_owned()];
        }
        let reasons = services.iter().map(async |service| {
            let reasons = service.unready().await.into_iter();
            let named = reasons.map(|reason| format!("{}: {reason}", service.service()));
            named.collect::<Vec<_>>()
        });
        join_all(reasons).await.concat()
    }
}

impl std::fmt::Debug for Watched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Watched")
    }
}

async fn refresh(service: &Runtime) {
    metrics::refresh(service).await;
    for collected in service.collected() {
        if let Err(error) = collected.refresh().await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(service = service.service(), error, "cannot collect metrics");
        }
    }
}

fn describe(metric: &Metric) {
    match metric.kind {
        Kind::Counter => ::metrics::describe_counter!(metric.name, metric.help),
        Kind::Gauge => ::metrics::describe_gauge!(metric.name, metric.help),
        Kind::Histogram => ::metrics::describe_histogram!(metric.name, metric.help),
    }
}

/// Sorts what histograms were given into their buckets: it would pile up where nobody looks.
async fn tidy(recorder: PrometheusHandle) {
    loop {
        tokio::time::sleep(TIDY_EVERY).await;
        recorder.run_upkeep();
    }
}

const TIDY_EVERY: Duration = Duration::from_secs(5);

/// Of histograms, in seconds.
const BUCKETS: [f64; 10] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0];
