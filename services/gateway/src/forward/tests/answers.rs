//! What comes back: refusals, streams, and the ends that the gateway puts to them.

use std::time::Duration;

use api::{
    acme::v1::{
        GetServerContactRequest, RenewNowRequest, RequestCertificateRequest,
        acme_service_client::AcmeServiceClient,
    },
    options::v1::Role,
    projection::v1::WatchEventsRequest,
    refuse,
};
use tokio::task::JoinSet;
use tonic::{Code, Status};

use super::{
    edge::{edge, edge_with_echo, is},
    streamed::{events, send},
};
use crate::{fixture::House, forward::MAX_CALLS_EACH};

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
        .servers()
        .get_server_contact(edge.with(message, &[]))
        .await
        .unwrap_err();
    is(&status, Code::ResourceExhausted, "REQUEST_TOO_LARGE");
    // The connection is as good as before.
    assert!(edge.echo(&[]).await.is_ok());
}

#[tokio::test]
async fn headers_that_are_too_long_are_refused() {
    let edge = edge_with_echo(Role::Admin).await;
    let long = "a".repeat(17 << 10);
    assert!(edge.echo(&[("x-long", long.as_str())]).await.is_err());
    assert!(edge.echo(&[("x-short", "a")]).await.is_ok());
}

#[tokio::test]
async fn a_deadline_is_kept() {
    let edge = edge_with_echo(Role::Admin).await;
    // Not through tonic's client: it would keep the deadline itself.
    let http = reqwest::Client::builder()
        .tls_danger_accept_invalid_certs(true)
        .http2_prior_knowledge()
        .resolve("edge.example", edge.address)
        .build()
        .unwrap();
    let ask = async |timeout: &str| {
        let path = "/chancery.acme.v1.AcmeService/RenewNow";
        let request = http
            .post(format!(
                "https://edge.example:{}{path}",
                edge.address.port()
            ))
            .bearer_auth(&edge.token)
            .header("content-type", "application/grpc")
            .header("grpc-timeout", timeout)
            .body(vec![0; 5]);
        Status::from_header_map(request.send().await.unwrap().headers()).unwrap()
    };
    is(
        &ask("300m").await,
        Code::DeadlineExceeded,
        "DEADLINE_EXCEEDED",
    );
    is(&ask("soon").await, Code::InvalidArgument, "TIMEOUT_INVALID");
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

#[tokio::test]
async fn one_caller_has_so_many_calls_at_once() {
    let edge = edge_with_echo(Role::Admin).await;
    let mut open = JoinSet::new();
    // One more than there may be, on several connections: one takes fewer calls at once.
    let mut channel = edge.channel.clone();
    for number in 0..=MAX_CALLS_EACH {
        if number % 32 == 0 {
            channel = edge.connect().await;
        }
        let request = edge.with(RenewNowRequest::default(), &[]);
        let mut acme = AcmeServiceClient::new(channel.clone());
        open.spawn(async move { acme.renew_now(request).await });
    }
    // The others are never answered.
    let first = tokio::time::timeout(Duration::from_secs(20), open.join_next()).await;
    let refused = first.unwrap().unwrap().unwrap().unwrap_err();
    is(&refused, Code::ResourceExhausted, "TOO_MANY_CALLS");
    assert_eq!(open.len(), MAX_CALLS_EACH);
    // Those who go make room.
    open.shutdown().await;
    let again = async { while edge.echo(&[]).await.is_err() {} };
    tokio::time::timeout(Duration::from_secs(20), again)
        .await
        .unwrap();
}
