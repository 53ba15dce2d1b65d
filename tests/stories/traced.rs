//! One trace has all of a command, from the call at the gateway to what follows from its event.

use std::collections::BTreeSet;

use api::keystore::v1::{ImportFile, ImportRequest};
use town::{Plan, Town, collector::Collector, wait};

use crate::self_signed;

const PASSPHRASE: &str = "correct horse battery staple";

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_one_trace_from_the_gateway_to_the_tables_and_the_reactions() {
    let collector = Collector::start().await;
    let town = Town::planned(Plan {
        services_apart: true,
        configuration: format!("[telemetry]\notlp_endpoint = \"{}\"\n", collector.endpoint),
        ..Plan::default()
    })
    .await;
    let client = town.client().await;
    let made = client.csr().create_self_signed(self_signed::shop(30)).await;
    let made = made.unwrap().into_inner();
    let event = town.until(&made.certificate_id, "self-signed").await;
    let trace = event.traceparent.split('-').nth(1).unwrap().to_owned();

    let expected = [
        ("gateway", "/chancery.csr.v1.CsrService/CreateSelfSigned"),
        (
            "csr-service",
            "/chancery.csr.v1.CsrService/CreateSelfSigned",
        ),
        ("keystore", "append certificate.self-signed"),
        ("keystore", "apply certificate.self-signed"),
        ("projection", "apply certificate.self-signed"),
        ("notifier", "apply certificate.self-signed"),
        ("csr-service", "apply certificate.self-signed"),
    ];
    let spans = wait::until("the whole trace is collected", async || {
        let spans = collector.trace(&trace);
        let seen = |(service, name): &(&str, &str)| {
            spans
                .iter()
                .any(|span| span.name == *name && span.attribute("service") == *service)
        };
        expected.iter().all(seen).then_some(spans)
    })
    .await;
    // It hangs together: one beginning, at the gateway, and each other span in one that is there.
    let ids = spans
        .iter()
        .map(|span| span.id.as_str())
        .collect::<BTreeSet<_>>();
    let (first, others) = spans
        .iter()
        .partition::<Vec<_>, _>(|span| span.parent.is_empty());
    assert_eq!(first.len(), 1, "{first:?}");
    assert_eq!(first[0].attribute("service"), "gateway");
    for span in others {
        assert!(ids.contains(span.parent.as_str()), "{span:?}");
    }
    // What the event carries is the append of its own.
    let appended = spans
        .iter()
        .find(|span| span.name == "append certificate.self-signed")
        .unwrap();
    assert_eq!(
        event.traceparent.split('-').nth(2),
        Some(appended.id.as_str())
    );
    let applied = spans
        .iter()
        .filter(|span| span.name == "apply certificate.self-signed");
    assert!(applied.clone().all(|span| span.parent == appended.id));

    // No secret is in any of them.
    let file = ImportFile {
        name: "odd.p12".into(),
        content: b"nothing of the kind".to_vec().into(),
        passphrase: Some(PASSPHRASE.into()),
    };
    let import = ImportRequest { files: vec![file] };
    client.certificates().import(import).await.unwrap();
    let token = town.installation.bootstrap_token();
    let all = wait::until("the import is collected", async || {
        let all = collector.spans();
        let import = "/chancery.keystore.v1.CertificateService/Import";
        let seen = |service: &str| {
            all.iter()
                .any(|span| span.name == import && span.attribute("service") == service)
        };
        (seen("gateway") && seen("keystore")).then_some(all)
    })
    .await;
    for span in all {
        assert!(
            !span.whole.contains(PASSPHRASE) && !span.whole.contains(&token),
            "{}",
            span.name
        );
    }
}
