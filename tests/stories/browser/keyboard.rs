//! The main ways through the pages, without a mouse.

use town::{Plan, Town, browser::Browser, desk::Desk};

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_made_exported_renamed_and_deleted_by_keys_alone() {
    let town = Town::start().await;
    let browser = Browser::first_admin(&town).await;
    let desk = Desk::of(&town).await;
    browser.goto("/certificates").await;
    press_on(&browser, "button", "New certificate").await;
    press_on(&browser, "link", "Self-signed certificate").await;
    browser.until_at("/create").await;
    write(&browser, "Certificate friendly name", "Shop").await;
    write(&browser, "Name (Common Name)", "shop.example").await;
    press_on(&browser, "button", "Create self-signed certificate").await;
    browser.until_at("/certificates/").await;

    press_on(&browser, "link", "Export…").await;
    browser.until_at("/export").await;
    browser.tab_to("checkbox", "Private key").await;
    browser.press("Space").await;
    write(
        &browser,
        "Passphrase for private keys",
        "seven secret words",
    )
    .await;
    write(&browser, "Repeat passphrase", "seven secret words").await;
    press_on(&browser, "button", "Export").await;
    let file = browser.downloaded("Shop.zip").await;
    desk.lay("shop.zip", file);
    let names = desk.done("python3 -m zipfile -l shop.zip").await;
    assert!(names.contains(".key"), "{names}");

    browser.goto("/certificates").await;
    press_on(&browser, "link", "Shop").await;
    browser.until_at("/certificates/").await;
    press_on(&browser, "button", "More").await;
    press_on(&browser, "link", "Rename…").await;
    // The field has the focus.
    browser.press("Control+a").await;
    browser.type_keys("Old shop").await;
    browser.press("Enter").await;
    browser.find("heading", "Old shop").await;

    // A row is ticked, and the keys go to what is done with it.
    browser.goto("/certificates").await;
    browser.tab_to("checkbox", "Select Old shop").await;
    browser.press("x").await;
    browser.press("b").await;
    browser.tab_to("button", "Delete…").await;
    browser.press("Enter").await;
    browser.find("heading", "Delete this certificate?").await;
    // It is in use, and so its end is typed out.
    write(&browser, "Type delete 1 to confirm", "delete 1").await;
    press_on(&browser, "button", "Delete 1 certificate").await;
    browser.until_at("/certificates").await;
    browser.until("1–1 of 1").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_automated_certificate_is_asked_for_paused_and_found_by_keys_alone() {
    let town = Town::planned(Plan {
        checks: true,
        ..Plan::default()
    })
    .await;
    town.register_ca().await;
    let browser = Browser::first_admin(&town).await;
    browser.goto("/automated").await;
    press_on(&browser, "link", "New automated certificate").await;
    browser.until_at("/automated/new").await;
    write(&browser, "Hostnames", "shop.example").await;
    // Who goes on has typed it.
    browser.press("Tab").await;
    browser.until("shop.example leads here").await;
    press_on(&browser, "button", "Request certificate").await;
    browser.until("Stored, and served").await;
    press_on(&browser, "link", "Pause…").await;
    press_on(&browser, "button", "Pause renewals").await;
    browser.until("Paused").await;
    press_on(&browser, "button", "Resume").await;
    browser.find("link", "Pause…").await;

    // What happened, from the search of the whole thing: "/" is the way there.
    browser.press("/").await;
    browser.type_keys("shop").await;
    browser.press("Enter").await;
    browser.until_at("/certificates").await;
    press_on(&browser, "link", "shop.example").await;
    browser.find("heading", "shop.example").await;
    browser.close().await;
}

async fn press_on(browser: &Browser, role: &str, name: &str) {
    browser.tab_to(role, name).await;
    browser.press("Enter").await;
}

async fn write(browser: &Browser, label: &str, text: &str) {
    browser.tab_to("textbox", label).await;
    browser.type_keys(text).await;
}
