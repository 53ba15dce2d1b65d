//! A keystore for what the real one does rarely: it refuses when it is told to, and remembers what it
//! was asked. What the real one makes of our calls is told in the stories.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use api::{
    keystore::v1::{
        FileOutcome, FileVerdict, ImportRequest, ImportResponse, ReleaseRequestResponse,
        ReserveRequestResponse, SignSelfSignedResponse,
    },
    metadata,
};
use bytes::{BufMut, Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use prost::Message;
use tonic::{
    Status,
    body::Body,
    server::NamedService,
    transport::{Channel, Endpoint, Server, server::TcpIncoming},
};

use crate::samples;

/// What it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// "ReserveRequest".
    pub method: String,
    /// In whose name.
    pub actor: String,
    /// The same for each repeat.
    pub request_id: String,
    /// The message.
    pub message: Bytes,
}

/// What takes the content of a file in, and says what became of it.
type TakeIn = Arc<dyn Fn(Bytes) -> Pin<Box<dyn Future<Output = FileVerdict> + Send>> + Send + Sync>;

/// A keystore that does what it is asked, unless it is told to refuse.
#[derive(Clone, Default)]
pub struct StandIn {
    calls: Arc<Mutex<Vec<Call>>>,
    refusal: Arc<Mutex<Option<Status>>>,
    take_in: Arc<Mutex<Option<TakeIn>>>,
}

impl StandIn {
    /// Opens it: a channel to it.
    pub async fn open(&self) -> Channel {
        let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = incoming.local_addr().unwrap();
        let server = Server::builder()
            .add_service(Door::<Keys>::of(self))
            .add_service(Door::<Files>::of(self));
        tokio::spawn(server.serve_with_incoming(incoming));
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        endpoint.connect().await.unwrap()
    }

    /// From now on it answers so; `None`: it does what it is asked.
    pub fn refuse(&self, refusal: Option<Status>) {
        *self.refusal.lock().unwrap() = refusal;
    }

    /// What an import does.
    pub fn import_by<F>(&self, take_in: impl Fn(Bytes) -> F + Send + Sync + 'static)
    where
        F: Future<Output = FileVerdict> + Send + 'static,
    {
        *self.take_in.lock().unwrap() = Some(Arc::new(move |content| Box::pin(take_in(content))));
    }

    /// What it was asked so far.
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    /// The methods that it was asked so far, in order.
    pub fn methods(&self) -> Vec<String> {
        self.calls().into_iter().map(|call| call.method).collect()
    }

    async fn answer(&self, call: Call) -> Result<Vec<u8>, Status> {
        self.calls.lock().unwrap().push(call.clone());
        if let Some(refusal) = self.refusal.lock().unwrap().clone() {
            return Err(refusal);
        }
        let created = samples::created();
        Ok(match call.method.as_str() {
            "ReserveRequest" => ReserveRequestResponse {
                // As the real one derives it.
                key_id: call.request_id,
                key_algorithm: created.key_algorithm,
                spki_sha256: created.spki_sha256,
                csr_der: created.csr_der,
            }
            .encode_to_vec(),
            "ReleaseRequest" => ReleaseRequestResponse {}.encode_to_vec(),
            "SignSelfSigned" => SignSelfSignedResponse {
                certificate_id: call.request_id,
                ..SignSelfSignedResponse::default()
            }
            .encode_to_vec(),
            "Import" => {
                let mut import = ImportRequest::decode(call.message).unwrap();
                let take_in = self.take_in.lock().unwrap().clone().unwrap();
                let file = import.files.remove(0);
                let verdict = take_in(file.content).await;
                let imported = verdict.outcome() == FileOutcome::Imported;
                ImportResponse {
                    position: if imported { 7 } else { 0 },
                    files: vec![FileVerdict {
                        name: file.name,
                        ..verdict
                    }],
                }
                .encode_to_vec()
            }
            other => panic!("{other} is not asked by this service"),
        })
    }
}

/// One gRPC service of it.
trait Named: Send + Sync + 'static {
    const NAME: &'static str;
}

struct Keys;

impl Named for Keys {
    const NAME: &'static str = "chancery.keystore.v1.KeystoreService";
}

struct Files;

impl Named for Files {
    const NAME: &'static str = "chancery.keystore.v1.CertificateService";
}

struct Door<N>(StandIn, std::marker::PhantomData<N>);

impl<N> Door<N> {
    fn of(keystore: &StandIn) -> Self {
        Self(keystore.clone(), std::marker::PhantomData)
    }
}

impl<N> Clone for Door<N> {
    fn clone(&self) -> Self {
        Self::of(&self.0)
    }
}

impl<N: Named> NamedService for Door<N> {
    const NAME: &'static str = N::NAME;
}

impl<N: Named> tower::Service<http::Request<Body>> for Door<N> {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let keystore = self.0.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let header = |name: &str| {
                let value = parts.headers.get(name);
                value
                    .map(|v| v.to_str().unwrap().to_owned())
                    .unwrap_or_default()
            };
            let body = body.collect().await.unwrap().to_bytes();
            let (_, method) = parts.uri.path().rsplit_once('/').unwrap();
            let call = Call {
                method: method.to_owned(),
                actor: header(metadata::ACTOR),
                request_id: header(metadata::REQUEST_ID),
                // One message, behind its flag and length.
                message: body.slice(5..),
            };
            let answer = match keystore.answer(call).await {
                Ok(answer) => answer,
                Err(refusal) => return Ok(refusal.into_http()),
            };
            let mut frame = BytesMut::new();
            frame.put_u8(0);
            frame.put_u32(answer.len() as u32);
            frame.put_slice(&answer);
            let mut trailers = http::HeaderMap::new();
            trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
            let body = Full::new(frame.freeze()).with_trailers(std::future::ready(Some(Ok::<
                _,
                Infallible,
            >(
                trailers,
            ))));
            let mut response = http::Response::new(Body::new(body));
            let kind = http::HeaderValue::from_static("application/grpc");
            response.headers_mut().insert("content-type", kind);
            Ok(response)
        })
    }
}
