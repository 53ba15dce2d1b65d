//! An administrator lets people and programs in, and out again.

use api::{gateway::v1::WhoAmIRequest, options::v1::Role};
use tonic::Code;
use town::{Town, browser::Browser};

#[tokio::test(flavor = "multi_thread")]
async fn a_program_gets_a_token_that_does_what_it_says_until_it_is_revoked() {
    let town = Town::start().await;
    let browser = Browser::first_admin(&town).await;
    browser.goto("/settings").await;
    browser.click("link", "API tokens").await;
    browser.within("main", "").click("link", "New token").await;

    // All that is wrong is said at once, beside its field, and what was typed stays.
    browser.fill("Name", "deploy of the shop").await;
    let names = browser.field("Only for these names").await;
    names.send_keys("shop.example!").await;
    browser.tick("May export private keys").await;
    browser.click("button", "Make the token").await;
    browser.until("2 things to mend").await;
    let names = browser.field("Only for these names").await;
    assert!(names.is_wrong().await);
    assert_eq!(names.value().await, "shop.example!");
    assert!(
        browser
            .field("May export private keys")
            .await
            .is_wrong()
            .await
    );
    browser.check_axe().await;
    browser.fill("Only for these names", "shop.example").await;
    browser.click("radio", "Operator").await;
    browser.click("button", "Make the token").await;
    browser
        .until("Copy it now. You will not see it again.")
        .await;
    browser.check_axe().await;
    let token = browser.field("Token").await.value().await;

    let program = town.client_with(&token).await;
    let who = program.session().who_am_i(WhoAmIRequest {}).await;
    let who = who.unwrap().into_inner();
    assert_eq!(who.role(), Role::Operator);
    assert_eq!(who.certificate_filter, ["shop.example"]);
    assert!(who.key_export);

    browser.click("link", "I have it").await;
    assert!(!browser.text().await.contains(&token));
    browser
        .within("row", "deploy of the shop")
        .click("link", "Revoke")
        .await;
    browser.until("A token cannot be brought back").await;
    browser.click("button", "Revoke").await;
    browser.until("Whatever calls with it is refused").await;
    let refused = program.session().who_am_i(WhoAmIRequest {}).await;
    assert_eq!(refused.unwrap_err().code(), Code::Unauthenticated);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_is_invited_and_comes_in_without_any_script() {
    let town = Town::start().await;
    let browser = Browser::first_admin(&town).await;
    browser.script(false).await;
    browser.goto("/settings/users").await;
    browser
        .within("main", "")
        .click("link", "Invite somebody")
        .await;
    browser.fill("Login name", "anna").await;
    browser.fill("Name that others see", "Anna Schmidt").await;
    browser.click("button", "Make the link").await;
    let link = browser.field("Link").await.value().await;

    let guest = Browser::open(&town).await;
    guest.script(false).await;
    guest.goto(&link).await;
    for field in ["Password", "The same password again"] {
        guest.fill(field, "seven green bottles on a shelf").await;
    }
    guest.click("button", "Save and sign in").await;
    guest.goto("/settings").await;
    assert!(!guest.has("link", "Users").await, "she is a viewer");
    guest.expect_status(403);
    guest.goto("/settings/users").await;

    // The last administrator stays one.
    browser.goto("/settings/users").await;
    browser.click("link", "Rosa Marín").await;
    browser.click("radio", "Viewer").await;
    browser.click("button", "Change the role").await;
    browser.until("make another one first").await;
    browser.goto("/settings/users").await;
    browser.click("link", "Anna Schmidt").await;
    browser.click("link", "Delete").await;
    browser.until("This cannot be undone").await;
    browser.click("button", "Delete Anna Schmidt").await;
    browser.until("What this person did stays in the log").await;
    guest.goto("/account").await;
    guest.find("button", "Sign in").await;
    browser.close().await;
    guest.close().await;
}
