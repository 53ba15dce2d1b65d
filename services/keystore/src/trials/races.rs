//! Of two commands that exclude each other one is done, whoever is faster, and the log shows no other.

use std::{collections::HashMap, time::Duration};

use futures_util::{StreamExt, stream};
use pki::{KeyAlgorithm, PrivateKey, Subject, pem};
use time::Duration as Days;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{Ca, Trial, file, origin, shop_names};
use crate::{
    certificate,
    commands::{
        AddCertificate, CommandError, File, Item, KeyChoice, Naming, Outcome, Place,
        ReserveRequest, SelfSign,
    },
    events::TlsEvent,
    key, tls,
};

const ROUNDS: usize = 1_000;

/// Logs of different systems.
const LOGS: usize = 5;

/// Rounds of different certificates that are under way at once.
const AT_ONCE: usize = 8;

/// Certificates of one key, each for a name of its own; 100 a file.
async fn certificates(trial: &Trial, ca: &Ca, key: &PrivateKey, count: usize) -> Vec<Uuid> {
    let mut ids = Vec::new();
    for part in 0..count / 100 {
        let leaves = (0..100).map(|n| ca.leaf_for(key.spki_der(), &format!("{part}-{n}.example")));
        let text = leaves
            .map(|leaf| pem::certificate(&leaf.der))
            .collect::<String>();
        let mut files = vec![file("certificates.pem", text)];
        files.push(file("key.pem", pem::private_key(key).as_bytes()));
        let imported = trial.import(&format!("import {part}"), files).await;
        ids.extend(imported.files[0].items.iter().map(|item| {
            use api::keystore::v1::imported_item::Item::Certificate;
            match item.item.as_ref().unwrap() {
                Certificate(certificate) => certificate.certificate_id.parse::<Uuid>().unwrap(),
                other => panic!("not a certificate: {other:?}"),
            }
        }));
    }
    assert_eq!(ids.len(), count);
    trial.follows().await;
    ids
}

/// Either starts first, by up to 25 ms: longer than what a command does before its claim on an idle machine, so
/// that each wins at times, and short enough that most rounds overlap.
async fn at_odds<A, B>(one: impl Future<Output = A>, other: impl Future<Output = B>) -> (A, B) {
    let [early, by, ..] = *Uuid::new_v4().as_bytes();
    let head_start = Duration::from_micros(u64::from(by) * 100);
    let wait = |late: bool| async move {
        if late {
            tokio::time::sleep(head_start).await;
        }
    };
    let early = early % 2 == 0;
    tokio::join!(async { (wait(early).await, one.await).1 }, async {
        (wait(!early).await, other.await).1
    },)
}

fn reason<T>(answer: &Result<T, CommandError>) -> &'static str {
    match answer {
        Ok(_) => "DONE",
        Err(CommandError::Refused(refusal)) => refusal.reason(),
        Err(error) => panic!("{error:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_the_default_is_not_deleted_and_the_other_way_round() {
    // There is one default, so on each log one round follows on another.
    let logs = (0..LOGS).map(|_| tokio::spawn(defaults_against_deletions(ROUNDS / LOGS)));
    let mut won = HashMap::<&str, usize>::new();
    for rounds in logs.collect::<Vec<_>>() {
        for (winner, times) in rounds.await.unwrap() {
            *won.entry(winner).or_default() += times;
        }
    }
    assert_eq!(won.len(), 2, "both must win at times: {won:?}");
    assert_eq!(won.values().sum::<usize>(), ROUNDS);
}

/// How often which of the two was done, in so many rounds on a log of their own.
async fn defaults_against_deletions(rounds: usize) -> HashMap<&'static str, usize> {
    let (trial, ca) = (Trial::begin().await, Ca::new());
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let certificates = certificates(&trial, &ca, &key, rounds).await;
    let commands = trial.commands();
    let mut won = HashMap::<&str, usize>::new();
    for id in &certificates {
        let (set, delete) = (
            origin(&format!("set {id}")),
            origin(&format!("delete {id}")),
        );
        let (chosen, deleted) = at_odds(
            commands.set_default(&set, *id),
            commands.delete_certificate(&delete, *id),
        )
        .await;
        match (reason(&chosen), reason(&deleted)) {
            ("DONE", "IS_DEFAULT" | "BECOMING_DEFAULT") => *won.entry("default").or_default() += 1,
            ("CERTIFICATE_DELETED" | "BEING_DELETED", "DONE") => {
                *won.entry("deleted").or_default() += 1;
            }
            both => panic!("{both:?}"),
        }
    }
    let mut deleted = HashMap::new();
    for id in &certificates {
        let id = id.to_string();
        let loaded = commands.log.load::<certificate::State>(&id).await.unwrap();
        if let Some(event) = loaded.events.iter().find(|event| event.event == "deleted") {
            deleted.insert(id, event.sequence);
        }
    }
    assert_eq!(
        deleted.len(),
        won.get("deleted").copied().unwrap_or_default()
    );
    let choices = commands
        .log
        .load::<tls::State>(tls::ID)
        .await
        .unwrap()
        .events;
    let until = choices.iter().skip(1).map(|event| event.sequence);
    for (choice, until) in choices.iter().zip(until.chain([u64::MAX])) {
        let TlsEvent::DefaultSelected(selected) = choice.decode().unwrap() else {
            panic!("another event");
        };
        let gone = deleted.get(&selected.certificate_id);
        assert!(gone.is_none_or(|&at| at > until), "the default was deleted");
    }
    won
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_is_not_renewed() {
    let (trial, ca) = (Trial::begin().await, Ca::new());
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let certificates = certificates(&trial, &ca, &key, ROUNDS).await;
    let commands = trial.commands();
    let keys = commands.vault.find_by_spki(&[&key.spki_sha256()]).await;
    let key_id = keys.unwrap()[0].id;
    let rounds = stream::iter(certificates).map(|id| {
        let add = AddCertificate {
            key_id,
            leaf: ca.leaf(key.spki_der()),
            issuers: vec![ca.certificate()],
            place: Place::VersionOf(id),
            automation_id: String::new(),
        };
        async move {
            let (renew, delete) = (
                origin(&format!("renew {id}")),
                origin(&format!("delete {id}")),
            );
            let (renewed, deleted) = at_odds(
                commands.add_certificate(&renew, add),
                commands.delete_certificate(&delete, id),
            )
            .await;
            assert_eq!(reason(&deleted), "DONE");
            let loaded = commands
                .log
                .load::<certificate::State>(&id.to_string())
                .await;
            let events = loaded.unwrap().events.into_iter().map(|event| event.event);
            let events = events.filter(|event| event != "chain-completed");
            let events = events.collect::<Vec<_>>();
            match reason(&renewed) {
                "DONE" => assert_eq!(events, ["imported", "renewed", "deleted"]),
                "CERTIFICATE_DELETED" => assert_eq!(events, ["imported", "deleted"]),
                other => panic!("{other}"),
            }
            renewed.is_ok()
        }
    });
    let renewed = rounds
        .buffer_unordered(AT_ONCE)
        .filter(|renewed| std::future::ready(*renewed));
    let renewed = renewed.count().await;
    assert!(
        (1..ROUNDS).contains(&renewed),
        "both must be first at times: {renewed}"
    );
}

/// Whether something began to use the key: by its certificate's or request's event.
async fn use_it(
    trial: &Trial,
    ca: &Ca,
    round: usize,
    key_id: Uuid,
    spki: &[u8],
) -> Result<bool, CommandError> {
    let commands = trial.commands();
    let request = origin(&format!("use {round}"));
    let friendly_name = pki::FriendlyName::try_from(&*format!("use {round}")).unwrap();
    match round % 3 {
        0 => {
            let sign = SelfSign {
                key: KeyChoice::Existing(key_id),
                friendly_name,
                naming: Naming::Exact,
                subject: Subject::default(),
                names: shop_names(),
                life: Days::days(30),
                factory: false,
            };
            commands.self_sign(&request, sign).await.map(|_| true)
        }
        1 => {
            let reserve = ReserveRequest {
                request_id: Uuid::new_v4(),
                friendly_name,
                key: KeyChoice::Existing(key_id),
                subject: Subject::default(),
                names: shop_names(),
            };
            commands
                .reserve_request(&request, reserve)
                .await
                .map(|_| true)
        }
        _ => {
            let leaf = ca.leaf_for(spki, &format!("{round}.example"));
            let file = File {
                name: "certificate.cer".into(),
                content: Zeroizing::new(leaf.der),
                passphrase: None,
            };
            let mut imported = commands.import(&request, vec![file]).await?;
            let verdict = imported.verdicts.remove(0);
            match (verdict.outcome, verdict.items.as_slice()) {
                (Outcome::Refused(refusal), []) => Err(refusal.into()),
                (_, [Item::Certificate(certificate)]) => Ok(certificate.key_id.is_some()),
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_destroyed_is_not_used() {
    let (trial, ca) = (Trial::begin().await, Ca::new());
    let (trial, ca) = (&trial, &ca);
    let commands = trial.commands();
    let rounds = stream::iter(0..ROUNDS).map(|round| async move {
        let make = origin(&format!("key {round}"));
        let made = commands.generate_key(&make, KeyAlgorithm::EcdsaP256);
        let made = made.await.unwrap();
        let (id, destroy) = (made.key_id, origin(&format!("destroy {round}")));
        let (used, destroyed) = at_odds(
            use_it(trial, ca, round, id, &made.spki_der),
            commands.destroy_key(&destroy, id),
        )
        .await;
        let used = match used {
            Ok(used) => used,
            refused => {
                let reason = reason(&refused);
                let expected = ["KEY_BEING_DESTROYED", "NO_SUCH_KEY"];
                assert!(expected.contains(&reason), "{reason}");
                false
            }
        };
        let state = commands
            .log
            .load::<key::State>(&id.to_string())
            .await
            .unwrap()
            .state;
        match reason(&destroyed) {
            "DONE" => assert!(!used && state == key::State::Destroyed, "round {round}"),
            "KEY_IN_USE" => assert!(used && state == key::State::Here, "round {round}"),
            other => panic!("{other}"),
        }
        (round % 3, used)
    });
    let outcomes = rounds.buffer_unordered(AT_ONCE).collect::<Vec<_>>().await;
    for kind in 0..3 {
        let of_kind = outcomes.iter().filter(|(of, _)| *of == kind);
        let used = of_kind.clone().filter(|(_, used)| *used).count();
        assert!(
            (1..of_kind.count()).contains(&used),
            "both must win at times: {kind} {used}"
        );
    }
}
