//! DNS providers: added by their kind, tried, and used for a wildcard (P12).

use town::{
    Plan, Town,
    bind::{Bind, KEY_NAME, SECRET, Zone},
    browser::Browser,
    pebble,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_wildcard_comes_by_a_provider_that_was_tried_before() {
    let folder = tempfile::tempdir().unwrap();
    let zone = Zone {
        name: "shop.example",
        records: "www IN A 127.0.0.1\n",
        dynamic: true,
        secondary: false,
    };
    let bind = Bind::start(folder.path(), &[zone]).await;
    let town = Town::planned(Plan {
        ca: pebble::Custom {
            name_server: Some(bind.address()),
            ..pebble::Custom::default()
        },
        configuration: format!("[acme_agent]\n{}", bind.configuration()),
        ..Plan::default()
    })
    .await;
    town.register_ca().await;
    let browser = Browser::first_admin(&town).await;
    browser.goto("/dns-providers").await;
    browser.until("No DNS providers yet").await;
    browser.goto("/dns-providers/new").await;
    // Another kind has other fields.
    browser.choose("Kind", "Cloudflare").await;
    browser.click("button", "Choose").await;
    browser.until_gone("textbox", "TSIG key name").await;
    browser.choose("Kind", "DNS update (RFC 2136)").await;
    browser.click("button", "Choose").await;

    browser.fill("Name here", "home").await;
    browser
        .fill("Primary server", &bind.address().to_string())
        .await;
    browser.click("button", "Add").await;
    browser.until("2 things to mend").await;
    let server = browser.field("Primary server").await;
    assert_eq!(server.value().await, bind.address().to_string());
    browser.fill("TSIG key name", KEY_NAME).await;
    browser.fill("TSIG secret", SECRET).await;
    browser.click("button", "Add").await;
    browser.find("heading", "home").await;
    browser.until(KEY_NAME).await;
    let page = browser
        .run("return document.documentElement.outerHTML")
        .await;
    assert!(!page.as_str().unwrap_or_default().contains(SECRET));

    browser
        .fill("Hostname in a zone", "www.elsewhere.example")
        .await;
    browser.click("button", "Write a test record").await;
    assert!(browser.field("Hostname in a zone").await.is_wrong().await);
    browser.fill("Hostname in a zone", "www.shop.example").await;
    browser.click("button", "Write a test record").await;
    browser.until("It works.").await;
    browser.until("_acme-challenge.www.shop.example").await;

    browser.goto("/automated/new").await;
    browser
        .fill("Hostnames", "shop.example *.shop.example")
        .await;
    browser.tick("Add a DNS record").await;
    browser.click("button", "Request anyway").await;
    browser.until_at("/automated/").await;
    let path = browser.path().await;
    let id = path.trim_start_matches("/automated/").split('?').next();
    town.until(id.unwrap_or_default(), "certificate-issued")
        .await;
    browser.reload().await;
    browser.until("*.shop.example").await;
    browser.until("Stored, and served").await;

    // What is used stays.
    browser.goto("/dns-providers").await;
    browser.click("link", "home").await;
    browser.click("link", "Remove").await;
    browser.click("button", "Remove the DNS provider").await;
    browser.until("It is used by").await;
    browser.close().await;
}
