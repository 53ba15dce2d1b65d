//! Each user of NATS and each kind of subject.

use std::{collections::BTreeMap, fs};

use eventlog::subject;
use town::installation::Installation;

use super::Table;

/// What each of them may do.
pub struct Bus {
    pub publishes: Table,
    pub hears: Table,
}

/// Every user that `init` makes.
const USERS: [&str; 8] = [
    "keystore",
    "csr-service",
    "acme-agent",
    "notifier",
    "projection",
    "gateway",
    "provisioner",
    "auditor",
];

/// All kinds of aggregates, and one that there is not.
const AGGREGATES: [&str; 16] = [
    "acme-server",
    "alert",
    "api-token",
    "automation",
    "certificate",
    "channel",
    "directory",
    "dns-provider",
    "kek",
    "key",
    "made-up",
    "request",
    "seal",
    "session",
    "tables",
    "tls",
];

/// What can be asked of a stream, the harmless first.
const STREAM_REQUESTS: [&str; 9] = [
    "INFO",
    "MSG.GET",
    "CREATE",
    "UPDATE",
    "SNAPSHOT",
    "RESTORE",
    "MSG.DELETE",
    "PURGE",
    "DELETE",
];

/// What a user may publish and subscribe to, as `nats.conf` says.
struct Declared {
    publish: Vec<String>,
    subscribe: Vec<String>,
}

/// Lets each user publish and subscribe to all of it, on a server with the stream and without services.
pub async fn tried(installation: &Installation) -> Bus {
    let conf = fs::read_to_string(installation.data.join("nats/nats.conf")).unwrap();
    let declared = declared(&conf);
    assert_eq!(declared.len(), USERS.len());
    let (sent, heard) = (published(), subscribed());
    let mut publishes = vec![Vec::new(); sent.len()];
    let mut hears = vec![Vec::new(); heard.len()];
    for user in USERS {
        let (client, mut complaints) = installation.nats(user).await;
        for subject in &sent {
            client.publish(subject.clone(), "".into()).await.unwrap();
        }
        // Refusals come in order: once this one has come, which nobody may, all have.
        client.publish("end.of.all", "".into()).await.unwrap();
        let refused = until(&mut complaints, "end.of.all").await;
        for (subject, row) in sent.iter().zip(&mut publishes) {
            let may = !says(&refused, "publish", subject);
            let allowed = matches(&declared[user].publish, subject);
            assert_eq!(may, allowed, "{user} publishes {subject}: {refused}");
            row.push(may);
        }
        let mut open = Vec::new();
        for subject in &heard {
            open.push(client.subscribe(subject.clone()).await.unwrap());
        }
        open.push(client.subscribe("end.of.all").await.unwrap());
        let refused = until(&mut complaints, "end.of.all").await;
        for (subject, row) in heard.iter().zip(&mut hears) {
            let may = !says(&refused, "subscription", subject);
            let allowed = declared[user].subscribe.contains(subject);
            assert_eq!(may, allowed, "{user} hears {subject}: {refused}");
            row.push(may);
        }
    }
    let who = || USERS.map(str::to_owned).into();
    let rows = |subjects: Vec<String>, may: Vec<Vec<bool>>| subjects.into_iter().zip(may).collect();
    Bus {
        publishes: Table {
            title: "What is published on the bus",
            explained: "By the nkey that a NATS connection signs in with; requests are publications, too. Declared in `nats.conf`, which `chancery init` and `up` write.",
            what: "subject",
            who: who(),
            rows: rows(sent, publishes),
        },
        hears: Table {
            title: "What is heard on the bus",
            explained: "Events are read by requests to the stream, and come to the inbox of who asked.",
            what: "subject",
            who: who(),
            rows: rows(heard, hears),
        },
    }
}

fn published() -> Vec<String> {
    let (log, bucket) = (subject::STREAM, api::challenge::BUCKET);
    let events = AGGREGATES.map(|aggregate| subject::event(aggregate, "x", "happened"));
    let mut subjects = Vec::from(events);
    subjects.push(format!("$KV.{bucket}.token"));
    for stream in [log.to_owned(), format!("KV_{bucket}")] {
        let requests = [
            "$JS.API.DIRECT.GET.{}",
            "$JS.API.CONSUMER.CREATE.{}.x",
            "$JS.API.CONSUMER.INFO.{}.x",
            "$JS.API.CONSUMER.MSG.NEXT.{}.x",
            "$JS.API.CONSUMER.LIST.{}",
            "$JS.API.CONSUMER.DELETE.{}.x",
        ];
        subjects.extend(requests.map(|request| request.replace("{}", &stream)));
    }
    for stream in [log.to_owned(), format!("KV_{bucket}"), "ANOTHER".to_owned()] {
        let requests = STREAM_REQUESTS.map(|request| format!("$JS.API.STREAM.{request}.{stream}"));
        subjects.extend(requests);
    }
    let others = [
        "$JS.API.INFO",
        "$JS.API.STREAM.LIST",
        "$JS.API.STREAM.NAMES",
        "$JS.API.STREAM.LEADER.STEPDOWN.CHANCERY_EVENTS",
        "$JS.API.STREAM.PEER.REMOVE.CHANCERY_EVENTS",
        "$JS.API.META.LEADER.STEPDOWN",
        "$JS.API.ACCOUNT.PURGE.CHANCERY",
        "$SYS.REQ.SERVER.PING",
        "$SYS.REQ.SERVER.PING.JSZ",
        eventlog::safety::SERVER_REPORT,
        "chancery.other",
    ];
    subjects.extend(others.map(str::to_owned));
    subjects.extend(USERS.map(|user| format!("_INBOX.{user}.x")));
    subjects
}

fn subscribed() -> Vec<String> {
    let mut subjects = Vec::from(USERS.map(|user| format!("_INBOX.{user}.>")));
    let others = [
        "_INBOX.>",
        ">",
        "chancery.events.>",
        "chancery.events.key.>",
        "$KV.>",
        "$JS.API.>",
        "$JS.EVENT.ADVISORY.>",
        "$SYS.>",
    ];
    subjects.extend(others.map(str::to_owned));
    subjects
}

fn declared(conf: &str) -> BTreeMap<String, Declared> {
    let list = |line: &str| {
        let words = line.split('"').skip(1).step_by(2);
        words.map(str::to_owned).collect::<Vec<_>>()
    };
    let (_, users) = conf.split_once("users: [").unwrap();
    let users = users.split("# ").skip(1).map(|user| {
        let lines = user.lines().map(str::trim).collect::<Vec<_>>();
        let of = |kind: &str| {
            let line = lines.iter().find(|line| line.starts_with(kind));
            list(line.expect("a list"))
        };
        let declared = Declared {
            publish: of("publish:"),
            subscribe: of("subscribe:"),
        };
        (lines[0].to_owned(), declared)
    });
    users.collect()
}

fn matches(allowed: &[String], subject: &str) -> bool {
    allowed
        .iter()
        .any(|allowed| subject::matches(allowed, subject))
}

/// All complaints up to the one about this subject, in lower case.
async fn until(
    complaints: &mut tokio::sync::mpsc::UnboundedReceiver<String>,
    last: &str,
) -> String {
    let mut all = String::new();
    while !all.contains(&format!("\"{last}\"")) {
        let next = tokio::time::timeout(town::wait::PATIENCE, complaints.recv());
        let next = next.await.expect("a complaint").expect("a connection");
        all.push_str(&next.to_lowercase());
        all.push('\n');
    }
    all
}

fn says(refused: &str, what: &str, subject: &str) -> bool {
    let refusal = format!("{what} to \"{}\"", subject.to_lowercase());
    refused.contains(&refusal)
}
