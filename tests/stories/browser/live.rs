//! Pages that change while one looks at them.

use town::{
    Town,
    browser::{Browser, FIRST},
};

#[tokio::test(flavor = "multi_thread")]
async fn what_another_changes_shows_without_loading_the_page_again() {
    let town = Town::start().await;
    let browser = Browser::first_admin(&town).await;
    let other = Browser::signed_in(&town, &FIRST).await;
    invite(&other, "anna").await;
    browser.goto("/settings/users").await;
    // Only a page that was not loaded again still knows it.
    browser.run("window.sameOne = true;").await;
    browser.find("row", "anna").await;
    browser.until("Live").await;

    // A row changes where it is; what has the focus keeps it.
    browser.tab_to("link", "anna").await;
    other.click("link", "anna").await;
    other.click("button", "Disable").await;
    other
        .until("All sessions and tokens of this person have ended")
        .await;
    browser.within("row", "anna").until("Disabled").await;
    assert_eq!(browser.focused().await.1, "anna");

    // A new row moves nothing under the pointer: it waits to be asked for.
    invite(&other, "aaron").await;
    browser.until("1 row moved. Refresh order").await;
    assert!(!browser.has("row", "aaron").await);
    browser.click("button", "1 row moved. Refresh order").await;
    browser.find("row", "aaron").await;
    browser.until_gone("button", "1 row moved").await;
    browser.check_axe().await;
    assert_eq!(browser.run("return window.sameOne;").await, true);

    // Whoever is signed out elsewhere hears that from the page.
    browser.expect_status(401);
    other.goto("/settings/sign-in").await;
    other.click("button", "End").await;
    browser.until("You are signed out.").await;
    browser.check_axe().await;
    browser.close().await;
    other.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_hears_nothing_says_so_and_goes_on_by_itself() {
    let mut town = Town::with_services_apart().await;
    let browser = Browser::first_admin(&town).await;
    let other = Browser::signed_in(&town, &FIRST).await;
    browser.goto("/settings/users").await;
    browser.run("window.sameOne = true;").await;
    browser.until("Live").await;
    let projection = town.installation.process("projection");
    projection.stop("TERM").await;
    browser.until("Live updates paused.").await;
    let text = browser.text().await;
    assert!(text.contains("Trying again in"), "{text}");
    assert!(text.contains("What you see is from"), "{text}");
    browser.check_axe().await;

    // Nothing of what happens meanwhile is missed.
    invite(&other, "anna").await;
    town.installation.start("projection");
    browser.until("1 row moved. Refresh order").await;
    browser.until("Live").await;
    assert!(!browser.text().await.contains("paused"));
    assert_eq!(browser.run("return window.sameOne;").await, true);
    browser.close().await;
    other.close().await;
}

async fn invite(browser: &Browser, name: &str) {
    browser.goto("/settings/users/new").await;
    browser.fill("Login name", name).await;
    browser.click("button", "Make the link").await;
    browser.until("You will not see it again").await;
    browser.goto("/settings/users").await;
}
