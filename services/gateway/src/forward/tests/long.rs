//! Requests that are longer than others may be.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use api::{
    keystore::v1::{
        ImportFile, ImportRequest, ImportResponse, RenameCertificateRequest,
        certificate_service_client::CertificateServiceClient,
    },
    options::v1::Role,
};
use hyper::{Request, Response};
use prost::Message;
use tonic::{Code, Status, body::Body, server::NamedService, service::Routes};
use tonic_prost::ProstCodec;

use super::edge::{edge, is};
use crate::fixture::House;

#[tokio::test]
async fn a_method_that_declares_a_longer_request_takes_it() {
    // The edge takes 64 KiB, and an import 11 MiB.
    let mut house = House::new();
    house.open("keystore", Routes::new(Intake));
    let edge = edge(Role::Admin, house).await;
    let mut certificates = CertificateServiceClient::new(edge.channel.clone());
    let mut import = async |bytes: usize| {
        let file = ImportFile {
            content: vec![0; bytes].into(),
            ..ImportFile::default()
        };
        let message = ImportRequest { files: vec![file] };
        certificates.import(edge.with(message, &[])).await
    };
    let taken = import(10 << 20).await.unwrap().into_inner().position;
    assert!(taken > 10 << 20);
    let status = import(11 << 20).await.unwrap_err();
    is(&status, Code::ResourceExhausted, "REQUEST_TOO_LARGE");
    assert!(status.message().contains("11534336"), "{status:?}");
    // Its neighbours take no more than before.
    let message = RenameCertificateRequest {
        certificate_id: "a".repeat(1 << 20),
        friendly_name: String::new(),
    };
    let rename = edge.with(message, &[]);
    let status = certificates.rename_certificate(rename).await;
    is(
        &status.unwrap_err(),
        Code::ResourceExhausted,
        "REQUEST_TOO_LARGE",
    );
}

/// A keystore that takes every import, and answers how many bytes came in as the position.
#[derive(Clone, Copy)]
struct Intake;

impl NamedService for Intake {
    const NAME: &'static str = "chancery.keystore.v1.CertificateService";
}

impl tower::Service<Request<Body>> for Intake {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let take_in = tower::service_fn(|request: tonic::Request<ImportRequest>| {
            let position = request.get_ref().encoded_len() as u64;
            let files = Vec::new();
            let answer = tonic::Response::new(ImportResponse { files, position });
            std::future::ready(Ok::<_, Status>(answer))
        });
        let codec = ProstCodec::<ImportResponse, ImportRequest>::default();
        let mut grpc = tonic::server::Grpc::new(codec).max_decoding_message_size(usize::MAX);
        Box::pin(async move { Ok(grpc.unary(take_in, request).await) })
    }
}
