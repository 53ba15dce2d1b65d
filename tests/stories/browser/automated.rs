//! Automated certificates: asked for once (S5), looked at before (S6, P19), and never silent (P1, P3, P11).

use api::{acme::v1::ScheduleReason, projection::v1::CertificateStatus};
use town::{Plan, Town, browser::Browser, wait};

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_asked_for_and_ends_in_one_that_renews_itself() {
    let town = town().await;
    town.register_ca().await;
    let browser = Browser::first_admin(&town).await;
    browser.goto("/automated").await;
    browser.until("No automated certificates yet").await;
    browser.goto("/automated/new").await;

    // A list is pasted; one of it goes again.
    browser
        .fill(
            "Hostnames",
            "shop.example, www.shop.example; old.shop.example",
        )
        .await;
    browser.click("button", "Add").await;
    browser.click("button", "Remove old.shop.example").await;
    browser.find("button", "Remove www.shop.example").await;
    assert!(!browser.has("button", "Remove old.shop.example").await);
    assert!(browser.field("Renew automatically").await.is_chosen().await);

    // The checks run by themselves.
    for passed in [
        "shop.example leads here",
        "www.shop.example has an address",
        "No CAA record forbids it for shop.example",
        "pebble can be reached from here",
        "pebble has room for it",
    ] {
        browser.until(passed).await;
    }
    assert!(!browser.text().await.contains("Failed"));
    assert_eq!(town.ca.orders(), 0, "checks order nothing");
    browser.click("button", "Request certificate").await;
    browser.find("heading", "shop.example").await;
    let id = automation(&browser).await;
    town.until(&id, "renewal-scheduled").await;
    browser.reload().await;
    browser.until("Stored, and served").await;
    browser.until("The CA is there").await;
    for name in ["shop.example", "www.shop.example"] {
        let served = wait::until("it is served", async || {
            let leaf = town.edge().leaf(Some(name)).await?;
            let leaf = pki::Certificate::parse(&leaf).ok()?;
            leaf.dns_names.iter().any(|n| n == name).then_some(())
        });
        served.await;
    }
    browser.goto("/automated").await;
    let row = browser.within("row", "shop.example");
    row.until("Valid").await;
    row.until("HTTP-01").await;
    row.until("Succeeded").await;
    row.until("in 59 days").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_fail_is_said_first_and_holds_nobody_back() {
    let town = town().await;
    town.register_ca().await;
    town.ca.resolve("shop.example", "127.0.0.1").await;
    town.ca.resolve_nothing_else().await;
    let browser = Browser::first_admin(&town).await;
    for script in [true, false] {
        browser.script(script).await;
        browser.goto("/automated/new").await;
        browser
            .fill("Hostnames", "shop.example nowhere.example")
            .await;
        browser.click("button", "Request certificate").await;
        browser.until("1 failed").await;
        // The first failure has the focus, with what to do.
        let first = browser.run("return document.querySelector('#checks .checks li').textContent");
        let first = first.await;
        let first = first.as_str().unwrap_or_default();
        assert!(
            first.contains("nowhere.example has an address") && first.contains("Failed"),
            "{first}"
        );
        browser.until("shop.example leads here").await;
        let button = browser.find("button", "Request certificate").await;
        assert_eq!(
            button.attribute("aria-disabled").await.as_deref(),
            Some("true")
        );
        assert_eq!(town.ca.orders(), 0, "nothing was asked of the CA");
    }
    browser.script(true).await;

    // He may all the same; then the CA's own words are kept.
    browser.click("button", "Request anyway").await;
    browser.find("heading", "shop.example").await;
    let id = automation(&browser).await;
    wait::until("the order has failed", async || {
        let automation = town.automation(&id, 0).await;
        (automation.status() == CertificateStatus::Error).then_some(())
    })
    .await;
    browser.reload().await;
    browser.until("The last order failed").await;
    browser.until("What to do:").await;
    browser
        .run("document.querySelector('#troubles details').open = true")
        .await;
    browser.until("urn:ietf:params:acme:error:").await;
    browser.until("nowhere.example").await;

    // Mended, it is tried again at once.
    let said = town.events(&format!("aggregate_id={id}")).await;
    let failed = said.last().map_or(0, |event| event.sequence);
    town.ca.resolve("nowhere.example", "127.0.0.1").await;
    browser.click("button", "Retry now").await;
    town.until_past(&id, "certificate-issued", failed).await;
    browser.reload().await;
    browser.until("Stored, and served").await;
    assert!(!browser.text().await.contains("The last order failed"));
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_automation_is_paused_resumed_revoked_and_ended_by_its_buttons() {
    let town = Town::start().await;
    town.register_ca().await;
    let id = town.issue("shop.example").await.id;
    town.until(&id, "renewal-scheduled").await;
    let browser = Browser::first_admin(&town).await;
    browser.goto(&format!("/automated/{id}")).await;
    // As the CA names a time within its window, or none before the share of its life.
    let why = match town.automation(&id, 0).await.schedule_reason() {
        ScheduleReason::RenewalInformation => "the CA named the time",
        ScheduleReason::Lifetime => "a share of its life is left",
        ScheduleReason::Unspecified => panic!("it is due for no reason"),
    };
    browser.until(why).await;

    browser.click("link", "Pause").await;
    browser.fill("Reason", "The shop moves house").await;
    browser.click("button", "Pause renewals").await;
    browser.until("The shop moves house").await;
    browser.click("button", "Resume").await;
    browser.until("What is due is ordered at once").await;

    browser.click("button", "More").await;
    browser.click("link", "Revoke…").await;
    browser.find("heading", "Revoke “shop.example”").await;
    browser.tick("Key compromise").await;
    browser.click("button", "Revoke").await;
    browser.until("The CA is being told.").await;
    let revoked = town.until(&id, "revoked").await;
    town.until_past(&id, "renewed", revoked.sequence).await;
    browser.goto(&format!("/automated/{id}")).await;
    browser.until("Stored, and served").await;

    browser.goto(&format!("/automated/{id}/cancel")).await;
    browser.click("button", "End the automation").await;
    browser.until("It is not renewed any more").await;
    assert!(!browser.has("button", "Renew now").await);
    browser.goto("/automated").await;
    browser.until("No automated certificates yet").await;
    browser.click("link", "Cancelled").await;
    browser.within("row", "shop.example").until("Never").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_input_is_named_beside_its_field_and_nothing_is_lost() {
    let town = Town::start().await;
    town.register_ca().await;
    let browser = Browser::first_admin(&town).await;
    browser.goto("/automated/new").await;
    browser.fill("Hostnames", "localhost good.example").await;
    browser.choose("Key type", "RSA 2048").await;
    browser.tick("Add a DNS record").await;
    browser.untick("Renew automatically").await;
    browser.click("button", "Request anyway").await;
    browser.until("2 things to mend").await;
    let hosts = browser.field("Hostnames").await;
    let said = hosts.description().await;
    assert!(said.contains("“localhost”: it has no dot"), "{said}");
    assert_eq!(browser.field("Key type").await.value().await, "rsa-2048");
    assert!(browser.field("Add a DNS record").await.is_chosen().await);
    assert!(!browser.field("Renew automatically").await.is_chosen().await);
    browser.find("button", "Remove good.example").await;
    browser.close().await;
}

/// A town whose checks look where its CA looks.
async fn town() -> Town {
    Town::planned(Plan {
        checks: true,
        ..Plan::default()
    })
    .await
}

/// The automation whose page is open.
async fn automation(browser: &Browser) -> String {
    browser.until_at("/automated/").await;
    let path = browser.path().await;
    let id = path.trim_start_matches("/automated/").split('?').next();
    id.unwrap_or_default().to_owned()
}
