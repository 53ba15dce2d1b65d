//! Somebody is told: by mail or webhook, as an administrator sets it up.

use town::{
    Plan, Town,
    browser::{Browser, FIRST},
    hook::Hook,
    mail::{MailServer, PASSWORD, Security, USER},
};

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_sets_up_mail_mends_what_is_wrong_and_sends_a_test() {
    let town = town().await;
    let mail = MailServer::start(Security::Implicit).await;
    let browser = Browser::first_admin(&town).await;
    browser.script(false).await;
    browser.goto("/notifications").await;
    browser.click("link", "Add e-mail…").await;

    browser.fill("Name", "Operations").await;
    browser.fill("Server", "localhost").await;
    browser.fill("Port", "99999").await;
    browser.fill("User", USER).await;
    browser.fill("From", "no address").await;
    browser.fill("To", "ops@example.com\nnobody").await;
    browser.click("button", "Add the channel").await;
    // All at once, each beside its field, and what was typed is still there.
    for label in ["Port", "Password", "From", "To"] {
        assert!(browser.field(label).await.is_wrong().await, "{label}");
    }
    assert_eq!(browser.field("Name").await.value().await, "Operations");

    browser.fill("Port", &mail.port.to_string()).await;
    browser.fill("Password", PASSWORD).await;
    browser
        .fill("From", "Chancery <chancery@example.com>")
        .await;
    browser.fill("To", "ops@example.com").await;
    browser
        .click(
            "DisclosureTriangle",
            "Its certificate is not of a public CA",
        )
        .await;
    let roots = "Roots to trust in place of the public ones (PEM)";
    browser.fill(roots, &mail.root).await;
    browser.click("button", "Add the channel").await;
    browser.until("The channel is there.").await;

    browser.click("button", "Send a test to Operations").await;
    browser.until("250 2.0.0 Ok: taken").await;
    assert_eq!(mail.until(1).await[0].to, ["ops@example.com"]);

    // What the other side refuses is shown in its words.
    mail.refuse(Some("554 5.7.1 not from you"));
    browser.click("button", "Send a test to Operations").await;
    browser.until("not from you").await;

    // A password that is not typed again stays as it is.
    mail.refuse(None);
    browser.click("link", "Change… Operations").await;
    browser.fill("To", "night@example.com").await;
    browser.click("button", "Save").await;
    browser.until("The channel was changed.").await;
    browser.click("button", "Send a test to Operations").await;
    browser.until("250 2.0.0 Ok: taken").await;
    assert_eq!(mail.until(2).await[1].to, ["night@example.com"]);

    browser.click("link", "Delete… Operations").await;
    browser.click("button", "Delete the channel").await;
    browser.until("The channel was deleted.").await;
    browser.until("Nobody yet.").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_saved_meanwhile_is_not_overwritten_unseen() {
    let town = town().await;
    let browser = Browser::first_admin(&town).await;
    browser.goto("/notifications/channels/new?by=webhook").await;
    browser.fill("Name", "Operations").await;
    browser.fill("URL", "https://hooks.example/chancery").await;
    browser
        .fill("Signing secret", "sixteen or more letters")
        .await;
    browser.click("button", "Add the channel").await;
    browser.until("The channel is there.").await;
    browser.click("link", "Change… Operations").await;

    let other = Browser::signed_in(&town, &FIRST).await;
    other.goto("/notifications").await;
    other.click("link", "Change… Operations").await;
    other.fill("Name", "Night shift").await;
    other.click("button", "Save").await;
    other.until("The channel was changed.").await;
    other.close().await;

    browser.fill("Name", "Day shift").await;
    browser.expect_status(409);
    browser.click("button", "Save").await;
    browser.until(&format!("Changed by {}", FIRST.name)).await;
    browser.until("Your change was not saved.").await;
    assert_eq!(browser.field("Name").await.value().await, "Day shift");
    browser.click("link", "Show the newer version").await;
    assert_eq!(browser.field("Name").await.value().await, "Night shift");
    browser.fill("Name", "Day shift").await;
    browser.click("button", "Save").await;
    browser.until("The channel was changed.").await;
    browser.find("link", "Change… Day shift").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_gets_only_what_it_is_for() {
    let town = town().await;
    let hook = Hook::open().await;
    let browser = Browser::first_admin(&town).await;
    browser.goto("/notifications/channels/new?by=webhook").await;
    browser.fill("Name", "Pager").await;
    browser.fill("URL", &hook.url).await;
    browser
        .fill("Signing secret", "a secret that signs for us")
        .await;
    browser
        .click(
            "DisclosureTriangle",
            "Its certificate is not of a public CA",
        )
        .await;
    let roots = "Roots to trust in place of the public ones (PEM)";
    browser.fill(roots, &hook.root).await;
    browser.tick("Only what is ticked below").await;
    browser.tick("A certificate has expired").await;
    browser.click("button", "Add the channel").await;
    browser.until("One kind of message").await;
    browser.click("button", "Send a test to Pager").await;
    browser.until("HTTP 204").await;
    hook.until(1).await;
    browser.close().await;
}

/// A town where nothing is gathered.
async fn town() -> Town {
    Town::planned(Plan {
        configuration: "[notifier]\ngather_seconds = 0\n".into(),
        ..Plan::default()
    })
    .await
}
