//! Calls between services: who gets through, and as whom.

use std::{sync::Arc, time::Duration};

use api::{
    acme::v1::{RenewNowRequest, acme_service_client::AcmeServiceClient},
    keystore::v1::{
        GenerateKeyRequest, ImportFile, ImportRequest,
        certificate_service_client::CertificateServiceClient,
        keystore_service_client::KeystoreServiceClient,
    },
    metadata, refuse,
};
use runtime::{Cause, Clock, Runtime, call, call_for};
use tempfile::TempDir;
use tonic::{Code, Request};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use uuid::Uuid;

use crate::{
    authority::{Authority, shared, start},
    peers::{Peer, ask, ask_with},
};

struct Town {
    data: TempDir,
    clock: Clock,
    authority: Arc<Authority>,
    keystore: Peer,
}

impl Town {
    fn new() -> Self {
        let (data, clock) = (tempfile::tempdir().unwrap(), Clock::system());
        let authority = Arc::new(Authority::new(&clock));
        for name in [
            "keystore",
            "gateway",
            "acme-agent",
            "csr-service",
            "projection",
        ] {
            authority.enrol(data.path(), name);
        }
        let keystore = Peer::serve("keystore", data.path(), &clock, authority.clone());
        Self {
            data,
            clock,
            authority,
            keystore,
        }
    }

    fn start(&self, service: &'static str) -> Runtime {
        start(
            service,
            &shared(self.data.path(), self.keystore.address),
            &self.clock,
        )
    }
}

#[tokio::test]
async fn a_call_comes_in_as_the_service_that_made_it() {
    let town = Town::new();
    ask(&town.start("projection"), "keystore").await.unwrap();
    let caller = town.keystore.last_caller();
    assert_eq!(caller.service, "projection");
    assert_eq!(caller.actor, "service/projection");
    assert_eq!(
        caller.method,
        "/chancery.keystore.v1.IdentityService/RenewIdentity"
    );
    assert_eq!(caller.causation_id, None);
    assert_eq!(
        caller.request_id.parse::<Uuid>().unwrap().get_version_num(),
        7
    );
}

#[tokio::test]
async fn a_cause_travels_with_the_call() {
    let town = Town::new();
    let cause = Cause {
        request_id: "order-17".into(),
        correlation_id: Uuid::new_v4(),
        causation_id: Some(Uuid::new_v4()),
    };
    ask_with(&town.start("acme-agent"), "keystore", |request| {
        *request.metadata_mut() = call((), &cause).metadata().clone();
    })
    .await
    .unwrap();
    let caller = town.keystore.last_caller();
    assert_eq!(caller.request_id, "order-17");
    assert_eq!(caller.correlation_id, cause.correlation_id);
    assert_eq!(caller.causation_id, cause.causation_id);
}

#[tokio::test]
async fn an_actor_is_believed_from_the_gateway_alone() {
    let town = Town::new();
    for (service, seen) in [("gateway", "token/7"), ("acme-agent", "service/acme-agent")] {
        ask_with(&town.start(service), "keystore", |request| {
            request
                .metadata_mut()
                .insert(metadata::ACTOR, "token/7".parse().unwrap());
        })
        .await
        .unwrap();
        assert_eq!(town.keystore.last_caller().actor, seen);
    }
}

#[tokio::test]
async fn a_method_believes_the_services_that_it_names_who_acts() {
    let town = Town::new();
    let cause = Cause {
        request_id: "request-7".into(),
        correlation_id: Uuid::new_v4(),
        causation_id: None,
    };
    let csr_service = town.start("csr-service");
    // Import names csr-service …
    let mut client = CertificateServiceClient::new(csr_service.channel("keystore").unwrap());
    let import = call_for(ImportRequest::default(), &cause, "token/7");
    client.import(import).await.unwrap();
    let caller = town.keystore.last_caller();
    assert_eq!(caller.service, "csr-service");
    assert_eq!(caller.actor, "token/7");
    assert_eq!(caller.correlation_id, cause.correlation_id);
    // … and says who he is when he names nobody …
    let import = call(ImportRequest::default(), &cause);
    client.import(import).await.unwrap();
    assert_eq!(town.keystore.last_caller().actor, "service/csr-service");
    // … but no other method takes his word for it.
    ask_with(&csr_service, "keystore", |request| {
        *request.metadata_mut() = call_for((), &cause, "token/7").metadata().clone();
    })
    .await
    .unwrap();
    assert_eq!(town.keystore.last_caller().actor, "service/csr-service");
}

#[tokio::test]
async fn a_method_is_open_to_the_callers_that_it_names() {
    let town = Town::new();
    for (service, code, reason) in [
        (
            "gateway",
            Code::PermissionDenied,
            Some("CALLER_NOT_ALLOWED"),
        ),
        (
            "projection",
            Code::PermissionDenied,
            Some("CALLER_NOT_ALLOWED"),
        ),
        // Let through; but nobody serves it here.
        ("acme-agent", Code::Unimplemented, None),
    ] {
        let channel = town.start(service).channel("keystore").unwrap();
        let mut client = KeystoreServiceClient::new(channel);
        let refused = client
            .generate_key(GenerateKeyRequest::default())
            .await
            .unwrap_err();
        assert_eq!(refused.code(), code, "{service}: {refused:?}");
        assert_eq!(refuse::reason(&refused).as_deref(), reason, "{service}");
    }
}

#[tokio::test]
async fn a_method_that_declares_nothing_is_open_to_nobody() {
    let town = Town::new();
    let channel = town.start("gateway").channel("keystore").unwrap();
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.unwrap();
    let refused = client
        .unary::<(), (), _>(
            Request::new(()),
            "/chancery.keystore.v1.KeystoreService/DumpKeys"
                .parse()
                .unwrap(),
            tonic_prost::ProstCodec::default(),
        )
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
}

#[tokio::test]
async fn metadata_that_is_not_well_formed_is_refused() {
    let town = Town::new();
    let gateway = town.start("gateway");
    for (name, value) in [
        (
            metadata::REQUEST_ID,
            "x".repeat(metadata::MAX_REQUEST_ID + 1),
        ),
        (metadata::CORRELATION_ID, "seven".into()),
        (metadata::CAUSATION_ID, "".into()),
        (metadata::ACTOR, "t".repeat(500)),
    ] {
        let refused = ask_with(&gateway, "keystore", |request| {
            request.metadata_mut().insert(name, value.parse().unwrap());
        });
        let refused = refused.await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{name}");
        assert!(refused.message().starts_with(name), "{}", refused.message());
    }
    assert_eq!(town.keystore.callers(), []);
}

#[tokio::test]
async fn a_server_with_another_name_is_not_talked_to() {
    let town = Town::new();
    let impostor = Peer::serve(
        "projection",
        town.data.path(),
        &town.clock,
        town.authority.clone(),
    );
    let shared = shared(town.data.path(), impostor.address);
    let gateway = start("gateway", &shared, &town.clock);
    // It is who it says it is …
    ask(&gateway, "projection").await.unwrap();
    // … and nobody else.
    let refused = ask(&gateway, "keystore").await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    let mut client = AcmeServiceClient::new(gateway.channel("acme-agent").unwrap());
    let refused = client
        .renew_now(RenewNowRequest::default())
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    assert_eq!(impostor.callers().len(), 1);
}

#[tokio::test]
async fn a_server_of_another_ca_is_not_talked_to() {
    let town = Town::new();
    let elsewhere = tempfile::tempdir().unwrap();
    let foreign = Arc::new(Authority::new(&town.clock));
    foreign.enrol(elsewhere.path(), "keystore");
    let impostor = Peer::serve("keystore", elsewhere.path(), &town.clock, foreign);
    let gateway = start(
        "gateway",
        &shared(town.data.path(), impostor.address),
        &town.clock,
    );
    let refused = ask(&gateway, "keystore").await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    assert_eq!(impostor.callers(), []);
}

#[tokio::test]
async fn any_identity_may_ask_how_a_service_is() {
    let town = Town::new();
    let channel = town.start("projection").channel("keystore").unwrap();
    let mut client = HealthClient::new(channel);
    let health = client.check(HealthCheckRequest::default()).await.unwrap();
    let version = health.metadata().get(metadata::VERSION).unwrap();
    assert_eq!(version, env!("CARGO_PKG_VERSION"));
    assert_eq!(health.into_inner().status(), ServingStatus::Serving);
}

#[tokio::test]
async fn a_service_that_is_told_to_stop_returns() {
    let town = Town::new();
    ask(&town.start("gateway"), "keystore").await.unwrap();
    town.keystore.stopping.cancel();
    let served = tokio::time::timeout(Duration::from_secs(10), town.keystore.served);
    served.await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn the_same_message_to_another_method_is_another_command() {
    let town = Town::new();
    ask(&town.start("gateway"), "keystore").await.unwrap();
    let caller = town.keystore.last_caller();
    let message = GenerateKeyRequest { algorithm: 1 };
    let origin = caller.origin(&message);
    assert_eq!(origin.request_digest.len(), 64);
    assert_eq!(origin, caller.origin(&message));
    assert_ne!(origin, caller.origin(&GenerateKeyRequest { algorithm: 2 }));
    let mut other = caller;
    other.method.push('2');
    assert_ne!(origin, other.origin(&message));
}

#[tokio::test]
async fn a_stream_that_nobody_ends_does_not_keep_a_service_from_stopping() {
    let town = Town::new();
    let channel = town.start("projection").channel("keystore").unwrap();
    let mut client = HealthClient::new(channel);
    let mut health = client
        .watch(HealthCheckRequest::default())
        .await
        .unwrap()
        .into_inner();
    health.message().await.unwrap().unwrap();
    town.keystore.stopping.cancel();
    assert_eq!(
        health.message().await.unwrap().unwrap().status(),
        ServingStatus::NotServing
    );
    let served = tokio::time::timeout(Duration::from_secs(10), town.keystore.served);
    served.await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_request_that_is_too_large_is_refused() {
    let town = Town::new();
    let projection = town.start("projection");
    for bytes in [4 << 20, 20 << 20] {
        let refused = ask_with(&projection, "keystore", |request| {
            request.get_mut().csr_der = vec![0; bytes].into();
        });
        let code = refused.await.unwrap_err().code();
        assert!(
            matches!(code, Code::OutOfRange | Code::ResourceExhausted),
            "{code:?}"
        );
    }
    assert_eq!(town.keystore.callers(), []);
}

#[tokio::test]
async fn a_method_that_declares_a_longer_request_takes_it() {
    let town = Town::new();
    let channel = town.start("gateway").channel("keystore").unwrap();
    let mut client = CertificateServiceClient::new(channel);
    let mut import = async |bytes: usize| {
        let content = vec![0; bytes].into();
        let file = ImportFile {
            content,
            ..ImportFile::default()
        };
        client.import(ImportRequest { files: vec![file] }).await
    };
    // More than any other method takes.
    let taken = import(10 << 20).await.unwrap().into_inner().position;
    assert!(taken > 10 << 20);
    assert!(import(11 << 20).await.is_err());
    assert_eq!(town.keystore.callers().len(), 1);
}

#[tokio::test]
async fn a_caller_that_waits_no_longer_is_not_answered() {
    let town = Town::new();
    let projection = town.start("projection");
    let refused = ask_with(&projection, "keystore", |request| {
        request.set_timeout(Duration::from_nanos(1));
    });
    let code = refused.await.unwrap_err().code();
    assert!(
        matches!(code, Code::Cancelled | Code::DeadlineExceeded),
        "{code:?}"
    );
}
