//! Settings, from an administrator's side and from others'.

use super::*;

/// The id of a person in the list of users.
async fn id_of(browser: &mut Browser, name: &str) -> String {
    let page = browser.open("/settings/users").await;
    let (before, _) = page
        .text
        .split_once(&format!("<strong>{name}</strong>"))
        .unwrap();
    let (_, rest) = before.rsplit_once("/settings/users/").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_is_invited_by_a_link_that_is_shown_once() {
    let here = Here::new().await;
    let mut rosa = here.signed_in("rosa").await;
    rosa.open("/settings/users/new").await;
    let wrong = [
        ("name", "anna schmidt"),
        ("email", "nobody"),
        ("role", "emperor"),
    ];
    let page = rosa.submit("/settings/users/new", &wrong).await;
    assert_eq!(page.status, 422);
    for id in ["name-wrong", "email-wrong", "role-wrong"] {
        assert!(
            page.text.contains(&format!("id=\"{id}\"")),
            "{id}: {}",
            page.text
        );
    }
    assert!(
        page.text.contains("value=\"anna schmidt\""),
        "what was typed stays"
    );
    let right = [
        ("name", "anna"),
        ("display", "Anna Schmidt"),
        ("role", "operator"),
    ];
    let page = rosa.submit("/settings/users/new", &right).await;
    assert!(
        page.text.contains("You will not see it again"),
        "{}",
        page.text
    );
    let link = page.between("id=\"link\" value=\"", "\"").unwrap();
    let (address, code) = link.split_once("/link?code=").unwrap();
    assert_eq!(address, format!("https://{HOST}:{}", here.address().port()));
    assert_eq!(page.header("cache-control"), "no-store");
    let listed = rosa.open("/settings/users").await;
    assert!(listed.text.contains("Invited") && !listed.text.contains(code));

    let mut anna = here.browser();
    anna.open(&format!("/link?code={code}")).await;
    let fields = [("code", code), ("password", PASSWORD), ("again", PASSWORD)];
    let start = anna.submit("/link", &fields).await;
    assert!(start.text.contains("Anna Schmidt"), "{}", start.text);
    // What is not hers to see is not shown, and not answered either.
    let settings = anna.open("/settings").await;
    assert!(
        !settings.text.contains("/settings/users"),
        "{}",
        settings.text
    );
    assert_eq!(anna.open("/settings/users").await.status, 403);
    assert_eq!(anna.open("/settings/tokens").await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_stands_beside_what_was_pressed() {
    let here = Here::new().await;
    let mut rosa = here.signed_in("rosa").await;
    let me = id_of(&mut rosa, "rosa").await;
    let path = format!("/settings/users/{me}");
    rosa.open(&path).await;
    for (button, fields, beside) in [
        ("role", vec![("role", "viewer")], "role-wrong"),
        ("disable", vec![], "disable-wrong"),
    ] {
        let page = rosa.submit(&format!("{path}/{button}"), &fields).await;
        assert_eq!(page.status, 422, "{}", page.text);
        let why = page.between(&format!("id=\"{beside}\""), "</p>").unwrap();
        assert!(why.contains("make another one first"), "{why}");
    }
    rosa.open(&format!("{path}/delete")).await;
    let page = rosa.submit(&format!("{path}/delete"), &[]).await;
    assert_eq!(page.status, 422);
    assert!(
        page.text.contains("make another one first"),
        "{}",
        page.text
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_change_a_role_the_second_hears_of_the_first() {
    let here = Here::new().await;
    here.person("anna", Role::Viewer).await;
    let mut rosa = here.signed_in("rosa").await;
    let mut other = here.signed_in("rosa").await;
    let id = id_of(&mut rosa, "anna").await;
    let path = format!("/settings/users/{id}");
    rosa.open(&path).await;
    let was = ("was", "viewer");
    assert!(
        other
            .open(&path)
            .await
            .text
            .contains(r#"name="was" value="viewer""#)
    );
    let fields = [("role", "operator"), was];
    let page = other.submit(&format!("{path}/role"), &fields).await;
    assert!(page.text.contains("The role is changed"), "{}", page.text);
    let fields = [("role", "admin"), was];
    let page = rosa.submit(&format!("{path}/role"), &fields).await;
    assert_eq!(page.status, 409, "{}", page.text);
    for said in [
        "Changed by",
        "Your change was not saved",
        "Show the newer version",
    ] {
        assert!(page.text.contains(said), "{said}: {}", page.text);
    }
    // What another chose stands.
    assert!(page.text.contains(r#"name="was" value="operator""#));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_looks_after_people() {
    let here = Here::new().await;
    here.person("anna", Role::Viewer).await;
    let mut rosa = here.signed_in("rosa").await;
    let mut anna = here.signed_in("anna").await;
    let id = id_of(&mut rosa, "anna").await;
    let path = format!("/settings/users/{id}");
    rosa.open(&path).await;
    let page = rosa
        .submit(&format!("{path}/role"), &[("role", "operator")])
        .await;
    assert!(page.text.contains("The role is changed"), "{}", page.text);
    let page = rosa.submit(&format!("{path}/disable"), &[]).await;
    assert!(page.text.contains("Disabled"), "{}", page.text);
    assert_eq!(anna.get("/account").await.status, 303);
    let page = rosa.submit(&format!("{path}/enable"), &[]).await;
    assert!(page.text.contains("Enabled"), "{}", page.text);
    let page = rosa.submit(&format!("{path}/reset"), &[]).await;
    assert!(page.text.contains("/link?code="), "{}", page.text);
    assert_eq!(here.browser().sign_in("anna", PASSWORD).await.status, 422);
    let page = rosa.open(&format!("{path}/delete")).await;
    assert!(page.text.contains("cannot be undone"), "{}", page.text);
    let page = rosa.submit(&format!("{path}/delete"), &[]).await;
    assert!(page.text.contains("Deleted"), "{}", page.text);
    assert_eq!(rosa.open(&path).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_shown_once_and_revoked() {
    let here = Here::new().await;
    let mut rosa = here.signed_in("rosa").await;
    let empty = rosa.open("/settings/tokens").await;
    assert!(empty.text.contains("No tokens yet"), "{}", empty.text);
    rosa.open("/settings/tokens/new").await;
    let wrong = [
        ("name", ""),
        ("role", "viewer"),
        ("certificates", "not a name!"),
        ("key_export", "yes"),
        ("days", "400"),
    ];
    let page = rosa.submit("/settings/tokens/new", &wrong).await;
    assert_eq!(page.status, 422);
    for id in ["name", "certificates", "key_export", "days"] {
        let id = format!("id=\"{id}-wrong\"");
        assert!(page.text.contains(&id), "{id}: {}", page.text);
    }
    let right = [
        ("name", "deploy of the shop"),
        ("role", "operator"),
        ("certificates", "shop.example\r\n*.shop.example"),
        ("key_export", "yes"),
        ("days", "30"),
    ];
    let page = rosa.submit("/settings/tokens/new", &right).await;
    let text = page.between("id=\"text\" value=\"", "\"").unwrap();
    assert!(text.starts_with("chancery_"), "{}", page.text);
    let again = rosa.submit("/settings/tokens/new", &right).await;
    assert_eq!(again.status, 422);
    let listed = rosa.open("/settings/tokens").await;
    assert!(listed.text.contains("*.shop.example") && !listed.text.contains(text));
    let id = listed.between("id=\"token-", "\"").unwrap();
    let revoke = format!("/settings/tokens/{id}/revoke");
    rosa.open(&revoke).await;
    let page = rosa.submit(&revoke, &[]).await;
    assert!(
        page.text.contains("Revoked") && page.text.contains("No tokens yet"),
        "{}",
        page.text
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn everybodys_sessions_are_seen_and_ended() {
    let here = Here::new().await;
    here.person("anna", Role::Viewer).await;
    let (mut rosa, mut anna) = (here.signed_in("rosa").await, here.signed_in("anna").await);
    let page = rosa.open("/settings/sign-in").await;
    assert!(page.text.contains("<strong>anna</strong>"), "{}", page.text);
    assert!(page.text.contains("ends after 30 minutes"), "{}", page.text);
    assert_eq!(anna.get("/account").await.status, 200);
    // Of the same moment: where she chose her password, and where she signed in.
    for left in [1, 0] {
        let page = rosa.open("/settings/sign-in").await;
        let (_, hers) = page.text.split_once("<strong>anna</strong>").unwrap();
        let (_, session) = hers.split_once("name=\"session\" value=\"").unwrap();
        let session = session.split('"').next().unwrap();
        let page = rosa
            .submit("/settings/sign-in/end", &[("session", session)])
            .await;
        assert!(page.text.contains("has to sign in again"), "{}", page.text);
        let hers = page.text.matches("<strong>anna</strong>").count();
        assert_eq!(hers, left, "{}", page.text);
    }
    assert_eq!(anna.get("/account").await.status, 303);
    assert_eq!(rosa.get("/account").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_is_said_also_where_it_does_not() {
    let here = Here::new().await;
    let mut rosa = here.signed_in("rosa").await;
    let page = rosa.open("/settings").await;
    for text in [
        "csr-service",
        "Does not answer",
        "Running",
        "Port 443 (https)",
        "TLS 1.3",
    ] {
        assert!(page.text.contains(text), "{text}: {}", page.text);
    }
    assert!(
        rosa.open("/settings/backup")
            .await
            .text
            .contains("<code>kek</code>")
    );
    // A password from long ago opens no page that changes who may do what.
    here.pass(16 * 60);
    assert_eq!(rosa.get("/settings/users").await.status, 200);
    for path in ["/settings/users/new", "/settings/tokens/new"] {
        let page = rosa.get(path).await;
        assert!(
            page.location().unwrap().starts_with("/confirm?next="),
            "{path}"
        );
    }
}
