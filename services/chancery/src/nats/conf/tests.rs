//! The file against a real nats-server: for each user, every subject of the whole table is allowed or refused.

use std::{
    collections::BTreeSet,
    fs,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_nats::{Client, ConnectOptions, Event};
use eventlog::subject;
use keystore::internal_ca::InternalCa;
use keystore::kek::{Kek, KekSource};
use runtime::{Clock, Layout};

use super::*;
use crate::{
    init::{self, leaves, nkeys},
    nats::users,
    up::child::{Program, Supervised},
};

struct Server {
    child: Supervised,
    layout: Layout,
    listen: SocketAddr,
    _folder: tempfile::TempDir,
}

/// A nats-server on a fresh folder, as `up` configures it.
async fn server() -> Server {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::under(folder.path());
    fs::create_dir_all(layout.nats_store()).unwrap();
    let source = KekSource::File(layout.kek());
    Kek::make_if_missing(&source).unwrap();
    let now = Clock::system().now();
    let ca = InternalCa::make_if_missing(&layout, &Kek::read(&source).unwrap(), now).unwrap();
    leaves::renew_if_due(&ca, &layout, "nats", now).unwrap();
    nkeys::make_missing(&layout).unwrap();
    let listen = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    init::write_nats_conf(&layout, listen).unwrap();
    let child = Supervised::start(Program {
        name: "nats-server",
        path: crate::up::nats_server::find(None).unwrap(),
        arguments: vec!["-c".into(), layout.nats_config().display().to_string()],
        environment: Vec::new(),
        lock: folder.path().join("nats/lock"),
        output: folder.path().join("nats/nats.log"),
    });
    let server = Server {
        child: child.await.unwrap(),
        layout,
        listen,
        _folder: folder,
    };
    server
        .child
        .until_ready(
            async { drop(server.connect("provisioner").await) },
            Duration::from_secs(30),
        )
        .await
        .unwrap();
    server
}

/// What the server refused to one connection.
type Refused = Arc<Mutex<BTreeSet<String>>>;

impl Server {
    async fn connect(&self, user: &str) -> (Client, Refused) {
        let refused = Refused::default();
        let seed = fs::read_to_string(self.layout.nkey(user)).unwrap();
        loop {
            let remember = refused.clone();
            let options = ConnectOptions::with_nkey(seed.clone())
                .require_tls(true)
                .add_root_certificates(self.layout.ca_certificate())
                .custom_inbox_prefix(format!("_INBOX.{user}"))
                .event_callback(move |event| {
                    let remember = remember.clone();
                    async move {
                        if let Event::ServerError(error) = event {
                            remember
                                .lock()
                                .unwrap()
                                .insert(error.to_string().to_lowercase());
                        }
                    }
                });
            match options
                .connect(format!("tls://localhost:{}", self.listen.port()))
                .await
            {
                Ok(client) => return (client, refused),
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }
}

/// One subject for each pattern of the table, and some that nobody may use.
fn subjects() -> Vec<String> {
    let all = users::users().into_iter().flat_map(|user| user.publish);
    let all = all
        .map(|pattern| pattern.replace(['>', '*'], "x"))
        .collect::<BTreeSet<_>>();
    let mut all = all.into_iter().collect::<Vec<_>>();
    all.extend([
        format!("$JS.API.STREAM.DELETE.{}", subject::STREAM),
        format!("$JS.API.STREAM.PURGE.{}", subject::STREAM),
        format!("$JS.API.STREAM.MSG.DELETE.{}", subject::STREAM),
        "chancery.events.other.x.happened".into(),
        "chancery.other".into(),
        "$SYS.REQ.SERVER.PING".into(),
        "_INBOX.keystore.x".into(),
    ]);
    all
}

async fn until(refused: &Refused, subject: &str) {
    let wanted = format!("\"{}\"", subject.to_lowercase());
    while !refused
        .lock()
        .unwrap()
        .iter()
        .any(|error| error.contains(&wanted))
    {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn every_user_may_do_what_the_table_says_and_nothing_else() {
    let server = server().await;
    for user in users::users() {
        let (client, refused) = server.connect(user.name).await;
        for subject in subjects() {
            client.publish(subject, "".into()).await.unwrap();
        }
        // Refusals come in order: after this one, which nobody may, all have come.
        client
            .publish("end.of.publications", "".into())
            .await
            .unwrap();
        until(&refused, "end.of.publications").await;
        let said = refused
            .lock()
            .unwrap()
            .iter()
            .cloned()
            .collect::<Vec<_>>()
            .join("\n");
        for subject in subjects() {
            let allowed = user
                .publish
                .iter()
                .any(|filter| eventlog::subject::matches(filter, &subject));
            let was_refused = said.contains(&format!("publish to \"{}\"", subject.to_lowercase()));
            assert_eq!(
                allowed, !was_refused,
                "{} publishes to {subject}\n{said}",
                user.name
            );
        }

        let inboxes = users::users()
            .into_iter()
            .map(|other| format!("_INBOX.{}.x", other.name));
        let others = ["chancery.events.>", "_INBOX.>", ">", "$KV.>", "$JS.>"].map(str::to_owned);
        let mut open = Vec::new();
        for subject in inboxes
            .chain(others)
            .chain(["end.of.subscriptions".to_owned()])
        {
            open.push((subject.clone(), client.subscribe(subject).await.unwrap()));
        }
        until(&refused, "end.of.subscriptions").await;
        let said = refused
            .lock()
            .unwrap()
            .iter()
            .cloned()
            .collect::<Vec<_>>()
            .join("\n");
        for (subject, _) in &open {
            let own = *subject == format!("_INBOX.{}.x", user.name);
            let was_refused =
                said.contains(&format!("subscription to \"{}\"", subject.to_lowercase()));
            assert_eq!(
                own, !was_refused,
                "{} subscribes to {subject}\n{said}",
                user.name
            );
        }
    }
    server.child.stop().await;
}

#[tokio::test]
async fn after_a_rotation_only_the_new_seeds_are_taken_and_clients_come_back_by_themselves() {
    let server = server().await;
    let old = fs::read_to_string(server.layout.nkey("auditor")).unwrap();
    let (kept, _) = server.connect("auditor").await;

    let later = Clock::system().now() + nkeys::LIFE;
    assert!(nkeys::rotate_if_due(&server.layout, later).unwrap());
    init::write_nats_conf(&server.layout, server.listen).unwrap();
    server.child.reload().await;

    // The new seed is taken once the server has read its file again.
    server.connect("auditor").await;
    while kept.connection_state() == async_nats::connection::State::Connected {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let with_old = ConnectOptions::with_nkey(old)
        .require_tls(true)
        .add_root_certificates(server.layout.ca_certificate())
        .connect(format!("tls://localhost:{}", server.listen.port()));
    assert!(with_old.await.is_err());
    server.child.stop().await;
}

#[test]
fn what_a_path_may_hold_is_quoted() {
    assert_eq!(quoted(r#"/data "x"\y"#), r#""/data \"x\"\\y""#);
    assert_eq!(quoted("a\nb"), r#""a\x0ab""#);
}
