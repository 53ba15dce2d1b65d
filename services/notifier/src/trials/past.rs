//! A notifier that is new to an old log says nothing about the past, but what is still so it says today.

use api::notifier::v1::{MessageKind, Rule, Severity};
use time::Duration;

use super::Trial;
use crate::watch::Watched;

fn everything() -> Rule {
    Rule {
        minimum_severity: Severity::Info.into(),
        ..Rule::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_log_makes_no_noise() {
    let trial = Trial::begin().await;
    trial.channel("ops", "ops@example.org", everything()).await;
    // A year of failures and renewals that nobody watched.
    for n in 1..=5 {
        trial.automate(n, &format!("www{n}.example.com")).await;
    }
    trial.clock.advance(Duration::days(66).unsigned_abs());
    for n in 1..=5 {
        trial.fail(n).await;
    }
    trial.clock.advance(Duration::days(2).unsigned_abs());
    for n in 1..=4 {
        trial.renew(n).await;
    }
    trial.clock.advance(Duration::days(2).unsigned_abs());

    let notifier = trial.work().await;
    trial.settled().await;
    // The one that still fails.
    let mails = trial.mail.until(1).await;
    assert!(
        mails[0]
            .subject()
            .contains("renewal of www5.example.com fails since 4 days")
    );
    for n in 1..=4 {
        let names = trial
            .alert_names(Watched::Automation, n, MessageKind::RenewalFailing)
            .await;
        assert!(names.is_empty(), "{names:?}");
    }
    notifier.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_notifier_tells_nothing_twice() {
    let mut trial = Trial::begin().await;
    trial.channel("ops", "ops@example.org", everything()).await;
    let notifier = trial.work().await;
    trial.automate(1, "www.example.com").await;
    trial.settled().await;
    let mails = trial.mail.until(1).await;
    assert!(mails[0].subject().contains("has a new certificate"));
    trial.pass(66, Duration::days(33)).await;
    trial.mail.until(2).await;
    notifier.stop().await;

    trial.lose_the_database().await;
    let notifier = trial.work().await;
    trial.settled().await;
    trial.mail.until(2).await;
    trial.pass(1, Duration::hours(12)).await;
    trial.mail.until(3).await;
    notifier.stop().await;
}
