//! A person who signs in with a device, too: his secret is sealed in the real keystore.

use runtime::Clock;
use time::Duration;
use town::{
    Town,
    browser::{Browser, FIRST, code_of},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_password_alone_opens_nothing() {
    let town = Town::start().await;
    let browser = Browser::first_admin(&town).await;
    browser.goto("/account").await;
    browser.click("button", "Add a second factor").await;
    // He types the key into his device, and the device's code here.
    browser.until("Scan this with your authenticator app").await;
    let key = browser
        .run("return document.querySelector('.key').innerText;")
        .await;
    let key = key.as_str().unwrap();
    browser.check_axe().await;
    let label = "2. The six digits that the app shows now";
    browser.fill(label, "000000").await;
    browser.click("button", "Add it").await;
    browser.until("That code is not right").await;
    assert!(browser.field(label).await.is_wrong().await);
    let now = Clock::system().now();
    browser.fill(label, &code_of(key, now)).await;
    browser.click("button", "Add it").await;
    browser.until("You will not see them again").await;
    browser.check_axe().await;
    let codes = browser.names("listitem").await;
    browser.sign_out().await;

    browser
        .show_password(FIRST.login_name, FIRST.password)
        .await;
    browser.until("Your second factor").await;
    browser.check_axe().await;
    browser.goto("/account").await;
    assert!(browser.has("button", "Sign in").await, "{codes:?}");
    browser
        .show_password(FIRST.login_name, FIRST.password)
        .await;
    // The first code was used up; clocks may be wrong by one step.
    let next = code_of(key, now + Duration::seconds(30));
    browser.fill("Code", &next).await;
    browser.click("button", "Sign in").await;
    browser.until_signed_in(&FIRST).await;
    browser.close().await;
}
