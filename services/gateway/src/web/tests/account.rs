//! One's own account.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_needs_the_old_one_and_ends_other_sessions() {
    let here = Here::new().await;
    let (mut rosa, mut other) = (here.signed_in("rosa").await, here.signed_in("rosa").await);
    let new = "another long one";
    rosa.open("/account").await;
    for (old, password, again, why) in [
        ("a wrong password", new, new, "This is not your password."),
        (PASSWORD, "short", "short", "at least 12 characters"),
        (PASSWORD, "Password1234", "Password1234", "tried first"),
        (PASSWORD, new, "another one", "not the same"),
    ] {
        let fields = [("old", old), ("password", password), ("again", again)];
        let page = rosa.submit("/account/password", &fields).await;
        assert_eq!(page.status, 422);
        assert!(page.text.contains(why), "{}", page.text);
    }
    let fields = [("old", PASSWORD), ("password", new), ("again", new)];
    let page = rosa.submit("/account/password", &fields).await;
    assert!(
        page.text.contains("Your password is changed"),
        "{}",
        page.text
    );
    assert_eq!(other.get("/account").await.status, 303);
    assert_eq!(here.browser().sign_in("rosa", PASSWORD).await.status, 422);
    let page = here.browser().sign_in("rosa", new).await;
    assert!(page.is_within(), "{}", page.text);
    assert_eq!(here.said().await.last().unwrap(), "password-changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_password_cannot_be_guessed_by_who_found_a_session() {
    let here = Here::new().await;
    let mut thief = here.signed_in("rosa").await;
    thief.open("/account").await;
    for n in 0..11 {
        let fields = [
            ("old", "a wrong password"),
            ("password", PASSWORD),
            ("again", PASSWORD),
        ];
        let page = thief.submit("/account/password", &fields).await;
        assert_eq!(page.status, if n < 10 { 422 } else { 429 }, "{n}");
    }
    // It keeps nobody from signing in.
    here.signed_in("rosa").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_listed_with_their_browsers_and_ended() {
    let here = Here::new().await;
    let mut rosa = here.signed_in("rosa").await;
    let mut phone = here.browser();
    let agent = "Mozilla/5.0 (Android 16; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0";
    phone.headers = vec![("user-agent", agent.into())];
    phone.sign_in("rosa", PASSWORD).await;
    let page = rosa.open("/account").await;
    assert!(page.text.contains("Firefox on Android"), "{}", page.text);
    assert!(page.text.contains("127.0.0.1"), "{}", page.text);
    assert_eq!(page.text.matches(">This one<").count(), 1);
    let (_, phones) = page.text.split_once("Firefox on Android").unwrap();
    let (_, id) = phones.split_once("name=\"session\" value=\"").unwrap();
    let id = id.split('"').next().unwrap();
    let page = rosa
        .submit("/account/end-session", &[("session", id)])
        .await;
    assert!(page.text.contains("Ended."), "{}", page.text);
    assert_eq!(phone.get("/account").await.status, 303);
    assert_eq!(rosa.get("/account").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_ends_anothers_session() {
    let here = Here::new().await;
    here.person("ben", Role::Viewer).await;
    let (mut rosa, mut ben) = (here.signed_in("rosa").await, here.signed_in("ben").await);
    let sessions = here.gateway.commands.sessions(None).await.unwrap();
    let hers = sessions
        .iter()
        .find(|(_, open)| open.login_name == "rosa")
        .unwrap();
    ben.open("/account").await;
    let id = hers.0.id.to_string();
    let page = ben
        .submit("/account/end-session", &[("session", &id)])
        .await;
    assert_eq!(page.status, 404);
    assert_eq!(rosa.get("/account").await.status, 200);
}
