//! A disk that forgets: one bit of the log's files is another, or a file ends too soon. It is found, or changed nothing.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use databases::Kind;
use eventlog::{
    EventLog,
    proof::{Finding, Stored},
};
use futures_util::{StreamExt as _, stream};
use serde_json::json;
use town::{
    Plan, Town, desk::Desk, installation::Installation, kept::copy, monitor::Monitor, wait,
};

use crate::self_signed;

#[tokio::test(flavor = "multi_thread")]
async fn a_bit_that_is_another_is_found_and_the_log_comes_back_from_a_backup() {
    let (mut town, monitor) = town_with_a_log().await;
    let desk = Desk::of(&town).await;
    let data = town.installation.data.display().to_string();
    desk.done(&format!("chancery backup kept.backup --data-dir {data}"))
        .await;
    let kept = Kept::of(&mut town, &monitor).await;
    let seen = kept.damaged_at(12, &mut town, &monitor).await;
    let ways = ["found", "refused to start"].map(|way| seen.contains_key(way));
    assert_eq!(ways, [true; 2], "{seen:?}");

    // What is lost is not missed by who counts alone: others have taken its places by the time that anybody looks.
    kept.put_back(&town.installation);
    kept.damage(kept.octets() / 2, &Damage::Cut);
    // What the server remembers of its files is gone as well: then it goes on where they end.
    fs::remove_file(messages(&town.installation.data).join("index.db")).unwrap();
    town.installation.start_nats();
    let log = log_of(&town.installation).await;
    let last = log.last_sequence().await.unwrap();
    assert!(last < kept.last(), "it was cut off at {last}");
    let (nats, _) = town.installation.nats("keystore").await;
    for event in kept.events[..last as usize]
        .iter()
        .filter(|event| event.subject.starts_with("chancery.events.key."))
        .cycle()
        .take((kept.last() - last) as usize + 1)
    {
        let mut headers = async_nats::HeaderMap::new();
        for (name, value) in &event.headers {
            // No condition of the first time holds, and the server would know the id again.
            if !name.starts_with("Nats-") {
                headers.append(name.as_str(), value.as_str());
            }
        }
        let (subject, body) = (event.subject.clone(), event.body.clone());
        let answer = nats.request_with_headers(subject, headers, body).await;
        answer.expect("the server has taken it");
    }
    assert!(log.last_sequence().await.unwrap() > kept.last());
    town.installation.start("projection");
    wait::until("the follower sees another log", async || {
        let said = town.installation.process("projection").log();
        said.contains("the log has another event there")
            .then_some(())
    })
    .await;
    stop(&mut town.installation).await;

    // The disk is replaced, and the log with it.
    town.installation.lost();
    let said = desk
        .done(&format!("chancery restore kept.backup --data-dir {data}"))
        .await;
    assert!(said.contains("the log is what was backed up"), "{said}");
    town.installation.up().await;
    desk.until("chancery events verify", |found| {
        found["findings"] == json!([])
    })
    .await;
    desk.until("chancery projection verify", |verdict| {
        verdict["equal"] == true
    })
    .await;
}

/// The promise in its full size: `cargo nextest run -p tests --run-ignored only -E 'test(a_hundred_places)'`
#[ignore = "it takes some minutes: a server and a service start a hundred times"]
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_places_of_the_log_are_damaged_and_each_is_found() {
    let (mut town, monitor) = town_with_a_log().await;
    let kept = Kept::of(&mut town, &monitor).await;
    let seen = kept.damaged_at(100, &mut town, &monitor).await;
    println!("of 100: {seen:?}");
}

/// One with some hundreds of events.
async fn town_with_a_log() -> (Town, Monitor) {
    let monitor = Monitor::somewhere();
    let town = Town::planned(Plan {
        // It is copied with its folder.
        databases: Some(Kind::Sqlite),
        configuration: format!(
            "[projection]\nscrub_seconds = 1\nscrub_tail_events = {TAIL}\nmetrics = \"{}\"\n",
            monitor.0
        ),
        ..Plan::default()
    })
    .await;
    let client = town.client().await;
    stream::iter(0..CERTIFICATES)
        .for_each_concurrent(8, async |n| {
            let mut request = self_signed::shop(30);
            request.friendly_name = format!("shop {n}");
            client.csr().create_self_signed(request).await.unwrap();
        })
        .await;
    (town, monitor)
}

/// An installation as it was before anything was damaged.
struct Kept {
    folder: PathBuf,
    events: Vec<Stored>,
    /// The files that hold the events, in their order, and how long each is.
    blocks: Vec<(PathBuf, u64)>,
}

/// What becomes of a file.
enum Damage {
    Flip(u8),
    Cut,
}

impl Kept {
    /// Stops all, and keeps it once the tables have all that the log has.
    async fn of(town: &mut Town, monitor: &Monitor) -> Self {
        let folder = town.folder().join("kept");
        let installation = &mut town.installation;
        installation.process("up").stop("INT").await;
        installation.start_nats();
        let log = log_of(installation).await;
        let last = log.last_sequence().await.unwrap();
        assert!(last > 200, "only {last}");
        installation.start("projection");
        wait::until("the tables have all", async || {
            let look = monitor.look().await;
            let follower = [("follower", "projection")];
            let at = look.value("chancery_follower_position", &follower)?;
            (at >= last as f64).then_some(())
        })
        .await;
        let events = log.stored(0, last).collect::<Vec<_>>().await;
        assert_eq!(events.len() as u64, last);
        stop(installation).await;
        let blocks = fs::read_dir(messages(&installation.data)).unwrap();
        let blocks = blocks.map(|file| file.unwrap().path());
        let mut blocks = blocks
            .filter(|path| path.extension().is_some_and(|end| end == "blk"))
            .map(|path| (path.clone(), fs::metadata(path).unwrap().len()))
            .collect::<Vec<_>>();
        blocks.sort();
        for part in PARTS {
            copy(&installation.data.join(part), &folder.join(part));
        }
        Self {
            folder,
            events,
            blocks,
        }
    }

    fn last(&self) -> u64 {
        self.events.len() as u64
    }

    fn put_back(&self, installation: &Installation) {
        for part in PARTS {
            fs::remove_dir_all(installation.data.join(part)).unwrap();
            copy(&self.folder.join(part), &installation.data.join(part));
        }
    }

    fn octets(&self) -> u64 {
        self.blocks.iter().map(|(_, length)| length).sum()
    }

    /// Damages the files at this octet of all; says where.
    fn damage(&self, mut at: u64, damage: &Damage) -> String {
        let mut blocks = self.blocks.iter();
        let block = loop {
            let (block, length) = blocks.next().unwrap();
            if at < *length {
                break block;
            }
            at -= length;
        };
        match damage {
            Damage::Cut => {
                let file = fs::File::options().write(true).open(block).unwrap();
                file.set_len(at).unwrap();
                format!("cut off at {at}")
            }
            Damage::Flip(bit) => {
                let mut octets = fs::read(block).unwrap();
                octets[at as usize] ^= 1 << bit;
                fs::write(block, octets).unwrap();
                format!("bit {bit} of {at}")
            }
        }
    }

    /// Damages a copy at so many places, one after the other, and sees what is said of each.
    async fn damaged_at(
        &self,
        places: u64,
        town: &mut Town,
        monitor: &Monitor,
    ) -> BTreeMap<&'static str, u64> {
        let mut seen = BTreeMap::new();
        let installation = &mut town.installation;
        for place in 0..places {
            let damage = match place % 10 {
                2 | 5 | 8 => Damage::Cut,
                n => Damage::Flip((n % 8) as u8),
            };
            self.put_back(installation);
            let at = self.octets() * (2 * place + 1) / (2 * places);
            let what = self.damage(at, &damage);
            let verdict = self.verdict(installation, monitor, &what).await;
            println!("{what}: {verdict}");
            *seen.entry(verdict).or_default() += 1;
            stop(installation).await;
        }
        seen
    }

    /// What a server and a projection say of what lies there; that it is so, is seen in the events themselves.
    async fn verdict(
        &self,
        installation: &mut Installation,
        monitor: &Monitor,
        what: &str,
    ) -> &'static str {
        installation.start_nats();
        // Who starts without a server ends for that, and not for the damage.
        wait::until("NATS answers", async || {
            installation.try_nats("projection").await.ok()
        })
        .await;
        let before = installation.process("projection").log().len();
        installation.start("projection");
        let findings = wait::until("it is found, or there is nothing", async || {
            if installation.process("projection").ended().is_some() {
                return Some(None);
            }
            let (_, text) = monitor.get("/metrics").await?;
            let value = |name: &str| {
                let line = text.lines().find_map(|line| line.strip_prefix(name))?;
                line.trim().parse::<f64>().ok()
            };
            let done = value("chancery_log_scrubbed_seconds ").is_some_and(|at| at > 0.0);
            done.then(|| value("chancery_log_damage_findings "))
        })
        .await;
        let said = installation.process("projection").log()[before..].to_owned();
        // Seen by another pair of eyes.
        let there = log_of(installation).await.stored(0, self.last());
        let mut there = there
            .map(|event| (event.sequence, event))
            .collect::<BTreeMap<_, _>>()
            .await;
        let mut missing = Vec::new();
        for event in &self.events {
            match there.remove(&event.sequence) {
                Some(same) if same == *event => {}
                Some(other) => panic!("{what}: the server made another event: {other:?}"),
                None => missing.push(event.sequence),
            }
        }
        let Some(findings) = findings else {
            // So far back it has looked.
            missing.retain(|sequence| *sequence > self.last() - TAIL);
            Self::names(&missing, &said, what);
            return "refused to start";
        };
        if findings == 0.0 {
            assert_eq!(missing, [0; 0], "{what}: {said}");
            return "changed nothing";
        }
        Self::names(&missing, &said, what);
        "found"
    }

    /// What was said names all that is missing, and something is.
    fn names(missing: &[u64], said: &str, what: &str) {
        assert!(!missing.is_empty(), "{what}: a false alarm: {said}");
        assert!(said.contains("the event log is damaged"), "{what}: {said}");
        for gap in missing.chunk_by(|one, next| one + 1 == *next) {
            let (first, last) = (gap[0], gap[gap.len() - 1]);
            let words = Finding::Missing { first, last }.to_string();
            assert!(said.contains(&words), "{what}: not {words}: {said}");
        }
    }
}

async fn log_of(installation: &Installation) -> EventLog {
    wait::until("the log can be read", async || {
        let (nats, _) = installation.try_nats("projection").await.ok()?;
        EventLog::open(nats, "projection").await.ok()
    })
    .await
}

async fn stop(installation: &mut Installation) {
    for name in ["projection", "nats"] {
        if installation.process(name).ended().is_none() {
            installation.process(name).stop("TERM").await;
        }
    }
}

fn messages(data: &Path) -> PathBuf {
    let stream = eventlog::subject::STREAM;
    data.join(format!(
        "nats/store/jetstream/CHANCERY/streams/{stream}/msgs"
    ))
}

/// What the two of them write to.
const PARTS: [&str; 2] = ["nats/store", "db"];

/// How many of the last events are looked at before anybody is answered: some, so that both looks find something.
const TAIL: u64 = 100;

const CERTIFICATES: u64 = 120;
