//! A projection that streams what a test tells it to.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use bytes::{BufMut, Bytes, BytesMut};
use hyper::{Request, Response, body::Frame, header::HeaderValue};
use prost::Message;
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{Status, body::Body, server::NamedService, service::Routes};

/// Streams the events that the test sends, whatever is asked.
#[derive(Clone)]
struct Events(Arc<Mutex<Option<Frames>>>);

type Frames = UnboundedReceiverStream<Result<Frame<Bytes>, Status>>;

/// What the test sends events by.
pub type EventSender = mpsc::UnboundedSender<Result<Frame<Bytes>, Status>>;

impl NamedService for Events {
    const NAME: &'static str = "chancery.projection.v1.QueryService";
}

impl tower::Service<Request<Body>> for Events {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        let frames = self.0.lock().unwrap().take().unwrap();
        let mut response = Response::new(Body::new(http_body_util::StreamBody::new(frames)));
        response
            .headers_mut()
            .insert("content-type", HeaderValue::from_static("application/grpc"));
        std::future::ready(Ok(response))
    }
}

/// A projection that answers one call, with the events that are sent.
pub fn events() -> (EventSender, Routes) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let frames = UnboundedReceiverStream::new(receiver);
    (
        sender,
        Routes::new(Events(Arc::new(Mutex::new(Some(frames))))),
    )
}

/// Sends one event.
pub fn send(events: &EventSender, sequence: u64) {
    let event = api::projection::v1::Event {
        sequence,
        ..Default::default()
    };
    let event = event.encode_to_vec();
    let mut frame = BytesMut::new();
    frame.put_u8(0);
    frame.put_u32(event.len() as u32);
    frame.put_slice(&event);
    events.send(Ok(Frame::data(frame.freeze()))).unwrap();
}
