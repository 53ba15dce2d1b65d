//! Certificates, chains and keys leave as files, which other programs read.

use town::{Town, browser::Browser, desk::Desk};

/// The shop's and the mail's certificates with their keys and their chain: their ids.
async fn two(browser: &Browser, desk: &Desk) -> Vec<String> {
    desk.root("ca", "/CN=Paper CA").await;
    for name in ["shop", "mail"] {
        desk.issue("ca", name, &format!("{name}.example")).await;
    }
    browser.goto("/import").await;
    let files = ["ca.pem", "shop.pem", "shop.key", "mail.pem", "mail.key"];
    let files = files.map(|file| desk.path(file));
    let files = files.iter().map(|file| file.as_path()).collect::<Vec<_>>();
    browser.upload("Drop files here", &files).await;
    browser.click("button", "Import").await;
    browser.until("5 imported").await;
    let script = "return [...document.querySelectorAll('.checks a[href^=\"/certificates/\"]')] \
        .filter(a => a.textContent.endsWith('.example')).map(a => a.pathname.split('/')[2]);";
    let ids = browser.run(script).await;
    serde_json::from_value(ids).expect("ids")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_leaves_with_a_passphrase_or_in_so_many_words() {
    let town = Town::start().await;
    let browser = Browser::first_admin(&town).await;
    let desk = Desk::of(&town).await;
    let ids = two(&browser, &desk).await;
    let shop = format!("/export?select={}", ids[0]);
    browser.goto(&shop).await;
    assert!(
        !browser.has("textbox", "Repeat passphrase").await,
        "nothing secret leaves yet"
    );
    browser.tick("Private key").await;
    browser.until("A private key is leaving the vault.").await;
    browser.choose("Format", "PKCS#12 (.p12)").await;

    // Neither a passphrase nor the word.
    browser.click("button", "Export").await;
    let passphrase = browser.field("Passphrase for private keys").await;
    assert!(passphrase.is_wrong().await);
    let why = passphrase.description().await;
    assert!(
        why.starts_with("A private key leaves with a passphrase"),
        "{why}"
    );
    assert!(
        browser.field("Private key").await.is_chosen().await,
        "what was chosen stays"
    );

    browser
        .fill("Passphrase for private keys", "seven secret words")
        .await;
    browser.fill("Repeat passphrase", "seven secret word").await;
    browser.click("button", "Export").await;
    let again = browser.field("Repeat passphrase").await;
    assert_eq!(
        again.description().await,
        "That is not the same passphrase."
    );
    browser
        .fill("Passphrase for private keys", "seven secret words")
        .await;
    browser
        .fill("Repeat passphrase", "seven secret words")
        .await;
    browser.click("button", "Export").await;
    let file = browser.downloaded("shop.example.p12").await;
    desk.lay("shop.p12", file);
    let read = desk
        .done("openssl pkcs12 -in shop.p12 -passin pass:'seven secret words' -nodes")
        .await;
    assert_eq!(read.matches("BEGIN CERTIFICATE").count(), 2, "{read}");
    assert_eq!(read.matches("BEGIN PRIVATE KEY").count(), 1, "{read}");

    browser.goto(&shop).await;
    browser.tick("Private key").await;
    browser.choose("Format", "PEM, all in one file").await;
    browser
        .fill("Without a passphrase? Type unprotected", "unprotected")
        .await;
    browser.click("button", "Export").await;
    let file = browser.downloaded("shop.example.pem").await;
    desk.lay("whole.pem", file);
    desk.done("openssl pkey -in whole.pem -noout && openssl verify -CAfile ca.pem whole.pem")
        .await;
    browser.goto("/keys?view=used").await;
    browser.until("2 times").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_leave_each_on_its_own_or_as_one_file_of_certificates() {
    let town = Town::start().await;
    let browser = Browser::first_admin(&town).await;
    let desk = Desk::of(&town).await;
    let ids = two(&browser, &desk).await;
    let both = format!("/export?select={}&select={}", ids[0], ids[1]);
    browser.goto(&both).await;
    browser.find("heading", "Export 2 certificates").await;
    browser
        .within("group", "mail.example")
        .tick("Private key")
        .await;
    browser
        .within("group", "mail.example")
        .untick("Chain")
        .await;
    browser
        .fill("Passphrase for private keys", "seven secret words")
        .await;
    browser
        .fill("Repeat passphrase", "seven secret words")
        .await;
    browser.click("button", "Export").await;
    let file = browser.downloaded("certificates.zip").await;
    desk.lay("both.zip", file);
    let script =
        "import zipfile; print(*sorted(zipfile.ZipFile('both.zip').namelist()), sep='\\n')";
    let listed = desk.done(&format!("python3 -c \"{script}\"")).await;
    for (name, there) in [("cert.pem", 2), ("chain.pem", 1), ("key.pem", 1)] {
        assert_eq!(listed.matches(name).count(), there, "{listed}");
    }

    browser.goto(&both).await;
    browser.tick("One PKCS#7 file").await;
    browser.click("button", "Export").await;
    let file = browser.downloaded("certificates.p7b").await;
    desk.lay("both.p7b", file);
    let read = desk
        .done("openssl pkcs7 -inform DER -in both.p7b -print_certs -noout")
        .await;
    assert_eq!(read.matches("subject=").count(), 2, "{read}");
    browser.close().await;
}
