//! The log proves itself: to who keeps a checkpoint elsewhere, also when somebody had the disk in his hands.

use serde_json::Value;
use town::{
    Plan, Town,
    block::{self, Record},
    desk::Desk,
};

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_changed_in_the_log_is_named() {
    let mut town = Town::planned(Plan {
        // Sealed when it is asked for, and at no other time; and read through by who asks alone.
        configuration:
            "[projection]\ncheckpoint_seconds = 0\nscrub_seconds = 0\nscrub_tail_events = 0\n"
                .to_owned(),
        ..Plan::default()
    })
    .await;
    let desk = Desk::of(&town).await;
    let none = desk.refused(1, "chancery events checkpoint show").await;
    assert!(none.contains("checkpoint sign"), "what to do: {none}");
    for name in ["shop", "lab", "desk"] {
        desk.done(&format!(
            "chancery certs self-sign {name} --dns {name}.example"
        ))
        .await;
    }
    let key = exported_key(&desk).await;
    desk.done("chancery events checkpoint sign > kept.checkpoint && chancery events checkpoint show --key > log.key")
        .await;
    a_stranger_gets_the_same(&desk).await;

    // More happens, and all still fits.
    desk.done("chancery certs rename lab laboratory").await;
    let again = desk.done("chancery events checkpoint sign").await;
    let same = desk.done("chancery events checkpoint sign").await;
    assert_eq!(again, same, "nothing has happened in between");
    let kept = "--checkpoint kept.checkpoint --verifier-key log.key";
    let whole = desk.json(&format!("chancery events verify {kept}")).await;
    assert_eq!(whole["findings"], Value::Array(vec![]), "{whole}");
    assert_eq!(whole["checkpoints"], 3, "two of the log, and the kept one");
    desk.done("chancery events checkpoint compare kept.checkpoint --verifier-key log.key")
        .await;

    one_event_is_proven_to_who_has_the_key_alone(&desk).await;
    an_exported_file_names_what_was_done_to_it(&desk, kept).await;
    the_ledger_says_who_could_read_a_key(&desk, &key).await;

    // Who follows the log stands at an event that nobody touches: else it would not even start.
    desk.done("chancery certs rename desk desktop").await;

    // Somebody has the disk.
    let data = town.installation.data.clone();
    town.installation.process("up").stop("INT").await;
    let records = block::read(&data);
    let renamed = position(&records, "certificate", "renamed");
    let first = position(&records, "key", "exported");
    // Nothing is appended behind it before it is back: what follows would name another event.
    let gone = position(&records, "seal", "checkpoint-signed");
    let mut touched = records.clone();
    let body = &mut touched[renamed].body;
    let at = body.len() - 3;
    body[at] ^= 1;
    let (one, other) = (touched[first].clone(), touched[first + 1].clone());
    touched[first] = in_place_of(&one, other.clone());
    touched[first + 1] = in_place_of(&other, one);
    touched.remove(gone);
    block::write(&data, &touched);
    town.installation.up().await;
    let verify = format!("chancery events verify {kept} --output json");
    let found = desk.shell(&verify).await;
    assert_eq!(found.status, 1, "{found:?}");
    let found: Value = serde_json::from_str(&found.stdout).unwrap();
    let other = |index: usize| format!("event {} is not the one that was recorded", index + 1);
    let missing = format!("event {} is missing", gone + 1);
    let named = [other(first), other(first + 1), missing, other(renamed)];
    assert_eq!(found["findings"], Value::from(Vec::from(named)), "{found}");
    assert_eq!(
        found["checkpoints"], 2,
        "what was recorded is what was signed"
    );
    let gap = desk
        .refused(1, "chancery events export > touched.jsonl")
        .await;
    assert!(gap.contains("no longer has 1 of its events"), "{gap}");

    // He makes the tables anew from a log that fits in itself, and hides what it had signed.
    town.installation.process("up").stop("INT").await;
    let mut rewritten = records;
    let since = block::read(&data).into_iter();
    let since = since.filter(|record| record.sequence > rewritten.len() as u64);
    let since = since.collect::<Vec<_>>();
    // An event that the kept checkpoint vouches for.
    let words = String::from_utf8(rewritten[first].body.clone()).unwrap();
    assert!(words.contains("PEM"), "{words}");
    rewritten[first].body = words.replace("PEM", "DER").into_bytes();
    rewritten.extend(since);
    for record in &mut rewritten {
        record.subject = record.subject.replace(".seal.", ".sea1.");
        let headers = String::from_utf8(record.headers.clone()).unwrap();
        record.headers = headers
            .replace(".events.seal.", ".events.sea1.")
            .into_bytes();
    }
    block::write(&data, &rewritten);
    town.installation.forget_tables().await;
    town.installation.up().await;
    town.events_at("", rewritten.len() as u64).await;
    desk.done("chancery events checkpoint sign").await;
    let fits = desk
        .json("chancery events verify --verifier-key log.key")
        .await;
    assert_eq!(fits["findings"], Value::Array(vec![]), "in itself: {fits}");
    let caught = desk
        .refused(1, &format!("chancery events verify {kept}"))
        .await;
    assert!(caught.contains("was signed for others"), "{caught}");
    let compare = "chancery events checkpoint compare kept.checkpoint --verifier-key log.key";
    let caught = desk.refused(1, compare).await;
    assert!(caught.contains("does not go on from"), "{caught}");
}

/// Exports one key twice, and answers its id.
async fn exported_key(desk: &Desk) -> String {
    let keys = desk.json("chancery keys list --filter used=true").await;
    let key = keys["keys"][0]["id"].as_str().unwrap().to_owned();
    for name in ["one", "two"] {
        desk.done(&format!(
            "chancery keys export {key} --unprotected --out {name}.key"
        ))
        .await;
    }
    key
}

async fn a_stranger_gets_the_same(desk: &Desk) {
    let get = |path: &str| format!("curl --silent --fail --insecure https://$EDGE{path}");
    let note = desk.done(&get("/checkpoint")).await;
    assert_eq!(note.as_bytes(), desk.read("kept.checkpoint"));
    let key = desk.done(&get("/checkpoint/key")).await;
    assert_eq!(key.as_bytes(), desk.read("log.key"));
}

async fn one_event_is_proven_to_who_has_the_key_alone(desk: &Desk) {
    desk.done("chancery events prove 2 > two.json").await;
    // Nobody is asked: there is no gateway at that address.
    let verify =
        "CHANCERY_URL=https://localhost:1 chancery events verify --verifier-key log.key --proof";
    let shown = desk
        .done(&format!("{verify} two.json --output table"))
        .await;
    assert!(shown.contains("chancery.events."), "{shown}");
    let proof = String::from_utf8(desk.read("two.json")).unwrap();
    let wrong = proof.replacen("chancery.events.", "chancery.eventz.", 1);
    assert_ne!(wrong, proof);
    desk.lay("wrong.json", wrong);
    let refused = desk.refused(1, &format!("{verify} wrong.json")).await;
    assert!(refused.contains("is not under the checkpoint"), "{refused}");
    let later = desk.refused(1, "chancery events prove 100000").await;
    assert!(later.contains("came after the checkpoint"), "{later}");
}

async fn an_exported_file_names_what_was_done_to_it(desk: &Desk, kept: &str) {
    desk.done("chancery events export > log.jsonl").await;
    let text = String::from_utf8(desk.read("log.jsonl")).unwrap();
    let lines = text.lines().map(str::to_owned).collect::<Vec<_>>();
    let verify = async |lines: Vec<String>| {
        desk.lay("touched.jsonl", lines.join("\n") + "\n");
        let verify =
            format!("CHANCERY_URL=https://localhost:1 chancery events verify touched.jsonl {kept}");
        desk.shell(&verify).await
    };
    let whole = verify(lines.clone()).await;
    assert_eq!(whole.status, 0, "{whole:?}");

    let touched = |touch: &dyn Fn(&mut Vec<String>)| {
        let mut lines = lines.clone();
        touch(&mut lines);
        lines
    };
    let cases: [(&str, Vec<String>); 5] = [
        (
            "event 4 is not the one that was recorded",
            touched(&|lines| lines[3] = lines[3].replacen("ce-actor\":[\"", "ce-actor\":[\"x", 1)),
        ),
        (
            "event 5 is missing",
            touched(&|lines| drop(lines.remove(4))),
        ),
        (
            "there is one more event 3",
            touched(&|lines| lines.insert(7, lines[2].clone())),
        ),
        (
            "event 6 stands after event 7",
            touched(&|lines| lines.swap(5, 6)),
        ),
        // Its own leaf is taken away, so that nothing beside it tells; the checkpoint does.
        (
            "was signed for others",
            touched(&|lines| {
                let (line, _leaf) = lines[3].split_once(",\"leaf\"").unwrap();
                lines[3] = format!(
                    "{}}}",
                    line.replacen("ce-actor\":[\"", "ce-actor\":[\"x", 1)
                );
            }),
        ),
    ];
    for (what, lines) in cases {
        let ended = verify(lines).await;
        assert_eq!(ended.status, 1, "{what}: {ended:?}");
        assert!(ended.stdout.contains(what), "{what}: {ended:?}");
    }
}

async fn the_ledger_says_who_could_read_a_key(desk: &Desk, key: &str) {
    let ledger = desk.json(&format!("chancery keys disclosures {key}")).await;
    let all = ledger["disclosures"].as_array().unwrap();
    let exports = all.iter().filter(|row| row["export"]["keyId"] == *key);
    assert_eq!(exports.count(), 2, "{ledger}");
    let grants = all.iter().filter(|row| !row["grant"]["gateway"].is_null());
    assert!(grants.count() > 0, "a gateway serves with it: {ledger}");

    let prove = "--prove --verifier-key log.key --output table";
    let proven = desk
        .done(&format!("chancery keys disclosures {key} {prove}"))
        .await;
    assert!(proven.contains("records 2 exports of this key"), "{proven}");
    let keys = desk.json("chancery keys list").await;
    let other = keys["keys"].as_array().unwrap().iter();
    let other = other
        .map(|row| row["id"].as_str().unwrap())
        .find(|id| *id != key);
    let proven = desk
        .done(&format!(
            "CHANCERY_URL=https://localhost:1 chancery keys disclosures {} --from log.jsonl --verifier-key log.key",
            other.unwrap()
        ))
        .await;
    assert!(proven.contains("records no export of this key"), "{proven}");
}

/// Where the first event of this name is.
fn position(records: &[Record], aggregate: &str, event: &str) -> usize {
    let (prefix, suffix) = (format!("chancery.events.{aggregate}."), format!(".{event}"));
    let is_it =
        |record: &Record| record.subject.starts_with(&prefix) && record.subject.ends_with(&suffix);
    records.iter().position(is_it).unwrap()
}

/// One record's content at another's place.
fn in_place_of(place: &Record, content: Record) -> Record {
    Record {
        sequence: place.sequence,
        time: place.time,
        ..content
    }
}
