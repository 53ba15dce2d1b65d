//! Programs and their tokens, on a real log.

use std::time::Duration;

use api::{
    acme::v1::CancelAutomationRequest,
    gateway::v1::{
        CreateTokenRequest, ListTokensRequest, RevokeTokenRequest, WhoAmIRequest,
        session_service_client::SessionServiceClient,
    },
    keystore::v1::{ExportKeyRequest, certificate_service_client::CertificateServiceClient},
    options::v1::Role,
    projection::v1::WatchEventsRequest,
};
use eventlog::subject;
use futures_util::StreamExt;
use tonic::Code;
use town::wait;

use super::{
    edge::{Echo, edge_with_log, is},
    streamed::{events, send},
};
use crate::fixture::House;

fn deploy() -> CreateTokenRequest {
    CreateTokenRequest {
        name: "deploy of the shop".into(),
        role: Role::Operator.into(),
        certificate_filter: vec!["*.shop.example".into()],
        ..CreateTokenRequest::default()
    }
}

#[tokio::test]
async fn a_token_is_shown_once_and_does_what_it_says_until_it_is_revoked() {
    let mut edge = edge_with_log(Role::Admin, House::new()).await;
    let created = edge.create(deploy()).await;
    let token = created.token.unwrap();
    assert_eq!((token.role(), token.last_used), (Role::Operator, None));
    let bootstrap = std::mem::replace(&mut edge.token, created.text.clone());
    let mut sessions = SessionServiceClient::new(edge.channel.clone());
    let me = sessions.who_am_i(edge.with(WhoAmIRequest {}, &[])).await;
    let me = me.unwrap().into_inner();
    assert_eq!(me.actor, format!("token/{}", token.token_id));
    assert_eq!(
        (me.role(), me.name.as_str()),
        (Role::Operator, "deploy of the shop")
    );
    assert_eq!(me.certificate_filter, ["*.shop.example"]);
    assert_eq!((me.expires, me.key_export), (token.expires, false));

    // It sees itself, and no other; an administrator sees all, and nobody its text.
    let own = std::mem::replace(&mut edge.token, bootstrap);
    edge.create(CreateTokenRequest {
        name: "monitoring".into(),
        certificate_filter: vec![],
        ..deploy()
    })
    .await;
    let list = async |edge: &super::edge::Edge| {
        let list = edge
            .tokens()
            .list_tokens(edge.with(ListTokensRequest {}, &[]))
            .await;
        let tokens = list.unwrap().into_inner().tokens.into_iter();
        tokens.map(|token| token.name).collect::<Vec<_>>()
    };
    assert_eq!(list(&edge).await, ["deploy of the shop", "monitoring"]);
    let bootstrap = std::mem::replace(&mut edge.token, own);
    assert_eq!(list(&edge).await, ["deploy of the shop"]);

    let own = std::mem::replace(&mut edge.token, bootstrap);
    let revoke = RevokeTokenRequest {
        token_id: token.token_id.clone(),
    };
    edge.tokens()
        .revoke_token(edge.with(revoke.clone(), &[]))
        .await
        .unwrap();
    let again = edge.tokens().revoke_token(edge.with(revoke, &[])).await;
    is(
        &again.unwrap_err(),
        Code::FailedPrecondition,
        "ALREADY_REVOKED",
    );
    edge.token = own;
    // At once: its answer says that it is done.
    let ended = sessions.who_am_i(edge.with(WhoAmIRequest {}, &[])).await;
    is(&ended.unwrap_err(), Code::Unauthenticated, "TOKEN_UNKNOWN");

    // Nothing of it is in the log, nor a hash.
    let log = edge.commands.log().unwrap();
    let events = log.tail(vec![subject::of_kind("api-token")], 0).take(3);
    let events = events.map(|event| event.unwrap()).collect::<Vec<_>>().await;
    let names = events
        .iter()
        .map(|event| event.event.as_str())
        .collect::<Vec<_>>();
    assert_eq!(names, ["created", "created", "revoked"]);
    let digest = crate::tokens::TokenDigest::of(&created.text).to_hex();
    for event in &events {
        let said = format!("{event:?}{}", String::from_utf8_lossy(&event.body));
        assert!(
            !said.contains(&created.text) && !said.contains(&digest),
            "{said}"
        );
    }
}

#[tokio::test]
async fn a_stream_ends_with_its_token() {
    let (events, routes) = events();
    let mut house = House::new();
    house.open("projection", routes);
    let mut edge = edge_with_log(Role::Admin, house).await;
    let created = edge
        .create(CreateTokenRequest {
            certificate_filter: vec![],
            ..deploy()
        })
        .await;
    let bootstrap = std::mem::replace(&mut edge.token, created.text);
    let watch = edge.with(WatchEventsRequest::default(), &[]);
    let mut stream = edge.query().watch_events(watch).await.unwrap().into_inner();
    send(&events, 1);
    assert!(stream.message().await.unwrap().is_some());
    edge.token = bootstrap;
    let revoke = RevokeTokenRequest {
        token_id: created.token.unwrap().token_id,
    };
    edge.tokens()
        .revoke_token(edge.with(revoke, &[]))
        .await
        .unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(10), stream.message()).await;
    is(
        &ended.unwrap().unwrap_err(),
        Code::Unauthenticated,
        "TOKEN_UNKNOWN",
    );
}

#[tokio::test]
async fn a_name_is_one_tokens_while_it_opens_and_a_repeat_gives_another_text() {
    let edge = edge_with_log(Role::Admin, House::new()).await;
    let named = [("idempotency-key", "one")];
    let first = edge
        .tokens()
        .create_token(edge.with(deploy(), &named))
        .await;
    let first = first.unwrap().into_inner();
    let taken = edge.tokens().create_token(edge.with(deploy(), &[])).await;
    is(&taken.unwrap_err(), Code::AlreadyExists, "NAME_TAKEN");
    let again = edge
        .tokens()
        .create_token(edge.with(deploy(), &named))
        .await;
    let again = again.unwrap().into_inner();
    assert_eq!(again.position, first.position);
    assert_eq!(again.token, first.token);
    let mut sessions = SessionServiceClient::new(edge.channel.clone());
    let mut call = async |text: &str| {
        let mut request = tonic::Request::new(WhoAmIRequest {});
        let bearer = format!("Bearer {text}").parse().unwrap();
        request.metadata_mut().insert("authorization", bearer);
        sessions.who_am_i(request).await
    };
    assert!(call(&again.text).await.is_ok());
    is(
        &call(&first.text).await.unwrap_err(),
        Code::Unauthenticated,
        "TOKEN_UNKNOWN",
    );
    let other = CreateTokenRequest {
        role: Role::Admin.into(),
        ..deploy()
    };
    let reused = edge.tokens().create_token(edge.with(other, &named)).await;
    is(
        &reused.unwrap_err(),
        Code::AlreadyExists,
        "REQUEST_ID_REUSED",
    );

    // The name is free again once the token has ended.
    let revoke = RevokeTokenRequest {
        token_id: first.token.unwrap().token_id,
    };
    edge.tokens()
        .revoke_token(edge.with(revoke, &[]))
        .await
        .unwrap();
    edge.create(deploy()).await;
}

#[tokio::test]
async fn who_is_held_to_some_certificates_reaches_what_keeps_to_them_and_the_service_knows() {
    let mut house = House::new();
    house.open("acme-agent", Echo::routes());
    let mut edge = edge_with_log(Role::Admin, house).await;
    let cancel = CancelAutomationRequest::default;
    let held = edge
        .acme()
        .cancel_automation(edge.with(cancel(), &[]))
        .await;
    assert_eq!(held.unwrap().into_inner().position, 0);
    edge.token = edge.create(deploy()).await.text;
    // What he says of himself counts for nothing.
    let forged = [("chancery-certificate-filter", "a.example,b.example")];
    let held = edge
        .acme()
        .cancel_automation(edge.with(cancel(), &forged))
        .await;
    assert_eq!(held.unwrap().into_inner().position, 1);
    let refused = edge.echo(&[]).await.unwrap_err();
    is(&refused, Code::PermissionDenied, "OUTSIDE_OF_FILTER");
    assert!(refused.message().contains("*.shop.example"), "{refused:?}");
    let watch = edge.with(WatchEventsRequest::default(), &[]);
    let refused = edge.query().watch_events(watch).await.unwrap_err();
    is(&refused, Code::PermissionDenied, "OUTSIDE_OF_FILTER");
}

#[tokio::test]
async fn a_token_exports_private_keys_where_it_was_made_to() {
    let mut edge = edge_with_log(Role::Admin, House::new()).await;
    let bootstrap = edge.token.clone();
    let without = CreateTokenRequest {
        certificate_filter: vec![],
        ..deploy()
    };
    let with = CreateTokenRequest {
        name: "backup".into(),
        key_export: true,
        ..without.clone()
    };
    let (without, with) = (
        edge.create(without).await.text,
        edge.create(with).await.text,
    );
    // An administrator's token that may not cannot make one that may.
    let administrator = CreateTokenRequest {
        name: "administration".into(),
        role: Role::Admin.into(),
        certificate_filter: vec![],
        ..deploy()
    };
    edge.token = edge.create(administrator).await.text;
    let more = CreateTokenRequest {
        name: "more".into(),
        key_export: true,
        certificate_filter: vec![],
        ..deploy()
    };
    let refused = edge.tokens().create_token(edge.with(more, &[])).await;
    is(
        &refused.unwrap_err(),
        Code::PermissionDenied,
        "KEY_EXPORT_NOT_ALLOWED",
    );
    for (token, code, reason) in [
        (without, Code::PermissionDenied, "KEY_EXPORT_NOT_ALLOWED"),
        // These pass the door: no keystore is up.
        (with, Code::Unavailable, "SERVICE_UNAVAILABLE"),
        (bootstrap, Code::Unavailable, "SERVICE_UNAVAILABLE"),
    ] {
        edge.token = token;
        let mut keystore = CertificateServiceClient::new(edge.channel.clone());
        let export = edge.with(ExportKeyRequest::default(), &[]);
        is(
            &keystore.export_key(export).await.unwrap_err(),
            code,
            reason,
        );
    }
}

#[tokio::test]
async fn a_token_that_has_expired_opens_nothing_and_its_use_is_noted() {
    use sea_orm::{ConnectionTrait, Statement};

    let mut edge = edge_with_log(Role::Admin, House::new()).await;
    let created = edge.create(deploy()).await;
    let id = created.token.unwrap().token_id;
    let bootstrap = std::mem::replace(&mut edge.token, created.text);
    let mut sessions = SessionServiceClient::new(edge.channel.clone());
    sessions
        .who_am_i(edge.with(WhoAmIRequest {}, &[]))
        .await
        .unwrap();
    edge.bearers.write_uses().await;
    let own = std::mem::replace(&mut edge.token, bootstrap);
    let list = edge
        .tokens()
        .list_tokens(edge.with(ListTokensRequest {}, &[]))
        .await;
    let used = list.unwrap().into_inner().tokens[0].last_used.unwrap();
    assert_eq!((used.seconds % 60, used.nanos), (0, 0));

    let database = &edge.commands.database;
    let expire = format!(
        "UPDATE api_token SET expires = 1 WHERE name = '{}'",
        deploy().name
    );
    let expire = Statement::from_string(database.get_database_backend(), expire);
    database.execute_raw(expire).await.unwrap();
    edge.token = own;
    wait::until("the token has ended", async || {
        let refused = sessions
            .who_am_i(edge.with(WhoAmIRequest {}, &[]))
            .await
            .err()?;
        is(&refused, Code::Unauthenticated, "TOKEN_UNKNOWN");
        Some(())
    })
    .await;
    assert!(!id.is_empty());
}
