//! Who did what, when, to what.

use town::{
    Town,
    browser::{Browser, FIRST},
};

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_finds_out_who_did_what() {
    let town = Town::start().await;
    town.register_ca().await;
    town.issue("shop.example.com").await;
    let browser = Browser::first_admin(&town).await;
    browser.script(false).await;
    browser.goto("/audit").await;
    browser.until("and none is missing.").await;
    let table = browser.within("table", "Events, newest first");
    table.until("Certificate issued").await;
    table.until("Signed in").await;

    // Only what he did himself.
    browser.choose("Who", FIRST.name).await;
    browser.click("button", "Show").await;
    table.until("Signed in").await;
    assert!(!table.text().await.contains("Certificate issued"));

    // All that has to do with one certificate, whoever did it.
    browser.choose("Who", "Anybody").await;
    browser.fill("Certificate", "shop.example.com").await;
    browser.click("button", "Show").await;
    table.until("Automated certificate requested").await;
    table.until("Certificate issued").await;
    assert!(!table.text().await.contains("Signed in"));

    // An event opens in its place, and whole on a page of its own.
    table
        .click("DisclosureTriangle", "Automated certificate requested")
        .await;
    browser
        .until("\"friendlyName\": \"shop.example.com\"")
        .await;
    browser.goto("/audit/1").await;
    browser.find("heading", "What the log has").await;

    // What cannot be found is said, with the way back.
    browser.goto("/audit?certificate=nobodys").await;
    browser.until("There is no certificate “nobodys”.").await;
    browser.close().await;
}
