//! One form for a request and for a certificate that signs itself.

use town::{Town, browser::Browser};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_at_once_and_nothing_is_typed_twice_without_any_script() {
    let town = Town::start().await;
    let browser = Browser::first_admin(&town).await;
    browser.script(false).await;
    browser.goto("/create").await;
    browser
        .fill("Subject alternative names", "access_example")
        .await;
    browser.fill("Organization (optional)", "Shop AG").await;
    browser.fill("Country", "Q1").await;
    browser.click("button", "Create certificate request").await;

    browser
        .until("3 things to mend. Nothing was changed.")
        .await;
    let name = browser.field("Certificate friendly name").await;
    assert!(name.is_wrong().await);
    assert_eq!(name.description().await, "Give it a name.");
    let names = browser.field("Subject alternative names").await;
    assert!(names.is_wrong().await);
    let why = names.description().await;
    assert!(
        why.starts_with("“access_example” is not a DNS name or an IP address"),
        "{why}"
    );
    assert_eq!(names.value().await, "access_example");
    assert!(browser.field("Country").await.is_wrong().await);
    let organization = browser.field("Organization (optional)").await;
    assert_eq!(organization.value().await, "Shop AG");

    // Enter adds names, and makes nothing.
    browser.fill("Certificate friendly name", "Shop").await;
    browser.fill("Country", "DE").await;
    browser
        .fill(
            "Subject alternative names",
            "shop.example, 192.0.2.7 *.shop.example\n",
        )
        .await;
    for (name, kind) in [
        ("shop.example", "DNS"),
        ("192.0.2.7", "IP"),
        ("*.shop.example", "DNS"),
    ] {
        browser.until(&format!("{name} {kind}")).await;
    }
    browser.click("button", "Remove *.shop.example").await;
    browser.until_gone("button", "Remove *.shop.example").await;
    browser
        .click("button", "Create self-signed certificate")
        .await;
    browser.until_at("/certificates/").await;

    // A name is used once.
    browser.goto("/create").await;
    browser.fill("Certificate friendly name", "Shop").await;
    browser.fill("Name (Common Name)", "shop.example").await;
    browser.click("button", "Create certificate request").await;
    let name = browser.field("Certificate friendly name").await;
    let why = name.description().await;
    assert!(
        why.contains("choose another name") && why.ends_with("Add the year?"),
        "{why}"
    );
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replacement_keeps_the_key_and_a_re_key_takes_a_new_one() {
    let town = Town::start().await;
    let browser = Browser::first_admin(&town).await;
    browser.goto("/create").await;
    browser.fill("Certificate friendly name", "Shop").await;
    browser.fill("Name (Common Name)", "shop.example").await;
    browser.fill("Organization (optional)", "Shop AG").await;
    browser.choose("Key type", "RSA 2048").await;
    browser
        .click("button", "Create self-signed certificate")
        .await;
    browser.until_at("/certificates/").await;
    let path = browser.path().await;
    let id = path.trim_start_matches("/certificates/");
    let id = id.split('?').next().unwrap().to_owned();

    browser.goto(&format!("/create?replace={id}")).await;
    assert!(browser.field("Use an existing key").await.is_chosen().await);
    let name = browser
        .field("Certificate friendly name")
        .await
        .value()
        .await;
    assert!(name.starts_with("Shop 20"), "{name}");
    browser.click("button", "Create certificate request").await;
    browser.until_at("/requests/").await;
    browser.until("To replace “Shop”").await;
    let kept = key_of(&browser).await;

    browser.goto(&format!("/create?rekey={id}")).await;
    assert!(browser.field("Make a new key").await.is_chosen().await);
    let kind = browser
        .run("return document.getElementById('algorithm').value;")
        .await;
    assert_eq!(kind, "rsa-2048");
    let organization = browser.field("Organization (optional)").await;
    assert_eq!(organization.value().await, "Shop AG");
    browser
        .fill("Certificate friendly name", "Shop, new key")
        .await;
    browser.click("button", "Create certificate request").await;
    browser.until_at("/requests/").await;
    assert_ne!(key_of(&browser).await, kept);

    // Details are copied by name, too.
    browser.goto("/create").await;
    browser.fill("Copy details from", "Shop, new key").await;
    browser.click("button", "Copy").await;
    browser.until("shop.example DNS").await;
    browser.close().await;
}

/// Where the request that is open says that its key is.
async fn key_of(browser: &Browser) -> String {
    let script = "return document.querySelector('dd a[href^=\"/keys/\"]').pathname;";
    let path = browser.run(script).await;
    path.as_str().expect("a path").to_owned()
}
