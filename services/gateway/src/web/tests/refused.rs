//! What is refused: other sites' forms, what is no form, what is too long or too slow; and what a problem's page says.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::*;
use crate::fixture::{client, handshake};

const FORM: &str = "application/x-www-form-urlencoded";

/// Bytes as they are, and what comes back.
async fn ask(here: &Here, request: &[u8]) -> String {
    let tcp = TcpStream::connect(here.address()).await.unwrap();
    let mut stream = handshake(client(), tcp, Some(HOST)).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    let read = timeout(Duration::from_secs(40), stream.read_to_end(&mut answer)).await;
    let _closed_or_reset = read.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_of_another_site_changes_nothing() {
    let here = Here::new().await;
    let mut rosa = here.signed_in("rosa").await;
    rosa.open("/account").await;
    let token = rosa.token.clone();
    let origin = format!("https://{HOST}:{}", here.address().port());
    let refused: [(&str, Vec<(&'static str, String)>); 6] = [
        (&token, vec![("sec-fetch-site", "cross-site".into())]),
        (&token, vec![("sec-fetch-site", "same-site".into())]),
        (&token, vec![("origin", "https://evil.example".into())]),
        (&token, vec![("origin", "null".into())]),
        ("", vec![("origin", origin.clone())]),
        ("AAAA", vec![("sec-fetch-site", "same-origin".into())]),
    ];
    for (token, headers) in refused {
        rosa.token = token.to_owned();
        rosa.headers = headers.clone();
        let page = rosa.send("/sign-out", &[]).await;
        assert_eq!(page.status, 403, "{headers:?}");
    }
    // A token of another session, or another browser, or of nobody's.
    rosa.headers.clear();
    let mut ben = here.browser();
    ben.open("/sign-in").await;
    rosa.token = ben.token.clone();
    assert_eq!(rosa.send("/sign-out", &[]).await.status, 403);
    rosa.cookies.remove("__Host-chancery-form");
    rosa.token = token.clone();
    assert_eq!(rosa.send("/sign-out", &[]).await.status, 403);
    // And who is only about to sign in has one too.
    ben.token = String::new();
    assert_eq!(ben.sign_in_with_token(&token).await.status, 403);
    assert_eq!(rosa.get("/account").await.status, 200, "she is still in");
    rosa.headers = vec![("origin", origin), ("sec-fetch-site", "same-origin".into())];
    rosa.open("/account").await;
    assert_eq!(rosa.send("/sign-out", &[]).await.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_form_of_ours_gets_a_page_that_says_so() {
    let here = Here::new().await;
    let mut stranger = here.browser();
    stranger.open("/sign-in").await;
    let long = format!(
        "token={}&name={}",
        stranger.token,
        "a".repeat(form::MOST_BYTES)
    );
    for (media_type, body, status, heading) in [
        (
            "application/json",
            "{}".to_owned(),
            415,
            "That is not a form",
        ),
        (
            "text/plain",
            "token=x".to_owned(),
            415,
            "That is not a form",
        ),
        (
            "multipart/form-data; boundary=x",
            "--x--".to_owned(),
            415,
            "That is not a form",
        ),
        (FORM, long, 413, "That is too long"),
        (FORM, "%00%ff=%".to_owned(), 403, "out of date"),
        (
            FORM,
            format!("token={}", stranger.token),
            400,
            "cannot be read",
        ),
    ] {
        let page = stranger.post("/sign-in", media_type, body).await;
        assert_eq!(page.status, status, "{heading}");
        assert!(page.text.contains(heading), "{heading}: {}", page.text);
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    }
    for path in [
        "/admin",
        "/account/x",
        "/assets/x.css",
        "/assets/../Cargo.toml",
        "/%00",
        "/.git/config",
    ] {
        let page = stranger.get(path).await;
        assert_eq!(page.status, 404, "{path}");
        assert!(page.text.contains("There is no such page"), "{}", page.text);
    }
    assert_eq!(stranger.post("/account", FORM, "token=x").await.status, 405);
    assert_eq!(stranger.get("/sign-out").await.status, 405);
    assert_eq!(stranger.get("/sign-in?next=%ff%fe").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_methods_are_refused() {
    let here = Here::new().await;
    for method in [
        "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "BREW",
    ] {
        let path = if method == "CONNECT" {
            "a.example:443"
        } else {
            "/"
        };
        let request =
            format!("{method} {path} HTTP/1.1\r\nhost: {HOST}\r\nconnection: close\r\n\r\n");
        let answer = ask(&here, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 405 "), "{method}: {answer}");
        assert!(
            answer.contains("allow: GET, HEAD, POST"),
            "{method}: {answer}"
        );
    }
    let request = format!("HEAD /sign-in HTTP/1.1\r\nhost: {HOST}\r\nconnection: close\r\n\r\n");
    let answer = ask(&here, request.as_bytes()).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\n"),
        "{answer}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_comes_slowly_is_not_waited_for() {
    let here = Here::new().await;
    let request = format!(
        "POST /sign-in HTTP/1.1\r\nhost: {HOST}\r\nconnection: close\r\ncontent-type: {FORM}\r\ncontent-length: 100\r\n\r\ntoken="
    );
    let answer = ask(&here, request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("That took too long"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strange_host_is_not_repeated() {
    let here = Here::new().await;
    for host in ["evil.example", "evil.example:1\"><script>", ""] {
        for path in ["/", "/sign-in", "/nothing"] {
            let request =
                format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
            let answer = ask(&here, request.as_bytes()).await;
            assert!(!answer.contains("evil"), "{answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_shows_a_reference_and_nothing_of_itself() {
    let here = Here::new().await;
    let mut rosa = here.signed_in("rosa").await;
    here.trial.database.clone().close().await.unwrap();
    let page = rosa.get("/account").await;
    assert_eq!(page.status, 500);
    let reference = page.between("Reference <code>", "</code>").unwrap();
    assert_eq!(reference.len(), 8, "{}", page.text);
    for word in ["database", "sqlite", "pool", "Error", "panicked", "src/"] {
        assert!(!page.text.contains(word), "{word}: {}", page.text);
    }
}
