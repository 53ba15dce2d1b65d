//! Three servers and three copies: the server knows message ids before it looks at sequences.

use std::process::{Child, Command, Stdio};

use eventlog::{EventLog, LogError, Provision, provision};

use crate::{
    counter::{CommandError, Counter, NOW, add, added, origin},
    proxy::Proxy,
    server::{connect, program, until, wait_for_port},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_acknowledgement_is_one_event_on_a_cluster_too() {
    let cluster = Cluster::start().await;
    let watching = cluster.log(1).await;
    let proxy = Proxy::before(cluster.members[0].port).await;
    let log = EventLog::open(connect(proxy.port).await, "test")
        .await
        .expect("the log");
    added(&log, "c", 1).await;

    proxy.lose_answers(true);
    let request = origin("r-1", "7");
    let command = tokio::spawn({
        let (log, request) = (log.clone(), request.clone());
        async move { log.execute("c", &request, "", NOW, add(7)).await }
    });
    until("the event is stored", async || {
        watching.last_sequence().await.expect("a position") == 2
    })
    .await;
    proxy.lose_answers(false);
    let done = command.await.expect("no panic").expect("done");
    assert_eq!((done.position, done.state.sum), (2, 8));

    // A repeat by a process that knows nothing, through another server: "duplicate" is the answer
    // to its append, and its own event is what it finds.
    let again = cluster
        .log(2)
        .await
        .execute("c", &request, "", NOW, add(7))
        .await;
    let again = again.expect("done");
    assert!(again.repeated);
    assert_eq!((again.position, again.state.sum), (2, 8));
    let other = cluster
        .log(2)
        .await
        .execute("c", &origin("r-1", "8"), "", NOW, add(8))
        .await;
    assert!(matches!(other, Err(CommandError::RequestIdReused)));
    assert_eq!(watching.last_sequence().await.expect("a position"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn own_writes_are_read_through_every_server_and_past_the_loss_of_one() {
    let mut cluster = Cluster::start().await;
    let logs = [
        cluster.log(0).await,
        cluster.log(1).await,
        cluster.log(2).await,
    ];
    for n in 1..=30 {
        let done = added(&logs[n % 3], "c", 1).await;
        for log in &logs {
            let loaded = log.load::<Counter>("c").await.expect("loaded");
            assert_eq!(loaded.last_sequence, done.position);
            assert_eq!(loaded.state.sum, n as u64);
        }
    }
    cluster.members.remove(0);
    // While a new leader is chosen nobody answers; the same request finds its event or makes it.
    let request = origin("after", "1");
    until("two go on without the third", async || {
        match logs[1].execute("c", &request, "", NOW, add(1)).await {
            Ok(done) => {
                assert_eq!(done.state.sum, 31);
                true
            }
            Err(CommandError::Failed(LogError::Unavailable(_))) => false,
            Err(other) => panic!("{other:?}"),
        }
    })
    .await;
    let loaded = logs[2].load::<Counter>("c").await.expect("loaded");
    assert_eq!(loaded.events.len(), 31);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_has_lost_the_others_is_unavailable_and_refuses_nothing() {
    let mut cluster = Cluster::start().await;
    let client = connect(cluster.members[0].port).await;
    let stream = async_nats::jetstream::new(client)
        .get_stream(eventlog::subject::STREAM)
        .await
        .expect("the stream");
    let info = stream.cached_info().cluster.as_ref().expect("a cluster");
    let leader = info.leader.as_deref().expect("a leader");
    let leader: usize = leader.trim_start_matches('n').parse().expect("a number");
    let log = cluster.log(leader).await;
    added(&log, "c", 1).await;

    // The leader takes the event in, and waits for the others. To the second try it says that an event
    // of this id is in process.
    let leader = cluster.members.remove(leader);
    cluster.members.clear();
    let alone = log.execute("c", &origin("r-1", "7"), "", NOW, add(7)).await;
    assert!(
        matches!(alone, Err(CommandError::Failed(LogError::Unavailable(_)))),
        "{alone:?}"
    );
    drop(leader);
}

struct Cluster {
    members: Vec<Member>,
    _folder: tempfile::TempDir,
}

struct Member {
    process: Child,
    port: u16,
}

impl Cluster {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        // Routes must be known before a server runs.
        let routes = [(); 3].map(|()| ports::free_port());
        let members = (0..3)
            .map(|n| Member::start(folder.path(), n, &routes))
            .collect();
        let cluster = Self {
            members,
            _folder: folder,
        };
        let wanted = Provision {
            replicas: 3,
            max_bytes: None,
            buckets: Vec::new(),
        };
        let client = connect(cluster.members[0].port).await;
        until("three servers hold the log", async || {
            provision(&client, &wanted).await.is_ok()
        })
        .await;
        for member in &cluster.members {
            let client = connect(member.port).await;
            until("each server knows the log", async || {
                EventLog::open(client.clone(), "test").await.is_ok()
            })
            .await;
        }
        cluster
    }

    /// The log through one of the servers.
    async fn log(&self, member: usize) -> EventLog {
        EventLog::open(connect(self.members[member].port).await, "test")
            .await
            .expect("the log")
    }
}

impl Member {
    fn start(folder: &std::path::Path, n: usize, routes: &[u16]) -> Self {
        let urls: Vec<_> = routes
            .iter()
            .map(|port| format!("\"nats://127.0.0.1:{port}\""))
            .collect();
        let (route, urls) = (routes[n], urls.join(", "));
        let store = folder.join(format!("store-{n}"));
        let (folder_text, store) = (folder.display(), store.display());
        let configuration = format!(
            r#"server_name: n{n}
listen: "127.0.0.1:-1"
ports_file_dir: "{folder_text}"
cluster {{ name: test, listen: "127.0.0.1:{route}", routes: [ {urls} ] }}
jetstream {{ store_dir: "{store}", sync_interval: always }}
system_account: SYS
accounts {{
  SYS {{ exports: [ {{ service: "$SYS.REQ.SERVER.PING.JSZ", response: stream }} ] }}
  CHANCERY {{
    jetstream: enabled
    users: [ {{ user: test, password: test }} ]
    imports: [ {{ service: {{ account: SYS, subject: "$SYS.REQ.SERVER.PING.JSZ" }}, to: "chancery.server.jetstream" }} ]
  }}
}}
"#
        );
        let file = folder.join(format!("nats-{n}.conf"));
        std::fs::write(&file, configuration).expect("written");
        let process = Command::new(program())
            .arg("-c")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nats-server starts");
        let ports = folder.join(format!("nats-server_{}.ports", process.id()));
        let port = wait_for_port(&ports);
        Self { process, port }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.process.kill().expect("killed");
        self.process.wait().expect("ended");
    }
}
