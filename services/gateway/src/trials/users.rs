//! What administrators do to people, through crashes and beside each other.

use time::Duration;

use super::*;
use crate::{directory::Refusal as DirectoryRefusal, rows};

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_made_once_and_the_log_has_no_name() {
    let trial = Trial::begin().await;
    let gateway = trial.work().await;
    let first = gateway.created("anna", Role::Operator).await;
    let user = first.user.unwrap();
    assert_eq!((user.role(), user.password), (Role::Operator, None));
    let again = gateway.created("anna", Role::Operator).await;
    assert_eq!(again.id, first.id);
    assert_eq!(again.invited.position, first.invited.position);
    // Its link is another one, and the first one's opens nothing: it was in an answer that was lost.
    let link = |created: &Option<_>| {
        created
            .as_ref()
            .map(|(code, _): &(crate::code::Code, _)| code.text().to_owned())
            .unwrap()
    };
    let (old, new) = (link(&first.invited.link), link(&again.invited.link));
    let looked = gateway.commands.link(&old).await;
    assert_eq!(refusal(looked), Refusal::LinkUnknown);
    gateway.commands.link(&new).await.unwrap();

    let other = new_user("berta", Role::Operator);
    let mut reused = origin("anna");
    reused.request_digest = "another".into();
    let outcome = gateway.commands.create_user(&reused, &other).await;
    assert!(
        matches!(outcome, Err(CommandError::RequestIdReused)),
        "{outcome:?}"
    );

    let events = trial.directory().await;
    assert_eq!(events.len(), 1);
    let body = String::from_utf8_lossy(&events[0].body);
    assert!(!body.contains("anna"), "{body}");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_one_persons_in_any_case() {
    let trial = Trial::begin().await;
    let gateway = trial.work().await;
    gateway.created("anna", Role::Viewer).await;
    let outcome = gateway
        .commands
        .create_user(&origin("2"), &new_user("ANNA", Role::Viewer))
        .await;
    assert_eq!(refusal(outcome), Refusal::LoginNameTaken);
    let mut same_address = new_user("berta", Role::Viewer);
    same_address.names.email = names("Anna").email;
    let outcome = gateway
        .commands
        .create_user(&origin("3"), &same_address)
        .await;
    assert_eq!(refusal(outcome), Refusal::EmailTaken);
    // Nothing is kept of the refused one: the name is free.
    gateway.created("berta", Role::Viewer).await;
    assert_eq!(
        trial.directory_names().await,
        ["user-created", "user-created"]
    );
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_before_the_event_leaves_nobody_and_the_name_is_free_in_time() {
    let mut trial = Trial::begin().await;
    let gateway = trial.work().await;
    trial.nats.crash();
    // The log does not take the event; whether it has is not known, so the name stays taken.
    let new = new_user("anna", Role::Viewer);
    let outcome = gateway.commands.create_user(&origin("1"), &new).await;
    assert!(matches!(outcome, Err(CommandError::Log(_))), "{outcome:?}");
    assert!(rows::user::all(&trial.database).await.unwrap().is_empty());
    gateway.kill().await;

    // The row as it is when a gateway dies between the names and the event.
    let id = Uuid::from_u128(42);
    rows::user::claim(&trial.database, id, &names("berta"), trial.clock.now())
        .await
        .unwrap();
    trial.nats.restart().await;
    let gateway = trial.work().await;
    let outcome = gateway
        .commands
        .create_user(&origin("2"), &new_user("berta", Role::Viewer))
        .await;
    assert_eq!(refusal(outcome), Refusal::LoginNameTaken);
    trial.clock.advance(Duration::minutes(11).unsigned_abs());
    gateway.created("berta", Role::Viewer).await;
    // Who asked first, and asks again, is made.
    gateway.created("anna", Role::Viewer).await;
    assert_eq!(rows::user::all(&trial.database).await.unwrap().len(), 2);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_administrators_who_take_each_other_away_at_once_one_stays() {
    let trial = Trial::begin().await;
    let (one, other) = (trial.work().await, trial.work().await);
    let anna = one.person("anna", Role::Admin).await;
    let berta = one.person("berta", Role::Admin).await;
    let (by_anna, by_berta) = (origin("a"), origin("b"));
    let (a, b) = tokio::join!(
        one.commands.disable_user(&by_anna, berta),
        other
            .commands
            .change_role(&by_berta, anna, Role::Viewer, None),
    );
    let (refused, done) = match (a, b) {
        (Err(error), Ok(_)) | (Ok(_), Err(error)) => (error, true),
        both => panic!("{both:?}"),
    };
    assert!(done);
    let last = Refusal::Directory(DirectoryRefusal::LastAdministrator);
    assert_eq!(refusal(Err::<(), _>(refused)), last);
    one.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_disabled_is_out_at_once_everywhere_and_not_back_in_when_enabled() {
    let trial = Trial::begin().await;
    let (one, other) = (trial.work().await, trial.work().await);
    let anna = one.person("anna", Role::Admin).await;
    let session = one.sign_in("anna").await;
    let cookie = session.secret.text();
    assert!(other.open(cookie).await.is_some());
    one.person("berta", Role::Admin).await;
    one.commands.disable_user(&origin("d"), anna).await.unwrap();
    assert!(one.open(cookie).await.is_none());
    assert!(other.open(cookie).await.is_none());
    assert!(!other.lets_in("anna", PASSWORD).await);
    one.commands.enable_user(&origin("e"), anna).await.unwrap();
    assert!(other.open(cookie).await.is_none());
    assert!(other.lets_in("anna", PASSWORD).await);

    // The log is told of the session's end, once, and by what.
    let events = trial.session_events(session.id, 2).await;
    assert_eq!(events[1].event, "ended");
    let directory = trial.directory().await;
    let disabled = directory.iter().find(|e| e.event == "disabled").unwrap();
    assert_eq!(events[1].causation_id, Some(disabled.event_id));
    one.stop().await;
    other.stop().await;
    assert_eq!(trial.session_events(session.id, 2).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_deleted_is_erased() {
    let trial = Trial::begin().await;
    let gateway = trial.work().await;
    let anna = gateway.person("anna", Role::Viewer).await;
    let session = gateway.sign_in("anna").await;
    let delete = origin("delete");
    let position = gateway.commands.delete_user(&delete, anna).await.unwrap();
    assert_eq!(
        gateway.commands.delete_user(&delete, anna).await.unwrap(),
        position
    );
    assert!(gateway.open(session.secret.text()).await.is_none());
    assert_eq!(rows::user::find(&trial.database, anna).await.unwrap(), None);
    trial.session_events(session.id, 2).await;
    wait::until("his sessions' rows are gone", async || {
        let row = rows::session::find(&trial.database, session.id)
            .await
            .unwrap();
        row.is_none().then_some(())
    })
    .await;
    let outcome = gateway.commands.disable_user(&origin("x"), anna).await;
    let deleted = Refusal::Directory(DirectoryRefusal::UserDeleted);
    assert_eq!(refusal(outcome), deleted);
    // His name is free, and his id is not.
    let again = gateway
        .commands
        .create_user(&origin("again"), &new_user("anna", Role::Viewer))
        .await;
    assert_ne!(again.unwrap().id, anna);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_log_commands_are_refused_with_a_reason() {
    let trial = Trial::begin().await;
    let gateway = trial.work_without_log();
    let outcome = gateway
        .commands
        .create_user(&origin("1"), &new_user("anna", Role::Viewer))
        .await;
    let error = outcome.unwrap_err();
    assert!(matches!(error, CommandError::LogAway), "{error:?}");
    let status = tonic::Status::from(error);
    assert_eq!(
        api::refuse::reason(&status).as_deref(),
        Some("LOG_UNAVAILABLE")
    );
    assert!(
        rows::user::with_names(&trial.database, &names("anna"))
            .await
            .unwrap()
            .is_empty()
    );
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_event_followed_is_swept() {
    let trial = Trial::begin().await;
    let gateway = trial.work().await;
    gateway.created("anna", Role::Viewer).await;
    let id = Uuid::from_u128(42);
    rows::user::claim(&trial.database, id, &names("berta"), trial.clock.now())
        .await
        .unwrap();
    trial.clock.advance(Duration::hours(2).unsigned_abs());
    wait::until("nobody's row is gone", async || {
        trial.clock.advance(Duration::minutes(1).unsigned_abs());
        let row = rows::user::find(&trial.database, id).await.unwrap();
        row.is_none().then_some(())
    })
    .await;
    assert_eq!(rows::user::all(&trial.database).await.unwrap().len(), 1);
    gateway.stop().await;
}
