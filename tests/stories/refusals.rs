//! Whatever goes wrong gives a reason that a person can act on, and what is refused leaves no trace.

use api::{
    acme::v1::{ExternalAccountBinding, Failure, RenewNowRequest},
    projection::v1::{CertificateStatus, GetRequest},
    refuse,
};
use tonic::{Code, Status};
use town::{Plan, Town, pebble, request_for, wait};

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_wrong_with_a_request_is_named_at_once() {
    let town = Town::start().await;
    town.register_ca().await;
    let before = town.events("").await;
    let mut request = request_for("good.example");
    let long = format!("{}.example", "a".repeat(64));
    request.dns_names.extend(
        [
            "bad_name.example",
            "no-dots-here..example",
            &long,
            "203.0.113.9",
            "",
            "*.example",
        ]
        .map(String::from),
    );
    request.friendly_name = "x".repeat(101);
    request.key_algorithm = 99;

    let refused = town
        .client()
        .await
        .acme()
        .request_certificate(request)
        .await
        .unwrap_err();

    assert_eq!(refused.code(), Code::InvalidArgument);
    let violations = refuse::violations(&refused);
    let about = |field: &str| {
        violations
            .iter()
            .find(|v| v.field == field)
            .map(|v| v.description.as_str())
    };
    for n in 1..=5 {
        let field = format!("dns_names[{n}]");
        let description =
            about(&field).unwrap_or_else(|| panic!("{field} is not named: {violations:?}"));
        assert!(!description.is_empty(), "{field}: {description}");
    }
    assert!(about("dns_names[0]").is_none(), "{violations:?}");
    assert!(
        about("friendly_name").is_some() && about("key_algorithm").is_some(),
        "{violations:?}"
    );
    assert_eq!(
        town.events("").await,
        before,
        "a refused command leaves no trace"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_to_a_server_that_nobody_registered_is_refused() {
    let town = Town::start().await;
    let refused = town
        .client()
        .await
        .acme()
        .request_certificate(request_for("shop.example"))
        .await
        .unwrap_err();
    explains(&refused, Code::NotFound, &["pebble"]);
    let nobody = RenewNowRequest {
        automation_id: uuid::Uuid::new_v4().to_string(),
    };
    let refused = town
        .client()
        .await
        .acme()
        .renew_now(nobody)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::NotFound, "{refused}");
    assert!(town.events("aggregate=automation").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_directory_is_named_with_what_the_network_said() {
    let town = Town::start().await;
    let mut registration = town.registration("nowhere");
    registration.directory_url = format!("https://127.0.0.1:{}/dir", ports::free_port());
    let refused = register(&town, registration.clone()).await;
    explains(
        &refused,
        Code::FailedPrecondition,
        &[&registration.directory_url, "cannot be reached"],
    );

    registration.directory_url = "https://does-not-exist.invalid/dir".to_owned();
    let refused = register(&town, registration.clone()).await;
    explains(
        &refused,
        Code::FailedPrecondition,
        &["does-not-exist.invalid"],
    );

    // Not a directory at all: Pebble's answer to another path.
    registration.directory_url = town.ca.directory.replace("/dir", "/nope");
    let refused = register(&town, registration.clone()).await;
    explains(&refused, Code::FailedPrecondition, &["/nope"]);

    // Its https is not vouched for by the public roots.
    registration.directory_url = town.ca.directory.clone();
    registration.trusted_roots_pem = String::new();
    let refused = register(&town, registration).await;
    explains(&refused, Code::FailedPrecondition, &["certificate"]);
    assert!(town.events("aggregate=acme-server").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_out_leads_to_no_private_address_unless_it_is_allowed() {
    let town = Town::start().await;
    // Loopback is allowed in this town, nothing else.
    for address in [
        "10.0.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "[fd00::1]",
        "0.0.0.0",
    ] {
        let mut registration = town.registration("inside");
        registration.directory_url = format!("https://{address}/dir");
        let refused = register(&town, registration).await;
        let bare = address.trim_matches(['[', ']']);
        explains(&refused, Code::FailedPrecondition, &[bare, "egress"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_says_all_that_is_wrong_with_it() {
    let town = Town::start().await;
    let mut registration = town.registration("");
    registration.directory_url = "http://ca.example/dir".to_owned();
    registration.contact_emails = vec!["nobody".to_owned()];
    registration.trusted_roots_pem = "not PEM".to_owned();
    let fields = violations(&register(&town, registration).await);
    assert_eq!(
        fields,
        [
            "contact_emails[0]",
            "directory_url",
            "name",
            "trusted_roots_pem"
        ]
    );

    // Whether there are terms at all, the directory says.
    let mut registration = town.registration("pebble");
    registration.terms_of_service_agreed = false;
    let fields = violations(&register(&town, registration).await);
    assert_eq!(fields, ["terms_of_service_agreed"]);
    assert!(town.events("aggregate=acme-server").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ca_that_wants_external_accounts_takes_ours_or_says_why_not() {
    let key = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";
    let ca = pebble::Custom {
        external_accounts: vec![("kid-1".to_owned(), key.to_owned())],
        ..pebble::Custom::default()
    };
    let town = Town::planned(Plan {
        ca,
        ..Plan::default()
    })
    .await;
    let with = |key_id: &str, hmac_key: &str| {
        let mut registration = town.registration("pebble");
        registration.external_account_binding = Some(ExternalAccountBinding {
            key_id: key_id.to_owned(),
            hmac_key: hmac_key.to_owned(),
        });
        registration
    };

    let refused = register(&town, town.registration("pebble")).await;
    explains(&refused, Code::FailedPrecondition, &["EAB"]);
    // Pebble's own words are in it.
    let refused = register(&town, with("kid-2", key)).await;
    explains(
        &refused,
        Code::FailedPrecondition,
        &["not known to the ACME server"],
    );
    let refused = register(
        &town,
        with("kid-1", "YW5vdGhlciBrZXkgdGhhdCBpcyBsb25nIGVub3VnaA"),
    )
    .await;
    explains(&refused, Code::FailedPrecondition, &[]);
    let refused = register(&town, with("kid-1", "not base64url!")).await;
    assert_eq!(
        refuse::violations(&refused)[0].field,
        "external_account_binding.hmac_key"
    );
    assert!(town.events("aggregate=acme-server").await.is_empty());
    assert_eq!(sealed_secrets(&town).await, 0, "of what was refused");

    let registered = town
        .client()
        .await
        .servers()
        .register_server(with("kid-1", key))
        .await
        .unwrap()
        .into_inner();
    let request = GetRequest {
        id: registered.server_id,
        at_least: registered.position,
        ..GetRequest::default()
    };
    let server = town
        .client()
        .await
        .query()
        .get_server(request)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(server.external_account_key_id, "kid-1");
    assert_eq!(sealed_secrets(&town).await, 2, "account key and HMAC key");
    town.issue("shop.example").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_challenge_is_explained_and_the_next_try_succeeds() {
    let town = Town::start().await;
    town.register_ca().await;
    // The name leads to a machine where nothing listens.
    town.ca.resolve("shop.example", "127.0.0.2").await;
    let id = town.request("shop.example").await;

    let failure = failure_of(&town, &id).await;
    assert_eq!(failure.reason, "CHALLENGE_FAILED");
    assert!(failure.message.contains("shop.example"), "{failure:?}");
    assert!(failure.advice.contains("port 80"), "{failure:?}");
    let problem = failure.problem.expect("the CA's own words");
    assert!(
        problem.r#type.starts_with("urn:ietf:params:acme:error:"),
        "{problem:?}"
    );
    assert!(problem.detail.contains("127.0.0.2"), "{problem:?}");

    // The operator does as he is told.
    town.ca.resolve_as_usual("shop.example").await;
    let request = RenewNowRequest {
        automation_id: id.clone(),
    };
    let position = town
        .client()
        .await
        .acme()
        .renew_now(request)
        .await
        .unwrap()
        .into_inner()
        .position;
    let issued = town
        .until_past(&id, "certificate-issued", position - 1)
        .await;
    let automation = town.automation(&id, issued.sequence).await;
    assert_eq!(
        (automation.status(), automation.attempt),
        (CertificateStatus::Valid, 2)
    );
    assert_eq!(automation.last_failure, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_the_ca_blocks_is_explained() {
    let ca = pebble::Custom {
        blocked: vec!["blocked.example".to_owned()],
        ..pebble::Custom::default()
    };
    let town = Town::planned(Plan {
        ca,
        ..Plan::default()
    })
    .await;
    town.register_ca().await;
    let id = town.request("blocked.example").await;
    let failure = failure_of(&town, &id).await;
    assert_eq!(failure.reason, "NAME_REJECTED");
    assert!(
        failure.message.contains("blocked.example") && !failure.advice.is_empty(),
        "{failure:?}"
    );
    assert!(failure.problem.is_some());
}

async fn register(town: &Town, registration: api::acme::v1::RegisterServerRequest) -> Status {
    town.client()
        .await
        .servers()
        .register_server(registration)
        .await
        .expect_err("it is to be refused")
}

/// How many secrets the keystore keeps for other services.
async fn sealed_secrets(town: &Town) -> i64 {
    town.installation.rows("keystore", "sealed_secret").await
}

fn violations(refused: &Status) -> Vec<String> {
    refuse::violations(refused)
        .into_iter()
        .map(|violation| violation.field)
        .collect()
}

/// The failure that the order of an automation ends in.
async fn failure_of(town: &Town, id: &str) -> Failure {
    wait::until("the order has failed", async || {
        let automation = town.automation(id, 0).await;
        (automation.status() == CertificateStatus::Error).then_some(automation.last_failure?)
    })
    .await
}

/// The refusal has this code, a stable reason, and a message with these words.
#[track_caller]
fn explains(refused: &Status, code: Code, words: &[&str]) {
    assert_eq!(refused.code(), code, "{refused:?}");
    let reason = refuse::reason(refused).expect("a stable reason");
    assert!(!reason.is_empty());
    for word in words {
        assert!(
            refused.message().contains(word),
            "{word:?} is not in: {}",
            refused.message()
        );
    }
}
