//! From nothing to a first certificate: at most three screens, and five fields to type.

use town::{
    Plan, Town,
    browser::{Browser, FIRST, set_up_link},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_first_certificate_takes_three_screens_and_five_fields() {
    let town = Town::planned(Plan {
        checks: true,
        ..Plan::default()
    })
    .await;
    // As `up --test-ca` leaves it.
    town.register_ca().await;
    town.keep_token().await;
    let browser = Browser::open(&town).await;
    let (mut screens, mut typed) = (0, 0);

    browser.goto(&set_up_link(&town)).await;
    screens += 1;
    for (label, text) in [
        ("Login name", FIRST.login_name),
        ("E-mail address", "rosa@example.com"),
        ("Password", FIRST.password),
        ("The same password again", FIRST.password),
    ] {
        browser.fill(label, text).await;
        typed += 1;
    }
    browser.click("button", "Set up Chancery").await;

    browser
        .find("heading", "Who issues your certificates?")
        .await;
    screens += 1;
    browser.find("link", "Do this later").await;
    browser.click("link", "Use pebble").await;

    browser.find("heading", "Your first certificate").await;
    screens += 1;
    browser.find("link", "Do this later").await;
    browser.fill("Hostnames", "certs.example").await;
    typed += 1;
    browser.click("button", "Request certificate").await;
    browser.until_at("/automated/").await;
    let path = browser.path().await;
    let id = path.trim_start_matches("/automated/").split('?').next();
    town.until(id.unwrap_or_default(), "certificate-issued")
        .await;
    browser.reload().await;
    browser.until("Stored, and served").await;
    assert!(
        screens <= 3 && typed <= 5,
        "{screens} screens, {typed} fields"
    );
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn his_address_is_offered_to_the_ca_and_everything_can_wait() {
    let town = Town::start().await;
    let browser = Browser::open(&town).await;
    // Without script it is the same.
    browser.script(false).await;
    browser.goto(&set_up_link(&town)).await;
    for (label, text) in [
        ("Login name", FIRST.login_name),
        ("Name that others see", FIRST.name),
        ("E-mail address", "rosa@example.com"),
        ("Password", FIRST.password),
        ("The same password again", FIRST.password),
    ] {
        browser.fill(label, text).await;
    }
    browser.click("button", "Set up Chancery").await;
    browser
        .find("heading", "Who issues your certificates?")
        .await;
    // Nothing has to be typed for a CA that is known: one box to tick.
    assert_eq!(
        browser.field("Name here").await.value().await,
        "Let's Encrypt"
    );
    assert_eq!(
        browser.field("E-mail address").await.value().await,
        "rosa@example.com"
    );
    assert!(
        !browser
            .field("I accept the terms of service")
            .await
            .is_chosen()
            .await
    );
    browser.click("link", "Do this later").await;
    browser.until_signed_in(&FIRST).await;

    browser.goto("/setup/certificate").await;
    browser.until("none is registered yet").await;
    browser.click("link", "Do this later").await;
    browser.until_signed_in(&FIRST).await;
    browser.close().await;
}
