//! Sessions through simulated days.

use time::Duration;

use super::*;
use crate::rows;

const MINUTE: std::time::Duration = std::time::Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_when_it_is_not_used_and_when_it_is_old() {
    let trial = Trial::begin().await;
    let gateway = trial.work().await;
    gateway.person("anna", Role::Viewer).await;
    let idle = gateway.sign_in("anna").await;
    let used = gateway.sign_in("anna").await;
    let mut cookie = used.secret.text().to_owned();
    let mut rotations = 0;
    for minute in 1..12 * 60 {
        trial.clock.advance(MINUTE);
        let open = gateway.open(&cookie).await;
        let open = open.unwrap_or_else(|| panic!("closed after {minute} minutes"));
        assert_eq!(open.fresh, minute < 15, "minute {minute}");
        if let Some(renewed) = open.renewed {
            rotations += 1;
            cookie = renewed.text().to_owned();
        }
        let idle = gateway.commands.still_open(idle.id).await.unwrap();
        assert_eq!(idle.is_some(), minute < 30, "minute {minute}");
    }
    // Every 15 minutes of use.
    assert_eq!(rotations, (12 * 60 - 1) / 15);
    assert!(gateway.open(idle.secret.text()).await.is_none());
    trial.clock.advance(MINUTE);
    assert!(gateway.open(&cookie).await.is_none());
    // They ended without an event, and their rows go.
    wait::until("no row is left", async || {
        trial.clock.advance(MINUTE);
        let left = [
            rows::session::find(&trial.database, idle.id).await.unwrap(),
            rows::session::find(&trial.database, used.id).await.unwrap(),
        ];
        left.iter().all(Option::is_none).then_some(())
    })
    .await;
    assert_eq!(trial.session_events(used.id, 1).await.len(), 1);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cookie_before_is_good_for_a_minute_and_two_gateways_make_one_new_one() {
    let trial = Trial::begin().await;
    let (one, other) = (trial.work().await, trial.work().await);
    one.person("anna", Role::Viewer).await;
    let first = one.sign_in("anna").await.secret;
    trial.clock.advance(15 * MINUTE);
    let (a, b) = tokio::join!(one.open(first.text()), other.open(first.text()));
    let renewed = [a.unwrap().renewed, b.unwrap().renewed];
    let renewed = renewed.into_iter().flatten().collect::<Vec<_>>();
    assert_eq!(renewed.len(), 1);
    // What was under way when it changed goes on, and gets no other one.
    trial
        .clock
        .advance(MINUTE - std::time::Duration::from_secs(1));
    assert!(other.open(first.text()).await.unwrap().renewed.is_none());
    trial.clock.advance(std::time::Duration::from_secs(1));
    assert!(other.open(first.text()).await.is_none());
    assert!(other.open(renewed[0].text()).await.is_some());
    one.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_shown_again_makes_the_session_fresh() {
    let trial = Trial::begin().await;
    let gateway = trial.work().await;
    gateway.person("anna", Role::Operator).await;
    let cookie = gateway.sign_in("anna").await.secret;
    trial.clock.advance(14 * MINUTE);
    assert!(gateway.open(cookie.text()).await.unwrap().fresh);
    trial.clock.advance(MINUTE);
    let open = gateway.open(cookie.text()).await.unwrap();
    assert!(!open.fresh);
    let cookie = open.renewed.clone().unwrap();
    let wrong = gateway
        .commands
        .show_password(&open, "not his password")
        .await;
    assert_eq!(refusal(wrong), Refusal::PasswordWrong);
    assert!(!gateway.open(cookie.text()).await.unwrap().fresh);
    let shown = gateway.commands.show_password(&open, PASSWORD).await;
    let cookie = shown.unwrap().expect("another cookie");
    assert!(gateway.open(cookie.text()).await.unwrap().fresh);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_changes_his_password_goes_on_and_his_other_sessions_end() {
    let trial = Trial::begin().await;
    let (one, other) = (trial.work().await, trial.work().await);
    one.person("anna", Role::Viewer).await;
    let here = one.sign_in("anna").await;
    let there = one.sign_in("anna").await;
    let open = one.open(here.secret.text()).await.unwrap();
    let new = "another long enough one";
    let wrong = one
        .commands
        .change_password(&open, "not his password", new)
        .await;
    assert_eq!(refusal(wrong), Refusal::PasswordWrong);
    one.commands
        .change_password(&open, PASSWORD, new)
        .await
        .unwrap();
    assert!(other.open(here.secret.text()).await.is_some());
    assert!(other.open(there.secret.text()).await.is_none());
    assert!(other.lets_in("anna", new).await && !other.lets_in("anna", PASSWORD).await);
    let events = trial.session_events(there.id, 2).await;
    let body = String::from_utf8_lossy(&events[1].body).into_owned();
    assert!(body.contains("CREDENTIALS_CHANGED"), "{body}");
    one.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_was_chosen_before_a_crash_counts_once_the_log_has_it() {
    let mut trial = Trial::begin().await;
    let gateway = trial.work().await;
    gateway.person("anna", Role::Viewer).await;
    let session = gateway.sign_in("anna").await;
    let open = gateway.open(session.secret.text()).await.unwrap();
    trial.nats.crash();
    let new = "another long enough one";
    let outcome = gateway.commands.change_password(&open, PASSWORD, new).await;
    assert!(matches!(outcome, Err(CommandError::Log(_))), "{outcome:?}");
    // Nothing has changed: not his password, nor his session.
    assert!(gateway.lets_in("anna", PASSWORD).await && !gateway.lets_in("anna", new).await);
    assert!(gateway.open(session.secret.text()).await.is_some());
    gateway.kill().await;
    trial.nats.restart().await;
    let gateway = trial.work().await;
    assert!(gateway.lets_in("anna", PASSWORD).await);
    gateway
        .commands
        .change_password(&open, PASSWORD, new)
        .await
        .unwrap();
    assert!(gateway.lets_in("anna", new).await);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_out_is_out_though_the_log_is_away_and_it_is_told_later() {
    let trial = Trial::begin().await;
    let gateway = trial.work().await;
    gateway.person("anna", Role::Viewer).await;
    let session = gateway.sign_in("anna").await;
    gateway.stop().await;
    let gateway = trial.work_without_log();
    let open = gateway.open(session.secret.text()).await.unwrap();
    gateway.commands.sign_out(&open).await.unwrap();
    assert!(gateway.open(session.secret.text()).await.is_none());
    gateway.stop().await;
    assert_eq!(trial.session_events(session.id, 1).await.len(), 1);
    let (one, other) = (trial.work().await, trial.work().await);
    let events = trial.session_events(session.id, 2).await;
    assert_eq!(events[1].event, "ended");
    assert_eq!(events[1].actor, format!("user/{}", open.user));
    wait::until("its row is gone", async || {
        let row = rows::session::find(&trial.database, session.id)
            .await
            .unwrap();
        row.is_none().then_some(())
    })
    .await;
    one.stop().await;
    other.stop().await;
    assert_eq!(trial.session_events(session.id, 2).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_listed_and_ended_one_by_one_or_all_others_at_once() {
    let trial = Trial::begin().await;
    let gateway = trial.work().await;
    let anna = gateway.person("anna", Role::Viewer).await;
    let berta = gateway.person("berta", Role::Viewer).await;
    let first = gateway.sign_in("anna").await;
    let second = gateway.sign_in("anna").await;
    // The links made one each.
    let listed = gateway.commands.sessions(Some(anna)).await.unwrap();
    assert_eq!(listed.len(), 3);
    assert!(
        listed
            .iter()
            .all(|(row, open)| open.user == anna && row.address == "192.0.2.7")
    );
    assert_eq!(gateway.commands.sessions(None).await.unwrap().len(), 4);

    let not_hers = gateway
        .commands
        .end_session(&origin("1"), first.id, Some(berta))
        .await;
    let none = Refusal::Session(crate::session::Refusal::NoSuchSession);
    assert_eq!(refusal(not_hers), none);
    let end = origin("2");
    let position = gateway
        .commands
        .end_session(&end, first.id, Some(anna))
        .await
        .unwrap();
    assert!(gateway.open(first.secret.text()).await.is_none());
    let again = gateway
        .commands
        .end_session(&end, first.id, Some(anna))
        .await;
    assert_eq!(again.unwrap(), position);
    let ended = gateway
        .commands
        .end_session(
            &Origin {
                actor: "token/8".into(),
                ..origin("3")
            },
            first.id,
            None,
        )
        .await;
    let ended = refusal(ended);
    assert_eq!(
        ended,
        Refusal::Session(crate::session::Refusal::SessionEnded)
    );

    let open = gateway.open(second.secret.text()).await.unwrap();
    assert_eq!(gateway.commands.end_other_sessions(&open).await.unwrap(), 1);
    assert_eq!(gateway.commands.sessions(None).await.unwrap().len(), 2);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_role_is_another_cookie_and_counts_at_once() {
    let trial = Trial::begin().await;
    let gateway = trial.work().await;
    let anna = gateway.person("anna", Role::Viewer).await;
    let cookie = gateway.sign_in("anna").await.secret;
    let change = gateway
        .commands
        .change_role(&origin("r"), anna, Role::Operator, None)
        .await;
    change.unwrap();
    let open = gateway.open(cookie.text()).await.unwrap();
    assert_eq!(open.role, Role::Operator);
    assert!(open.renewed.is_some());
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_checked_before_a_change_begins_no_session_after_it() {
    let trial = Trial::begin().await;
    let gateway = trial.work().await;
    let anna = gateway.person("anna", Role::Viewer).await;
    let Credentials::Right(checked) = gateway
        .commands
        .check_password("anna", PASSWORD)
        .await
        .unwrap()
    else {
        panic!("it is right");
    };
    gateway
        .commands
        .reset_credentials(&origin("r"), anna)
        .await
        .unwrap();
    let late = gateway
        .commands
        .begin_session(&checked, SignInMethod::Password, &visit())
        .await;
    assert_eq!(refusal(late), Refusal::SignInAgain);
    for hostile in ["", "x", &"A".repeat(43), &"A".repeat(100_000)] {
        assert!(gateway.open(hostile).await.is_none());
    }
    let of = |outcome| match outcome {
        Credentials::Wrong(of) => of,
        Credentials::Right(_) => panic!("it is wrong"),
    };
    let wrong = gateway.commands.check_password("anna", "x").await.unwrap();
    assert_eq!(of(wrong), Some(anna));
    let nobody = gateway
        .commands
        .check_password("no one", "x")
        .await
        .unwrap();
    assert_eq!(of(nobody), None);
    assert!(Duration::minutes(30) == gateway.commands.lives.idle);
    gateway.stop().await;
}
