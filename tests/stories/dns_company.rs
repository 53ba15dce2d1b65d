//! DNS-01 by the API of a company that keeps the zone: `dns-update` speaks to it, as to all the others.

use std::{fs, sync::Arc};

use town::{
    Plan, Town,
    bind::{Bind, Zone},
    dns_company::{DnsCompany, TOKEN},
    pebble,
};

use crate::tls_challenge::certificate;

/// Nobody but the company changes it.
const SHOP: Zone = Zone {
    name: "shop.example",
    records: "www IN A 127.0.0.1\n",
    dynamic: false,
    secondary: false,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_company_keeps_the_zone_and_its_records_come_and_go_by_its_api() {
    let folder = tempfile::tempdir().unwrap();
    let bind = Arc::new(Bind::start(folder.path(), &[SHOP]).await);
    let company = DnsCompany::open(folder.path(), bind.clone(), SHOP).await;
    let town = Town::planned(Plan {
        ca: pebble::Custom {
            name_server: Some(bind.address()),
            ..pebble::Custom::default()
        },
        configuration: format!("[acme_agent]\n{}", bind.configuration()),
        environment: company.environment(),
        ..Plan::default()
    })
    .await;
    town.register_ca().await;
    town.sign_in().await;
    let add = async |name: &str, token: &str| {
        let file = folder.path().join(name);
        fs::write(&file, token).unwrap();
        let secret = format!("api_token={}", file.display());
        let add = ["acme", "dns-providers", "add", name, "--kind", "cloudflare"];
        let add = [&add[..], &["--secret-file", &secret]].concat();
        town.command(&add).await.json();
    };
    let test = async |name: &str| {
        let test = ["acme", "dns-providers", "test", name, "www.shop.example"];
        town.command(&test).await
    };

    add("of-somebody-else", "another-token-of-another-customer-4567").await;
    let refused = test("of-somebody-else").await;
    assert_eq!(refused.status, 1, "{}", refused.stdout);
    let said = refused.stderr;
    assert!(
        said.contains("Cloudflare") && said.contains("Invalid access token"),
        "{said}"
    );
    assert!(!said.contains("another-token"), "{said}");

    add("ours", TOKEN).await;
    let tested = test("ours").await.json();
    assert_eq!(tested["zone"], "shop.example");
    // It came, and is taken away again.
    company.until(2).await;

    let names = ["acme", "request", "shop.example", "*.shop.example"];
    let how = [
        "--server",
        "pebble",
        "--challenge",
        "dns-01",
        "--dns-provider",
        "ours",
    ];
    let row = town.command(&[&names[..], &how].concat()).await.json();
    let mut names = certificate(&town, row["certificateId"].as_str().unwrap())
        .await
        .dns_names;
    names.sort();
    assert_eq!(names, ["*.shop.example", "shop.example"]);
    // Two values came, and are gone.
    company.until(6).await;
    bind.until("_acme-challenge.shop.example", 0).await;
    let events = format!("{:?}", town.events("aggregate=dns-provider").await);
    assert!(
        events.contains("cloudflare") && !events.contains(TOKEN),
        "{events}"
    );
}
