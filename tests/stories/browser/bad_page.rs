//! A page on which everything is wrong, so that the checks of all others are known to see it; and one on which
//! everything can be used.

use std::{fs, path::Path};

use town::{
    browser::{Browser, Theme},
    web::Web,
};

/// The gateway's own policy, as far as it matters here.
const HEAD: &str = "200 OK\r\ncontent-type: text/html; charset=utf-8\r\ncontent-security-policy: \
    default-src 'none'; script-src 'self'; style-src 'self'; form-action 'self'";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_page_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let web = Web::open().await;
    web.answer("wrong", HEAD, WRONG.into());
    web.answer("right", HEAD, RIGHT.into());
    web.answer(
        "shop.pem",
        "200 OK\r\ncontent-disposition: attachment",
        b"a file".to_vec(),
    );
    let browser = Browser::before(web.url("").trim_end_matches('/'), folder.path()).await;

    browser.goto("/right").await;
    assert_eq!(browser.axe().await, Vec::<String>::new());
    browser.phone().await;
    assert_eq!(browser.horizontal_overflow().await, Vec::<String>::new());
    assert_eq!(browser.run("return innerWidth;").await, 390);
    browser.desk().await;
    use_it(&browser, folder.path()).await;

    // Its inline script and its style are held up, and it asks for a file that is not there.
    browser.open_unchecked("/wrong").await;
    let said = browser.console_errors().await.join("\n");
    for wrong in ["script-src", "style-src", "a status of 404"] {
        assert!(said.contains(wrong), "{wrong}: {said}");
    }
    assert!(browser.console_errors().await.is_empty(), "it is told once");
    let said = browser.axe().await.join("\n");
    for rule in ["label", "html-has-lang", "document-title"] {
        assert!(said.contains(&format!("{rule}: ")), "{rule}: {said}");
    }
    browser.phone().await;
    let wide = browser.horizontal_overflow().await.join("\n");
    assert!(wide.contains("hr"), "{wide}");
    browser.close().await;
}

async fn use_it(browser: &Browser, folder: &Path) {
    browser.fill("Friendly name", "a").await;
    browser.fill("Friendly name", "The shop").await;
    browser.choose("Key type", "RSA 4096").await;
    browser.tick("I agree").await;
    browser.untick("Tell me").await;
    let file = folder.join("some.pem");
    fs::write(&file, "PEM").unwrap();
    browser.upload("Files", &[&file]).await;
    browser
        .within("group", "Second")
        .click("radio", "Each")
        .await;
    let filled = browser
        .run("return [...new FormData(document.forms[0])].map(([n, v]) => `${n}=${v.name ?? v}`);");
    let wanted = [
        "name=The shop",
        "key=rsa",
        "agree=on",
        "file=some.pem",
        "second=each",
    ];
    assert_eq!(filled.await, serde_json::json!(wanted));
    let dark = "return matchMedia('(prefers-color-scheme: dark)').matches;";
    browser.theme(Theme::Dark).await;
    assert_eq!(browser.run(dark).await, true);
    browser.theme(Theme::Light).await;
    assert_eq!(browser.run(dark).await, false);
    browser.click("link", "The file").await;
    assert_eq!(browser.downloaded("shop.pem").await, b"a file");
    let hidden = browser.has("button", "Hidden").await;
    assert!(!hidden, "what nobody sees is not found");
}

const WRONG: &str = "<!doctype html><html><body style='color: red'><h1>Wrong</h1>\
    <script>document.title = 'Wrong';</script><script src='/nowhere.js'></script>\
    <input><hr width='900'></body></html>";

const RIGHT: &str = "<!doctype html><html lang='en'><head><title>Right</title></head><body><main><h1>Right</h1>\
    <form><p><label for='name'>Friendly name <span>optional</span></label><input id='name' name='name'></p>\
    <p><label for='key'>Key type</label><select id='key' name='key'><option value='ec'>ECDSA P-256\
    <option value='rsa'>RSA 4096</select></p>\
    <p><label><input type='checkbox' name='agree'> I agree</label></p>\
    <p><label><input type='checkbox' name='tell' checked> Tell me</label></p>\
    <p><label for='file'>Files</label><input type='file' id='file' name='file'></p>\
    <fieldset><legend>First</legend><label><input type='radio' name='first' value='each'> Each</label></fieldset>\
    <fieldset><legend>Second</legend><label><input type='radio' name='second' value='each'> Each</label></fieldset>\
    </form><p><a href='/shop.pem'>The file</a></p><button hidden>Hidden</button></main></body></html>";
