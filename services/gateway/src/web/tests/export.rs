//! Private keys leave for who has shown his password lately, or shows it in the form.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_password_in_the_form_makes_the_session_fresh_and_keeps_it() {
    let here = Here::new().await;
    let mut rosa = here.signed_in("rosa").await;
    rosa.open("/account").await;
    here.pass(16 * 60);
    rosa.open("/account").await;
    let fields = |password| {
        [
            ("select", "a"),
            ("key", "a"),
            ("format", "pem"),
            ("unprotected", "unprotected"),
            ("password", password),
        ]
    };
    // Nobody gives anything out here: what is told is what becomes of the session.
    let fresh = async |rosa: &mut Browser| {
        let page = rosa.get("/confirm").await;
        assert_eq!(page.status, 200);
        let session = rosa.cookies.get("__Host-chancery").cloned();
        (
            rosa.send("/account/end-others", &[]).await.location()
                != Some("/confirm?next=%2Faccount"),
            session,
        )
    };
    let (is_fresh, session) = fresh(&mut rosa).await;
    assert!(!is_fresh);
    rosa.send("/export", &fields("a wrong password")).await;
    assert!(!fresh(&mut rosa).await.0);
    rosa.send("/export", &fields(PASSWORD)).await;
    let (is_fresh, renewed) = fresh(&mut rosa).await;
    assert!(is_fresh);
    assert_ne!(
        session, renewed,
        "the new cookie came, although nothing was given out"
    );
    here.pass(120);
    assert_eq!(rosa.get("/account").await.status, 200, "she is still in");
}
