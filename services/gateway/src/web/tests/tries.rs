//! Wrong tries: they wait, and nobody else does.

use sea_orm::{ConnectionTrait, Statement};

use super::*;

/// As wrong as any.
const WRONG: &str = "a wrong password";

/// Tries with a wrong password until it has to wait: how often it could.
async fn until_told_to_wait(browser: &mut Browser, name: &str) -> usize {
    browser.open("/sign-in").await;
    for tried in 0..100 {
        let fields = [("name", name), ("password", WRONG)];
        let page = browser.send("/sign-in", &fields).await;
        match page.status {
            422 => assert!(page.text.contains("do not match"), "{}", page.text),
            429 => {
                assert!(
                    page.text.contains("Try again in 15 seconds, at 11:"),
                    "{}",
                    page.text
                );
                assert_eq!(page.header("retry-after"), "15");
                return tried;
            }
            status => panic!("{status}: {}", page.text),
        }
    }
    panic!("never told to wait");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_who_guesses_waits_and_a_known_browser_does_not() {
    let here = Here::new().await;
    let mut known = here.signed_in("rosa").await;
    known.submit("/sign-out", &[]).await;
    let mut stranger = here.browser();
    assert_eq!(until_told_to_wait(&mut stranger, "rosa").await, 5);
    // Not even with the right password: else it could be told from wrong ones by trying.
    let page = stranger.sign_in("rosa", PASSWORD).await;
    assert_eq!(page.status, 429);
    // Nor from another browser, or under the name in other letters.
    assert_eq!(here.browser().sign_in("ROSA", PASSWORD).await.status, 429);
    // But from her own.
    let page = known.sign_in("rosa", PASSWORD).await;
    assert!(page.is_within(), "{}", page.text);
    // The wait is over in time, and what is right clears the count.
    here.pass(15);
    let page = stranger.sign_in("rosa", PASSWORD).await;
    assert!(page.is_within(), "{}", page.text);
    assert_eq!(until_told_to_wait(&mut here.browser(), "rosa").await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_browser_is_known_for_its_person_alone_and_has_a_count_too() {
    let here = Here::new().await;
    here.person("ben", Role::Viewer).await;
    let mut known = here.signed_in("rosa").await;
    known.submit("/sign-out", &[]).await;
    assert_eq!(until_told_to_wait(&mut known, "ben").await, 5);
    assert_eq!(until_told_to_wait(&mut known, "rosa").await, 10);
    // That is this browser's affair: others are free.
    let page = here.browser().sign_in("rosa", PASSWORD).await;
    assert!(page.is_within(), "{}", page.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_nobodys_is_treated_as_any_other() {
    let here = Here::new().await;
    let answers = async |name: &str| {
        let mut stranger = here.browser();
        let mut answers = Vec::new();
        stranger.open("/sign-in").await;
        for _ in 0..7 {
            let fields = [("name", name), ("password", WRONG)];
            let page = stranger.send("/sign-in", &fields).await;
            let text = page
                .text
                .replace(&stranger.token, "TOKEN")
                .replace(name, "NAME");
            answers.push((page.status, page.headers.len(), text));
        }
        answers
    };
    assert_eq!(answers("rosa").await, answers("nils").await);
    assert_eq!(answers("rosa\u{0}").await.last().unwrap().0, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_cannot_try_ever_new_names() {
    let here = Here::new().await;
    let mut stranger = here.browser();
    stranger.open("/sign-in").await;
    for n in 0..30 {
        let name = format!("name-{n}");
        let fields = [("name", name.as_str()), ("password", WRONG)];
        let page = stranger.send("/sign-in", &fields).await;
        assert_eq!(page.status, 422, "{n}");
    }
    let fields = [("name", "one-more"), ("password", WRONG)];
    assert_eq!(stranger.send("/sign-in", &fields).await.status, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_gateways_count_together_and_a_restart_forgets_nothing() {
    let here = Here::new().await;
    let other = here.other_port().await;
    let (mut one, mut two) = (here.browser(), here.browser_at(&other));
    for browser in [&mut one, &mut two] {
        browser.open("/sign-in").await;
    }
    let mut statuses = Vec::new();
    for n in 0..6 {
        let browser = if n % 2 == 0 { &mut one } else { &mut two };
        let fields = [("name", "rosa"), ("password", WRONG)];
        statuses.push(browser.send("/sign-in", &fields).await.status);
    }
    assert_eq!(statuses, [422, 422, 422, 422, 422, 429]);
    // One that starts now knows of it.
    let third = here.other_port().await;
    let mut late = here.browser_at(&third);
    assert_eq!(late.sign_in("rosa", PASSWORD).await.status, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_tries_at_once_are_counted_one_by_one() {
    let here = Here::new().await;
    let tries = (0..100).map(|_| {
        let mut stranger = here.browser();
        async move {
            stranger.open("/sign-in").await;
            let fields = [("name", "rosa"), ("password", WRONG)];
            stranger.send("/sign-in", &fields).await.status
        }
    });
    let statuses = futures_util::future::join_all(tries).await;
    let tried = statuses.iter().filter(|status| **status == 422).count();
    assert!(tried <= 5, "{statuses:?}");
    assert!(
        statuses
            .iter()
            .all(|status| [422, 429, 503].contains(status)),
        "{statuses:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_flood_of_names_leaves_behind_is_bounded() {
    let here = Here::new().await;
    let database = &here.trial.database;
    let rows = |sql: &str| {
        let statement = Statement::from_string(database.get_database_backend(), sql);
        async move {
            let row = database.query_one_raw(statement).await.unwrap().unwrap();
            row.try_get_by_index::<i64>(0).unwrap()
        }
    };
    let now = crate::instant::micros(here.trial.clock.now());
    let flood = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000) \
         INSERT INTO sign_in_tries SELECT 'name/' || i, 1, {now} FROM n"
    );
    database.execute_unprepared(&flood).await.unwrap();
    let many = "INSERT INTO sign_in_tries VALUES ('name/many', 9, 0)"
        .replace(", 0)", &format!(", {now})"));
    database.execute_unprepared(&many).await.unwrap();
    // A gateway that starts sweeps at its first try.
    let other = here.other_port().await;
    here.browser_at(&other).sign_in("rosa", WRONG).await;
    assert!(rows("SELECT COUNT(*) FROM sign_in_tries").await <= 20_002);
    let kept = "SELECT COUNT(*) FROM sign_in_tries WHERE subject = 'name/many'";
    assert_eq!(rows(kept).await, 1, "the one with most is kept");
}
