//! Calls through a real edge: TLS outside, the runtime's mTLS inside, tonic at both ends.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Mutex,
    task::{Context, Poll},
};

use api::{
    acme::v1::{acme_service_client::AcmeServiceClient, acme_service_server::*, *},
    gateway::v1::{WhoAmIRequest, session_service_client::SessionServiceClient},
    projection::v1::{WatchEventsRequest, query_service_client::QueryServiceClient},
    refuse::{self, Violations},
};
use bytes::{BufMut, Bytes, BytesMut};
use hyper::body::Frame;
use prost::Message;
use tonic::{
    Code,
    server::NamedService,
    service::Routes,
    transport::{Certificate, ClientTlsConfig, Endpoint},
};

use super::*;
use crate::{
    config::Config,
    fixture::{Ca, House},
    https, serving,
    tls::{self, ServingIndex},
    tokens::Token,
};

/// Answers with the metadata that reached it.
#[derive(Clone, Copy)]
struct Echo;

#[tonic::async_trait]
impl AcmeService for Echo {
    async fn get_server_contact(
        &self,
        request: tonic::Request<GetServerContactRequest>,
    ) -> Result<tonic::Response<GetServerContactResponse>, Status> {
        let caller = runtime::Caller::of(&request)?.clone();
        let headers = request.metadata().clone().into_headers();
        let headers = headers
            .iter()
            .map(|(name, value)| format!("{name}={}", value.to_str().unwrap()));
        let mut contact_emails = headers.collect::<Vec<_>>();
        contact_emails.push(format!("caller={} for {}", caller.service, caller.actor));
        Ok(tonic::Response::new(GetServerContactResponse {
            contact_emails,
        }))
    }

    async fn register_server(
        &self,
        _: tonic::Request<RegisterServerRequest>,
    ) -> Result<tonic::Response<RegisterServerResponse>, Status> {
        Ok(tonic::Response::new(RegisterServerResponse::default()))
    }

    /// Refuses, in detail.
    async fn request_certificate(
        &self,
        _: tonic::Request<RequestCertificateRequest>,
    ) -> Result<tonic::Response<RequestCertificateResponse>, Status> {
        let mut violations = Violations::new();
        violations.add("dns_names[0]", "ä is not a host name");
        Err(violations.into_status())
    }

    /// Takes for ever.
    async fn renew_now(
        &self,
        _: tonic::Request<RenewNowRequest>,
    ) -> Result<tonic::Response<RenewNowResponse>, Status> {
        std::future::pending().await
    }
}

/// Streams the events that the test sends, whatever is asked.
#[derive(Clone)]
struct Events(
    Arc<Mutex<Option<tokio::sync::mpsc::UnboundedReceiver<Result<Frame<Bytes>, Status>>>>>,
);

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
        let frames = tokio_stream::wrappers::UnboundedReceiverStream::new(frames);
        let mut response = Response::new(Body::new(http_body_util::StreamBody::new(frames)));
        response
            .headers_mut()
            .insert("content-type", HeaderValue::from_static("application/grpc"));
        std::future::ready(Ok(response))
    }
}

type EventSender = tokio::sync::mpsc::UnboundedSender<Result<Frame<Bytes>, Status>>;

fn events() -> (EventSender, Routes) {
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    (
        sender,
        Routes::new(Events(Arc::new(Mutex::new(Some(receiver))))),
    )
}

fn send(events: &EventSender, sequence: u64) {
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

/// A gateway's https port, and a client's connection to it.
struct Edge {
    channel: Channel,
    token: String,
    token_file: std::path::PathBuf,
    house: House,
}

/// The edge in front of what is up in the house, with a token of this role.
async fn edge(role: Role, house: House) -> Edge {
    let ca = Ca::new("web CA");
    let index = Arc::new(ServingIndex::new());
    index.replace([serving::credential(ca.credential("edge", 1, &["edge.example"])).unwrap()]);

    let token = Token::generate().unwrap();
    let token_file = house.path("digest");
    std::fs::write(&token_file, token.digest().to_hex()).unwrap();
    let tokens = Arc::new(Tokens::in_file(token_file.clone(), role));
    let runtime = house.gateway();
    let forwarder = Forwarder::new(&runtime, tokens, 64 << 10).unwrap();

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let tls = tls::server_config(index.clone()).unwrap();
    tokio::spawn(async move {
        https::serve(
            listener,
            tls,
            index,
            forwarder,
            &Config::default(),
            &runtime.stopping(),
        )
        .await;
    });
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(ca.pem()))
        .domain_name("edge.example");
    let endpoint = Endpoint::from_shared(format!("https://{address}"))
        .unwrap()
        .tls_config(tls)
        .unwrap();
    Edge {
        channel: endpoint.connect().await.unwrap(),
        token: token.text().to_owned(),
        token_file,
        house,
    }
}

async fn edge_with_echo(role: Role) -> Edge {
    let mut house = House::new();
    house.open("acme-agent", Routes::new(AcmeServiceServer::new(Echo)));
    edge(role, house).await
}

impl Edge {
    fn acme(&self) -> AcmeServiceClient<Channel> {
        AcmeServiceClient::new(self.channel.clone())
    }

    fn query(&self) -> QueryServiceClient<Channel> {
        QueryServiceClient::new(self.channel.clone())
    }

    /// A message with the token, and these headers.
    fn with<M>(&self, message: M, headers: &[(&'static str, &str)]) -> tonic::Request<M> {
        let mut request = tonic::Request::new(message);
        let bearer = format!("Bearer {}", self.token);
        for (name, value) in std::iter::once(&("authorization", bearer.as_str())).chain(headers) {
            request.metadata_mut().append(*name, value.parse().unwrap());
        }
        request
    }

    async fn echo(&self, headers: &[(&'static str, &str)]) -> Result<Vec<String>, Status> {
        let request = self.with(GetServerContactRequest::default(), headers);
        Ok(self
            .acme()
            .get_server_contact(request)
            .await?
            .into_inner()
            .contact_emails)
    }

    /// Calls a method by its path, with or without the token.
    async fn call(&self, path: &'static str, with_token: bool) -> Status {
        let mut client = tonic::client::Grpc::new(self.channel.clone());
        client.ready().await.unwrap();
        let mut request = self.with(WhoAmIRequest {}, &[]);
        if !with_token {
            request.metadata_mut().remove("authorization");
        }
        let codec = tonic_prost::ProstCodec::<WhoAmIRequest, WhoAmIRequest>::default();
        client
            .unary(
                request,
                hyper::http::uri::PathAndQuery::from_static(path),
                codec,
            )
            .await
            .unwrap_err()
    }
}

fn is(status: &Status, code: Code, reason: &str) {
    assert_eq!(status.code(), code, "{status:?}");
    assert_eq!(
        refuse::reason(status).as_deref(),
        Some(reason),
        "{status:?}"
    );
}

#[tokio::test]
async fn the_service_gets_the_gateways_word_and_none_of_the_callers() {
    let edge = edge_with_echo(Role::Admin).await;
    let forged = [
        ("chancery-actor", "service/acme-agent"),
        ("chancery-request-id", "forged"),
        ("chancery-correlation-id", "forged"),
        ("chancery-causation-id", "forged"),
        ("chancery-anything", "forged"),
        ("cookie", "forged=1"),
        ("x-forwarded-for", "192.0.2.1"),
        ("idempotency-key", "deploy-7"),
        ("grpc-timeout", "90S"),
    ];
    let seen = edge.echo(&forged).await.unwrap();
    assert!(
        !seen.iter().any(|header| header.contains("forged")),
        "{seen:?}"
    );
    assert!(
        !seen.iter().any(|header| header.contains(&edge.token)),
        "{seen:?}"
    );
    for gone in [
        "authorization",
        "idempotency-key",
        "cookie",
        "x-forwarded-for",
        "chancery-anything",
        "chancery-causation-id",
    ] {
        assert!(
            !seen.iter().any(|header| header.starts_with(gone)),
            "{gone}: {seen:?}"
        );
    }
    let one = |name: &str| {
        let mut values = seen
            .iter()
            .filter_map(|header| header.strip_prefix(&format!("{name}=")));
        let value = values.next().unwrap_or_else(|| panic!("{name}: {seen:?}"));
        assert_eq!(values.next(), None);
        value
    };
    assert_eq!(one("chancery-request-id"), "deploy-7");
    assert_eq!(one("grpc-timeout"), "90000m");
    let actor = one("chancery-actor");
    assert!(uuid::Uuid::parse_str(actor.strip_prefix("token/").unwrap()).is_ok());
    assert!(uuid::Uuid::parse_str(one("chancery-correlation-id")).is_ok());
    assert_eq!(one("caller"), format!("gateway for {actor}"));
}

#[tokio::test]
async fn a_request_id_is_made_where_none_is_given_and_refused_where_it_is_none() {
    let edge = edge_with_echo(Role::Admin).await;
    let id_of = async || {
        let seen = edge.echo(&[]).await.unwrap();
        seen.into_iter()
            .find_map(|h| Some(h.strip_prefix("chancery-request-id=")?.to_owned()))
            .unwrap()
    };
    let (one, two) = (id_of().await, id_of().await);
    assert_ne!(one, two);
    assert_eq!(uuid::Uuid::parse_str(&one).unwrap().get_version_num(), 7);
    let long = "a".repeat(101);
    for wrong in [
        &[("idempotency-key", long.as_str())][..],
        &[("idempotency-key", "a"), ("idempotency-key", "b")],
    ] {
        is(
            &edge.echo(wrong).await.unwrap_err(),
            Code::InvalidArgument,
            "REQUEST_ID_INVALID",
        );
    }
}

#[tokio::test]
async fn without_a_good_token_nothing_goes_on() {
    let mut edge = edge_with_echo(Role::Admin).await;
    let none = edge
        .acme()
        .get_server_contact(GetServerContactRequest::default())
        .await
        .unwrap_err();
    is(&none, Code::Unauthenticated, "TOKEN_REQUIRED");
    let mut basic = tonic::Request::new(GetServerContactRequest::default());
    basic
        .metadata_mut()
        .insert("authorization", "Basic YWRtaW46YWRtaW4=".parse().unwrap());
    let refused = edge.acme().get_server_contact(basic).await.unwrap_err();
    is(&refused, Code::Unauthenticated, "TOKEN_REQUIRED");

    let good = edge.token.clone();
    let hostile = [
        String::new(),
        "x".into(),
        "a".repeat(8 << 10),
        format!("{good} {good}"),
        Token::generate().unwrap().text().into(),
    ];
    for token in hostile {
        edge.token = token;
        is(
            &edge.echo(&[]).await.unwrap_err(),
            Code::Unauthenticated,
            "TOKEN_UNKNOWN",
        );
    }
    edge.token = good;
    is(
        &edge
            .echo(&[("authorization", "Bearer x")])
            .await
            .unwrap_err(),
        Code::Unauthenticated,
        "TOKEN_UNKNOWN",
    );
    assert!(edge.echo(&[]).await.is_ok());
    std::fs::remove_file(&edge.token_file).unwrap();
    is(
        &edge.echo(&[]).await.unwrap_err(),
        Code::Unauthenticated,
        "TOKEN_UNKNOWN",
    );
}

#[tokio::test]
async fn a_smaller_role_is_refused() {
    let edge = edge_with_echo(Role::Operator).await;
    assert!(edge.echo(&[]).await.is_ok());
    let refused = edge
        .acme()
        .register_server(edge.with(RegisterServerRequest::default(), &[]))
        .await
        .unwrap_err();
    is(&refused, Code::PermissionDenied, "ROLE_REQUIRED");
    assert_eq!(
        refused.message(),
        "this needs the role admin, and you have operator"
    );
}

#[tokio::test]
async fn who_am_i_is_answered_here() {
    let edge = edge(Role::Viewer, House::new()).await;
    let mut session = SessionServiceClient::new(edge.channel.clone());
    let me = session
        .who_am_i(edge.with(WhoAmIRequest {}, &[("chancery-actor", "forged")]))
        .await
        .unwrap()
        .into_inner();
    assert!(me.actor.starts_with("token/"), "{me:?}");
    assert_eq!(
        (me.role(), me.expires, me.version.as_str()),
        (Role::Viewer, None, env!("CARGO_PKG_VERSION"))
    );
    is(
        &session.who_am_i(WhoAmIRequest {}).await.unwrap_err(),
        Code::Unauthenticated,
        "TOKEN_REQUIRED",
    );
}

#[tokio::test]
async fn a_method_without_a_role_is_as_if_it_did_not_exist() {
    let edge = edge_with_echo(Role::Admin).await;
    let internal = policy::all()
        .filter(|(_, policy)| policy.role.is_none())
        .map(|(path, _)| path);
    let internal = internal.collect::<Vec<_>>();
    assert!(internal.contains(&"/chancery.keystore.v1.KeystoreService/WatchServingCredentials"));
    let unknown = [
        "/chancery.acme.v1.AcmeService/Nope",
        "/a.B/C",
        "/",
        "/grpc.health.v1.Health/Check",
        "/chancery.acme.v1.AcmeService/RenewNow/",
    ];
    let mut answers = std::collections::HashSet::new();
    for path in internal.into_iter().chain(unknown) {
        for with_token in [true, false] {
            let status = edge.call(path, with_token).await;
            is(&status, Code::Unimplemented, "METHOD_UNKNOWN");
            answers.insert(status.message().to_owned());
        }
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
}

#[test]
fn every_method_with_a_role_has_an_owner() {
    for (path, policy) in policy::all() {
        assert!(
            policy.role.is_none() || Owner::of(path).is_some(),
            "{path} belongs to nobody"
        );
    }
}

#[tokio::test]
async fn a_service_that_is_down_is_named() {
    let edge = edge(Role::Admin, House::new()).await;
    let status = edge.echo(&[]).await.unwrap_err();
    is(&status, Code::Unavailable, "SERVICE_UNAVAILABLE");
    assert!(
        status
            .message()
            .starts_with("the acme-agent does not answer"),
        "{status:?}"
    );
}

#[tokio::test]
async fn a_refusal_passes_as_the_service_said_it() {
    let edge = edge_with_echo(Role::Admin).await;
    let request = edge.with(RequestCertificateRequest::default(), &[]);
    let status = edge.acme().request_certificate(request).await.unwrap_err();
    is(&status, Code::InvalidArgument, "INVALID_REQUEST");
    assert_eq!(refuse::violations(&status)[0].field, "dns_names[0]");
}

#[tokio::test]
async fn a_request_that_is_too_long_breaks_off() {
    let edge = edge_with_echo(Role::Admin).await;
    let message = GetServerContactRequest {
        server_id: "a".repeat(1 << 20),
    };
    let status = edge
        .acme()
        .get_server_contact(edge.with(message, &[]))
        .await
        .unwrap_err();
    is(&status, Code::ResourceExhausted, "REQUEST_TOO_LARGE");
    // The connection is as good as before.
    assert!(edge.echo(&[]).await.is_ok());
}

#[tokio::test]
async fn a_deadline_is_kept() {
    let edge = edge_with_echo(Role::Admin).await;
    let status = edge
        .acme()
        .renew_now(edge.with(RenewNowRequest::default(), &[("grpc-timeout", "300m")]))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
    let status = edge
        .acme()
        .renew_now(edge.with(RenewNowRequest::default(), &[("grpc-timeout", "soon")]))
        .await
        .unwrap_err();
    is(&status, Code::InvalidArgument, "TIMEOUT_INVALID");
}

#[tokio::test]
async fn a_stream_flows_and_ends_with_its_deadline() {
    let (events, routes) = events();
    let mut house = House::new();
    house.open("projection", routes);
    let edge = edge(Role::Viewer, house).await;
    let request = edge.with(WatchEventsRequest::default(), &[("grpc-timeout", "1500m")]);
    let mut stream = edge
        .query()
        .watch_events(request)
        .await
        .unwrap()
        .into_inner();
    for sequence in 1..=3 {
        send(&events, sequence);
        assert_eq!(stream.message().await.unwrap().unwrap().sequence, sequence);
    }
    is(
        &stream.message().await.unwrap_err(),
        Code::DeadlineExceeded,
        "DEADLINE_EXCEEDED",
    );
    // The service is told that nobody listens any more.
    tokio::time::timeout(Duration::from_secs(5), events.closed())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_stream_ends_with_the_token_it_was_opened_by() {
    let (events, routes) = events();
    let mut house = House::new();
    house.open("projection", routes);
    let edge = edge(Role::Viewer, house).await;
    let mut stream = edge
        .query()
        .watch_events(edge.with(WatchEventsRequest::default(), &[]))
        .await
        .unwrap()
        .into_inner();
    send(&events, 1);
    assert!(stream.message().await.unwrap().is_some());
    std::fs::remove_file(&edge.token_file).unwrap();
    is(
        &stream.message().await.unwrap_err(),
        Code::Unauthenticated,
        "TOKEN_UNKNOWN",
    );
}

#[tokio::test]
async fn a_stream_ends_with_a_reason_when_the_gateway_stops() {
    let (events, routes) = events();
    let mut services = House::new();
    services.open("projection", routes);
    let edge = edge(Role::Viewer, services).await;
    let mut stream = edge
        .query()
        .watch_events(edge.with(WatchEventsRequest::default(), &[]))
        .await
        .unwrap()
        .into_inner();
    send(&events, 1);
    assert!(stream.message().await.unwrap().is_some());
    edge.house.stop();
    is(
        &stream.message().await.unwrap_err(),
        Code::Unavailable,
        "STOPPING",
    );
}

#[tokio::test]
async fn a_stream_that_the_service_breaks_off_ends_with_a_reason() {
    let (events, routes) = events();
    let mut house = House::new();
    house.open("projection", routes);
    let edge = edge(Role::Viewer, house).await;
    let mut stream = edge
        .query()
        .watch_events(edge.with(WatchEventsRequest::default(), &[]))
        .await
        .unwrap()
        .into_inner();
    send(&events, 1);
    assert!(stream.message().await.unwrap().is_some());
    events.send(Err(Status::internal("crash"))).unwrap();
    is(
        &stream.message().await.unwrap_err(),
        Code::Unavailable,
        "ANSWER_BROKEN_OFF",
    );
}
