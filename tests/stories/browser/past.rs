//! What was, and not what is: lists, details, and who could read a key.

use town::{Town, browser::Browser, desk::Desk};

#[tokio::test(flavor = "multi_thread")]
async fn the_past_is_read_and_nothing_can_be_changed_there() {
    let town = Town::start().await;
    let browser = Browser::first_admin(&town).await;
    let desk = Desk::of(&town).await;
    desk.done("chancery certs self-sign shop --dns shop.example")
        .await;
    let events = desk.json("chancery events list --limit 1").await;
    let then = events["events"][0]["sequence"].as_str().expect("a number");
    let export = "chancery certs export shop --private-key --unprotected --out shop.zip";
    desk.done(export).await;
    desk.done("chancery certs rename shop store").await;
    // All of it is links and a form.
    browser.script(false).await;

    // A moment that there is not is said beside its field.
    browser.goto("/certificates?sort=status").await;
    browser.find("link", "store").await;
    browser.click("button", "As of…").await;
    browser.fill("Or position in the log", "999999").await;
    browser.click("button", "Show as of then").await;
    let position = browser.field("Or position in the log").await;
    assert!(position.is_wrong().await);
    let said = position.description().await;
    assert!(said.contains("There is no event #999"), "{said}");
    browser.fill("Or position in the log", then).await;
    browser.click("button", "Show").await;

    // The list as it was, with nothing to press.
    let at = format!("/certificates?sort=status&as_of={then}");
    browser.until_at(&at).await;
    browser.until("You are reading the past").await;
    browser.find("link", "shop").await;
    assert!(!browser.has("link", "store").await);
    for (role, name) in [
        ("button", "New certificate"),
        ("link", "Import"),
        ("checkbox", "Select shop"),
    ] {
        assert!(!browser.has(role, name).await, "{name}");
    }

    // What it leads to is of that moment, too; so is the sidebar.
    browser.click("link", "shop").await;
    browser.until("You are reading the past").await;
    browser.find("heading", "shop").await;
    for (role, name) in [("link", "Replace"), ("link", "Export…"), ("button", "More")] {
        assert!(!browser.has(role, name).await, "{name}");
    }
    browser
        .within("navigation", "Main")
        .click("link", "Keys")
        .await;
    browser.until_at(&format!("/keys?as_of={then}")).await;
    browser.within("main", "").find("link", "shop").await;
    browser.click("link", "Return to now").await;
    browser.until_at("/keys").await;
    browser.within("main", "").find("link", "store").await;

    // What is there to be told, and to write records with, has a past, too.
    for (path, link) in [
        ("/notifications", "Add e-mail…"),
        ("/dns-providers", "Add a DNS provider"),
    ] {
        browser.goto(path).await;
        assert!(browser.has("link", link).await, "{path}");
        browser.goto(&format!("{path}?as_of={then}")).await;
        browser.until("You are reading the past").await;
        assert!(!browser.has("link", link).await, "{path}");
    }

    // Which certificate answered for a name, and who could read its key: then, and now.
    browser.goto("/certificates/served").await;
    browser.fill("Name or address", "shop.example").await;
    browser
        .fill("At (UTC), or a position in the log", then)
        .await;
    browser.click("button", "Show").await;
    browser.find("heading", "shop").await;
    let readers = browser.within("region", "Who could read its key");
    readers.until("it was given what it serves").await;
    assert!(!readers.text().await.contains("Exported it"));
    browser.click("link", "Return to now").await;
    browser.find("heading", "store").await;
    readers
        .until("Exported it as PEM, without a passphrase")
        .await;
    browser.fill("Name or address", "other.example").await;
    browser.click("button", "Show").await;
    browser
        .until("No certificate answered for other.example")
        .await;

    // What is listed leaves as the log has it, and no more.
    browser.goto("/audit?what=key-exports").await;
    browser.click("link", "Export").await;
    let today = &events_day(&browser).await;
    let file = browser
        .downloaded(&format!("chancery-events-{today}.jsonl"))
        .await;
    let lines = String::from_utf8(file).expect("text");
    assert_eq!(lines.lines().count(), 1, "{lines}");
    assert!(lines.contains(".exported\""), "{lines}");
    browser.close().await;
}

/// The day of the newest event, as the page has it.
async fn events_day(browser: &Browser) -> String {
    let day = browser
        .run("return document.querySelector('#events time').dateTime.slice(0, 10);")
        .await;
    day.as_str().expect("a day").to_owned()
}
