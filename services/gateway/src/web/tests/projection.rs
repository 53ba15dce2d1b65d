//! A projection that tells what a test says has happened.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use api::projection::v1::{Event, ListEventsResponse};
use bytes::{BufMut, Bytes, BytesMut};
use futures_util::{StreamExt, stream};
use hyper::{Request, Response, body::Frame, header::HeaderValue};
use prost::Message;
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;
use tonic::{Status, body::Body, server::NamedService};

/// At position 10, with nothing to tell yet.
#[derive(Clone)]
pub struct StandIn {
    events: broadcast::Sender<Event>,
    position: Arc<AtomicU64>,
}

impl Default for StandIn {
    fn default() -> StandIn {
        StandIn {
            events: broadcast::Sender::new(5_000),
            position: Arc::new(AtomicU64::new(10)),
        }
    }
}

impl StandIn {
    /// One more event, with these fields in its message. Its position.
    pub fn tell(&self, aggregate: &str, id: &str, fields: &[(&str, &str)]) -> u64 {
        let sequence = self.position.fetch_add(1, Ordering::SeqCst) + 1;
        let fields = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned().into()));
        let event = Event {
            sequence,
            aggregate: aggregate.to_owned(),
            aggregate_id: id.to_owned(),
            body: Some(pbjson_types::Struct {
                fields: fields.collect(),
            }),
            ..Event::default()
        };
        // Nobody may follow yet.
        let _ = self.events.send(event);
        sequence
    }
}

impl NamedService for StandIn {
    const NAME: &'static str = "chancery.projection.v1.QueryService";
}

impl tower::Service<Request<Body>> for StandIn {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let body = if request.uri().path().ends_with("/WatchEvents") {
            let told = BroadcastStream::new(self.events.subscribe());
            let frames = told.map(|event| Ok::<_, Status>(Frame::data(message(&event.unwrap()))));
            Body::new(http_body_util::StreamBody::new(frames))
        } else {
            let answer = message(&ListEventsResponse {
                position: self.position.load(Ordering::SeqCst),
                ..ListEventsResponse::default()
            });
            let mut trailers = hyper::HeaderMap::new();
            trailers.insert("grpc-status", HeaderValue::from_static("0"));
            let frames = [Frame::data(answer), Frame::trailers(trailers)];
            let frames = stream::iter(frames.map(Ok::<_, Status>));
            Body::new(http_body_util::StreamBody::new(frames))
        };
        let mut response = Response::new(body);
        response
            .headers_mut()
            .insert("content-type", HeaderValue::from_static("application/grpc"));
        std::future::ready(Ok(response))
    }
}

fn message(message: &impl Message) -> Bytes {
    let message = message.encode_to_vec();
    let mut frame = BytesMut::new();
    frame.put_u8(0);
    frame.put_u32(message.len() as u32);
    frame.put_slice(&message);
    frame.freeze()
}
