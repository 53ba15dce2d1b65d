//! What every gRPC server has: health, for anyone, and reflection, for who has signed in.

use api::options::v1::Role;
use futures_util::stream;
use tonic::{Code, Request};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

use super::edge::{Edge, edge, is};
use crate::fixture::House;

#[tokio::test]
async fn a_load_balancer_asks_how_the_gateway_is_and_no_more() {
    let edge = edge(Role::Viewer, House::new()).await;
    let mut health = HealthClient::new(edge.channel.clone());
    let answer = health.check(HealthCheckRequest::default()).await.unwrap();
    assert_eq!(answer.into_inner().status(), ServingStatus::Serving);
    let request = HealthCheckRequest {
        service: "keystore".into(),
    };
    let refused = health.check(request).await.unwrap_err();
    is(&refused, Code::NotFound, "NOT_FOUND");
}

#[tokio::test]
async fn who_calls_too_often_without_a_token_is_told_so() {
    let edge = edge(Role::Viewer, House::new()).await;
    let mut health = HealthClient::new(edge.channel.clone());
    let refused = loop {
        if let Err(refused) = health.check(HealthCheckRequest::default()).await {
            break refused;
        }
    };
    is(&refused, Code::ResourceExhausted, "TOO_OFTEN");
    // Who has signed in is not held up by who has not.
    assert!(
        described(&edge, Some(&edge.token), services())
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn the_api_describes_itself_to_who_has_signed_in() {
    let edge = edge(Role::Viewer, House::new()).await;
    let refused = described(&edge, None, services()).await.unwrap_err();
    is(&refused, Code::Unauthenticated, "TOKEN_REQUIRED");
    let services = described(&edge, Some(&edge.token), services())
        .await
        .unwrap();
    assert!(services.contains(&"chancery.projection.v1.QueryService".to_owned()));
    assert!(!services.contains(&"chancery.keystore.v1.KeystoreService".to_owned()));
    let symbol = |name: &str| MessageRequest::FileContainingSymbol(name.into());
    let known = symbol("chancery.acme.v1.AcmeService.RenewNow");
    assert!(described(&edge, Some(&edge.token), known).await.is_ok());
    let internal = symbol("chancery.keystore.v1.KeystoreService");
    let unknown = described(&edge, Some(&edge.token), internal)
        .await
        .unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
}

fn services() -> MessageRequest {
    MessageRequest::ListServices(String::new())
}

async fn described(
    edge: &Edge,
    token: Option<&str>,
    question: MessageRequest,
) -> Result<Vec<String>, tonic::Status> {
    let question = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(question),
    };
    let mut request = Request::new(stream::iter([question]));
    if let Some(token) = token {
        let bearer = format!("Bearer {token}").parse().unwrap();
        request.metadata_mut().insert("authorization", bearer);
    }
    let mut client = ServerReflectionClient::new(edge.channel.clone());
    let mut answers = client.server_reflection_info(request).await?.into_inner();
    let answer = answers.message().await?.unwrap();
    Ok(match answer.message_response.unwrap() {
        MessageResponse::ListServicesResponse(list) => list
            .service
            .into_iter()
            .map(|service| service.name)
            .collect(),
        _ => Vec::new(),
    })
}
