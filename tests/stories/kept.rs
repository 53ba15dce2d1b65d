//! What is lost with a machine comes back from one file, taken while all went on.

use std::{
    fs,
    io::{Read as _, Write as _},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use eventlog::proof::{
    line,
    tree::{self, Tree},
};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use serde_json::{Value, json};
use town::{Town, client::Client, desk::Desk, wait};

use crate::{issue::served, self_signed};

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_machine_comes_back_from_a_backup_that_was_taken_under_writes() {
    let mut town = Town::start().await;
    let desk = Desk::of(&town).await;
    town.register_ca().await;
    town.keep_token().await;
    let shop = town.issue("shop.example").await;
    let leaf = wait::until("the certificate is served", async || {
        let leaf = town.edge().leaf(Some("shop.example")).await?;
        let parsed = pki::Certificate::parse(&leaf).ok()?;
        (!parsed.self_signed).then_some(leaf)
    })
    .await;
    desk.done("chancery users create rosa --role operator")
        .await;
    desk.done("chancery events checkpoint sign > kept.checkpoint && chancery events checkpoint show --key > log.key")
        .await;

    // People go on working.
    let over = Arc::new(AtomicBool::new(false));
    let busy = tokio::spawn(busy(town.client().await, over.clone()));
    let data = town.installation.data.display().to_string();
    let take = format!("chancery backup kept.backup --data-dir {data}");
    let said = desk.done(&take).await;
    assert!(
        said.contains("events and") && said.contains("as of one moment"),
        "{said}"
    );
    over.store(true, Ordering::Relaxed);
    let made = busy.await.unwrap();
    assert!(made > 1, "somebody worked meanwhile");
    let again = desk.refused(1, &take).await;
    assert!(again.contains("there already"), "{again}");
    let mode = town::desk::mode(&desk.path("kept.backup"));
    assert_eq!(mode, "600");
    no_key_is_in_it(&town, &desk);

    // The machine is lost, and its disk.
    town.installation.lost();
    what_does_not_fit_is_refused(&town, &desk).await;
    nothing_starts_on_a_half_restored_one(&mut town, &desk).await;
    town.installation.lost();
    let restore = format!("chancery restore kept.backup --data-dir {data}");
    let said = desk.done(&restore).await;
    assert!(said.contains("the log is what was backed up"), "{said}");
    let twice = desk.refused(1, &restore).await;
    assert!(twice.contains("there already"), "{twice}");

    // It serves as before, and what was proven stays so.
    town.installation.up().await;
    served(&town, "shop.example", &leaf).await;
    let kept = "--checkpoint kept.checkpoint --verifier-key log.key";
    let verify = format!("chancery events verify {kept}");
    desk.until(&verify, |found| found["findings"] == json!([]))
        .await;
    desk.until("chancery projection verify", |verdict| {
        verdict["equal"] == true
    })
    .await;
    let people = desk.json("chancery users list").await;
    assert!(people.to_string().contains("rosa"), "{people}");
    every_certificate_has_its_key(&desk).await;
    // What was begun when the backup was taken is nobody's: its name is free.
    for n in 0..=made {
        let name = format!("busy-{n}");
        if !names(&desk).await.contains(&name) {
            desk.done(&format!(
                "chancery certs self-sign {name} --dns {name}.example"
            ))
            .await;
        }
    }

    // And it renews, with the account that it had.
    desk.done("chancery acme retry shop.example").await;
    town.until(&shop.id, "renewed").await;
    wait::until("the new one is served", async || {
        let now = town.edge().leaf(Some("shop.example")).await?;
        (now != leaf).then_some(())
    })
    .await;
}

/// Makes certificates until it is over: how many.
async fn busy(client: Client, over: Arc<AtomicBool>) -> usize {
    let mut made = 0;
    while !over.load(Ordering::Relaxed) {
        let mut request = self_signed::shop(30);
        request.friendly_name = format!("busy-{made}");
        client.csr().create_self_signed(request).await.unwrap();
        made += 1;
    }
    made
}

async fn names(desk: &Desk) -> Vec<String> {
    let listed = desk.json("chancery certs list --limit 500").await;
    let rows = listed["certificates"].as_array().unwrap().iter();
    rows.map(|row| row["friendlyName"].as_str().unwrap().to_owned())
        .collect()
}

async fn every_certificate_has_its_key(desk: &Desk) {
    let busy = names(desk).await;
    for name in busy.iter().filter(|name| name.starts_with("busy-")) {
        desk.done(&format!(
            "chancery certs export {name} --private-key --unprotected --out {name}.zip"
        ))
        .await;
    }
}

/// Neither packed nor unpacked.
fn no_key_is_in_it(town: &Town, desk: &Desk) {
    let packed = desk.read("kept.backup");
    let text = unpack(&packed);
    let data = &town.installation.data;
    let kek = fs::read_to_string(data.join("kek")).unwrap();
    let mut keys = vec![
        kek.trim().as_bytes().to_vec(),
        STANDARD.decode(kek.trim()).unwrap(),
    ];
    for file in fs::read_dir(data.join("identity")).unwrap() {
        let path = file.unwrap().path();
        if path
            .extension()
            .is_some_and(|end| end == "key" || end == "nkey")
        {
            let text = fs::read_to_string(&path).unwrap();
            let longest = text.lines().max_by_key(|line| line.len()).unwrap();
            keys.push(longest.as_bytes().to_vec());
        }
    }
    assert!(keys.len() > 10, "only {}", keys.len());
    for key in keys {
        for content in [packed.as_slice(), text.as_bytes()] {
            assert!(
                memchr::memmem::find(content, &key).is_none(),
                "a key is in the backup"
            );
        }
    }
    assert!(text.contains("\"sealed_key\""), "that was a search");
}

/// Each is refused with the reason, and leaves the folder as empty as it was.
async fn what_does_not_fit_is_refused(town: &Town, desk: &Desk) {
    let data = &town.installation.data;
    let lines = unpack(&desk.read("kept.backup"));
    let lines = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let lines = lines.collect::<Vec<Value>>();
    let refused = async |what: &[u8], reason: &str| {
        desk.lay("wrong.backup", what);
        let restore = format!(
            "chancery restore wrong.backup --data-dir {}",
            data.display()
        );
        let said = desk.refused(1, &restore).await;
        assert!(said.contains(reason), "{reason:?} is not in {said}");
        let left = entries(data);
        assert_eq!(left, ["chancery.toml", "kek"], "{reason}");
    };
    let whole = desk.read("kept.backup");
    refused(&whole[..whole.len() / 2], "is not a whole backup").await;
    refused(b"a letter", "is not a whole backup").await;
    refused(&pack(&lines[..lines.len() - 1]), "it breaks off").await;

    // Its log ends before what the tables have seen.
    refused(
        &pack(&with_a_shorter_log(&lines)),
        "the log in this backup is behind the database of",
    )
    .await;

    // A row was changed, or left out; so was an event.
    let row = lines
        .iter()
        .position(|line| line.get("row").is_some())
        .unwrap();
    let mut fewer = lines.clone();
    fewer.remove(row);
    recount(&mut fewer);
    refused(&pack(&fewer), "are not those that were there").await;
    let event = lines
        .iter()
        .position(|line| line.get("event").is_some())
        .unwrap();
    let mut changed = lines.clone();
    changed[event + 3]["event"]["time"] = json!("2001-01-01T00:00:00Z");
    refused(&pack(&changed), "not those that were in the log").await;
    let mut fewer = lines.clone();
    fewer.remove(event + 3);
    refused(&pack(&fewer), "event 4 is missing").await;

    // Another key-encryption key.
    let kek = fs::read(data.join("kek")).unwrap();
    fs::write(data.join("kek"), STANDARD.encode([7; 32])).unwrap();
    refused(&whole, "cannot open the internal CA's key").await;
    fs::write(data.join("kek"), kek).unwrap();
}

/// The machine dies in the middle.
async fn nothing_starts_on_a_half_restored_one(town: &mut Town, desk: &Desk) {
    let data = town.installation.data.clone();
    let restore = format!("chancery restore kept.backup --data-dir {}", data.display());
    let line = format!("echo $$ > restoring && exec {restore}");
    let (ended, ()) = tokio::join!(desk.shell(&line), async {
        wait::until("half of it is restored", async || {
            data.join("restore-unfinished").exists().then_some(())
        })
        .await;
        let id = String::from_utf8(desk.read("restoring")).unwrap();
        town::child::signal_process(id.trim().parse().unwrap(), "KILL");
    });
    assert_ne!(ended.status, 0, "it came to its end: {}", ended.stdout);
    let again = desk.refused(1, &restore).await;
    assert!(again.contains("there already"), "{again}");
    town.installation.start_up();
    let up = town.installation.process("up");
    assert!(!up.end().await.success());
    assert!(up.log().contains("restore-unfinished"), "{}", up.log());
}

fn entries(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let mut names = names
        .map(|name| name.into_string().unwrap())
        .collect::<Vec<_>>();
    names.retain(|name| name != "lock");
    names.sort_unstable();
    names
}

/// As a copy of the log from some time before, which fits in itself.
fn with_a_shorter_log(lines: &[Value]) -> Vec<Value> {
    let mut shorter = Vec::new();
    let mut tree = Tree::default();
    for line in lines {
        if let Some(event) = line.get("event") {
            if tree.size() == 9 {
                continue;
            }
            let (event, _) = line::read(&event.to_string()).unwrap();
            tree.push(event.leaf());
        }
        shorter.push(line.clone());
        if line.get("log").is_some() {
            let root = tree::hex(&tree.root());
            *shorter.last_mut().unwrap() = json!({"log": {"events": 9, "root": root}});
        }
    }
    recount(&mut shorter);
    shorter
}

fn recount(lines: &mut [Value]) {
    let before = lines.len() - 1;
    lines[before] = json!({"end": {"lines": before}});
}

fn unpack(packed: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(packed).read_to_string(&mut text).unwrap();
    text
}

fn pack(lines: &[Value]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::fast());
    for line in lines {
        writeln!(out, "{line}").unwrap();
    }
    out.finish().unwrap()
}
