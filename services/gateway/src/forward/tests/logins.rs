//! Command lines that sign in by a person's browser, and what becomes of their tokens.

use api::{
    acme::v1::RegisterServerRequest,
    gateway::v1::{
        BeginLoginRequest, BeginLoginResponse, ListTokensRequest, PollLoginRequest,
        PollLoginResponse, WhoAmIRequest, device_login_service_client::DeviceLoginServiceClient,
        session_service_client::SessionServiceClient,
    },
    options::v1::Role,
    refuse::Violations,
};
use eventlog::Origin;
use tonic::{Code, Status, transport::Channel};
use town::wait;
use uuid::Uuid;

use super::edge::{Echo, Edge, edge_with_log, is};
use crate::{commands::NewUser, fixture::House, parse};

async fn edge() -> Edge {
    let mut house = House::new();
    house.open("acme-agent", Echo::routes());
    edge_with_log(Role::Admin, house).await
}

fn origin(request_id: &str) -> Origin {
    Origin {
        actor: "user/test".into(),
        request_id: request_id.into(),
        request_digest: request_id.into(),
        correlation_id: Uuid::nil(),
        causation_id: None,
        unchanged_since: None,
    }
}

async fn person(edge: &Edge, name: &str, role: Role) -> Uuid {
    let names = parse::names(name, "", "", &mut Violations::new()).unwrap();
    let (origin, new) = (origin(name), NewUser { names, role });
    let created = edge.commands.create_user(&origin, &new).await;
    created.unwrap().id
}

fn logins(edge: &Edge) -> DeviceLoginServiceClient<Channel> {
    DeviceLoginServiceClient::new(edge.channel.clone())
}

async fn begin(edge: &Edge) -> BeginLoginResponse {
    let request = BeginLoginRequest {
        device_name: "build-7".into(),
    };
    logins(edge)
        .begin_login(request)
        .await
        .unwrap()
        .into_inner()
}

async fn poll(edge: &Edge, begun: &BeginLoginResponse) -> Result<PollLoginResponse, Status> {
    let request = PollLoginRequest {
        device_code: begun.device_code.clone(),
    };
    let answer = logins(edge).poll_login(request).await;
    answer.map(tonic::Response::into_inner)
}

/// As often as it may.
async fn poll_patiently(
    edge: &Edge,
    begun: &BeginLoginResponse,
) -> Result<PollLoginResponse, Status> {
    wait::until("the login may ask again", async || {
        let answer = poll(edge, begun).await;
        let soon = |status: &Status| {
            let reason = api::refuse::reason(status);
            matches!(reason.as_deref(), Some("SLOW_DOWN" | "TOO_OFTEN"))
        };
        (!answer.as_ref().is_err_and(soon)).then_some(answer)
    })
    .await
}

#[tokio::test]
async fn a_person_lets_his_command_line_in_and_it_never_does_more_than_he_may() {
    let mut edge = edge().await;
    let ada = person(&edge, "ada", Role::Admin).await;
    let begun = begin(&edge).await;
    assert_eq!(
        (begun.path.as_str(), begun.interval_seconds),
        ("/device", 5)
    );
    is(
        &poll(&edge, &begun).await.unwrap_err(),
        Code::FailedPrecondition,
        "LOGIN_PENDING",
    );
    is(
        &poll(&edge, &begun).await.unwrap_err(),
        Code::ResourceExhausted,
        "SLOW_DOWN",
    );

    // Her browser: she types the code, sees what waits, and lets it in.
    let typed = begun.user_code.to_lowercase();
    let waiting = edge.commands.waiting_login(&typed).await.unwrap().unwrap();
    assert_eq!(waiting.device_name, "build-7");
    assert_eq!(waiting.source, "127.0.0.1");
    edge.commands.allow_login(&waiting, ada).await.unwrap();
    let late = edge.commands.deny_login(&waiting, ada).await.unwrap_err();
    is(&late.into(), Code::FailedPrecondition, "LOGIN_EXPIRED");

    let given = poll_patiently(&edge, &begun).await.unwrap();
    let token = given.token.unwrap();
    assert_eq!(token.user_id, ada.to_string());
    assert!(token.name.ends_with("on build-7"), "{token:?}");
    let once = poll_patiently(&edge, &begun).await.unwrap_err();
    is(&once, Code::FailedPrecondition, "LOGIN_EXPIRED");

    edge.token = given.text;
    let register = async || {
        let request = edge.with(RegisterServerRequest::default(), &[]);
        edge.servers().register_server(request).await.map(|_| ())
    };
    assert!(register().await.is_ok());
    let list = edge
        .tokens()
        .list_tokens(edge.with(ListTokensRequest {}, &[]))
        .await;
    assert_eq!(list.unwrap().into_inner().tokens.len(), 1);
    // She becomes an operator: so does her command line, from its next call on.
    let demote = origin("demote");
    edge.commands
        .change_role(&demote, ada, Role::Operator, None)
        .await
        .unwrap();
    is(
        &register().await.unwrap_err(),
        Code::PermissionDenied,
        "ROLE_REQUIRED",
    );
    assert!(edge.echo(&[]).await.is_ok());
    edge.commands
        .disable_user(&origin("disable"), ada)
        .await
        .unwrap();
    is(
        &edge.echo(&[]).await.unwrap_err(),
        Code::Unauthenticated,
        "TOKEN_UNKNOWN",
    );
}

#[tokio::test]
async fn a_login_that_is_denied_or_never_was_gives_nothing() {
    let edge = edge().await;
    let ada = person(&edge, "ada", Role::Operator).await;
    let begun = begin(&edge).await;
    let waiting = edge
        .commands
        .waiting_login(&begun.user_code)
        .await
        .unwrap()
        .unwrap();
    edge.commands.deny_login(&waiting, ada).await.unwrap();
    let denied = poll_patiently(&edge, &begun).await.unwrap_err();
    is(&denied, Code::PermissionDenied, "LOGIN_DENIED");
    assert_eq!(
        edge.commands.waiting_login(&begun.user_code).await.unwrap(),
        None
    );
    for code in ["", "x", &"A".repeat(43)] {
        let begun = BeginLoginResponse {
            device_code: code.into(),
            ..BeginLoginResponse::default()
        };
        is(
            &poll(&edge, &begun).await.unwrap_err(),
            Code::FailedPrecondition,
            "LOGIN_EXPIRED",
        );
    }
}

#[tokio::test]
async fn one_address_has_so_many_logins_waiting() {
    let edge = edge().await;
    for _ in 0..10 {
        begin(&edge).await;
    }
    let request = BeginLoginRequest {
        device_name: "build-7".into(),
    };
    let refused = logins(&edge).begin_login(request).await.unwrap_err();
    is(&refused, Code::ResourceExhausted, "TOO_MANY_LOGINS");
}

#[tokio::test]
async fn a_page_calls_by_the_same_door() {
    use crate::{
        fixture::principal,
        principal::{KeyExport, Principal, Who},
    };
    use api::keystore::v1::{
        ExportKeyRequest, certificate_service_client::CertificateServiceClient,
    };

    let edge = edge().await;
    let ada = person(&edge, "ada", Role::Viewer).await;
    let her = Principal {
        actor: format!("user/{ada}"),
        key_export: KeyExport::PasswordFirst,
        who: Who::Session {
            id: Uuid::nil(),
            user_id: ada,
        },
        ..principal(Role::Operator)
    };
    let inside = edge.door.for_person(her);
    let mut sessions = SessionServiceClient::new(inside.clone());
    let me = sessions
        .who_am_i(WhoAmIRequest {})
        .await
        .unwrap()
        .into_inner();
    assert_eq!(me.actor, format!("user/{ada}"));
    let mut servers =
        api::acme::v1::server_service_client::ServerServiceClient::new(inside.clone());
    let refused = servers
        .register_server(RegisterServerRequest::default())
        .await;
    is(
        &refused.unwrap_err(),
        Code::PermissionDenied,
        "ROLE_REQUIRED",
    );
    let mut keystore = CertificateServiceClient::new(inside);
    let refused = keystore.export_key(ExportKeyRequest::default()).await;
    is(
        &refused.unwrap_err(),
        Code::Unauthenticated,
        "SIGN_IN_AGAIN",
    );
}
