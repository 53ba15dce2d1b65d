//! Sessions.

use super::*;
use crate::trials::origin;

#[tokio::test(flavor = "multi_thread")]
async fn v7_2_4_every_sign_in_begins_a_session_of_its_own_and_ends_the_one_before() {
    let here = Here::new().await;
    let mut rosa = here.signed_in("rosa").await;
    let first = rosa.cookies["__Host-chancery"].clone();
    let mut fixed = here.browser();
    fixed
        .cookies
        .insert("__Host-chancery".into(), "A".repeat(43));
    fixed.sign_in("rosa", PASSWORD).await;
    assert_ne!(fixed.cookies["__Host-chancery"], "A".repeat(43));
    rosa.get("/account").await;
    rosa.submit("/sign-in", &[("name", "rosa"), ("password", PASSWORD)])
        .await;
    assert_ne!(rosa.cookies["__Host-chancery"], first);
    let mut thief = here.browser();
    thief.cookies.insert("__Host-chancery".into(), first);
    assert_eq!(thief.get("/account").await.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn v7_3_1_a_session_that_is_not_used_ends() {
    let here = Here::new().await;
    let mut rosa = here.signed_in("rosa").await;
    here.pass(29 * 60);
    assert_eq!(rosa.get("/account").await.status, 200);
    here.pass(30 * 60);
    assert_eq!(rosa.get("/account").await.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn v7_3_2_a_session_ends_after_twelve_hours() {
    let here = Here::new().await;
    let mut rosa = here.signed_in("rosa").await;
    for _ in 1..48 {
        here.pass(15 * 60);
        assert_eq!(rosa.get("/account").await.status, 200);
    }
    here.pass(15 * 60);
    assert_eq!(rosa.get("/account").await.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn v7_4_1_a_session_that_was_left_cannot_be_gone_back_to() {
    let here = Here::new().await;
    let mut rosa = here.signed_in("rosa").await;
    let kept = rosa.cookies.clone();
    let page = rosa.open("/account").await;
    assert_eq!(page.header("cache-control"), "no-store");
    rosa.submit("/sign-out", &[]).await;
    rosa.cookies = kept;
    assert_eq!(rosa.get("/account").await.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn v7_4_2_who_is_disabled_or_deleted_is_out() {
    let here = Here::new().await;
    let commands = &here.gateway.commands;
    for name in ["dora", "emil"] {
        let id = here.person(name, Role::Viewer).await;
        let mut browser = here.signed_in(name).await;
        match name {
            "dora" => commands.disable_user(&origin("disable"), id).await.unwrap(),
            _ => commands.delete_user(&origin("delete"), id).await.unwrap(),
        };
        assert_eq!(browser.get("/account").await.status, 303, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn v7_4_3_a_changed_factor_ends_the_other_sessions() {
    let here = Here::new().await;
    let (mut rosa, mut other) = (here.signed_in("rosa").await, here.signed_in("rosa").await);
    factor::add(&here, &mut rosa).await;
    assert_eq!(other.get("/account").await.status, 303);
    assert_eq!(rosa.get("/account").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn v7_4_4_every_page_of_a_person_has_the_way_out() {
    let here = Here::new().await;
    let mut rosa = here.signed_in("rosa").await;
    for path in ["/", "/account", "/confirm", "/device"] {
        let page = rosa.open(path).await;
        assert!(page.text.contains("action=\"/sign-out\""), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn v7_5_1_changes_of_how_one_signs_in_need_the_password_again() {
    let here = Here::new().await;
    let mut rosa = here.signed_in("rosa").await;
    factor::add(&here, &mut rosa).await;
    here.pass(16 * 60);
    rosa.open("/account").await;
    for path in [
        "/account/second-factor",
        "/account/second-factor/add",
        "/account/second-factor/remove",
        "/account/recovery-codes",
        "/account/end-session",
        "/account/end-others",
        "/device/answer",
    ] {
        let page = rosa.send(path, &[]).await;
        assert!(
            page.location().unwrap().starts_with("/confirm?next="),
            "{path}: {page:?}"
        );
    }
    assert_eq!(here.said().await.last().unwrap(), "second-factor-added");
}
