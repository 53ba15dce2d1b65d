//! Exactly one message a day about one thing, until it works; whatever stops, starts and comes twice.

use std::collections::BTreeSet;

use api::notifier::v1::{MessageKind, Rule};
use time::Duration;

use super::{Trial, others::CERTIFICATE};
use crate::{events::AlertEvent, watch::Watched};

const HALF_A_DAY: Duration = Duration::hours(12);

/// The days on which somebody was told that it is up: each once.
async fn days(trial: &Trial, n: u128, kind: MessageKind) -> BTreeSet<String> {
    let mut days = BTreeSet::new();
    for event in trial.alert(Watched::Automation, n, kind).await {
        if let AlertEvent::Notified(told) = event
            && !told.all_clear
        {
            assert!(days.insert(told.day.clone()), "{} twice", told.day);
        }
    }
    days
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_that_keeps_failing_is_told_once_a_day_until_it_works() {
    let mut trial = Trial::begin().await;
    trial
        .channel("ops", "ops@example.org", Rule::default())
        .await;
    let mut notifier = trial.work().await;
    trial.automate(1, "www.example.com").await;
    trial.pass(60, Duration::days(10)).await;
    trial.fail(1).await;
    trial.settled().await;
    let [warning] = &trial.mail.until(1).await[..] else {
        unreachable!()
    };
    assert!(
        warning
            .subject()
            .starts_with("Chancery: renewal of www.example.com failed")
    );

    // Thirty days of errors begin when a sixth of the time for the renewal is over.
    trial.pass(5, HALF_A_DAY).await;
    for round in 0..6 {
        trial.pass(5, HALF_A_DAY).await;
        trial.fail(1).await;
        trial.settled().await;
        match round {
            0 | 3 => notifier.stop().await,
            1 => {
                notifier.kill().await;
                // Its lease ends.
                trial.clock.advance(std::time::Duration::from_secs(300));
            }
            _ => {
                notifier.stop().await;
                // All of the log is read again.
                trial.lose_the_database().await;
            }
        }
        notifier = trial.work().await;
        trial.settled().await;
    }
    let told = days(&trial, 1, MessageKind::RenewalFailing).await;
    assert_eq!(told.len(), 31, "{told:?}");
    assert_eq!(told.first().map(String::as_str), Some("2026-03-07"));
    let mails = trial.mail.until(1 + 31).await;
    let last = mails.last().unwrap().subject();
    assert_eq!(
        last,
        "Chancery: renewal of www.example.com fails since 35 days, has expired on 2026-04-01"
    );

    trial.renew(1).await;
    trial.settled().await;
    trial.pass(3, HALF_A_DAY).await;
    let mails = trial.mail.until(1 + 31 + 1).await;
    assert_eq!(
        mails.last().unwrap().subject(),
        "Chancery: all clear for www.example.com: it has a new certificate"
    );
    notifier.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_notifiers_raise_one_alert_and_send_one_mail() {
    let trial = Trial::begin().await;
    trial
        .channel("ops", "ops@example.org", Rule::default())
        .await;
    let notifiers = [trial.work().await, trial.work().await];
    trial.automate(1, "www.example.com").await;
    trial.pass(66, Duration::days(33)).await;
    trial.fail(1).await;
    trial.pass(5, HALF_A_DAY).await;
    let absent = trial
        .alert_names(Watched::Automation, 1, MessageKind::RenewalAbsent)
        .await;
    assert_eq!(absent, ["raised", "notified", "cleared"]);
    trial.mail.until(1 + 5).await;
    // The notifier that has sent the last one notes that a moment later.
    town::wait::until("five days are told", async || {
        let told = days(&trial, 1, MessageKind::RenewalFailing).await;
        (told.len() == 5).then_some(())
    })
    .await;
    for notifier in notifiers {
        notifier.stop().await;
    }
    let mails = trial.mail.mails();
    let ids = mails.iter().map(|mail| mail.header("message-id"));
    assert_eq!(ids.collect::<BTreeSet<_>>().len(), mails.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewer_that_is_dead_is_told_of() {
    let trial = Trial::begin().await;
    trial
        .channel("ops", "ops@example.org", Rule::default())
        .await;
    let notifier = trial.work().await;
    trial.automate(1, "www.example.com").await;
    // Nothing is heard of it ever again.
    trial.pass(64, Duration::days(32)).await;
    assert_eq!(trial.mail.subjects(), Vec::<String>::new());
    trial.pass(3, HALF_A_DAY).await;
    let told = days(&trial, 1, MessageKind::RenewalAbsent).await;
    assert_eq!(told.len(), 3, "{told:?}");
    let subjects = trial.mail.subjects();
    assert_eq!(
        subjects[0],
        "Chancery: renewal of www.example.com is overdue since 5 days, expires on 2026-04-01"
    );
    // It comes back, and fails: that is one thing, not two.
    trial.fail(1).await;
    trial.settled().await;
    trial.mail.until(3).await;
    trial.pass(1, HALF_A_DAY).await;
    let mails = trial.mail.until(4).await;
    assert!(
        mails[3].subject().contains("fails since"),
        "{:?}",
        mails[3].subject()
    );
    trial.renew(1).await;
    trial.settled().await;
    let mails = trial.mail.until(5).await;
    assert!(mails[4].subject().contains("all clear"));
    notifier.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nothing_renews_is_told_at_its_marks() {
    let trial = Trial::begin().await;
    trial
        .channel("ops", "ops@example.org", Rule::default())
        .await;
    let notifier = trial.work().await;
    trial.import(1, "shop.example").await;
    trial.automate(2, "www.example.com").await;
    trial.pause(2).await;
    trial.import(3, "old.example").await;
    trial.pass(50, Duration::days(25)).await;
    // Its successor is here: nobody has to see to the old one.
    trial.import(4, "old.example").await;
    trial.pass(42, HALF_A_DAY).await;
    for (certificate, expected) in [(1, 6), (2 + CERTIFICATE, 6), (3, 0)] {
        let of = |kind| trial.alert_names(Watched::Certificate, certificate, kind);
        let expiring = of(MessageKind::CertificateExpiring).await;
        let expired = of(MessageKind::CertificateExpired).await;
        let told = |names: &[&str]| names.iter().filter(|name| **name == "notified").count();
        assert_eq!(
            told(&expiring) + told(&expired),
            expected,
            "{certificate}: {expiring:?} {expired:?}"
        );
        if expected > 0 {
            assert_eq!(told(&expired), 1);
        }
    }
    let subjects = trial.mail.subjects();
    assert!(
        subjects[0].contains("expires in 30 days, on 2026-04-01"),
        "{subjects:?}"
    );
    notifier.stop().await;
}
