//! Who may call what: in front of every method, with the policy that `proto/` declares.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use api::{
    CertificateFilter,
    metadata::{
        ACTOR, CAUSATION_ID, CERTIFICATE_FILTER, CORRELATION_ID, MAX_REQUEST_ID, READ_AT,
        REQUEST_ID, VERSION,
    },
    policy::{self, MethodPolicy},
};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::Limited;
use tonic::{Code, Status, body::Body};
use tower::{Layer, Service};
use tracing::Instrument;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use uuid::Uuid;

use super::accept::Peer;
use crate::{Caller, Clock, Runtime, metrics, telemetry};

/// Puts a [`Guard`] in front of the routes.
#[derive(Clone)]
pub(super) struct GuardLayer {
    service: &'static str,
    clock: Clock,
}

impl GuardLayer {
    pub(super) fn new(runtime: &Runtime) -> Self {
        Self {
            service: runtime.service(),
            clock: runtime.clock().clone(),
        }
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = Guard<S>;

    fn layer(&self, inner: S) -> Guard<S> {
        let Self { service, clock } = self.clone();
        Guard {
            inner,
            service,
            clock,
        }
    }
}

/// Lets a call through with its [`Caller`], or refuses it.
#[derive(Clone)]
pub(super) struct Guard<S> {
    inner: S,
    service: &'static str,
    clock: Clock,
}

impl<S> Service<Request<Body>> for Guard<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let (method, policy) = policy::find(request.uri().path()).unzip();
        let counted = metrics::of_service(self.service, method);
        let caller = match admit(&request, policy, &self.clock) {
            Ok(caller) => caller,
            Err(refused) => {
                let refused = counted.answered(refused.into_http());
                return Box::pin(std::future::ready(Ok(refused)));
            }
        };
        let span = tracing::info_span!(
            "call",
            otel.kind = "server",
            otel.name = caller.method,
            rpc.system = "grpc",
            service = self.service,
            caller = caller.service,
            actor = caller.actor,
            request_id = caller.request_id,
            correlation_id = %caller.correlation_id,
        );
        // Fails only where nothing is traced.
        let _ = span.set_parent(telemetry::remote_parent(request.headers()));
        request.extensions_mut().insert(caller);
        // Whoever asks how a service is hears which one it is.
        let is_told = policy.is_none();
        let limit = policy.and_then(|policy| policy.max_request_bytes);
        let limit = limit.unwrap_or(MAX_REQUEST);
        let request = request.map(|body| Body::new(Limited::new(body, limit)));
        let answered = self.inner.call(request).instrument(span);
        Box::pin(async move {
            let mut answer = counted.answered(answered.await?);
            if is_told {
                let version = HeaderValue::from_static(env!("CARGO_PKG_VERSION"));
                answer.headers_mut().insert(VERSION, version);
            }
            Ok(answer)
        })
    }
}

/// Whether this call may go on, and who makes it.
fn admit<B>(
    request: &Request<B>,
    policy: Option<&MethodPolicy>,
    clock: &Clock,
) -> Result<Caller, Status> {
    let Some(Peer(service)) = request.extensions().get::<Peer>() else {
        return Err(refused("a call without an identity"));
    };
    let method = request.uri().path();
    let allowed = match policy {
        Some(policy) => policy.allows(service),
        // Whoever has an identity may ask how a service is.
        None => method.starts_with("/grpc.health.v1.Health/"),
    };
    if !allowed {
        tracing::warn!(service, method, "refused a call");
        return Err(refused(&format!("{service} may not call {method}")));
    }
    let believed = policy.is_some_and(|policy| policy.believes(service));
    caller(service, believed, method, request.headers(), clock)
}

/// `believed`: what the service says about who acts is taken for true.
fn caller(
    service: &str,
    believed: bool,
    method: &str,
    headers: &HeaderMap,
    clock: &Clock,
) -> Result<Caller, Status> {
    let own = || format!("service/{service}");
    let actor = match text(headers, ACTOR)? {
        Some(actor) if believed => actor,
        _ => own(),
    };
    let certificates = match believed {
        true => filter(headers)?,
        false => CertificateFilter::default(),
    };
    // The gateway keeps such a caller out already.
    let keeps = policy::of(method).is_some_and(|policy| policy.keeps_to_filter);
    if !certificates.is_open() && !keeps {
        return Err(refused(&format!(
            "{method} is for callers who may see all certificates"
        )));
    }
    let request_id = text(headers, REQUEST_ID)?.unwrap_or_else(|| clock.new_id().to_string());
    Ok(Caller {
        service: service.into(),
        actor,
        certificates,
        request_id,
        correlation_id: id(headers, CORRELATION_ID)?.unwrap_or_else(|| clock.new_id()),
        causation_id: id(headers, CAUSATION_ID)?,
        unchanged_since: position(headers)?,
        method: method.into(),
    })
}

fn text(headers: &HeaderMap, name: &str) -> Result<Option<String>, Status> {
    let Some(value) = headers.get(name) else {
        return Ok(None);
    };
    match value.to_str() {
        Ok(text) if (1..=MAX_REQUEST_ID).contains(&text.len()) => Ok(Some(text.into())),
        _ => Err(wrong(name, "1 to 100 characters of printable ASCII")),
    }
}

fn filter(headers: &HeaderMap) -> Result<CertificateFilter, Status> {
    let Some(value) = headers.get(CERTIFICATE_FILTER) else {
        return Ok(CertificateFilter::default());
    };
    let text = value.to_str().ok();
    let filter = text.and_then(|text| text.parse().ok());
    filter.ok_or_else(|| wrong(CERTIFICATE_FILTER, "names with commas between them"))
}

fn id(headers: &HeaderMap, name: &str) -> Result<Option<Uuid>, Status> {
    let parse = |text: String| text.parse().map_err(|_| wrong(name, "a UUID"));
    text(headers, name)?.map(parse).transpose()
}

fn position(headers: &HeaderMap) -> Result<Option<u64>, Status> {
    let parse = |text: String| {
        text.parse()
            .map_err(|_| wrong(READ_AT, "a position of the log"))
    };
    text(headers, READ_AT)?.map(parse).transpose()
}

fn refused(message: &str) -> Status {
    api::refuse::status(Code::PermissionDenied, "CALLER_NOT_ALLOWED", message)
}

fn wrong(name: &str, right: &str) -> Status {
    api::refuse::status(
        Code::InvalidArgument,
        "INVALID_METADATA",
        format!("{name} must be {right}"),
    )
}

/// The largest request, all its messages together, in bytes, where the method declares none: above what tonic
/// takes for one message.
const MAX_REQUEST: usize = 5 * 1024 * 1024;
