//! A service that answers with what it saw of its caller.

use std::{
    convert::Infallible,
    net::SocketAddr,
    path::Path,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use api::keystore::v1::{
    ImportRequest, ImportResponse, RenewIdentityRequest, RenewIdentityResponse,
    identity_service_client::IdentityServiceClient,
    identity_service_server::{IdentityService, IdentityServiceServer},
};
use prost::Message;
use runtime::{Caller, Clock, IdentityIssuer, Runtime, ServeError, identity::IssueError};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, body::Body, server::NamedService, service::Routes};
use tonic_prost::ProstCodec;

use crate::authority::{Authority, shared};

/// A service of a town, serving.
pub struct Peer {
    pub address: SocketAddr,
    pub stopping: CancellationToken,
    pub served: JoinHandle<Result<(), ServeError>>,
    callers: Arc<Mutex<Vec<Caller>>>,
}

impl Peer {
    /// Starts `service` with the identity in the data folder; it certifies whoever asks.
    pub fn serve(
        service: &'static str,
        data: &Path,
        clock: &Clock,
        authority: Arc<Authority>,
    ) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stopping = CancellationToken::new();
        let shared = shared(data, address);
        let runtime = Runtime::start(
            service,
            shared,
            clock.clone(),
            stopping.clone(),
            Some(listener),
        )
        .unwrap();
        if service == "keystore" {
            runtime.rotate_with(Own(authority.clone()));
        }
        let callers = Arc::<Mutex<Vec<Caller>>>::default();
        let identities = Identities {
            authority,
            callers: callers.clone(),
        };
        let intake = Intake {
            callers: callers.clone(),
        };
        let routes = Routes::new(IdentityServiceServer::new(identities)).add_service(intake);
        let served = tokio::spawn(async move { runtime.serve(routes).await });
        Self {
            address,
            stopping,
            served,
            callers,
        }
    }

    /// Who called last.
    pub fn last_caller(&self) -> Caller {
        self.callers.lock().unwrap().last().cloned().unwrap()
    }

    /// Everyone who called.
    pub fn callers(&self) -> Vec<Caller> {
        self.callers.lock().unwrap().clone()
    }
}

/// Asks `peer` for a certificate, with a request of rcgen's.
pub async fn ask(runtime: &Runtime, peer: &str) -> Result<String, Status> {
    ask_with(runtime, peer, |_| {}).await
}

/// Likewise, with something in the metadata.
pub async fn ask_with(
    runtime: &Runtime,
    peer: &str,
    prepare: impl FnOnce(&mut Request<RenewIdentityRequest>),
) -> Result<String, Status> {
    let key = rcgen::KeyPair::generate().unwrap();
    let csr = rcgen::CertificateParams::default()
        .serialize_request(&key)
        .unwrap();
    let mut request = Request::new(RenewIdentityRequest {
        csr_der: csr.der().to_vec().into(),
    });
    prepare(&mut request);
    let mut client = IdentityServiceClient::new(runtime.channel(peer).unwrap());
    Ok(client
        .renew_identity(request)
        .await?
        .into_inner()
        .certificate_pem)
}

/// Certifies the keystore itself.
pub struct Own(pub Arc<Authority>);

#[async_trait::async_trait]
impl IdentityIssuer for Own {
    async fn issue(&self, csr_der: Vec<u8>) -> Result<String, IssueError> {
        Ok(self.0.certify("keystore", &csr_der))
    }
}

struct Identities {
    authority: Arc<Authority>,
    callers: Arc<Mutex<Vec<Caller>>>,
}

#[tonic::async_trait]
impl IdentityService for Identities {
    async fn renew_identity(
        &self,
        request: Request<RenewIdentityRequest>,
    ) -> Result<Response<RenewIdentityResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        let certificate_pem = self
            .authority
            .certify(&caller.service, &request.get_ref().csr_der);
        self.callers.lock().unwrap().push(caller);
        Ok(Response::new(RenewIdentityResponse { certificate_pem }))
    }
}

/// Takes every import, however long, and answers how many bytes came in as the position.
#[derive(Clone)]
struct Intake {
    callers: Arc<Mutex<Vec<Caller>>>,
}

impl NamedService for Intake {
    const NAME: &'static str = "chancery.keystore.v1.CertificateService";
}

impl tower::Service<http::Request<Body>> for Intake {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let callers = self.callers.clone();
        let take_in = tower::service_fn(move |request: Request<ImportRequest>| {
            let caller = Caller::of(&request).unwrap().clone();
            callers.lock().unwrap().push(caller);
            let position = request.get_ref().encoded_len() as u64;
            let files = Vec::new();
            std::future::ready(Ok(Response::new(ImportResponse { files, position })))
        });
        let codec = ProstCodec::<ImportResponse, ImportRequest>::default();
        let mut grpc = tonic::server::Grpc::new(codec).max_decoding_message_size(usize::MAX);
        Box::pin(async move { Ok(grpc.unary(take_in, request).await) })
    }
}
