//! Pictures of every page, for `make screenshots`.

use std::{fs, path::Path};

use town::{
    browser::{Browser, Theme, set_up_link},
    tools,
};

use super::{
    estate::Estate,
    pages::{DOORS, INSIDE},
};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "makes pictures for people: `make screenshots`"]
async fn screenshots_of_every_page() {
    let folder = tools::workspace().join("target/screenshots");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let folder = folder.canonicalize().unwrap();
    let estate = Estate::build().await;
    let browser = Browser::open(&estate.town).await;
    browser.goto(&set_up_link(&estate.town)).await;
    picture(&browser, &folder, "set-up").await;
    for page in DOORS {
        browser.expect_status(page.status);
        browser.goto(&page.path(&estate.ids)).await;
        picture(&browser, &folder, page.name).await;
    }
    browser.set_up(&estate.town).await;
    for page in INSIDE {
        browser.expect_status(page.status);
        browser.goto(&page.path(&estate.ids)).await;
        picture(&browser, &folder, page.name).await;
    }
    browser.close().await;
    println!("in {}", folder.display());
}

async fn picture(browser: &Browser, folder: &Path, name: &str) {
    let file = |kind: &str| folder.join(format!("{name}-{kind}.png"));
    browser.theme(Theme::Dark).await;
    browser.screenshot(&file("dark")).await;
    browser.theme(Theme::Light).await;
    browser.screenshot(&file("light")).await;
    browser.phone().await;
    browser.screenshot(&file("390")).await;
    browser.desk().await;
}
