//! Certificate requests for CAs without ACME: made here, granted elsewhere, and answered by an import.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use api::{
    csr::v1::{
        CopyFromRequest, CreateRequestRequest, CreateRequestResponse, DeleteRequestsRequest,
        DeleteRequestsResponse, RequestFulfilled, copy_from_request,
    },
    keystore::v1::{FileOutcome, KeyChoice, key_choice},
    refuse,
    x509::v1::{KeyAlgorithm, Subject, SubjectAltNames},
};
use tonic::Status;
use town::{Town, authority::Authority, client::Client, tools::on_path};

/// What asks for a certificate for these names, with a new key.
fn request_for(friendly_name: &str, names: &[&str]) -> CreateRequestRequest {
    CreateRequestRequest {
        friendly_name: friendly_name.to_owned(),
        key: Some(KeyChoice {
            key: Some(key_choice::Key::NewKey(KeyAlgorithm::EcdsaP256.into())),
        }),
        subject: Some(Subject {
            common_name: names[0].to_owned(),
            organization: "Example".to_owned(),
            country: "DE".to_owned(),
            ..Subject::default()
        }),
        subject_alt_names: Some(SubjectAltNames {
            dns_names: names.iter().map(|&name| name.to_owned()).collect(),
            ip_addresses: vec!["192.0.2.7".to_owned()],
        }),
        renews_certificate_id: String::new(),
    }
}

async fn create(client: &Client, request: CreateRequestRequest) -> CreateRequestResponse {
    let created = client.csr().create_request(request).await;
    created.expect("the request is made").into_inner()
}

async fn delete(client: &Client, id: &str, dry_run: bool) -> DeleteRequestsResponse {
    let delete = DeleteRequestsRequest {
        request_ids: vec![id.to_owned()],
        dry_run,
    };
    let deleted = client.csr().delete_requests(delete).await;
    deleted.expect("a verdict").into_inner()
}

fn reason<T: std::fmt::Debug>(refused: Result<T, Status>) -> String {
    refuse::reason(&refused.unwrap_err()).expect("a reason")
}

/// What openssl reads in a request, once it has verified the signature.
fn openssl_text(csr_pem: &str) -> String {
    let openssl = on_path("openssl").expect("openssl is installed");
    let mut child = Command::new(openssl)
        .args(["req", "-verify", "-noout", "-text"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("openssl runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(csr_pem.as_bytes()).expect("it reads");
    drop(stdin);
    let ended = child.wait_with_output().expect("it ends");
    assert!(ended.status.success(), "{ended:?}");
    String::from_utf8_lossy(&ended.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_answered_by_importing_its_certificate() {
    let town = Town::start().await;
    let client = town.client().await;
    let ca = Authority::root("Paper CA");
    let names = ["shop.example", "*.bücher.example"];
    let made = create(&client, request_for("shop", &names)).await;
    let text = openssl_text(&made.csr_pem);
    for expected in [
        "C = DE, O = Example, CN = shop.example",
        "DNS:shop.example, DNS:*.xn--bcher-kva.example, IP Address:192.0.2.7",
    ] {
        let read = text.replace("C=", "C = ").replace("O=", "O = ");
        let read = read.replace("CN=", "CN = ");
        assert!(read.contains(expected), "{text}");
    }

    let answer = client.import_certificate(ca.grant(&made.csr_pem)).await;
    assert_eq!(answer.request_id, made.request_id);
    assert_eq!(answer.key_id, made.key_id);
    assert_eq!(answer.friendly_name, "shop");
    let fulfilled = town.until(&made.request_id, "fulfilled").await;
    assert_eq!(fulfilled.actor, "service/csr-service");
    let body = serde_json::to_value(fulfilled.body.unwrap()).unwrap();
    let said: RequestFulfilled = serde_json::from_value(body).unwrap();
    assert_eq!(said.certificate_id, answer.certificate_id);
    assert_eq!(said.sha256_fingerprint, answer.sha256_fingerprint);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_of_a_request_names_the_person_who_asked() {
    let town = Town::start().await;
    let client = town.client().await;
    let ca = Authority::root("Paper CA");
    let made = create(&client, request_for("shop", &["shop.example"])).await;
    let created = town.until(&made.request_id, "created").await;
    assert!(created.actor.starts_with("token/"), "{}", created.actor);
    // The keystore made the key because csr-service asked it: in whose name, it passed on.
    let generated = town.until(&made.key_id, "generated").await;
    assert_eq!(generated.actor, created.actor);
    assert_eq!(generated.correlation_id, created.correlation_id);
    let answer = client.import_certificate(ca.grant(&made.csr_pem)).await;
    let imported = town.until(&answer.certificate_id, "imported").await;
    assert_eq!(imported.actor, created.actor);
    // What follows by itself is the service's own, and says from what.
    let fulfilled = town.until(&made.request_id, "fulfilled").await;
    assert_eq!(fulfilled.causation_id, imported.id);
    assert_eq!(fulfilled.correlation_id, imported.correlation_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn csr_service_is_killed_before_the_answer_comes_and_the_request_is_fulfilled_all_the_same() {
    let mut town = Town::with_services_apart().await;
    let client = town.client().await;
    let ca = Authority::root("Paper CA");
    let made = create(&client, request_for("shop", &["shop.example"])).await;
    town.installation.process("csr-service").kill();
    let answer = client.import_certificate(ca.grant(&made.csr_pem)).await;
    assert_eq!(answer.request_id, made.request_id);
    town.installation.start("csr-service");
    town.until(&made.request_id, "fulfilled").await;

    // Nor does another start do it again.
    town.installation.process("csr-service").kill();
    town.installation.start("csr-service");
    let next = create_when_up(&town, request_for("store", &["store.example"])).await;
    client.import_certificate(ca.grant(&next.csr_pem)).await;
    town.until(&next.request_id, "fulfilled").await;
    let tally = town
        .tally(&format!("aggregate_id={}", made.request_id))
        .await;
    assert_eq!(
        tally,
        [("created".to_owned(), 1), ("fulfilled".to_owned(), 1)]
    );
}

/// [`create`], while csr-service may still be starting.
async fn create_when_up(town: &Town, request: CreateRequestRequest) -> CreateRequestResponse {
    let client = town.client().await.with_request_id("the-next-one");
    town::wait::until("csr-service takes a request", async || {
        let created = client.csr().create_request(request.clone()).await;
        created.ok().map(tonic::Response::into_inner)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_command_makes_one_request_and_another_is_refused() {
    let town = Town::start().await;
    let client = town.client().await.with_request_id("friday");
    let made = create(&client, request_for("shop", &["shop.example"])).await;
    let again = create(&client, request_for("shop", &["shop.example"])).await;
    assert_eq!(again, made);
    let other = request_for("shop", &["store.example"]);
    let other = client.csr().create_request(other).await;
    assert_eq!(reason(other), "REQUEST_ID_REUSED");
    // Another command wants another name.
    let client = client.with_request_id("saturday");
    let taken = request_for("shop", &["store.example"]);
    let taken = client.csr().create_request(taken).await;
    assert_eq!(reason(taken), "NAME_TAKEN");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_request_gives_its_name_free_and_is_never_answered() {
    let town = Town::start().await;
    let client = town.client().await;
    let ca = Authority::root("Paper CA");
    let made = create(&client, request_for("shop", &["shop.example"])).await;
    let shown = delete(&client, &made.request_id, true).await;
    assert!(
        shown.requests[0].deleted && shown.position == 0,
        "{shown:?}"
    );
    assert_eq!(shown.requests[0].warnings.len(), 2);
    let deleted = delete(&client, &made.request_id, false).await;
    assert!(deleted.requests[0].deleted && deleted.position > 0);
    let late = delete(&client, &made.request_id, false).await;
    assert_eq!(late.requests[0].reason, "REQUEST_DELETED");

    let next = create(&client, request_for("shop", &["store.example"])).await;
    // The answer to the first comes late: its key is still here, and it goes by its own name.
    let answer = client.import_certificate(ca.grant(&made.csr_pem)).await;
    assert_eq!(answer.request_id, "");
    assert_eq!(answer.key_id, made.key_id);
    assert_eq!(answer.friendly_name, "shop.example");
    // The second is answered by its own.
    let answer = client.import_certificate(ca.grant(&next.csr_pem)).await;
    assert_eq!(answer.request_id, next.request_id);
    town.until(&next.request_id, "fulfilled").await;
    let tally = town
        .tally(&format!("aggregate_id={}", made.request_id))
        .await;
    assert_eq!(
        tally,
        [("created".to_owned(), 1), ("deleted".to_owned(), 1)]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_and_a_deletion_at_once_agree_on_which_was_first() {
    let town = Town::start().await;
    let client = town.client().await;
    let ca = Authority::root("Paper CA");
    let made = create(&client, request_for("shop", &["shop.example"])).await;
    let granted = ca.grant(&made.csr_pem);
    let (answer, deleted) = tokio::join!(
        client.import_certificate(granted),
        delete(&client, &made.request_id, false)
    );
    let verdict = &deleted.requests[0];
    let last = match (answer.request_id.is_empty(), verdict.deleted) {
        (true, true) => "deleted",
        (false, false) => {
            assert_eq!(verdict.reason, "REQUEST_ANSWERED");
            "fulfilled"
        }
        // The import came first, and its reaction before the deletion: the record is put away.
        (false, true) => "deleted",
        (true, false) => panic!("neither answered nor deleted: {answer:?} {verdict:?}"),
    };
    town.until(&made.request_id, last).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replacement_has_the_same_key_and_a_re_key_everything_else() {
    let town = Town::start().await;
    let client = town.client().await;
    let ca = Authority::root("Paper CA");
    let made = create(&client, request_for("shop", &["shop.example"])).await;
    let old = ca.grant(&made.csr_pem);
    let answer = client.import_certificate(old.clone()).await;
    let copy = CopyFromRequest {
        source: Some(copy_from_request::Source::CertificateId(
            answer.certificate_id.clone(),
        )),
    };
    let copied = client.csr().copy_from(copy).await.unwrap().into_inner();
    assert_eq!(copied.friendly_name, "shop");
    assert_eq!(copied.key_id, made.key_id);
    assert_eq!(copied.key_algorithm(), KeyAlgorithm::EcdsaP256);
    let first = request_for("shop", &["shop.example"]);
    assert_eq!(copied.subject, first.subject);
    assert_eq!(copied.subject_alt_names, first.subject_alt_names);

    let replacement = CreateRequestRequest {
        friendly_name: "shop, next year".to_owned(),
        key: Some(KeyChoice {
            key: Some(key_choice::Key::ExistingKeyId(copied.key_id)),
        }),
        subject: copied.subject,
        subject_alt_names: copied.subject_alt_names,
        renews_certificate_id: answer.certificate_id.clone(),
    };
    let replacement = create(&client, replacement).await;
    assert_eq!(replacement.key_id, made.key_id);
    // The old certificate has the key and the names, and was here before: it is no answer.
    assert_eq!(client.import(old).await.outcome(), FileOutcome::AlreadyHere);
    let answer = client
        .import_certificate(ca.grant(&replacement.csr_pem))
        .await;
    assert_eq!(answer.request_id, replacement.request_id);
    assert_eq!(answer.friendly_name, "shop, next year");
    town.until(&replacement.request_id, "fulfilled").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_knew_no_csr_service_has_one_after_the_next_start() {
    let mut town = Town::start().await;
    town.installation.process("up").stop("INT").await;
    let identity = town.installation.data.join("identity");
    for file in ["csr-service.pem", "csr-service.key", "csr-service.nkey"] {
        std::fs::remove_file(identity.join(file)).unwrap();
    }
    town.installation.up().await;
    let client = town.client().await;
    let delete = delete(&client, &uuid::Uuid::nil().to_string(), false).await;
    assert_eq!(delete.requests[0].reason, "NO_SUCH_REQUEST");
}
