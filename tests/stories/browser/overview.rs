//! What needs somebody is what he sees first.

use api::projection::v1::CertificateStatus;
use town::{
    Plan, Town,
    browser::{Browser, FIRST},
    pebble, wait,
};

#[tokio::test(flavor = "multi_thread")]
async fn it_opens_on_certificates_until_something_needs_a_person_and_then_says_what_to_do() {
    let ca = pebble::Custom {
        blocked: vec!["intranet.example.com".to_owned()],
        ..pebble::Custom::default()
    };
    let town = Town::planned(Plan {
        ca,
        ..Plan::default()
    })
    .await;
    let browser = Browser::first_admin(&town).await;
    browser.until_at("/certificates").await;
    browser.goto("/overview").await;
    browser.until("Nothing needs you.").await;

    town.register_ca().await;
    let failed = town.request("intranet.example.com").await;
    wait::until("the order has failed", async || {
        let automation = town.automation(&failed, 0).await;
        (automation.status() == CertificateStatus::Error).then_some(())
    })
    .await;

    browser.goto("/").await;
    browser.until_at("/overview").await;
    // The reason, in the CA's words, and one thing to do.
    let needs = browser.within("region", "Needs you");
    needs.until("Its first certificate could not be had").await;
    needs
        .find("link", "See the fix: intranet.example.com")
        .await;
    browser.until("1 thing needs you").await;
    let activity = browser.within("region", "Recent activity");
    activity.until("First issue failed").await;
    let servers = browser.within("region", "ACME servers");
    servers.until("1 automated").await;
    browser.until("5 of 5 services up").await;
    browser.until("up to date").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_timeline_is_a_table_too_and_works_without_script() {
    let town = Town::start().await;
    town.register_ca().await;
    town.issue("shop.example.com").await;
    let browser = Browser::first_admin(&town).await;
    browser.script(false).await;
    browser.goto("/overview").await;
    let timeline = browser.within("region", "Expiry timeline");
    timeline
        .click("DisclosureTriangle", "Show as a table")
        .await;
    timeline.find("link", "shop.example.com").await;
    timeline.until("Valid").await;
    assert_eq!(browser.names("heading").await[0], "Overview");
    browser.sign_out().await;
    browser.sign_in(&FIRST).await;
    browser.close().await;
}
