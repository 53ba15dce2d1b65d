//! A damaged log is told of once, and once when it is whole.

use api::{
    notifier::v1::{MessageKind, Rule},
    projection::v1::{DamageFound, FoundWhole, LogFinding},
};
use time::Duration;

use super::{Trial, others::Seals};
use crate::watch::{Watched, foreign::SealEvent};

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_log_is_told_of_once_until_it_is_whole() {
    let trial = Trial::begin().await;
    trial
        .channel("ops", "ops@example.org", Rule::default())
        .await;
    let notifier = trial.work().await;
    let found = |sequences: &[u64]| {
        let findings = sequences.iter().map(|&sequence| LogFinding {
            first: sequence,
            last: sequence,
            what: format!("event {sequence} is missing"),
        });
        SealEvent::DamageFound(DamageFound {
            position: 90,
            findings: findings.collect(),
            more: 0,
        })
    };
    trial.tell::<Seals>(1, found(&[7])).await;
    trial.settled().await;
    let mails = trial.mail.until(1).await;
    assert_eq!(mails[0].subject(), "Chancery: the event log is damaged");
    let text = &mails[0].raw;
    assert!(text.contains("event 7 is missing"), "{text}");
    assert!(text.contains("restore it from a backup"), "{text}");

    // Days pass, it is found to be more, and another notifier takes over: whoever is to act knows.
    trial.pass(3, Duration::DAY).await;
    trial.tell::<Seals>(1, found(&[7, 8])).await;
    trial.settled().await;
    notifier.stop().await;
    let notifier = trial.work().await;
    trial.pass(3, Duration::DAY).await;
    assert_eq!(trial.mail.until(1).await.len(), 1);

    let whole = SealEvent::FoundWhole(FoundWhole { position: 95 });
    trial.tell::<Seals>(1, whole).await;
    trial.settled().await;
    let mails = trial.mail.until(2).await;
    assert_eq!(
        mails[1].subject(),
        "Chancery: all clear for the event log: all of it is as it was recorded"
    );
    trial.pass(3, Duration::DAY).await;
    assert_eq!(trial.mail.until(2).await.len(), 2);
    notifier.stop().await;
    let alert = trial
        .alert_names(Watched::Log, 0, MessageKind::LogDamaged)
        .await;
    assert_eq!(
        alert,
        ["raised", "notified", "raised", "cleared", "notified"]
    );
}
