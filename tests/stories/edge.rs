//! What a stranger can do at the edge, which is little.

use api::{
    acme::v1::RenewNowRequest,
    gateway::v1::WhoAmIRequest,
    keystore::v1::{GenerateKeyRequest, keystore_service_client::KeystoreServiceClient},
    metadata, policy,
};
use tonic::Code;
use town::Town;

#[tokio::test(flavor = "multi_thread")]
async fn without_a_good_token_nothing_is_answered() {
    let town = Town::start().await;
    let wrong = format!("chancery_{}", "A".repeat(43));
    for token in ["", "nonsense", &wrong] {
        let client = town.client_with(token).await;
        let refused = client
            .session()
            .who_am_i(WhoAmIRequest {})
            .await
            .unwrap_err();
        assert_eq!(
            refused.code(),
            Code::Unauthenticated,
            "{token:?}: {refused}"
        );
        let request = RenewNowRequest {
            automation_id: uuid::Uuid::nil().to_string(),
        };
        let refused = client.acme().renew_now(request).await.unwrap_err();
        assert_eq!(
            refused.code(),
            Code::Unauthenticated,
            "{token:?}: {refused}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_that_init_made_is_an_admin_until_it_is_ended() {
    let town = Town::start().await;
    let client = town.client().await;
    let me = client
        .session()
        .who_am_i(WhoAmIRequest {})
        .await
        .unwrap()
        .into_inner();
    assert!(me.actor.starts_with("token/"), "{me:?}");
    assert_eq!(me.role(), api::options::v1::Role::Admin);

    std::fs::remove_file(
        town.installation
            .data
            .join("identity/gateway.bootstrap-token.sha256"),
    )
    .unwrap();
    let refused = client
        .session()
        .who_am_i(WhoAmIRequest {})
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_that_declares_no_role_is_not_there() {
    let town = Town::start().await;
    let client = town.client().await;
    let request = GenerateKeyRequest {
        algorithm: api::x509::v1::KeyAlgorithm::EcdsaP256.into(),
    };
    let refused = KeystoreServiceClient::new(client.connection())
        .generate_key(request)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented, "{refused}");

    let internal = policy::all()
        .filter(|(_, policy)| policy.role.is_none() && !policy.anonymous)
        .map(|(path, _)| path);
    let unknown = [
        "/chancery.keystore.v1.KeystoreService/Nope",
        "/nope.v1.Nope/Nope",
        "/grpc.health.v1.Health/Watch",
    ];
    let mut tried = 0;
    for path in internal.chain(unknown) {
        assert_eq!(call(&town, path).await, Some(Code::Unimplemented), "{path}");
        tried += 1;
    }
    assert!(tried > unknown.len());
    let generated = town.events("event=generated actor!=service/keystore").await;
    assert!(generated.is_empty(), "{generated:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_of_ours_that_come_from_outside_are_not_believed() {
    let town = Town::start().await;
    town.register_ca().await;
    let client = town.client().await;
    let me = client
        .session()
        .who_am_i(WhoAmIRequest {})
        .await
        .unwrap()
        .into_inner()
        .actor;
    let forged_id = uuid::Uuid::new_v4().to_string();
    let forger = client
        .with(metadata::ACTOR, "service/acme-agent")
        .with(metadata::REQUEST_ID, "the-same-twice")
        .with(metadata::CORRELATION_ID, &forged_id)
        .with(metadata::CAUSATION_ID, &forged_id);

    let mut ids = Vec::new();
    for name in ["one.example", "two.example"] {
        let requested = forger
            .acme()
            .request_certificate(town::request_for(name))
            .await
            .unwrap();
        ids.push(requested.into_inner().automation_id);
    }
    for id in ids {
        let requested = town.until(&id, "requested").await;
        assert_eq!(requested.actor, me);
        assert_ne!(requested.correlation_id, forged_id);
        assert_eq!(requested.causation_id, "");
    }
    let who = forger
        .session()
        .who_am_i(WhoAmIRequest {})
        .await
        .unwrap()
        .into_inner();
    assert_eq!(who.actor, me);
}

#[tokio::test(flavor = "multi_thread")]
async fn port_80_answers_challenges_and_redirects_everything_else() {
    let town = Town::start().await;
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let at = town.edge().http;
    let get = async |path: &str| {
        let request = http
            .get(format!("http://{at}{path}"))
            .header("host", "shop.example");
        request.send().await.unwrap()
    };

    let redirected = get("/some/page?x=1").await;
    assert!(redirected.status().is_redirection(), "{redirected:?}");
    let to = redirected.headers()["location"].to_str().unwrap();
    assert_eq!(
        to,
        format!(
            "https://shop.example:{}/some/page?x=1",
            town.edge().https.port()
        )
    );

    for path in [
        "unknown-token",
        "..%2f..%2fetc%2fpasswd",
        "a.b",
        &"a".repeat(200),
        "*",
        ">",
    ] {
        let answer = get(&format!("/.well-known/acme-challenge/{path}")).await;
        assert_eq!(answer.status().as_u16(), 404, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_oversized_request_is_refused() {
    let town = Town::start().await;
    town.register_ca().await;
    let before = town.events("").await;
    let mut request = town::request_for("shop.example");
    request.dns_names = vec!["shop.example".to_owned(); 200_000];
    let refused = town
        .client()
        .await
        .acme()
        .request_certificate(request)
        .await
        .unwrap_err();
    let bounded = [
        Code::InvalidArgument,
        Code::ResourceExhausted,
        Code::OutOfRange,
    ];
    assert!(bounded.contains(&refused.code()), "{refused}");
    assert_eq!(town.events("").await, before);
}

/// Calls a method by its path with an empty message and a good token: the gRPC status, where there is one.
async fn call(town: &Town, path: &str) -> Option<Code> {
    let http = reqwest::Client::builder()
        .tls_danger_accept_invalid_certs(true)
        .http2_prior_knowledge()
        .build()
        .unwrap();
    let request = http
        .post(format!(
            "https://localhost:{}{path}",
            town.edge().https.port()
        ))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header(
            "authorization",
            format!("Bearer {}", town.installation.bootstrap_token()),
        )
        .body(vec![0; 5]);
    let answer = request.send().await.unwrap();
    // A refusal is headers alone.
    let status = answer.headers().get("grpc-status")?.to_str().ok()?;
    Some(Code::from(status.parse::<i32>().ok()?))
}
