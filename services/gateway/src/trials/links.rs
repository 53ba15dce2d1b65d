//! Links: used once, in time, by one.

use time::Duration;

use super::*;
use crate::{
    bearers::Bearers,
    code::Code,
    commands::Link,
    password::Unfit,
    rows::{
        self,
        invitation::{self, Invitation},
    },
    tokens::{Bootstrap, Token},
};

#[tokio::test(flavor = "multi_thread")]
async fn the_set_up_link_makes_one_administrator_and_ends_what_opened_before() {
    let trial = Trial::begin().await;
    let (one, other) = (trial.work().await, trial.work().await);
    let code = trial.init();
    assert_eq!(one.commands.link(code.text()).await.unwrap(), Link::SetUp);
    let wrong = Code::generate().unwrap();
    assert_eq!(
        refusal(one.commands.link(wrong.text()).await),
        Refusal::LinkUnknown
    );

    // The bootstrap token opens until then, and not after: also where its file cannot be removed.
    let token = Token::generate().unwrap();
    let kept = trial.set_up_file().with_extension("kept");
    std::fs::write(&kept, token.digest().to_hex()).unwrap();
    let bootstrap = Bootstrap::in_file(kept, Role::Admin);
    let bearers = Bearers::new(bootstrap, other.commands.clone());
    let holder = bearers.holder(token.text()).await.unwrap();

    let weak = one
        .commands
        .set_up(code.text(), &names("anna"), "anna@shop.example", &visit())
        .await;
    assert_eq!(refusal(weak), Refusal::Unfit(Unfit::OwnName));
    // Two press the button at once.
    let (first, second) = (names("anna"), names("anna"));
    let here = visit();
    let (a, b) = tokio::join!(
        one.commands.set_up(code.text(), &first, PASSWORD, &here),
        other.commands.set_up(code.text(), &second, PASSWORD, &here),
    );
    let (session, refused) = match (a, b) {
        (Ok(session), Err(error)) | (Err(error), Ok(session)) => (session, error),
        both => panic!("{both:?}"),
    };
    refusal(Err::<(), _>(refused));
    let open = other.open(session.secret.text()).await.unwrap();
    assert_eq!((open.role, open.login_name.as_str()), (Role::Admin, "anna"));
    assert!(open.fresh);
    assert!(one.lets_in("Anna", PASSWORD).await);

    assert_eq!(trial.directory_names().await, ["set-up-done"]);
    assert_eq!(
        refusal(other.commands.link(code.text()).await),
        Refusal::LinkUnknown
    );
    assert!(other.commands.is_set_up().await.unwrap());
    wait::until(
        "the bootstrap token has ended at the other gateway, too",
        async || {
            let ended = bearers.holder(token.text()).await.is_err();
            (ended && !bearers.still_hold(&holder).await).then_some(())
        },
    )
    .await;
    wait::until("both files are removed", async || {
        (!trial.set_up_file().exists() && !trial.token_file().exists()).then_some(())
    })
    .await;
    // Nor does a file that came back open anything.
    let again = trial.init();
    let outcome = one
        .commands
        .set_up(again.text(), &names("eve"), PASSWORD, &visit())
        .await;
    assert_eq!(refusal(outcome), Refusal::LinkUnknown);
    one.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_up_link_lasts_a_day() {
    let trial = Trial::begin().await;
    let gateway = trial.work().await;
    let code = trial.init();
    trial
        .clock
        .advance((Duration::DAY - Duration::SECOND).unsigned_abs());
    gateway.commands.link(code.text()).await.unwrap();
    trial.clock.advance(Duration::SECOND.unsigned_abs());
    let expired = gateway
        .commands
        .set_up(code.text(), &names("anna"), PASSWORD, &visit())
        .await;
    assert_eq!(refusal(expired), Refusal::LinkExpired);
    assert_eq!(trial.directory_names().await, Vec::<String>::new());
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_is_used_once_in_time_by_one() {
    let trial = Trial::begin().await;
    let (one, other) = (trial.work().await, trial.work().await);
    let created = one.created("anna", Role::Operator).await;
    let code = created.invited.link.unwrap().0;
    let looked = other.commands.link(code.text()).await.unwrap();
    assert!(matches!(looked, Link::Password { login_name, .. } if login_name == "anna"));
    assert!(!one.lets_in("anna", "").await);

    // A password that cannot be chosen uses nothing up.
    let weak = one.commands.use_link(code.text(), "short", &visit()).await;
    assert_eq!(refusal(weak), Refusal::Unfit(Unfit::TooShort));
    let here = visit();
    let (a, b) = tokio::join!(
        one.commands.use_link(code.text(), PASSWORD, &here),
        other.commands.use_link(code.text(), PASSWORD, &here),
    );
    let (session, refused) = match (a, b) {
        (Ok(session), Err(error)) | (Err(error), Ok(session)) => (session, error),
        both => panic!("{both:?}"),
    };
    let refused = refusal(Err::<(), _>(refused));
    assert!(
        matches!(refused, Refusal::LinkInUse | Refusal::LinkUnknown),
        "{refused}"
    );
    assert!(one.open(session.secret.text()).await.is_some());
    let again = other
        .commands
        .use_link(code.text(), PASSWORD, &visit())
        .await;
    assert_eq!(refusal(again), Refusal::LinkUnknown);
    assert_eq!(
        trial.directory_names().await,
        ["user-created", "password-changed"]
    );
    let events = trial.directory().await;
    assert_eq!(events[1].actor, format!("user/{}", created.id));

    let late = one
        .created("berta", Role::Viewer)
        .await
        .invited
        .link
        .unwrap()
        .0;
    trial.clock.advance(Duration::DAY.unsigned_abs());
    let expired = one.commands.use_link(late.text(), PASSWORD, &visit()).await;
    assert_eq!(refusal(expired), Refusal::LinkExpired);
    one.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_was_being_used_at_a_crash_can_be_used_a_minute_later() {
    let mut trial = Trial::begin().await;
    let gateway = trial.work().await;
    let code = gateway
        .created("anna", Role::Viewer)
        .await
        .invited
        .link
        .unwrap()
        .0;
    trial.nats.crash();
    let outcome = gateway
        .commands
        .use_link(code.text(), PASSWORD, &visit())
        .await;
    assert!(matches!(outcome, Err(CommandError::Log(_))), "{outcome:?}");
    gateway.kill().await;
    trial.nats.restart().await;
    let gateway = trial.work().await;
    // The password that was chosen counts for nothing.
    assert!(!gateway.lets_in("anna", PASSWORD).await);
    let soon = gateway
        .commands
        .use_link(code.text(), PASSWORD, &visit())
        .await;
    assert_eq!(refusal(soon), Refusal::LinkInUse);
    trial.clock.advance(Duration::minutes(1).unsigned_abs());
    let other = "another long enough one";
    gateway
        .commands
        .use_link(code.text(), other, &visit())
        .await
        .unwrap();
    assert!(gateway.lets_in("anna", other).await && !gateway.lets_in("anna", PASSWORD).await);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_takes_everything_and_makes_one_link() {
    let trial = Trial::begin().await;
    let gateway = trial.work().await;
    let anna = gateway.person("anna", Role::Viewer).await;
    let session = gateway.sign_in("anna").await;
    let reset = async |request: &str| {
        let invited = gateway
            .commands
            .reset_credentials(&origin(request), anna)
            .await;
        invited.unwrap().link
    };
    let first = reset("1").await.unwrap().0;
    assert!(!gateway.lets_in("anna", PASSWORD).await);
    assert!(gateway.open(session.secret.text()).await.is_none());
    // Another reset: the link before is none any more, and a late repeat of its command brings none back.
    let second = reset("2").await.unwrap().0;
    assert_eq!(
        refusal(gateway.commands.link(first.text()).await),
        Refusal::LinkUnknown
    );
    assert!(reset("1").await.is_none());
    gateway.commands.link(second.text()).await.unwrap();
    gateway
        .commands
        .use_link(second.text(), PASSWORD, &visit())
        .await
        .unwrap();
    assert!(gateway.lets_in("anna", PASSWORD).await);
    assert!(reset("2").await.is_none());
    let outcome = gateway
        .commands
        .reset_credentials(&origin("3"), Uuid::from_u128(1))
        .await;
    let nobody = Refusal::Directory(crate::directory::Refusal::NoSuchUser);
    assert_eq!(refusal(outcome), nobody);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_machines_link_changes_nothing_before_it_is_used_and_says_who_reset() {
    let trial = Trial::begin().await;
    let gateway = trial.work().await;
    let anna = gateway.person("anna", Role::Admin).await;
    let code = Code::generate().unwrap();
    let invitation = Invitation {
        actor: "machine".into(),
        request_id: "reset-1".into(),
        user: anna,
        expires: trial.clock.now() + Duration::DAY,
        by_machine: true,
    };
    invitation::keep(&trial.database, code.digest(), &invitation)
        .await
        .unwrap();
    assert!(gateway.lets_in("anna", PASSWORD).await);
    let new = "another long enough one";
    gateway
        .commands
        .use_link(code.text(), new, &visit())
        .await
        .unwrap();
    assert!(gateway.lets_in("anna", new).await && !gateway.lets_in("anna", PASSWORD).await);
    let events = trial.directory().await;
    let actors = events
        .iter()
        .skip(2)
        .map(|e| (e.event.as_str(), e.actor.as_str()));
    let him = format!("user/{anna}");
    assert_eq!(
        actors.collect::<Vec<_>>(),
        [
            ("credentials-reset", "machine"),
            ("password-changed", him.as_str())
        ]
    );
    assert_eq!(
        refusal(gateway.commands.link(code.text()).await),
        Refusal::LinkUnknown
    );
    assert!(
        rows::user::find(&trial.database, anna)
            .await
            .unwrap()
            .unwrap()
            .confirmed
    );
    gateway.stop().await;
}
