//! Calls that no well-behaved client makes.

use std::{net::SocketAddr, sync::Arc};

use api::gateway::v1::{WhoAmIRequest, WhoAmIResponse};
use bytes::Bytes;
use http::uri::PathAndQuery;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use tokio::{io::AsyncReadExt, net::TcpStream};
use tokio_rustls::TlsConnector;
use tonic::{
    Request, Status, body::Body, client::GrpcService, codegen::StdError, transport::Channel,
};
use tonic_prost::ProstCodec;

use crate::{client::Client, edge};

/// Calls a method by its path, with an empty message.
///
/// # Errors
/// What the server answers, or what is wrong with its answer: the type of that is not known here.
pub async fn by_path(channel: &Channel, path: &str) -> Result<(), Status> {
    called(channel.clone(), path).await
}

/// The same, from outside.
///
/// # Errors
/// Likewise.
pub async fn from_outside(client: &Client, path: &str) -> Result<(), Status> {
    called(client.connection(), path).await
}

async fn called<S>(service: S, path: &str) -> Result<(), Status>
where
    S: GrpcService<Body>,
    S::ResponseBody: http_body::Body<Data = Bytes> + Send + 'static,
    <S::ResponseBody as http_body::Body>::Error: Into<StdError> + Send,
{
    let mut grpc = tonic::client::Grpc::new(service);
    let ready = grpc.ready().await;
    ready.map_err(|e| Status::unavailable(e.into().to_string()))?;
    let path = PathAndQuery::try_from(path).expect("a path");
    // Every message of proto3 can be empty, so any type will do.
    let codec = ProstCodec::<WhoAmIRequest, WhoAmIResponse>::default();
    let answer = grpc
        .server_streaming(Request::new(WhoAmIRequest {}), path, codec)
        .await?;
    answer.into_inner().message().await.map(|_| ())
}

/// Whether a service goes on talking to a client with a certificate that it made itself.
pub async fn takes_a_strange_certificate(server: SocketAddr) -> bool {
    let key = rcgen::KeyPair::generate().expect("a key");
    let names = rcgen::CertificateParams::new(vec!["gateway".to_owned()]).expect("names");
    let leaf = names.self_signed(&key).expect("a certificate");
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = edge::trusting_anybody().with_client_auth_cert(vec![leaf.der().clone()], key);
    let connector = TlsConnector::from(Arc::new(config.expect("a certificate with its key")));
    let tcp = TcpStream::connect(server).await.expect("the port is open");
    let name = ServerName::try_from("localhost").expect("a name");
    let Ok(mut tls) = connector.connect(name, tcp).await else {
        return false;
    };
    // With TLS 1.3 the refusal comes after the client has finished: as an alert on the first read.
    tls.read(&mut [0; 64]).await.is_ok_and(|read| read > 0)
}
