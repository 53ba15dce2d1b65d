//! A keystore that keeps secrets in memory.

use std::{
    collections::HashMap,
    convert::Infallible,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use api::keystore::v1::{
    DestroySecretRequest, DestroySecretResponse, OpenSecretRequest, OpenSecretResponse,
    SealSecretRequest, SealSecretResponse,
};
use bytes::{BufMut, Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use prost::Message;
use tonic::{Code, Status, body::Body, server::NamedService};

/// Keeps secrets. Clones share them.
#[derive(Clone, Default)]
pub struct StandIn {
    secrets: Arc<Mutex<HashMap<String, Bytes>>>,
}

impl StandIn {
    /// The names of what is sealed.
    pub fn sealed(&self) -> Vec<String> {
        let secrets = self.secrets.lock().unwrap();
        let mut names = secrets.keys().cloned().collect::<Vec<_>>();
        names.sort();
        names
    }

    /// What is sealed.
    pub fn secrets(&self) -> Vec<Bytes> {
        self.secrets.lock().unwrap().values().cloned().collect()
    }

    fn answer(&self, method: &str, message: Bytes) -> Result<Vec<u8>, Status> {
        let mut secrets = self.secrets.lock().unwrap();
        Ok(match method {
            "SealSecret" => {
                let seal = SealSecretRequest::decode(message).unwrap();
                secrets.insert(seal.name, seal.secret);
                SealSecretResponse {}.encode_to_vec()
            }
            "OpenSecret" => {
                let open = OpenSecretRequest::decode(message).unwrap();
                let secret = secrets.get(&open.name).cloned();
                let secret = secret.ok_or_else(|| Status::new(Code::NotFound, "no such secret"))?;
                OpenSecretResponse { secret }.encode_to_vec()
            }
            "DestroySecret" => {
                let destroy = DestroySecretRequest::decode(message).unwrap();
                secrets.remove(&destroy.name);
                DestroySecretResponse {}.encode_to_vec()
            }
            other => panic!("{other} is not asked by this service"),
        })
    }
}

impl NamedService for StandIn {
    const NAME: &'static str = "chancery.keystore.v1.KeystoreService";
}

impl tower::Service<axum::http::Request<Body>> for StandIn {
    type Response = axum::http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: axum::http::Request<Body>) -> Self::Future {
        let keystore = self.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            let (_, method) = parts.uri.path().rsplit_once('/').unwrap();
            // One message, behind its flag and length.
            let answer = match keystore.answer(method, body.slice(5..)) {
                Ok(answer) => answer,
                Err(refusal) => return Ok(refusal.into_http()),
            };
            let mut frame = BytesMut::new();
            frame.put_u8(0);
            frame.put_u32(answer.len() as u32);
            frame.put_slice(&answer);
            let mut trailers = axum::http::HeaderMap::new();
            trailers.insert("grpc-status", axum::http::HeaderValue::from_static("0"));
            let trailers = std::future::ready(Some(Ok::<_, Infallible>(trailers)));
            let body = Full::new(frame.freeze()).with_trailers(trailers);
            let mut response = axum::http::Response::new(Body::new(body));
            let kind = axum::http::HeaderValue::from_static("application/grpc");
            response.headers_mut().insert("content-type", kind);
            Ok(response)
        })
    }
}
