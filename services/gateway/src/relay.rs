//! Bodies on their way through: the request's bounded in size, the answer's always ended as gRPC ends.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tonic::{Status, body::Body};
use tracing::debug;

use crate::refusal::Refusal;

/// Whether a request turned out to be too long.
#[derive(Debug, Clone, Default)]
pub struct TooLong(Arc<AtomicBool>);

impl TooLong {
    /// True once the bound was passed.
    pub fn get(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// A request's body that breaks off at a bound, and says so to whoever holds `too_long`: the error itself
/// does not come back from the connection that the body is sent on.
pub fn bounded(body: Body, limit: usize, too_long: TooLong) -> Body {
    Body::new(Bounded {
        body,
        left: limit,
        too_long,
    })
}

struct Bounded {
    body: Body,
    left: usize,
    too_long: TooLong,
}

impl hyper::body::Body for Bounded {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = match std::task::ready!(Pin::new(&mut self.body).poll_frame(cx)) {
            // A gRPC request has no trailers, and tonic would take them for metadata: the caller's word
            // in place of the gateway's. Nothing may follow them.
            Some(Ok(frame)) if frame.is_trailers() => return Poll::Ready(None),
            Some(Ok(frame)) => frame,
            Some(Err(e)) => return Poll::Ready(Some(Err(e.into()))),
            None => return Poll::Ready(None),
        };
        let length = frame.data_ref().map_or(0, Bytes::len);
        match self.left.checked_sub(length) {
            Some(left) => {
                self.left = left;
                Poll::Ready(Some(Ok(frame)))
            }
            None => {
                self.too_long.0.store(true, Ordering::Release);
                Poll::Ready(Some(Err("the request is too long".into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The end that the gateway itself puts to an answer: its deadline, its own stop, the token's end.
pub type End = Pin<Box<dyn Future<Output = Refusal> + Send>>;

/// An answer's body. Where it breaks off, or the gateway ends it, the client still gets a gRPC status.
pub struct Relay {
    body: Body,
    service: &'static str,
    end: End,
    /// Frames that came without a wait.
    at_once: u8,
    over: bool,
}

impl Relay {
    /// Passes on what `service` answers, until `end`.
    pub fn new(body: Body, service: &'static str, end: End) -> Relay {
        Relay {
            body,
            service,
            end,
            at_once: 0,
            over: false,
        }
    }

    /// Drops the service's answer, which tells the service to stop, and ends the client's with a status.
    fn close(&mut self, refusal: Refusal) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.body = Body::empty();
        self.over = true;
        let status = Status::from(refusal);
        let mut trailers = hyper::HeaderMap::new();
        Poll::Ready(Some(
            status
                .add_header(&mut trailers)
                .map(|()| Frame::trailers(trailers)),
        ))
    }
}

impl hyper::body::Body for Relay {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.over {
            return Poll::Ready(None);
        }
        // The end first: a body that always has more to say must not outlive it. A short answer is there at once, and
        // over before there is a clock to be set for it.
        if self.at_once == SHORT
            && let Poll::Ready(refusal) = self.end.as_mut().poll(cx)
        {
            return self.close(refusal);
        }
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                self.over = frame.is_trailers();
                self.at_once = SHORT.min(self.at_once + 1);
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(e))) => {
                let service = self.service;
                debug!(
                    service,
                    error = &e as &dyn std::error::Error,
                    "answer broken off"
                );
                self.close(Refusal::AnswerBrokenOff { service })
            }
            Poll::Ready(None) => {
                self.over = true;
                Poll::Ready(None)
            }
            Poll::Pending if self.at_once < SHORT => {
                self.at_once = SHORT;
                match self.end.as_mut().poll(cx) {
                    Poll::Ready(refusal) => self.close(refusal),
                    Poll::Pending => Poll::Pending,
                }
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.over || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

/// Frames of a short answer: its data, and its trailers.
const SHORT: u8 = 2;

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use tonic::Code;

    use super::*;

    #[tokio::test]
    async fn an_answer_that_breaks_off_ends_with_a_status() {
        let frames = futures_util::stream::iter([
            Ok(Frame::data(Bytes::from_static(b"first"))),
            Err(Status::internal("connection reset")),
        ]);
        let body = Body::new(http_body_util::StreamBody::new(frames));
        let relay = Relay::new(body, "projection", Box::pin(std::future::pending()));
        let collected = relay.collect().await.unwrap();
        let status = Status::from_header_map(collected.trailers().unwrap()).unwrap();
        assert_eq!(status.code(), Code::Unavailable);
        assert_eq!(
            api::refuse::reason(&status).as_deref(),
            Some("ANSWER_BROKEN_OFF")
        );
        assert_eq!(collected.to_bytes(), "first");
    }

    #[tokio::test]
    async fn an_answer_that_never_pauses_ends_as_well() {
        let endless = futures_util::stream::repeat_with(|| {
            Ok::<_, Status>(Frame::data(Bytes::from_static(b"more")))
        });
        let body = Body::new(http_body_util::StreamBody::new(endless));
        let mut relay = Relay::new(
            body,
            "projection",
            Box::pin(async { Refusal::TokenUnknown }),
        );
        for _ in 0..SHORT {
            assert!(relay.frame().await.unwrap().unwrap().is_data());
        }
        let frame = relay.frame().await.unwrap().unwrap();
        let status = Status::from_header_map(frame.trailers_ref().unwrap()).unwrap();
        assert_eq!(
            api::refuse::reason(&status).as_deref(),
            Some("TOKEN_UNKNOWN")
        );
        assert!(relay.frame().await.is_none());
    }

    #[tokio::test]
    async fn the_gateways_end_is_a_status_too() {
        let endless = futures_util::stream::pending::<Result<Frame<Bytes>, Status>>();
        let body = Body::new(http_body_util::StreamBody::new(endless));
        let relay = Relay::new(body, "projection", Box::pin(async { Refusal::Stopping }));
        let collected = relay.collect().await.unwrap();
        let status = Status::from_header_map(collected.trailers().unwrap()).unwrap();
        assert_eq!(api::refuse::reason(&status).as_deref(), Some("STOPPING"));
    }
}
