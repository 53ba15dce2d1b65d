//! What browsers are told, and what pages say.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn v3_2_2_what_people_typed_is_shown_as_text() {
    let (here, code) = Here::before_set_up().await;
    let mut rosa = here.browser();
    rosa.open(&link_path(code.text())).await;
    let hostile = "<script>alert(1)</script>\"'&";
    let fields = [
        ("code", code.text()),
        ("name", "rosa"),
        ("display", hostile),
        ("password", PASSWORD),
        ("again", PASSWORD),
    ];
    rosa.submit("/link", &fields).await;
    let start = rosa.open("/").await;
    rosa.headers = vec![("user-agent", hostile.into())];
    rosa.sign_in("rosa", PASSWORD).await;
    let account = rosa.open("/account").await;
    let mut stranger = here.browser();
    stranger.open("/sign-in").await;
    let fields = [("name", hostile), ("password", WRONG), ("next", hostile)];
    let refused = stranger.submit("/sign-in", &fields).await;
    for page in [start, account, refused] {
        assert!(page.has_only_our_script(), "{}", page.text);
        assert!(
            page.text.contains("&#60;script&#62;alert(1)"),
            "{}",
            page.text
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn v3_3_1_cookies_are_secure_and_have_the_prefix() {
    let here = Here::new().await;
    let mut rosa = here.browser();
    rosa.open("/sign-in").await;
    let page = rosa
        .send("/sign-in", &[("name", "rosa"), ("password", PASSWORD)])
        .await;
    let cookies = page.set_cookies();
    assert_eq!(cookies.len(), 2, "{cookies:?}");
    for cookie in cookies {
        assert!(cookie.starts_with("__Host-chancery"), "{cookie}");
        assert!(
            cookie.contains("; Secure") && cookie.contains("; Path=/"),
            "{cookie}"
        );
        assert!(!cookie.contains("Domain"), "{cookie}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn v3_3_2_cookies_do_not_come_with_other_sites_forms() {
    let here = Here::new().await;
    let mut rosa = here.browser();
    let page = rosa.open("/sign-in").await;
    let mut cookies = page.set_cookies();
    cookies.extend(
        rosa.send("/sign-in", &[("name", "rosa"), ("password", PASSWORD)])
            .await
            .set_cookies(),
    );
    assert_eq!(cookies.len(), 3);
    for cookie in cookies {
        let strict = cookie.contains("; SameSite=Strict");
        assert!(strict || cookie.contains("; SameSite=Lax"), "{cookie}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn v3_3_4_no_script_reads_a_cookie_and_no_page_repeats_one() {
    let here = Here::new().await;
    let mut rosa = here.browser();
    rosa.open("/sign-in").await;
    let page = rosa
        .send("/sign-in", &[("name", "rosa"), ("password", PASSWORD)])
        .await;
    assert!(
        page.set_cookies()
            .iter()
            .all(|cookie| cookie.contains("; HttpOnly"))
    );
    for path in ["/", "/account", "/confirm", "/device"] {
        let page = rosa.open(path).await;
        for value in rosa.cookies.values() {
            assert!(!page.text.contains(value.as_str()), "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn v3_4_1_browsers_insist_on_tls_for_names_with_a_certificate() {
    let here = Here::new().await;
    for page in answers(&here).await {
        assert_eq!(page.header("strict-transport-security"), "max-age=63072000");
    }
    let mut elsewhere = Browser::new(here.address(), "localhost");
    assert_eq!(
        elsewhere
            .open("/")
            .await
            .header("strict-transport-security"),
        ""
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn v3_4_2_no_other_origin_reads_an_answer() {
    let here = Here::new().await;
    let mut stranger = here.browser();
    stranger.headers = vec![("origin", "https://evil.example".into())];
    let page = stranger.get("/sign-in").await;
    assert_eq!(page.header("access-control-allow-origin"), "");
    assert_eq!(page.header("cross-origin-resource-policy"), "same-origin");
    assert_eq!(page.header("cross-origin-opener-policy"), "same-origin");
}

#[tokio::test(flavor = "multi_thread")]
async fn v3_4_3_every_answer_has_a_policy_and_no_page_needs_an_exception() {
    let here = Here::new().await;
    for page in answers(&here).await {
        assert_eq!(page.header("content-security-policy"), headers::POLICY);
        assert!(page.has_only_our_script(), "{}", page.text);
        for inline in [
            "style=",
            "<style",
            " onload",
            " onclick",
            "javascript:",
            "http://",
            "data:",
        ] {
            assert!(!page.text.contains(inline), "{inline}: {}", page.text);
        }
    }
    // What is not named falls back to `default-src`: objects too.
    for part in ["default-src 'none'", "base-uri 'none'"] {
        assert!(headers::POLICY.contains(part));
    }
    assert!(!headers::POLICY.contains("unsafe") && !headers::POLICY.contains("object-src"));
}

#[tokio::test(flavor = "multi_thread")]
async fn v3_4_4_no_answer_is_taken_for_what_it_is_not() {
    let here = Here::new().await;
    for page in answers(&here).await {
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        let empty = page.text.is_empty();
        assert_eq!(
            page.header("content-type").contains("charset=utf-8"),
            !empty,
            "{page:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn v3_4_5_no_link_tells_where_one_was() {
    let here = Here::new().await;
    for page in answers(&here).await {
        assert_eq!(page.header("referrer-policy"), "no-referrer");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn v3_4_6_no_page_stands_in_a_frame() {
    let here = Here::new().await;
    for page in answers(&here).await {
        let policy = page.header("content-security-policy");
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert_eq!(page.header("x-frame-options"), "DENY");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn v3_5_1_every_form_is_ours() {
    let here = Here::new().await;
    let mut rosa = here.signed_in("rosa").await;
    let posts = [
        "/sign-in",
        "/sign-in/code",
        "/sign-out",
        "/link",
        "/confirm",
        "/account/password",
        "/account/end-session",
        "/account/end-others",
        "/account/end-token",
        "/account/second-factor",
        "/account/second-factor/add",
        "/account/second-factor/remove",
        "/account/recovery-codes",
        "/device",
        "/device/answer",
        "/servers/new",
        "/automated/new",
        "/automated/checks",
        "/dns-providers/new",
        "/setup/ca",
        "/setup/certificate",
    ];
    for path in posts {
        for (token, site) in [("", "same-origin"), ("forged", "same-origin")] {
            rosa.token = token.into();
            rosa.headers = vec![("sec-fetch-site", site.into())];
            assert_eq!(rosa.send(path, &[]).await.status, 403, "{path}");
        }
        rosa.headers.clear();
        rosa.get("/account").await;
        rosa.headers = vec![("sec-fetch-site", "cross-site".into())];
        assert_eq!(rosa.send(path, &[]).await.status, 403, "{path}");
        rosa.headers.clear();
    }
    assert_eq!(rosa.get("/account").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn v3_5_3_a_link_changes_nothing() {
    let here = Here::new().await;
    let mut rosa = here.signed_in("rosa").await;
    let before = here.said().await;
    for path in [
        "/sign-out",
        "/account/password",
        "/account/end-others",
        "/account/recovery-codes",
        "/device/answer",
    ] {
        assert_eq!(rosa.get(path).await.status, 405, "{path}");
    }
    assert_eq!(rosa.get("/account").await.status, 200);
    assert_eq!(here.said().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn v3_7_2_nobody_is_sent_elsewhere() {
    let here = Here::new().await;
    let elsewhere = [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "javascript:1",
    ];
    for next in elsewhere {
        let mut rosa = here.browser();
        rosa.open("/sign-in").await;
        let fields = [("name", "rosa"), ("password", PASSWORD), ("next", next)];
        let page = rosa.send("/sign-in", &fields).await;
        assert_eq!(page.location(), Some("/"), "{next}");
        let query = serde_urlencoded::to_string([("next", next)]).unwrap();
        assert_eq!(
            rosa.get(&format!("/sign-in?{query}")).await.location(),
            Some("/"),
            "{next}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn v4_1_3_nobody_says_himself_where_he_comes_from() {
    let here = Here::new().await;
    let mut rosa = here.browser();
    rosa.headers = vec![
        ("x-forwarded-for", "203.0.113.9".into()),
        ("forwarded", "for=203.0.113.9".into()),
        ("x-real-ip", "203.0.113.9".into()),
        ("x-forwarded-host", "evil.example".into()),
    ];
    rosa.sign_in("rosa", PASSWORD).await;
    let page = rosa.open("/account").await;
    assert!(page.text.contains("127.0.0.1"), "{}", page.text);
    assert!(
        !page.text.contains("203.0.113.9") && !page.text.contains("evil"),
        "{}",
        page.text
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn v14_3_2_no_page_is_kept_and_files_are_kept_for_ever() {
    let here = Here::new().await;
    for page in answers(&here).await {
        let is_file = page.header("content-type").starts_with("text/css");
        let kept = if is_file {
            "public, max-age=31536000, immutable"
        } else {
            "no-store"
        };
        assert_eq!(page.header("cache-control"), kept, "{page:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn v16_5_1_a_failure_says_nothing_of_what_is_inside() {
    let here = Here::new().await;
    let mut rosa = here.browser();
    rosa.open("/sign-in").await;
    here.trial.database.clone().close().await.unwrap();
    let page = rosa
        .send("/sign-in", &[("name", "rosa"), ("password", PASSWORD)])
        .await;
    assert_eq!(page.status, 500);
    let text = page.text.to_lowercase();
    for word in ["sql", "database", "pool", "src/", PASSWORD, "rosa"] {
        assert!(!text.contains(word), "{word}: {text}");
    }
}
