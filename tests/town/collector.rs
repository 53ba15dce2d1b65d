//! A collector of traces: OTLP over gRPC, as `[telemetry] otlp_endpoint` wants one.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::{KeyValue, any_value::Value},
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, transport::Server};

/// A running collector. Dropped, it ends.
#[derive(Debug)]
pub struct Collector {
    /// Its URL.
    pub endpoint: String,
    spans: Spans,
    serving: JoinHandle<()>,
}

/// What was collected.
type Spans = Arc<Mutex<Vec<Span>>>;

/// One span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The trace that it is in, hex.
    pub trace: String,
    /// Its own id, hex.
    pub id: String,
    /// The span that it is in, hex; empty for a first one.
    pub parent: String,
    /// What is done in it.
    pub name: String,
    /// Its attributes, as text.
    pub attributes: BTreeMap<String, String>,
    /// All of it, with its events, for who looks for what must not be there.
    pub whole: String,
}

impl Collector {
    /// Begins to collect.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let spans = Spans::default();
        let intake = TraceServiceServer::new(Intake(spans.clone()));
        let serving = Server::builder()
            .add_service(intake)
            .serve_with_incoming(TcpListenerStream::new(listener));
        let serving = tokio::spawn(async move { serving.await.expect("the collector serves") });
        Self {
            endpoint,
            spans,
            serving,
        }
    }

    /// Everything so far.
    pub fn spans(&self) -> Vec<Span> {
        let spans = self.spans.lock();
        spans.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is in this trace so far.
    pub fn trace(&self, id: &str) -> Vec<Span> {
        let all = self.spans().into_iter();
        all.filter(|span| span.trace == id).collect()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Span {
    /// An attribute; empty where it is not there.
    pub fn attribute(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }
}

struct Intake(Spans);

#[tonic::async_trait]
impl TraceService for Intake {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let resources = request.into_inner().resource_spans.into_iter();
        let scopes = resources.flat_map(|resource| resource.scope_spans);
        let spans = scopes.flat_map(|scope| scope.spans).map(|span| Span {
            whole: format!("{span:?}"),
            trace: hex(&span.trace_id),
            id: hex(&span.span_id),
            parent: hex(&span.parent_span_id),
            name: span.name,
            attributes: span.attributes.into_iter().map(text).collect(),
        });
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend(spans);
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

fn text(attribute: KeyValue) -> (String, String) {
    let value = attribute.value.and_then(|value| value.value);
    let value = match value {
        Some(Value::StringValue(text)) => text,
        other => format!("{other:?}"),
    };
    (attribute.key, value)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
