//! DNS-01: records in zones of a real BIND, which are gone when the order is over.

use std::fs;

use api::{
    acme::v1::{
        AddDnsProviderRequest, ChallengeType, Failure, RemoveDnsProviderRequest,
        RequestCertificateRequest, TestDnsProviderRequest,
    },
    refuse,
};
use town::{
    Plan, Town,
    bind::{Bind, KEY_NAME, SECRET, Zone},
    pebble,
};

use crate::tls_challenge::certificate;

const DYNAMIC: Zone = Zone {
    name: "shop.example",
    records: "www IN A 127.0.0.1\n",
    dynamic: true,
    secondary: false,
};

/// Its challenges are delegated to a zone that takes updates; some lead nowhere.
const DELEGATING: Zone = Zone {
    name: "static.example",
    records: "_acme-challenge IN CNAME static.shop.example.\n\
        _acme-challenge.a IN CNAME _acme-challenge.b\n\
        _acme-challenge.b IN CNAME _acme-challenge.a\n",
    dynamic: false,
    secondary: false,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_name_and_its_wildcard_in_one_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let bind = Bind::start(folder.path(), &[DYNAMIC]).await;
    let town = town(&bind, "").await;
    town.sign_in().await;
    // The person's way: the secret is in a file.
    let file = folder.path().join("secret");
    fs::write(&file, format!("{SECRET}\n")).unwrap();
    let secret = format!("tsig_secret={}", file.display());
    let server = format!("server={}", bind.address());
    let key = format!("tsig_key_name={KEY_NAME}");
    let provider = ["acme", "dns-providers"];
    let add = [
        "add", "home", "--kind", "rfc2136", "--set", &server, "--set", &key,
    ];
    let add = [&provider[..], &add, &["--secret-file", &secret]].concat();
    let added = town.command(&add).await.json();
    let provider_id = added["dnsProviderId"].as_str().unwrap().to_owned();
    let tested = [&provider[..], &["test", "home", "www.shop.example"]].concat();
    let tested = town.command(&tested).await.json();
    assert_eq!(tested["zone"], "shop.example");
    assert_eq!(tested["record"], "_acme-challenge.www.shop.example");

    let request = [
        "acme",
        "request",
        "shop.example",
        "*.shop.example",
        "--server",
        "pebble",
        "--challenge",
        "dns-01",
        "--dns-provider",
        "home",
    ];
    let row = town.command(&request).await.json();

    let id = row["certificateId"].as_str().unwrap();
    let mut names = certificate(&town, id).await.dns_names;
    names.sort();
    assert_eq!(names, ["*.shop.example", "shop.example"]);
    // Both values were there at once, and nothing is left of them, nor of the test.
    assert_eq!(
        bind.log()
            .matches("adding an RR at '_acme-challenge.shop.example'")
            .count(),
        2
    );
    bind.until("_acme-challenge.shop.example", 0).await;
    bind.until("_acme-challenge.www.shop.example", 0).await;
    // What is used stays.
    let mut providers = town.client().await.dns_providers();
    let remove = RemoveDnsProviderRequest {
        dns_provider_id: provider_id,
    };
    let refused = providers.remove_dns_provider(remove).await.unwrap_err();
    assert_eq!(
        refuse::reason(&refused).as_deref(),
        Some("DNS_PROVIDER_IN_USE")
    );
    assert!(refused.message().contains("shop.example"), "{refused}");
    // No event says the secret.
    let events = format!("{:?}", town.events("aggregate=dns-provider").await);
    assert!(
        events.contains(KEY_NAME) && !events.contains(SECRET),
        "{events}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_is_delegated_to_another_zone_by_a_cname() {
    let folder = tempfile::tempdir().unwrap();
    let bind = Bind::start(folder.path(), &[DYNAMIC, DELEGATING]).await;
    let town = town(&bind, "").await;
    add(&town, &bind, "home", KEY_NAME, SECRET).await;

    let id = request(&town, "static.example", "home").await;

    town.until(&id, "certificate-issued").await;
    let log = bind.log();
    assert!(
        log.contains("adding an RR at 'static.shop.example' TXT"),
        "{log}"
    );
    bind.until("static.shop.example", 0).await;
    // One that leads in a circle is named, and so is a zone that does not take the key's changes.
    let failure = failure(&town, "a.static.example").await;
    assert_eq!(failure.reason, "DNS_CNAME_CIRCLE");
    assert!(
        failure.message.contains(
            "_acme-challenge.a.static.example → _acme-challenge.b.static.example → _acme-challenge.a.static.example"
        ),
        "{}",
        failure.message
    );
    let failure = self::failure(&town, "c.static.example").await;
    assert_eq!(failure.reason, "DNS_UPDATE_NOT_ALLOWED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_is_named_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let bind = Bind::start(folder.path(), &[DYNAMIC]).await;
    let town = town(&bind, "").await;
    let other = "YW5vdGhlciBzZWNyZXQgb2YgMzIgb2N0ZXRzIGxvbmc=";
    add(&town, &bind, "home", KEY_NAME, other).await;
    let failure = failure(&town, "www.shop.example").await;
    assert_eq!(failure.reason, "DNS_KEY_WRONG");
    assert!(
        failure.advice.contains("the key chancery"),
        "{}",
        failure.advice
    );

    add(&town, &bind, "stranger", "nobody", SECRET).await;
    let mut providers = town.client().await.dns_providers();
    let test = TestDnsProviderRequest {
        dns_provider: "stranger".to_owned(),
        dns_name: "www.shop.example".to_owned(),
    };
    let refused = providers.test_dns_provider(test).await.unwrap_err();
    assert_eq!(refuse::reason(&refused).as_deref(), Some("DNS_KEY_UNKNOWN"));
    assert!(
        bind.values("_acme-challenge.www.shop.example")
            .await
            .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secondary_that_lags_is_waited_for_and_then_named() {
    let folder = tempfile::tempdir().unwrap();
    let zone = Zone {
        secondary: true,
        ..DYNAMIC
    };
    let bind = Bind::start(folder.path(), &[zone]).await;
    let town = town(&bind, "propagation_seconds = 2\n").await;
    add(&town, &bind, "home", KEY_NAME, SECRET).await;

    let failure = failure(&town, "www.shop.example").await;

    assert_eq!(failure.reason, "DNS_NOT_PROPAGATED");
    let message = failure.message;
    assert!(
        message.contains("ns2.shop.example (127.0.0.2) does not have the name"),
        "{message}"
    );
    assert!(!message.contains("ns1.shop.example"), "{message}");
    bind.until("_acme-challenge.www.shop.example", 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn acme_agent_is_killed_between_record_and_proof_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let zone = Zone {
        secondary: true,
        ..DYNAMIC
    };
    let mut bind = Bind::start(folder.path(), &[zone]).await;
    let mut town = Town::planned(Plan {
        services_apart: true,
        ..plan(&bind, "")
    })
    .await;
    town.register_ca().await;
    add(&town, &bind, "home", KEY_NAME, SECRET).await;
    let id = request(&town, "www.shop.example", "home").await;
    // It waits for the secondary now.
    let owner = "_acme-challenge.www.shop.example";
    let before = bind.until(owner, 1).await;

    town.installation.process("acme-agent").kill();
    assert_eq!(bind.values(owner).await, before);
    bind.catch_up().await;
    town.installation.start("acme-agent");

    town.until(&id, "certificate-issued").await;
    bind.until(owner, 0).await;
    assert_eq!((town.ca.orders(), town.ca.issued()), (1, 1));
}

/// A town whose names are those of BIND, and whose CA asks it too; with more of `[acme_agent]`.
async fn town(bind: &Bind, more: &str) -> Town {
    let town = Town::planned(plan(bind, more)).await;
    town.register_ca().await;
    town
}

fn plan(bind: &Bind, more: &str) -> Plan {
    Plan {
        ca: pebble::Custom {
            name_server: Some(bind.address()),
            ..pebble::Custom::default()
        },
        configuration: format!("[acme_agent]\n{}{more}", bind.configuration()),
        ..Plan::default()
    }
}

async fn add(town: &Town, bind: &Bind, name: &str, key_name: &str, secret: &str) {
    let server = bind.address().to_string();
    let settings = [
        ("server", server.as_str()),
        ("tsig_key_name", key_name),
        ("tsig_secret", secret),
    ];
    let settings = settings.map(|(field, value)| (field.to_owned(), value.to_owned()));
    let request = AddDnsProviderRequest {
        name: name.to_owned(),
        kind: "rfc2136".to_owned(),
        settings: settings.into(),
    };
    let mut providers = town.client().await.dns_providers();
    providers.add_dns_provider(request).await.unwrap();
}

async fn request(town: &Town, name: &str, provider: &str) -> String {
    let request = RequestCertificateRequest {
        challenge_type: ChallengeType::Dns01.into(),
        dns_provider: provider.to_owned(),
        ..town::request_for(name)
    };
    let mut acme = town.client().await.acme();
    let requested = acme.request_certificate(request).await.unwrap();
    requested.into_inner().automation_id
}

/// What the order for a name with the provider "home" fails with.
async fn failure(town: &Town, name: &str) -> Failure {
    let id = request(town, name, "home").await;
    let failed = town.until(&id, "issuance-failed").await;
    let automation = town.automation(&id, failed.sequence).await;
    automation.last_failure.expect("a failed order says why")
}
