//! What the edge counts: handshakes, connections, and calls from outside.

use std::{
    collections::HashMap,
    io,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use runtime::{
    Runtime,
    metrics::{Call, Collect, CollectError, Metric, Page},
};
use rustls::ProtocolVersion;
use tokio::{net::TcpListener, time::error::Elapsed};
use tokio_rustls::server::TlsStream;
use tonic::Status;

use crate::tls::{Answer, Found, ServingIndex};

/// All of it.
pub const METRICS: &[Metric] = &[
    HANDSHAKES,
    TLS_CONNECTIONS,
    SERVED,
    CONNECTIONS,
    CONNECTIONS_REFUSED,
    CALLS,
    CALL_SECONDS,
    REFUSALS,
];

/// Shows what the edge counts.
pub fn collect(runtime: &Runtime, index: Arc<ServingIndex>) {
    runtime.collect(Handshakes { index });
}

/// A call from outside begins.
pub fn call(path: &str) -> Call {
    let method = api::policy::find(path).map(|(path, _)| path);
    Call::begin(&CALLS, &CALL_SECONDS, "gateway", method)
}

/// The gateway itself refuses a call.
pub fn refused(status: &Status) {
    // One of those in `Refusal`.
    let reason = api::refuse::reason(status).unwrap_or_default();
    ::metrics::counter!(REFUSALS.name, "reason" => reason).increment(1);
}

/// A connection that is to be conversed on, and what answered it; none after a CA's look at a proof.
type Begun<S> = io::Result<Option<(Box<TlsStream<S>>, Answer)>>;

/// How a TLS connection began: with a conversation, with a CA's look at a proof, or not at all. `None`: the gateway stops.
pub fn handshake<S>(ended: &Option<Result<Begun<S>, Elapsed>>) {
    let (outcome, version) = match ended {
        Some(Ok(Ok(Some((tls, _))))) => ("done", version(tls.get_ref().1.protocol_version())),
        // RFC 8737 asks for TLS 1.2 or later, and nobody converses after it.
        Some(Ok(Ok(None))) => ("challenge", NO_VERSION),
        Some(Ok(Err(_))) => ("failed", NO_VERSION),
        Some(Err(_)) => ("too-slow", NO_VERSION),
        None => return,
    };
    ::metrics::counter!(TLS_CONNECTIONS.name, "outcome" => outcome, "version" => version)
        .increment(1);
}

fn version(version: Option<ProtocolVersion>) -> &'static str {
    match version {
        Some(ProtocolVersion::TLSv1_3) => "1.3",
        Some(ProtocolVersion::TLSv1_2) => "1.2",
        _ => NO_VERSION,
    }
}

/// The connections of one port.
pub struct Connections {
    port: String,
}

impl Connections {
    /// Those that this listener takes in.
    pub fn on(listener: &TcpListener) -> Self {
        let port = listener.local_addr().map(|address| address.port());
        let port = port.unwrap_or_default().to_string();
        ::metrics::counter!(CONNECTIONS_REFUSED.name, "port" => port.clone()).increment(0);
        Self { port }
    }

    /// One is open until this is dropped.
    pub fn open(&self) -> Open {
        let gauge = ::metrics::gauge!(CONNECTIONS.name, "port" => self.port.clone());
        gauge.increment(1);
        Open(gauge)
    }

    /// There is no place for one.
    pub fn refuse(&self) {
        ::metrics::counter!(CONNECTIONS_REFUSED.name, "port" => self.port.clone()).increment(1);
    }
}

/// An open connection.
pub struct Open(::metrics::Gauge);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}

/// How often each certificate has answered a handshake.
///
/// Not in the recorder, which forgets nothing: a gateway may have served a million certificates in its life.
#[derive(Debug, Default)]
pub struct Answered(RwLock<HashMap<Arc<str>, [AtomicU64; 3]>>);

/// The values of the label `match`, in the order of the counts.
const MATCHES: [Found; 3] = [Found::Exact, Found::Wildcard, Found::Default];

impl Answered {
    /// One more.
    pub fn count(&self, answer: &Answer) {
        let which = match answer.found {
            Found::Exact => 0,
            Found::Wildcard => 1,
            Found::Default => 2,
        };
        let id = &answer.credential.certificate_id;
        let counts = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(counts) = counts.get(id) {
            counts[which].fetch_add(1, Ordering::Relaxed);
            return;
        }
        drop(counts);
        let mut counts = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let counts = counts.entry(id.clone()).or_default();
        counts[which].fetch_add(1, Ordering::Relaxed);
    }

    /// Forgets the certificates that are not served any more.
    fn keep(&self, served: impl Fn(&str) -> bool) {
        let mut counts = self.0.write().unwrap_or_else(PoisonError::into_inner);
        counts.retain(|id, _| served(id));
    }

    fn all(&self) -> Vec<(Arc<str>, [u64; 3])> {
        let counts = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let counts = counts.iter().map(|(id, counts)| {
            let counts = counts.each_ref().map(|count| count.load(Ordering::Relaxed));
            (id.clone(), counts)
        });
        counts.collect()
    }
}

struct Handshakes {
    index: Arc<ServingIndex>,
}

#[async_trait::async_trait]
impl Collect for Handshakes {
    async fn refresh(&self) -> Result<(), CollectError> {
        ::metrics::gauge!(SERVED.name).set(self.index.count() as f64);
        Ok(())
    }

    async fn write(&self, page: &mut Page) -> Result<(), CollectError> {
        let answered = &self.index.answered;
        answered.keep(|id| self.index.serves(id));
        page.begin(&HANDSHAKES);
        for (id, counts) in answered.all() {
            for (how, count) in MATCHES.into_iter().zip(counts) {
                if count > 0 {
                    page.sample(&HANDSHAKES, &[&id, how.as_str()], count as f64)
                        .await?;
                }
            }
        }
        Ok(())
    }
}

const NO_VERSION: &str = "none";

const HANDSHAKES: Metric = Metric::counter(
    "chancery_tls_handshakes_total",
    &["certificate_id", "match"],
    "Handshakes that a certificate answered: exact (by the name), wildcard, or default (for no name, or one that nobody has). Only those served now.",
);

const TLS_CONNECTIONS: Metric = Metric::counter(
    "chancery_tls_connections_total",
    &["outcome", "version"],
    "TLS connections by how they began: done, failed, too-slow, challenge (a CA looked at a proof, TLS-ALPN-01); with the version agreed on.",
);

const SERVED: Metric = Metric::gauge(
    "chancery_certificates_served",
    &[],
    "Certificates that this gateway serves.",
);

const CONNECTIONS: Metric = Metric::gauge(
    "chancery_connections",
    &["port"],
    "Connections from outside that are open.",
);

const CONNECTIONS_REFUSED: Metric = Metric::counter(
    "chancery_connections_refused_total",
    &["port"],
    "Connections closed at once, because there was no place for one more, or for one more from there.",
);

const CALLS: Metric = Metric::counter(
    "chancery_public_calls_total",
    &["service", "method", "code"],
    "Calls from outside, by gRPC status.",
);

const CALL_SECONDS: Metric = Metric::histogram(
    "chancery_public_call_seconds",
    &["service", "method"],
    "How long the answer to such a call took to begin.",
);

const REFUSALS: Metric = Metric::counter(
    "chancery_public_refusals_total",
    &["reason"],
    "Calls from outside that the gateway itself refused, by the reason of its `ErrorInfo`.",
);
