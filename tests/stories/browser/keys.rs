//! Keys: what uses them, how they leave, and how they go for good.

use town::{Town, browser::Browser, desk::Desk};

use super::requests::request_for_shop;

#[tokio::test(flavor = "multi_thread")]
async fn a_key_goes_only_once_nothing_uses_it_and_somebody_means_it() {
    let town = Town::start().await;
    let browser = Browser::first_admin(&town).await;
    request_for_shop(&browser).await;
    let request = browser.path().await;
    let script = "return document.querySelector('dd a[href^=\"/keys/\"]').pathname;";
    let key = browser.run(script).await;
    let key = key.as_str().expect("a path").to_owned();
    browser.goto(&key).await;
    browser.until("Used by Shop. Delete that first.").await;
    browser
        .goto(&key.replace("/keys/", "/keys/delete?select="))
        .await;
    browser.find("heading", "Nothing to delete").await;
    browser
        .until("The request \"Shop\" uses this key; delete that first.")
        .await;

    let request = request.trim_start_matches("/requests/");
    let request = request.split('?').next().expect("an id");
    browser
        .goto(&format!("/requests/delete?select={request}"))
        .await;
    browser.click("button", "Delete 1 request").await;
    browser.until("Deleted. The keys stay under Keys.").await;

    browser.goto(&key).await;
    browser.click("link", "Delete…").await;
    browser.fill("Type delete 1 to confirm", "yes").await;
    browser.click("button", "Delete 1 key").await;
    let typed = browser.field("Type delete 1 to confirm").await;
    assert!(typed.is_wrong().await);
    browser.fill("Type delete 1 to confirm", "delete 1").await;
    browser.click("button", "Delete 1 key").await;
    browser.until("Destroyed, for good.").await;
    browser.goto(&key).await;
    browser.until("It cannot be brought back.").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_alone_leaves_under_its_passphrase() {
    let town = Town::start().await;
    let browser = Browser::first_admin(&town).await;
    let desk = Desk::of(&town).await;
    desk.done("openssl genpkey -algorithm ed25519 -out other.key")
        .await;
    browser.goto("/import").await;
    browser
        .upload("Drop files here", &[&desk.path("other.key")])
        .await;
    browser.click("button", "Import").await;
    browser.click("link", "Ed25519").await;
    browser.until_at("/keys/").await;
    browser.until("Never").await;
    browser.click("link", "Export…").await;
    browser
        .fill("Passphrase for private keys", "seven secret words")
        .await;
    browser
        .fill("Repeat passphrase", "seven secret words")
        .await;
    browser.click("button", "Export").await;
    // Its name begins with the start of the public half's hash.
    let name = town::wait::until("the key is downloaded", async || {
        let files = std::fs::read_dir(browser.downloads()).ok()?;
        let mut names = files.filter_map(|file| file.ok()?.file_name().into_string().ok());
        names.find(|name| name.ends_with(".key.pem"))
    });
    let name = name.await;
    desk.lay("out.pem", browser.downloaded(&name).await);
    desk.done(
        "openssl pkey -in out.pem -passin pass:'seven secret words' -pubout -out one && \
         openssl pkey -in other.key -pubout -out other && cmp one other",
    )
    .await;
    browser.close().await;
}
