//! gRPC-web: the same calls for programs that have no HTTP/2, or no trailers.
//!
//! Bearer tokens alone open it: a cookie is not looked at. No header allows another site to call (CORS), so no
//! page in a browser but the gateway's own can.

use std::{
    convert::Infallible,
    future::Future,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

use hyper::{Request, Response, body::Incoming};
use tonic::body::Body;
use tonic_web::GrpcWebLayer;
use tower::{Layer, Service, ServiceExt};

use crate::forward::Forwarder;

/// Answers a gRPC-web call, binary or text, over HTTP/1.1 or HTTP/2.
pub async fn answer(
    request: Request<Incoming>,
    peer: SocketAddr,
    forwarder: &Forwarder,
) -> Response<Body> {
    let forwarder = forwarder.clone();
    let translated = GrpcWebLayer::new().layer(Calls { forwarder, peer });
    let answer = translated.oneshot(request.map(Body::new)).await;
    answer.unwrap_or_else(|never| match never {})
}

/// The forwarder, for calls from one address.
#[derive(Clone)]
struct Calls {
    forwarder: Forwarder,
    peer: SocketAddr,
}

impl Service<Request<Body>> for Calls {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let Calls { forwarder, peer } = self.clone();
        Box::pin(async move { Ok(forwarder.answer(request, peer).await) })
    }
}
