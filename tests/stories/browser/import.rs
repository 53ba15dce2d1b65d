//! Files come in: any number, each with a verdict.

use town::{Town, browser::Browser, desk::Desk};

#[tokio::test(flavor = "multi_thread")]
async fn each_file_has_a_verdict_and_a_locked_one_is_opened_without_choosing_any_again() {
    let town = Town::start().await;
    let browser = Browser::first_admin(&town).await;
    let desk = Desk::of(&town).await;
    desk.root("ca", "/CN=Paper CA").await;
    for name in ["shop", "mail"] {
        desk.issue("ca", name, &format!("{name}.example")).await;
    }
    desk.done(
        "openssl pkcs12 -export -in mail.pem -inkey mail.key -passout pass:'a long secret' -out mail.p12 && \
         echo 'Order confirmation' > order.txt && openssl genpkey -algorithm ed25519 -out other.key",
    )
    .await;
    browser.script(false).await;
    browser.goto("/import").await;
    let files = [
        "shop.pem",
        "ca.pem",
        "shop.key",
        "mail.p12",
        "order.txt",
        "other.key",
    ];
    let files = files.map(|file| desk.path(file));
    let files = files.iter().map(|file| file.as_path()).collect::<Vec<_>>();
    browser.upload("Drop files here", &files).await;
    browser.click("button", "Import").await;

    browser
        .until("4 imported · 1 needs a passphrase · 1 refused")
        .await;
    browser
        .until("shop.example: Certificate. Its private key is here.")
        .await;
    browser
        .until("This key fits none of your certificates. Stored under Keys.")
        .await;
    browser.until("Nothing of it was stored.").await;

    browser
        .fill("Passphrase of mail.p12", "another secret")
        .await;
    browser.click("button", "Unlock").await;
    browser
        .until("4 imported · 1 needs a passphrase · 1 refused")
        .await;
    let passphrase = browser.field("Passphrase of mail.p12").await;
    assert!(passphrase.is_wrong().await);
    let why = passphrase.description().await;
    assert!(
        why.starts_with("The passphrase does not open this file"),
        "{why}"
    );
    passphrase.send_keys("a long secret").await;
    browser.click("button", "Unlock").await;
    browser.until("5 imported · 1 refused").await;
    browser
        .until("mail.example: Certificate. Its private key is here.")
        .await;

    // The same again is nothing new.
    browser.goto("/import").await;
    browser.upload("Drop files here", &files[..3]).await;
    browser.click("button", "Import").await;
    browser.until("3 already here").await;
    browser.until("Nothing was duplicated.").await;
    browser.close().await;
}
