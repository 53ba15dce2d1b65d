//! A request is fulfilled once, whatever crashes between the import and that.

use std::sync::Arc;

use api::csr::v1::RequestDeleted;
use eventlog::{Recorded, checkpoint::checkpoint};
use town::wait;

use super::Trial;
use crate::{
    events::RequestEvent,
    reactions::{
        Reactions,
        owed::{self, Owed},
    },
    request::Command,
};

const REQUEST: u128 = 1;
const CERTIFICATE: u128 = 2;

fn names(events: &[Recorded]) -> Vec<&str> {
    events.iter().map(|e| e.event.as_str()).collect()
}

async fn owed(trial: &Trial) -> Vec<Owed> {
    owed::past(&trial.database, 0).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_certificate_fulfils_its_request() {
    let trial = Trial::begin().await;
    let reactions = trial.react();
    trial.create(REQUEST).await;
    let imported = trial.import(CERTIFICATE, REQUEST).await;
    let fulfilled = trial.until(REQUEST, "fulfilled").await;
    assert_eq!(fulfilled.actor, "service/csr-service");
    assert_eq!(fulfilled.causation_id, Some(imported.event_id));
    assert_eq!(fulfilled.correlation_id.as_u128(), 99);
    let RequestEvent::Fulfilled(said) = fulfilled.decode().unwrap() else {
        panic!("{fulfilled:?}");
    };
    assert_eq!(
        said.certificate_id,
        uuid::Uuid::from_u128(CERTIFICATE).to_string()
    );
    assert_eq!(said.sha256_fingerprint, format!("{CERTIFICATE:064x}"));
    wait::until("nothing is owed any more", async || {
        owed(&trial).await.is_empty().then_some(())
    })
    .await;
    for running in reactions {
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_before_the_event_is_appended_loses_nothing() {
    let trial = Trial::begin().await;
    trial.create(REQUEST).await;
    trial.import(CERTIFICATE, REQUEST).await;
    // The row is written, and then it crashes.
    trial.follow_to_the_end().await;
    assert_eq!(owed(&trial).await.len(), 1);
    assert_eq!(names(&trial.events(REQUEST).await), ["created"]);

    let worker = trial.work();
    trial.until(REQUEST, "fulfilled").await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_after_the_event_is_appended_makes_no_second_one() {
    let trial = Trial::begin().await;
    trial.create(REQUEST).await;
    trial.import(CERTIFICATE, REQUEST).await;
    trial.follow_to_the_end().await;
    let [before] = &owed(&trial).await[..] else {
        panic!("one is owed");
    };
    let worker = trial.work();
    trial.until(REQUEST, "fulfilled").await;
    worker.stop().await;
    // The event is there, and then it crashes before the row is struck off.
    owed::write(&trial.database, before.clone()).await.unwrap();

    let worker = trial.work();
    paid_off(&trial).await;
    worker.stop().await;
    assert_eq!(
        names(&trial.events(REQUEST).await),
        ["created", "fulfilled"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_lost_makes_no_event_twice() {
    let mut trial = Trial::begin().await;
    let reactions = trial.react();
    trial.create(REQUEST).await;
    trial.import(CERTIFICATE, REQUEST).await;
    trial.until(REQUEST, "fulfilled").await;
    for running in reactions {
        running.stop().await;
    }
    trial.lose_the_database().await;

    // All is owed again, and found.
    trial.follow_to_the_end().await;
    assert_eq!(owed(&trial).await.len(), 1);
    let worker = trial.work();
    paid_off(&trial).await;
    worker.stop().await;
    assert_eq!(
        names(&trial.events(REQUEST).await),
        ["created", "fulfilled"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_fulfil_it_once() {
    let trial = Trial::begin().await;
    let replicas = [trial.react(), trial.react()];
    for request in 10..30 {
        trial.create(request).await;
        trial.import(request + 100, request).await;
    }
    for request in 10..30 {
        trial.until(request, "fulfilled").await;
    }
    settled(&trial).await;
    for running in replicas.into_iter().flatten() {
        running.stop().await;
    }
    for request in 10..30 {
        assert_eq!(
            names(&trial.events(request).await),
            ["created", "fulfilled"]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_away_is_asked_again() {
    let mut trial = Trial::begin().await;
    trial.create(REQUEST).await;
    trial.import(CERTIFICATE, REQUEST).await;
    trial.follow_to_the_end().await;
    let worker = trial.worker(Arc::default());
    trial.nats.crash();
    assert!(!worker.work_off().await.unwrap());
    assert_eq!(owed(&trial).await.len(), 1);
    trial.nats.restart().await;
    assert!(worker.work_off().await.unwrap());
    assert_eq!(owed(&trial).await, []);
    assert_eq!(
        names(&trial.events(REQUEST).await),
        ["created", "fulfilled"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_request_is_never_fulfilled() {
    let trial = Trial::begin().await;
    trial.create(REQUEST).await;
    trial.import(CERTIFICATE, REQUEST).await;
    trial
        .command(REQUEST, "delete", Command::Delete)
        .await
        .unwrap();
    let reactions = trial.react();
    let last = trial.log.last_sequence().await.unwrap();
    // What comes after it has had its turn: so had this one.
    trial.create(REQUEST + 10).await;
    trial.import(CERTIFICATE + 10, REQUEST + 10).await;
    trial.until(REQUEST + 10, "fulfilled").await;
    settled(&trial).await;
    for running in reactions {
        running.stop().await;
    }
    let events = trial.events(REQUEST).await;
    assert_eq!(names(&events), ["created", "deleted"]);
    assert_eq!(events[1].sequence, last);
    let deleted = RequestEvent::Deleted(RequestDeleted {});
    assert_eq!(events[1].decode::<RequestEvent>().unwrap(), deleted);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_certificates_for_one_request_the_first_one_answers() {
    let trial = Trial::begin().await;
    trial.create(REQUEST).await;
    let first = trial.import(CERTIFICATE, REQUEST).await;
    trial.import(CERTIFICATE + 1, REQUEST).await;
    let reactions = trial.react();
    let fulfilled = trial.until(REQUEST, "fulfilled").await;
    assert_eq!(fulfilled.causation_id, Some(first.event_id));
    settled(&trial).await;
    for running in reactions {
        running.stop().await;
    }
    assert_eq!(
        names(&trial.events(REQUEST).await),
        ["created", "fulfilled"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_faster_than_its_request_waits_for_it() {
    let trial = Trial::begin().await;
    let reactions = trial.react();
    // The keystore reserved the name, and the certificate came before the request's first event.
    trial.import(CERTIFICATE, REQUEST).await;
    // Everything that is owed has had its turn: it was laid aside.
    trial.create(REQUEST + 10).await;
    trial.import(CERTIFICATE + 10, REQUEST + 10).await;
    trial.until(REQUEST + 10, "fulfilled").await;
    settled(&trial).await;
    assert_eq!(names(&trial.events(REQUEST).await), Vec::<&str>::new());

    trial.create(REQUEST).await;
    trial.until(REQUEST, "fulfilled").await;
    for running in reactions {
        running.stop().await;
    }
}

/// Waits until the rows have the log's last event, and nothing is owed.
async fn settled(trial: &Trial) {
    let last = trial.log.last_sequence().await.unwrap();
    wait::until("the rows are there", async || {
        let at = checkpoint(&trial.database, Reactions::FOLLOWER).await;
        (at.unwrap().sequence >= last).then_some(())
    })
    .await;
    paid_off(trial).await;
}

/// Waits until nothing is owed.
async fn paid_off(trial: &Trial) {
    wait::until("nothing is owed", async || {
        owed(trial).await.is_empty().then_some(())
    })
    .await;
}
