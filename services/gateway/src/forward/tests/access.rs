//! Who may call what, and what the service is told about it.

use api::{
    acme::v1::{GetServerContactRequest, GetServerContactResponse, RegisterServerRequest},
    gateway::v1::{WhoAmIRequest, session_service_client::SessionServiceClient},
    options::v1::Role,
    policy,
};
use bytes::Bytes;
use http_body_util::{BodyExt, StreamBody};
use hyper::{HeaderMap, Request, body::Frame};
use prost::Message;
use tonic::{Code, Status, body::Body};
use tower::ServiceExt;

use super::edge::{edge, edge_with_echo, is};
use crate::{fixture::House, tokens::Token};

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
async fn nothing_is_said_behind_the_message_either() {
    let edge = edge_with_echo(Role::Admin).await;
    let trailers = [
        ("chancery-actor", "forged"),
        ("chancery-request-id", "forged"),
    ]
    .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
    let frames = [
        Frame::data(Bytes::from_static(&[0; 5])),
        Frame::trailers(HeaderMap::from_iter(trailers)),
    ];
    let body = StreamBody::new(futures_util::stream::iter(frames.map(Ok::<_, Status>)));
    let request = Request::post("/chancery.acme.v1.ServerService/GetServerContact")
        .header("content-type", "application/grpc")
        .header("authorization", format!("Bearer {}", edge.token))
        .body(Body::new(body))
        .unwrap();
    let answer = edge.channel.clone().oneshot(request).await.unwrap();
    let answer = answer.into_body().collect().await.unwrap().to_bytes();
    let mut seen = GetServerContactResponse::decode(&answer[5..]).unwrap();
    seen.contact_emails
        .retain(|header| header.contains("forged"));
    assert!(seen.contact_emails.is_empty(), "{seen:?}");
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
        .servers()
        .get_server_contact(GetServerContactRequest::default())
        .await
        .unwrap_err();
    is(&none, Code::Unauthenticated, "TOKEN_REQUIRED");
    let mut basic = tonic::Request::new(GetServerContactRequest::default());
    basic
        .metadata_mut()
        .insert("authorization", "Basic YWRtaW46YWRtaW4=".parse().unwrap());
    let refused = edge.servers().get_server_contact(basic).await.unwrap_err();
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
        .servers()
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
        .filter(|(_, policy)| policy.role.is_none() && !policy.anonymous)
        .map(|(path, _)| path);
    let internal = internal.collect::<Vec<_>>();
    assert!(internal.contains(&"/chancery.keystore.v1.ServingService/WatchServingCredentials"));
    let unknown = [
        "/chancery.acme.v1.AcmeService/Nope",
        "/a.B/C",
        "/",
        "/grpc.health.v1.Health/Watch",
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
