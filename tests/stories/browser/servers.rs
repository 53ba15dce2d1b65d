//! ACME servers: chosen by their type, and registered with what their directory asks for (S3, S4, P13).

use api::acme::v1::UpdateServerContactRequest;
use town::{Plan, Town, browser::Browser, pebble};

/// What the CA hands out on its web site.
const EAB: (&str, &str) = (
    "kid-7",
    "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W",
);

#[tokio::test(flavor = "multi_thread")]
async fn a_servers_fields_change_with_its_type() {
    let town = Town::start().await;
    let browser = Browser::first_admin(&town).await;
    browser.goto("/automated").await;
    browser.click("link", "ACME servers").await;
    browser.until("No ACME server yet").await;
    browser.goto("/servers/new").await;
    for (choice, url, eab) in [
        (
            "Let's Encrypt (staging)",
            "acme-staging-v02.api.letsencrypt.org",
            false,
        ),
        ("ZeroSSL", "acme.zerossl.com", true),
        ("Google Trust Services", "dv.acme-v02.api.pki.goog", true),
        ("SSL.com (RSA)", "acme.ssl.com", true),
        ("Actalis", "acme-api.actalis.com", true),
    ] {
        browser.click("link", choice).await;
        browser.until(url).await;
        assert_eq!(browser.has("textbox", "EAB Key ID").await, eab, "{choice}");
        let name = browser.field("Name here").await;
        assert_eq!(name.value().await, choice, "nobody has to think of a name");
        assert!(!browser.has("textbox", "Directory URL").await);
    }
    browser.click("link", "Buypass Go").await;
    browser.until("stopped issuing on 2025-10-31").await;
    browser.click("link", "Another ACME server").await;
    browser.find("textbox", "Directory URL").await;
    assert!(!browser.has("textbox", "EAB Key ID").await);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_registered_with_what_its_directory_asks_for() {
    let town = Town::planned(Plan {
        ca: pebble::Custom {
            external_accounts: vec![(EAB.0.to_owned(), EAB.1.to_owned())],
            ..pebble::Custom::default()
        },
        ..Plan::default()
    })
    .await;
    let browser = Browser::first_admin(&town).await;
    browser.goto("/servers/new?type=custom").await;

    // Something answers there, and it is no ACME.
    let root = format!(
        "document.getElementById('roots').value = {:?};",
        town.ca.https_root
    );
    let nothing = town.ca.directory.replace("/dir", "/nothing");
    browser.fill("Directory URL", &nothing).await;
    browser.run(&root).await;
    browser.click("button", "Read the directory").await;
    let directory = browser.field("Directory URL").await;
    let said = directory.description().await;
    assert!(
        said.starts_with("This address answers, but not as an ACME directory."),
        "{said}"
    );
    assert_eq!(directory.value().await, nothing);

    browser.fill("Directory URL", &town.ca.directory).await;
    browser.click("button", "Read the directory").await;
    browser.until("Do%20what%20thou%20wilt").await;
    browser.find("textbox", "EAB Key ID").await;
    let terms = browser
        .find("checkbox", "I accept the terms of service")
        .await;
    assert!(!terms.is_chosen().await, "never ticked for him");

    // All that is missing is said at once.
    browser.fill("Name here", "Our CA").await;
    browser.fill("E-mail address", "ops@example.com").await;
    browser.click("button", "Register").await;
    browser.until("things to mend").await;
    for field in ["EAB Key ID", "I accept the terms of service"] {
        assert!(browser.field(field).await.is_wrong().await, "{field}");
    }
    assert_eq!(browser.field("Name here").await.value().await, "Our CA");

    browser.tick("I accept the terms of service").await;
    browser.fill("EAB Key ID", EAB.0).await;
    browser.fill("EAB HMAC Key", "bm90IHRoZSBrZXk").await;
    browser.click("button", "Register").await;
    let key = browser.field("EAB Key ID").await;
    let said = key.description().await;
    assert!(said.starts_with("The CA refused this EAB key."), "{said}");
    assert!(
        said.ends_with("Keys work once; ask for a new one."),
        "{said}"
    );
    assert_eq!(
        browser.field("EAB HMAC Key").await.value().await,
        "",
        "never shown again"
    );

    browser.tick("I accept the terms of service").await;
    browser.fill("EAB HMAC Key", EAB.1).await;
    browser.click("button", "Register").await;
    browser.find("heading", "Our CA").await;
    browser.until(EAB.0).await;
    let page = browser
        .run("return document.documentElement.outerHTML")
        .await;
    assert!(!page.as_str().unwrap_or_default().contains(EAB.1));

    // Another address, another key, and the end.
    assert_eq!(
        browser.field("E-mail addresses").await.value().await,
        "ops@example.com"
    );
    browser.fill("E-mail addresses", "nobody").await;
    browser.click("button", "Change the contact").await;
    assert!(browser.field("E-mail addresses").await.is_wrong().await);
    browser
        .fill("E-mail addresses", "ops@example.com, tls@example.com")
        .await;
    browser.click("button", "Change the contact").await;
    browser.until("The contact address is changed").await;
    // Somebody else is faster, and is not overwritten.
    let path = browser.path().await;
    let server = path.trim_start_matches("/servers/");
    let server = server.split('?').next().unwrap();
    let faster = UpdateServerContactRequest {
        server_id: server.to_owned(),
        contact_emails: vec!["night@example.com".to_owned()],
    };
    let mut servers = town.client().await.servers();
    let faster = servers.update_server_contact(faster).await.unwrap();
    browser.fill("E-mail addresses", "day@example.com").await;
    browser.expect_status(409);
    browser.click("button", "Change the contact").await;
    browser.until("Your change was not saved.").await;
    let typed = browser.field("E-mail addresses").await.value().await;
    assert_eq!(typed, "day@example.com");
    let position = faster.into_inner().position;
    browser
        .goto(&format!("/servers/{server}?at={position}"))
        .await;
    let kept = browser.field("E-mail addresses").await.value().await;
    assert_eq!(kept, "night@example.com");
    let thumbprint = "return document.getElementById('thumbprint').textContent";
    let before = browser.run(thumbprint).await;
    browser.click("link", "Roll the account key").await;
    browser.click("button", "Roll the account key").await;
    browser.until("The account has a new key").await;
    assert_ne!(browser.run(thumbprint).await, before);
    browser.click("link", "End the account").await;
    browser.find("heading", "End the account at Our CA?").await;
    browser.click("button", "End the account").await;
    browser.until("The account has ended at the CA").await;
    assert!(!browser.has("link", "End the account").await);
    browser.close().await;
}
