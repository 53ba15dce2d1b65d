//! Who watches over Chancery sees what happens, and whether each service can do its work.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use api::keystore::v1::DeleteCertificatesRequest;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use town::{
    Plan, Town,
    desk::Desk,
    edge::leaf_of,
    hook::Hook,
    monitor::{Look, Monitor},
    tools::workspace,
    wait,
};

use crate::self_signed;

/// The services with internal gRPC.
const INNER: [&str; 5] = [
    "keystore",
    "csr-service",
    "acme-agent",
    "notifier",
    "projection",
];

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_is_counted_and_every_metric_is_documented() {
    let monitor = Monitor::somewhere();
    let town = Town::planned(Plan {
        configuration: format!(
            "[telemetry]\nmetrics = \"{}\"\n[notifier]\ngather_seconds = 0\n",
            monitor.0
        ),
        ..Plan::default()
    })
    .await;
    let desk = Desk::of(&town).await;
    let hook = Hook::open().await;
    desk.lay("hook.url", &hook.url);
    desk.lay("hook.key", "a secret that signs for us");
    desk.lay("hook-root.pem", &hook.root);
    desk.done(
        "chancery notify channels add pager --webhook --url-file hook.url \
         --signing-secret-file hook.key --trusted-roots hook-root.pem",
    )
    .await;
    town.register_ca().await;
    let automation = town.issue("shop.example").await;
    let certificate = automation.certificate_id.as_str();
    town.ca.resolve("bad.example", "127.0.0.2").await;
    let failing = town.request("bad.example").await;
    town.until(&failing, "issuance-failed").await;
    hook.until(1).await;
    let leaf = wait::until("shop.example is served", async || {
        let tls = town.edge().handshake(Some("shop.example")).await.ok()?;
        let leaf = pki::Certificate::parse(&leaf_of(&tls)).ok()?;
        leaf.dns_names
            .first()
            .filter(|name| name.as_str() == "shop.example")?;
        Some(leaf)
    })
    .await;
    let stranger = town.client_with("chancery_nobody").await;
    drop(stranger);

    let look = wait::until("all is in the tables", async || {
        let look = monitor.look().await;
        let behind = look.of("chancery_follower_lag_events", &[]);
        let behind = behind.map(|sample| sample.value).sum::<f64>();
        (behind == 0.0 && look.value("chancery_alerts", &[("kind", "issuance-failed")])? == 1.0)
            .then_some(look)
    })
    .await;
    // What it is for.
    let of_shop = [
        ("certificate_id", certificate),
        ("name", "shop.example"),
        ("source", "acme"),
    ];
    assert_eq!(
        look.value("chancery_certificate_not_after_seconds", &of_shop),
        Some(leaf.not_after.unix_timestamp() as f64)
    );
    let exact = [("certificate_id", certificate), ("match", "exact")];
    assert!(look.value("chancery_tls_handshakes_total", &exact) >= Some(1.0));
    for (name, labels, least) in [
        (
            "chancery_acme_orders_total",
            &[("outcome", "issued")][..],
            1.0,
        ),
        ("chancery_acme_orders_total", &[("outcome", "failed")], 1.0),
        ("chancery_acme_orders_total", &[("outcome", "placed")], 2.0),
        ("chancery_acme_order_failures_total", &[], 1.0),
        (
            "chancery_notifications_total",
            &[("kind", "webhook"), ("outcome", "delivered")],
            1.0,
        ),
        (
            "chancery_public_calls_total",
            &[
                ("method", "chancery.acme.v1.AcmeService/RequestCertificate"),
                ("code", "OK"),
            ],
            2.0,
        ),
        (
            "chancery_grpc_calls_total",
            &[
                ("service", "acme-agent"),
                ("method", "chancery.acme.v1.AcmeService/RequestCertificate"),
                ("code", "OK"),
            ],
            2.0,
        ),
        (
            "chancery_public_refusals_total",
            &[("reason", "TOKEN_UNKNOWN")],
            1.0,
        ),
        ("chancery_log_appends_total", &[("answer", "stored")], 10.0),
    ] {
        let all = look.of(name, labels).map(|sample| sample.value);
        let sum = all.sum::<f64>();
        assert!(sum >= least, "{name} {labels:?}: {sum}");
    }
    for service in INNER.iter().chain(&["gateway"]) {
        let ready = look.value("chancery_service_ready", &[("service", service)]);
        assert_eq!(ready, Some(1.0), "{service}");
    }
    let expires = look.of("chancery_identity_not_after_seconds", &[]);
    assert_eq!(expires.count(), 6);
    documented(&look);
    for (path, says) in [("/healthz", "alive\n"), ("/readyz", "ready\n")] {
        assert_eq!(monitor.get(path).await, Some((200, says.to_owned())));
    }

    // A certificate that is deleted is nobody's worry any more.
    let client = town.client().await;
    let made = client.csr().create_self_signed(self_signed::shop(30)).await;
    let id = made.unwrap().into_inner().certificate_id;
    let of_it = [("certificate_id", id.as_str())];
    let expiry = async || {
        let look = monitor.look().await;
        look.value("chancery_certificate_not_after_seconds", &of_it)
    };
    wait::until("it is watched", expiry).await;
    let deletion = DeleteCertificatesRequest {
        certificate_ids: vec![id.clone()],
        dry_run: false,
    };
    let deleted = client.certificates().delete_certificates(deletion).await;
    deleted.unwrap();
    wait::until("it is not", async || expiry().await.is_none().then_some(())).await;
}

/// Holds what is shown against the table in `docs/operate.md`.
fn documented(look: &Look) {
    let text = fs::read_to_string(workspace().join("docs/operate.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `chancery_"));
    let listed = rows.map(|row| {
        let cells = row.split('|').map(str::trim).collect::<Vec<_>>();
        let words = |cell: &str| {
            let words = cell.split('`').skip(1).step_by(2);
            words.map(str::to_owned).collect::<BTreeSet<_>>()
        };
        let name = cells[1].trim_matches('`').to_owned();
        (name, (cells[2].to_owned(), words(cells[3])))
    });
    let listed = listed.collect::<BTreeMap<_, _>>();
    for (name, kind) in &look.kinds {
        let (documented, _) = listed
            .get(name)
            .unwrap_or_else(|| panic!("{name} is not in docs/operate.md"));
        assert_eq!(kind, documented, "{name}");
    }
    for sample in &look.samples {
        let name = &sample.name;
        let family = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|end| {
                name.strip_suffix(end)
                    .filter(|name| listed.contains_key(*name))
            })
            .unwrap_or(name);
        let labels = sample.labels.keys().filter(|label| *label != "le");
        let labels = labels.cloned().collect::<BTreeSet<_>>();
        assert_eq!(labels, listed[family].1, "{name}");
    }
    let shown = look.kinds.keys().cloned().collect::<BTreeSet<_>>();
    let listed = listed.into_keys().collect::<BTreeSet<_>>();
    let missing = listed.difference(&shown).collect::<Vec<_>>();
    // `up` gives the log all of the disk.
    assert_eq!(missing, ["chancery_log_used_ratio"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_cannot_work_says_so() {
    let monitor = Monitor::somewhere();
    let mut town = Town::planned(Plan {
        services_apart: true,
        configuration: format!("[projection]\nmetrics = \"{}\"\n", monitor.0),
        ..Plan::default()
    })
    .await;
    for service in INNER {
        until_health(&town, service, ServingStatus::Serving).await;
    }
    assert_eq!(monitor.get("/readyz").await.unwrap().0, 200);

    // Without the log nobody can work; with it everybody goes on.
    town.installation.process("nats").kill();
    for service in INNER {
        until_health(&town, service, ServingStatus::NotServing).await;
    }
    let (status, reasons) = monitor.get("/readyz").await.unwrap();
    assert_eq!(status, 503);
    assert!(
        reasons.contains("projection: the event log does not answer"),
        "{reasons}"
    );
    assert_eq!(monitor.get("/healthz").await.unwrap().0, 200);
    town.installation.start_nats();
    for service in INNER {
        until_health(&town, service, ServingStatus::Serving).await;
    }
    assert_eq!(monitor.get("/readyz").await.unwrap().0, 200);

    // What cannot be applied stops the follower; questions are answered as of before.
    let (nats, _) = town.installation.nats("keystore").await;
    let odd = eventlog::subject::event("certificate", "7c9e", "issued");
    nats.request(odd, "{}".into()).await.unwrap();
    until_health(&town, "projection", ServingStatus::NotServing).await;
    let (status, reasons) = monitor.get("/readyz").await.unwrap();
    assert_eq!(status, 503);
    assert_eq!(reasons, "projection: its follower projection has stopped\n");
    let look = monitor.look().await;
    let follower = [("service", "projection"), ("follower", "projection")];
    assert_eq!(
        look.value("chancery_follower_running", &follower),
        Some(0.0)
    );
    assert_eq!(
        look.value("chancery_follower_lag_events", &follower),
        Some(1.0)
    );
    assert_eq!(
        look.value("chancery_service_ready", &[("service", "projection")]),
        Some(0.0)
    );
}

async fn until_health(town: &Town, service: &str, wanted: ServingStatus) {
    let channel = town.installation.channel("gateway", service);
    let health = HealthClient::new(channel);
    wait::until(&format!("{service} is {wanted:?}"), async || {
        let request = HealthCheckRequest::default();
        let answer = health.clone().check(request).await.ok()?.into_inner();
        (answer.status() == wanted).then_some(())
    })
    .await;
}
