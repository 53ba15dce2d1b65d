//! A CA by hand, from a browser: the request goes there as a file, and its answer comes back as one.

use town::{Town, browser::Browser, desk::Desk};

/// Makes a request for the shop; the browser is then before it.
pub async fn request_for_shop(browser: &Browser) {
    browser.goto("/create").await;
    browser.fill("Certificate friendly name", "Shop").await;
    browser.fill("Name (Common Name)", "shop.example").await;
    browser
        .fill(
            "Subject alternative names",
            "shop.example *.shop.example 192.0.2.7",
        )
        .await;
    browser.fill("Organization (optional)", "Shop AG").await;
    browser.click("button", "Create certificate request").await;
    browser.until_at("/requests/").await;
    browser.until("Waiting for the CA").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_signed_elsewhere_and_its_answer_imported() {
    let town = Town::start().await;
    let browser = Browser::first_admin(&town).await;
    let desk = Desk::of(&town).await;
    desk.root("ca", "/CN=Paper CA").await;
    request_for_shop(&browser).await;
    let here = browser.path().await;

    // What is shown is what is downloaded, and openssl reads it.
    browser.click("link", "Download .csr").await;
    let file = browser.downloaded("Shop.csr").await;
    desk.lay("shop.csr", &file);
    let shown = browser
        .find("region", "Request data, PEM")
        .await
        .text()
        .await;
    assert_eq!(shown.trim(), String::from_utf8_lossy(&file).trim());
    let asked = desk
        .done("openssl req -in shop.csr -noout -verify -text 2>&1")
        .await;
    for said in [
        "O = Shop AG",
        "DNS:shop.example",
        "DNS:*.shop.example",
        "IP Address:192.0.2.7",
    ] {
        assert!(
            asked.replace("O=Shop", "O = Shop").contains(said),
            "{said}: {asked}"
        );
    }
    browser
        .until("Use the same request data that was used for the original certificate.")
        .await;

    // Without the CA's own certificate the chain has no end, and the page says so.
    desk.grant("ca", "shop.csr", "shop.pem").await;
    browser.goto(&here).await;
    browser
        .upload("Drop files here, or choose them", &[&desk.path("shop.pem")])
        .await;
    browser.click("button", "Import answer").await;
    browser.until("1 imported").await;
    browser
        .until("Answers your request of this name, and matches its key.")
        .await;
    browser
        .until("This chain is incomplete: a certificate authority is missing, so it does not end in a self-signed certificate")
        .await;
    browser.until("CN=Paper CA").await;

    // It can be pasted as well.
    let ca = String::from_utf8(desk.read("ca.pem")).expect("text");
    browser.goto("/import").await;
    let script = format!("document.getElementById('pasted').value = {ca:?};");
    browser.run(&script).await;
    browser.click("button", "Import").await;
    browser.until("Pasted text").await;
    browser
        .until_gone("link", "How to find a root certificate")
        .await;

    browser.goto(&here).await;
    browser.until("Answered").await;
    assert!(browser.has("link", "Open the certificate").await);
    browser.goto("/requests").await;
    browser.until("No requests waiting.").await;
    browser.goto("/requests?view=answered").await;
    assert!(
        browser
            .within("row", "Select Shop")
            .has("link", "Shop")
            .await
    );
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_deleted_once_they_were_seen() {
    let town = Town::start().await;
    let browser = Browser::first_admin(&town).await;
    browser.script(false).await;
    for name in ["First", "Second", "Third"] {
        browser.goto("/create").await;
        browser.fill("Certificate friendly name", name).await;
        browser.fill("Name (Common Name)", "shop.example").await;
        browser.click("button", "Create certificate request").await;
        browser.until_at("/requests/").await;
    }
    browser.goto("/requests").await;
    for name in ["First", "Second", "Third"] {
        browser.tick(&format!("Select {name}")).await;
    }
    browser.click("button", "Delete…").await;
    browser.find("heading", "Delete 3 requests?").await;
    browser
        .until("one that comes later is not matched to it")
        .await;
    browser.click("link", "Keep this one: Second").await;
    browser.find("heading", "Delete 2 requests?").await;
    browser.click("button", "Delete 2 requests").await;
    browser.until("Deleted. The keys stay under Keys.").await;
    assert!(browser.has("link", "Second").await);
    assert!(!browser.has("link", "First").await && !browser.has("link", "Third").await);
    browser.goto("/keys?view=unused").await;
    browser.until("ECDSA P-256").await;
    browser.close().await;
}
