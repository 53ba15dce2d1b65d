//! Coming in and going out.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn the_first_administrator_makes_himself_with_the_link_and_it_ends() {
    let (here, code) = Here::before_set_up().await;
    let mut stranger = here.browser();
    for path in ["/", "/sign-in"] {
        let page = stranger.open(path).await;
        assert!(page.text.contains("chancery up"), "{}", page.text);
    }
    let link = link_path(code.text());
    let mut rosa = here.browser();
    let page = rosa.open(&link).await;
    assert!(page.text.contains("You are the first"), "{}", page.text);
    // What is wrong is said beside its field, and what was right stays; passwords are never repeated.
    let wrong = [
        ("rosa m", PASSWORD, PASSWORD, "letters a to z"),
        ("rosa", "short", "short", "12 characters"),
        ("rosa", PASSWORD, "another long one", "not the same"),
    ];
    for (name, password, again, why) in wrong {
        let fields = [
            ("code", code.text()),
            ("name", name),
            ("display", "Rosa <b>Marín</b>"),
            ("password", password),
            ("again", again),
        ];
        let page = rosa.send("/link", &fields).await;
        assert_eq!(page.status, 422);
        assert!(page.text.contains(why), "{}", page.text);
        assert!(
            page.text
                .contains("value=\"Rosa &#60;b&#62;Marín&#60;/b&#62;\""),
            "{}",
            page.text
        );
        assert!(!page.text.contains(password), "{}", page.text);
    }
    let fields = [
        ("code", code.text()),
        ("name", "rosa"),
        ("display", "Rosa"),
        ("password", PASSWORD),
        ("again", PASSWORD),
    ];
    let set_up = rosa.submit("/link", &fields).await;
    assert!(set_up.text.contains("Your CA"), "{}", set_up.text);
    let start = rosa.open("/").await;
    assert!(start.is_within(), "{}", start.text);
    assert_eq!(here.said().await, ["set-up-done"]);
    // The link is used up, and there is a door now.
    for mut other in [here.browser(), rosa] {
        let page = other.open(&link).await;
        assert_eq!(page.status, 404);
        assert!(page.text.contains("opens nothing"), "{}", page.text);
    }
    let page = stranger.open("/").await;
    assert!(page.text.contains("<h1>Sign in</h1>"), "{}", page.text);
    let start = stranger
        .submit("/sign-in", &[("name", " ROSA "), ("password", PASSWORD)])
        .await;
    assert!(start.is_within(), "{}", start.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_invited_chooses_a_password_and_is_in() {
    let here = Here::new().await;
    let created = here.gateway.created("ben", Role::Operator).await;
    let code = created.invited.link.unwrap().0;
    let mut ben = here.browser();
    let page = ben.open(&link_path(code.text())).await;
    assert!(
        page.text.contains("Choose a password") && page.text.contains("ben"),
        "{}",
        page.text
    );
    let fields = [
        ("code", code.text()),
        ("password", PASSWORD),
        ("again", PASSWORD),
    ];
    let start = ben.submit("/link", &fields).await;
    assert!(
        start.is_within() && start.text.contains("ben<small>operator</small>"),
        "{}",
        start.text
    );
    let again = here.browser().open(&link_path(code.text())).await;
    assert_eq!(again.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_wanted_to_go_somewhere_gets_there_after_the_door() {
    let here = Here::new().await;
    let mut rosa = here.browser();
    let page = rosa.get("/account?done=ended").await;
    assert_eq!(
        page.location(),
        Some("/sign-in?next=%2Faccount%3Fdone%3Dended")
    );
    let page = rosa.open("/account?done=ended").await;
    let next = page
        .between("name=\"next\" value=\"", "\"")
        .unwrap()
        .to_owned();
    let fields = [
        ("name", "rosa"),
        ("password", PASSWORD),
        ("next", next.as_str()),
    ];
    let page = rosa.send("/sign-in", &fields).await;
    assert_eq!(
        (page.status, page.location()),
        (303, Some("/account?done=ended"))
    );
    // Who is in already goes on at once.
    let page = rosa.get("/sign-in?next=%2Faccount").await;
    assert_eq!(page.location(), Some("/account"));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_signs_out_is_out() {
    let here = Here::new().await;
    let mut rosa = here.signed_in("rosa").await;
    let cookie = rosa.cookies["__Host-chancery"].clone();
    let page = rosa.submit("/sign-out", &[]).await;
    assert!(page.text.contains("<h1>Sign in</h1>"), "{}", page.text);
    assert!(!rosa.cookies.contains_key("__Host-chancery"));
    // The cookie opens nothing either, should somebody have kept it.
    let mut thief = here.browser();
    thief.cookies.insert("__Host-chancery".into(), cookie);
    assert_eq!(
        thief.get("/account").await.location(),
        Some("/sign-in?next=%2Faccount")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cookie_changes_while_it_is_used_and_forms_go_on() {
    let here = Here::new().await;
    let mut rosa = here.signed_in("rosa").await;
    rosa.open("/account").await;
    let (first, token) = (rosa.cookies["__Host-chancery"].clone(), rosa.token.clone());
    here.pass(16 * 60);
    rosa.open("/").await;
    assert_ne!(rosa.cookies["__Host-chancery"], first);
    // A form that was opened before is still good.
    rosa.token = token;
    let fields = [
        ("old", PASSWORD),
        ("password", "another long one"),
        ("again", "another long one"),
    ];
    let page = rosa.submit("/account/password", &fields).await;
    assert!(
        page.text.contains("Your password is changed"),
        "{}",
        page.text
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_log_nobody_signs_in_and_the_page_says_so() {
    let here = Here::new().await;
    let gateway = here.trial.work_without_log();
    let port = open(&here.house, &gateway).await;
    // However often he tries: it was not his fault, and is not counted.
    for _ in 0..7 {
        let mut rosa = here.browser_at(&port);
        let page = rosa.sign_in("rosa", PASSWORD).await;
        assert_eq!(page.status, 503);
        assert!(
            page.text.contains("cannot reach its event log"),
            "{}",
            page.text
        );
        assert!(!page.header("retry-after").is_empty());
    }
    here.signed_in("rosa").await;
}
