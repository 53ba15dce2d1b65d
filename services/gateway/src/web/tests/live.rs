//! What an open page hears.

use axum::http::header::CONTENT_TYPE;

use super::*;
use town::wait;

/// The stream of an open page.
struct Open {
    answer: reqwest::Response,
    heard: String,
}

impl Open {
    /// Listens from this position on, once the gateway itself hears.
    async fn of(browser: &Browser, after: u64) -> Open {
        let path = format!("/events?after={after}");
        wait::until("live updates are there", async || {
            let mut answer = browser.listen(&path, None).await;
            assert_eq!(answer.status(), 200);
            // It ends at once where the gateway itself hears nothing yet.
            let first = answer.chunk().await.unwrap()?;
            Some(Open {
                answer,
                heard: String::from_utf8(first.to_vec()).unwrap(),
            })
        })
        .await
    }

    /// Waits for this in what is said.
    async fn hears(&mut self, text: &str) {
        while !self.heard.contains(text) {
            let chunk = self.answer.chunk().await.unwrap();
            let chunk = chunk.unwrap_or_else(|| panic!("ended without {text}: {}", self.heard));
            self.heard.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// Waits for its end.
    async fn ends(&mut self) {
        while let Ok(Some(_)) = self.answer.chunk().await {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_hears_what_is_touched_and_nothing_else_of_it() {
    let here = Here::new().await;
    let rosa = here.signed_in("rosa").await;
    let mut page = Open::of(&rosa, 10).await;
    assert_eq!(page.answer.headers()[CONTENT_TYPE], "text/event-stream");
    assert_eq!(page.answer.headers()["cache-control"], "no-store");
    page.hears("event: beat\ndata:\n\n").await;
    let fields = [
        ("automationId", "a-1"),
        ("keyId", "k-1"),
        ("friendlyName", "a secret project"),
        ("serverId", "two\nlines"),
    ];
    let told = here.projection.tell("certificate", "c-1", &fields);
    page.hears(&format!(
        "id: {told}\ndata: automation:a-1 certificate:c-1 key:k-1\n\n"
    ))
    .await;
    assert!(!page.heard.contains("secret") && !page.heard.contains("two"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_comes_again_hears_what_it_missed_or_that_it_was_too_much() {
    let here = Here::new().await;
    let rosa = here.signed_in("rosa").await;
    let mut page = Open::of(&rosa, 10).await;
    here.projection.tell("certificate", "c-1", &[]);
    page.hears("c-1").await;
    drop(page);
    let second = here.projection.tell("certificate", "c-2", &[]);
    let mut again = Open::of(&rosa, 10).await;
    again.hears("certificate:c-1 certificate:c-2").await;
    // The header says it better than the address, which may be from long ago.
    let answer = rosa.listen("/events?after=10", Some("11")).await;
    let mut last = Open {
        answer,
        heard: String::new(),
    };
    last.hears(&format!("id: {second}\ndata: certificate:c-2\n\n"))
        .await;
    // It was made before this gateway began to hear.
    let mut old = Open::of(&rosa, 3).await;
    old.hears(&format!("id: {second}\ndata: *\n\n")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_with_the_session() {
    let here = Here::new().await;
    let id = here.person("anna", Role::Viewer).await.to_string();
    let mut anna = here.signed_in("anna").await;
    let mut page = Open::of(&anna, 10).await;
    page.hears("beat").await;
    anna.open("/account").await;
    let before = anna.cookie();
    anna.submit("/sign-out", &[]).await;
    // The projection has that event as well, sooner or later.
    here.projection
        .tell("something", "of-anna", &[("userId", &id)]);
    page.ends().await;
    for cookie in [anna.cookie(), before] {
        anna.headers = vec![("cookie", cookie)];
        anna.cookies.clear();
        assert_eq!(anna.listen("/events?after=10", None).await.status(), 401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_has_no_more_than_so_many_pages() {
    let here = Here::new().await;
    let rosa = here.signed_in("rosa").await;
    here.person("anna", Role::Viewer).await;
    let anna = here.signed_in("anna").await;
    let mut open = vec![Open::of(&rosa, 10).await];
    while open.len() < 50 {
        open.push(Open::of(&rosa, 10).await);
    }
    assert_eq!(rosa.listen("/events?after=10", None).await.status(), 429);
    Open::of(&anna, 10).await;
    drop(open);
    Open::of(&rosa, 10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_page_asks_by_itself_keeps_no_session_open() {
    let here = Here::new().await;
    let (mut rosa, mut page) = (here.signed_in("rosa").await, here.signed_in("rosa").await);
    page.headers = vec![("chancery-live", "1".into())];
    // Half of what a session may be idle, twice.
    for _ in 0..2 {
        here.pass(16 * 60);
        assert_eq!(rosa.get("/account").await.status, 200);
        page.get("/account").await;
    }
    assert_eq!(page.get("/account").await.status, 303);
    assert_eq!(rosa.get("/account").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_compressed_for_those_who_take_it() {
    use std::io::Read as _;

    let here = Here::new().await;
    let mut rosa = here.signed_in("rosa").await;
    let plain = rosa.get("/account").await;
    assert_eq!(plain.header("content-encoding"), "");
    assert_eq!(plain.header("vary"), "accept-encoding");
    rosa.headers = vec![("accept-encoding", "br, gzip".into())];
    for path in ["/account", plain.between("href=\"/assets", "\"").unwrap()] {
        let path = if path.starts_with("/a") {
            path.to_owned()
        } else {
            format!("/assets{path}")
        };
        let answer = rosa.listen(&path, None).await;
        assert_eq!(answer.headers()["content-encoding"], "gzip", "{path}");
        assert_eq!(answer.headers()["vary"], "accept-encoding");
        let length = answer.headers()["content-length"].clone();
        let sent = answer.bytes().await.unwrap();
        assert_eq!(length, sent.len().to_string().as_str());
        let mut text = String::new();
        flate2::read::GzDecoder::new(&*sent)
            .read_to_string(&mut text)
            .unwrap();
        assert!(text.len() > 3 * sent.len(), "{path}");
    }
}
