//! How people come in.

use town::{
    Town,
    browser::{Browser, FIRST, set_up_link},
};

#[tokio::test(flavor = "multi_thread")]
async fn the_first_person_comes_in_by_the_link_and_then_by_password_without_any_script() {
    let town = Town::start().await;
    let browser = Browser::open(&town).await;
    browser.script(false).await;
    let link = set_up_link(&town);
    browser.goto(&link).await;
    browser.find("heading", "You are the first").await;

    // What is wrong is said beside its field, and nothing has to be typed again but passwords.
    browser.fill("Login name", FIRST.login_name).await;
    browser.fill("Name that others see", FIRST.name).await;
    browser.fill("Password", FIRST.password).await;
    browser.fill("The same password again", "another one").await;
    browser.click("button", "Set up Chancery").await;
    let again = browser.field("The same password again").await;
    assert!(again.is_wrong().await && again.has_focus().await);
    assert_eq!(again.description().await, "That is not the same password.");
    assert_eq!(
        browser.field("Login name").await.value().await,
        FIRST.login_name
    );
    browser.choose_account(&FIRST).await;
    browser.until_signed_in(&FIRST).await;

    // The link is used up.
    browser.sign_out().await;
    browser.expect_status(404);
    browser.goto(&link).await;
    assert!(!browser.has("button", "Set up Chancery").await);

    browser
        .show_password(FIRST.login_name, "a password that I forgot")
        .await;
    let password = browser.field("Password").await;
    assert!(password.is_wrong().await && password.has_focus().await);
    let said = password.description().await;
    assert_eq!(said, "That login name and password do not match.");
    assert_eq!(password.value().await, "");
    assert_eq!(
        browser.field("Login name").await.value().await,
        FIRST.login_name
    );
    password.send_keys(FIRST.password).await;
    browser.click("button", "Sign in").await;
    browser.until_signed_in(&FIRST).await;

    // Where somebody wanted to go, he comes once he is in.
    browser.sign_out().await;
    browser.goto("/account").await;
    browser.fill("Login name", FIRST.login_name).await;
    browser.fill("Password", FIRST.password).await;
    browser.click("button", "Sign in").await;
    browser.until_at("/account").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_without_a_mouse_comes_in_and_out() {
    let town = Town::start().await;
    let browser = Browser::open(&town).await;
    town.keep_token().await;
    browser.goto(&set_up_link(&town)).await;
    for (label, text) in [
        ("Login name", FIRST.login_name),
        ("Name that others see", FIRST.name),
        ("E-mail address", ""),
        ("Password", FIRST.password),
        ("The same password again", FIRST.password),
    ] {
        browser.tab_to("textbox", label).await;
        browser.type_keys(text).await;
    }
    browser.tab_to("button", "Set up Chancery").await;
    browser.press("Enter").await;
    // What is offered next can wait.
    browser
        .find("heading", "Who issues your certificates?")
        .await;
    browser.tab_to("link", "Do this later").await;
    browser.press("Enter").await;
    browser.until_signed_in(&FIRST).await;

    // The first thing that Tab leads to leads past the menu.
    browser.press("Tab").await;
    assert_eq!(browser.focused().await.1, "Skip to content");
    browser.press("Enter").await;
    browser.tab_to("button", "Sign out").await;
    browser.press("Space").await;
    browser.find("button", "Sign in").await;
    browser.close().await;
}
