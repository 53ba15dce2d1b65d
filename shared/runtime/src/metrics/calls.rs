//! gRPC calls, counted once their status is known: for most that is behind the answer's last message.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::{Frame, SizeHint};
use tokio::time::Instant;
use tonic::{Code, Status, body::Body};

use super::Metric;

/// A call that is being answered. Dropped before its status is known, it counts as cancelled.
pub struct Call {
    total: &'static Metric,
    seconds: &'static Metric,
    labels: Labels,
    begun: Instant,
    code: Option<Code>,
}

#[derive(Clone, Copy)]
struct Labels {
    service: &'static str,
    method: &'static str,
}

impl Call {
    /// A call of this method begins, which `total` counts by service, method and code; `seconds` has how long its answer took
    /// to begin. `method`: its path, where there is such a method.
    pub fn begin(
        total: &'static Metric,
        seconds: &'static Metric,
        service: &'static str,
        method: Option<&'static str>,
    ) -> Self {
        Self {
            total,
            seconds,
            labels: Labels {
                service,
                method: method.map_or("other", |path| path.trim_start_matches('/')),
            },
            begun: Instant::now(),
            code: None,
        }
    }

    /// The answer has begun: it is passed on, and its status is waited for.
    pub fn answered(mut self, response: Response<Body>) -> Response<Body> {
        let Labels { service, method } = self.labels;
        metrics::histogram!(self.seconds.name, "service" => service, "method" => method)
            .record(self.begun.elapsed());
        self.see(response.headers());
        response.map(|body| Body::new(Answer { body, call: self }))
    }

    fn see(&mut self, headers: &HeaderMap) {
        if let Some(status) = Status::from_header_map(headers) {
            self.code = Some(status.code());
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let Labels { service, method } = self.labels;
        let code = name(self.code.unwrap_or(Code::Cancelled));
        metrics::counter!(self.total.name, "service" => service, "method" => method, "code" => code)
            .increment(1);
    }
}

/// An answer on its way, which is looked at for its status.
struct Answer {
    body: Body,
    call: Call,
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(trailers) = frame.trailers_ref() {
                    self.call.see(trailers);
                }
            }
            Poll::Ready(Some(Err(status))) => self.call.code = Some(status.code()),
            Poll::Ready(None) | Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A call that one of our services answers another. `method`: its path, where it is a method that there is.
pub(crate) fn of_service(service: &'static str, method: Option<&'static str>) -> Call {
    Call::begin(&CALLS, &CALL_SECONDS, service, method)
}

pub(super) const CALLS: Metric = Metric::counter(
    "chancery_grpc_calls_total",
    &["service", "method", "code"],
    "Calls that a service was made by another, by gRPC status.",
);

pub(super) const CALL_SECONDS: Metric = Metric::histogram(
    "chancery_grpc_call_seconds",
    &["service", "method"],
    "How long the answer to such a call took to begin.",
);

/// As the gRPC documentation writes it.
fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
