//! What holds for every page: axe-core finds nothing in either theme, nothing is wider than a telephone, and the
//! console has nothing to say.

use town::browser::{Browser, Theme, set_up_link};

use super::{
    estate::Estate,
    pages::{DOORS, INSIDE, Page},
};

#[tokio::test(flavor = "multi_thread")]
async fn every_page_lets_everybody_in_and_fits_on_a_telephone() {
    let estate = Estate::build().await;
    let browser = Browser::open(&estate.town).await;
    let mut wrong = Vec::new();

    // Whoever comes first.
    browser.goto(&set_up_link(&estate.town)).await;
    look(&browser, "set-up", &mut wrong).await;
    for page in DOORS {
        visit(&browser, &estate, page, &mut wrong).await;
    }
    browser.set_up(&estate.town).await;
    for page in INSIDE {
        visit(&browser, &estate, page, &mut wrong).await;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    browser.close().await;
}

async fn visit(browser: &Browser, estate: &Estate, page: &Page, wrong: &mut Vec<String>) {
    browser.expect_status(page.status);
    browser.goto(&page.path(&estate.ids)).await;
    assert_eq!(browser.status().await, page.status, "{page:?}");
    look(browser, page.name, wrong).await;
}

/// Looks at the page that is open as different people would, and goes back to a light one on a desk.
async fn look(browser: &Browser, name: &str, wrong: &mut Vec<String>) {
    let mut found = Vec::new();
    browser.theme(Theme::Dark).await;
    let dark = browser.axe_of_colours().await;
    found.extend(dark.into_iter().map(|v| format!("dark: {v}")));
    browser.theme(Theme::Light).await;
    let light = browser.axe().await;
    found.extend(light.into_iter().map(|v| format!("light: {v}")));
    browser.phone().await;
    found.extend(
        browser
            .axe()
            .await
            .into_iter()
            .map(|v| format!("390 px: {v}")),
    );
    found.extend(browser.horizontal_overflow().await);
    browser.desk().await;
    found.extend(browser.console_errors().await);
    wrong.extend(found.into_iter().map(|found| format!("{name}, {found}")));
}
