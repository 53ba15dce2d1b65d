//! The channel that the gateway's own pages call services by.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use hyper::{Request, Response};
use tonic::{Status, body::Body};
use tower::Service;

use super::{Entrance, Forwarder};
use crate::principal::Principal;

/// Calls of one person, without a way through the network. Any generated client takes it as its channel.
#[derive(Clone)]
pub struct Inside {
    forwarder: Forwarder,
    principal: Principal,
}

impl Inside {
    pub(super) fn new(forwarder: Forwarder, principal: Principal) -> Inside {
        Inside {
            forwarder,
            principal,
        }
    }
}

impl Service<Request<Body>> for Inside {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let Inside {
            forwarder,
            principal,
        } = self.clone();
        Box::pin(async move {
            let answer = forwarder
                .inner
                .forward(request, Entrance::Inside(principal));
            Ok(answer
                .await
                .unwrap_or_else(|refusal| Status::from(refusal).into_http()))
        })
    }
}
