//! The shop's deployment has a token for the shop's certificates, and the bank next door need not mind.

use api::{
    acme::v1::{RenewNowRequest, RequestCertificateRequest},
    csr::v1::CreateRequestRequest,
    gateway::v1::CreateTokenRequest,
    keystore::v1::{ExportFormat, ExportItem, ExportRequest},
    options::v1::Role,
    projection::v1::{GetRequest, ListRequest, WatchEventsRequest},
    refuse,
};
use tonic::{Code, Status};
use town::Town;

#[tokio::test(flavor = "multi_thread")]
async fn it_sees_renews_and_exports_the_shops_alone() {
    let town = Town::start().await;
    town.register_ca().await;
    let shop = town.issue("www.shop.example").await;
    let bank = town.issue("bank.example").await;
    let request = CreateTokenRequest {
        name: "deploy of the shop".into(),
        role: Role::Operator.into(),
        certificate_filter: vec!["*.shop.example".into()],
        key_export: true,
        ..CreateTokenRequest::default()
    };
    let admin = town.client().await;
    let token = admin
        .tokens()
        .create_token(request)
        .await
        .unwrap()
        .into_inner();
    let client = town.client_with(&token.text).await;
    let mut query = client.query();

    let list = query
        .list_certificates(ListRequest::default())
        .await
        .unwrap();
    let names = list.into_inner().certificates.into_iter();
    assert_eq!(
        names.map(|row| row.friendly_name).collect::<Vec<_>>(),
        ["www.shop.example"]
    );
    let list = query
        .list_automations(ListRequest::default())
        .await
        .unwrap();
    let ids = list.into_inner().automations.into_iter();
    assert_eq!(
        ids.map(|row| row.id).collect::<Vec<_>>(),
        [shop.id.as_str()]
    );
    let get = GetRequest {
        id: bank.certificate_id.clone(),
        at_least: 0,
        ..GetRequest::default()
    };
    is(
        query.get_certificate(get).await,
        Code::NotFound,
        "NOT_FOUND",
    );

    let renew = |id: &str| RenewNowRequest {
        automation_id: id.into(),
    };
    is(
        client.acme().renew_now(renew(&bank.id)).await,
        Code::NotFound,
        "AUTOMATION_NOT_FOUND",
    );
    client.acme().renew_now(renew(&shop.id)).await.unwrap();
    let renewed = town.until(&shop.id, "renewed").await;
    let by = town
        .events(&format!("event=renewal-started aggregate_id={}", shop.id))
        .await;
    let me = format!("token/{}", token.token.unwrap().token_id);
    assert!(by.iter().any(|event| event.actor == me), "{by:?}");
    assert!(renewed.sequence > 0);

    let export = |id: &str| ExportRequest {
        items: vec![ExportItem {
            certificate_id: id.into(),
            certificate: true,
            private_key: true,
            ..ExportItem::default()
        }],
        format: ExportFormat::Pem.into(),
        one_file: true,
        unprotected: true,
        ..ExportRequest::default()
    };
    let mut keystore = client.certificates();
    let his = export(&shop.certificate_id);
    assert!(keystore.export_with_private_keys(his).await.is_ok());
    is(
        keystore
            .export_with_private_keys(export(&bank.certificate_id))
            .await,
        Code::NotFound,
        "NO_SUCH_CERTIFICATE",
    );

    // Nor does it ask for what is the bank's, or look at what has to do with no certificate.
    let wish = RequestCertificateRequest {
        server: "pebble".into(),
        dns_names: vec!["a.shop.example".into(), "online.bank.example".into()],
        challenge_type: api::acme::v1::ChallengeType::Http01.into(),
        ..RequestCertificateRequest::default()
    };
    is(
        client.acme().request_certificate(wish).await,
        Code::PermissionDenied,
        "OUTSIDE_OF_FILTER",
    );
    let csr = CreateRequestRequest {
        friendly_name: "bank".into(),
        key: Some(api::keystore::v1::KeyChoice {
            key: Some(api::keystore::v1::key_choice::Key::NewKey(
                api::x509::v1::KeyAlgorithm::EcdsaP256.into(),
            )),
        }),
        subject_alt_names: Some(api::x509::v1::SubjectAltNames {
            dns_names: vec!["bank.example".into()],
            ip_addresses: vec![],
        }),
        ..CreateRequestRequest::default()
    };
    is(
        client.csr().create_request(csr).await,
        Code::PermissionDenied,
        "OUTSIDE_OF_FILTER",
    );
    is(
        query.list_events(ListRequest::default()).await,
        Code::PermissionDenied,
        "OUTSIDE_OF_FILTER",
    );
    let watch = query.watch_events(WatchEventsRequest::default()).await;
    is(watch, Code::PermissionDenied, "OUTSIDE_OF_FILTER");
}

#[track_caller]
fn is<T>(answer: Result<T, Status>, code: Code, reason: &str) {
    let status = answer.err().expect("a refusal");
    assert_eq!(status.code(), code, "{status:?}");
    assert_eq!(
        refuse::reason(&status).as_deref(),
        Some(reason),
        "{status:?}"
    );
}
