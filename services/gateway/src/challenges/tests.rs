//! On a real nats-server.

use std::{
    env,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
};

use async_nats::jetstream::kv;
use tempfile::TempDir;

use super::*;

const THUMBPRINT: &str = "LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ";

/// A nats-server with the bucket.
struct Nats {
    child: Child,
    address: SocketAddr,
    _folder: TempDir,
}

impl Nats {
    async fn start() -> (Nats, kv::Store) {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .unwrap()
            .local_addr()
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let child = Command::new(nats_server())
            .args([
                "-a",
                "127.0.0.1",
                "-p",
                &free.port().to_string(),
                "-js",
                "-sd",
            ])
            .arg(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let nats = Nats {
            child,
            address: free,
            _folder: folder,
        };
        let bucket = kv::Config {
            bucket: BUCKET.into(),
            max_age: LIFE,
            ..kv::Config::default()
        };
        let context = jetstream::new(nats.connect().await.unwrap());
        (nats, context.create_key_value(bucket).await.unwrap())
    }

    async fn connect(&self) -> Result<Client, async_nats::ConnectError> {
        connect(self.address).await
    }
}

/// Waits for the server to come up.
async fn connect(address: SocketAddr) -> Result<Client, async_nats::ConnectError> {
    let mut tries = 0;
    loop {
        match async_nats::connect(address.to_string()).await {
            Err(_) if tries < 200 => tries += 1,
            connected => return connected,
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The folder CHANCERY_TOOLS, else the workspace's, else PATH.
fn nats_server() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/bin");
    let tools = env::var_os("CHANCERY_TOOLS").map_or(own, PathBuf::from);
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(tools).chain(env::split_paths(&path));
    let mut files = folders.map(|folder| folder.join("nats-server"));
    files
        .find(|file| file.is_file())
        .expect("there is no nats-server here: `make tools` gets it")
}

fn following(nats: &Nats) -> (Arc<Challenges>, CancellationToken) {
    let challenges = Arc::new(Challenges::new());
    let stopping = CancellationToken::new();
    let (followed, address, stop) = (challenges.clone(), nats.address, stopping.clone());
    tokio::spawn(async move { followed.follow(|| connect(address), &stop).await });
    (challenges, stopping)
}

fn authorization(token: &str) -> String {
    format!("{token}.{THUMBPRINT}")
}

async fn until(what: impl Fn() -> bool) {
    let met = async {
        while !what() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(20), met)
        .await
        .expect("it comes about");
}

#[tokio::test]
async fn answers_are_watched_into_memory_and_go_when_they_are_deleted() {
    let (nats, bucket) = Nats::start().await;
    bucket
        .put("before", authorization("before").into())
        .await
        .unwrap();
    let (challenges, _stop) = following(&nats);
    until(|| challenges.known("before").is_some()).await;
    bucket
        .put("later", authorization("later").into())
        .await
        .unwrap();
    until(|| challenges.known("later").is_some()).await;
    assert_eq!(
        challenges.answer_to("later").await.unwrap(),
        Some(authorization("later"))
    );

    bucket.delete("later").await.unwrap();
    until(|| challenges.known("later").is_none()).await;
    assert_eq!(challenges.answer_to("later").await.unwrap(), None);
    bucket.purge("before").await.unwrap();
    until(|| challenges.known("before").is_none()).await;
    assert_eq!(challenges.answer_to("before").await.unwrap(), None);
}

#[tokio::test]
async fn what_is_not_in_memory_is_asked_of_the_leader() {
    let (nats, bucket) = Nats::start().await;
    let challenges = Challenges::new();
    challenges
        .client
        .set(nats.connect().await.unwrap())
        .unwrap();
    assert_eq!(challenges.answer_to("fresh").await.unwrap(), None);
    bucket
        .put("fresh", authorization("fresh").into())
        .await
        .unwrap();
    assert_eq!(
        challenges.answer_to("fresh").await.unwrap(),
        Some(authorization("fresh"))
    );
    assert_eq!(challenges.known("fresh"), None);
    bucket.delete("fresh").await.unwrap();
    assert_eq!(challenges.answer_to("fresh").await.unwrap(), None);
}

#[tokio::test]
async fn only_a_key_authorization_of_that_token_is_repeated() {
    let (nats, bucket) = Nats::start().await;
    let (challenges, _stop) = following(&nats);
    for wrong in [
        "",
        "<script>",
        "other.thumbprint",
        "token",
        "token.",
        "token.a b",
        "token.thumb\n",
    ] {
        bucket.put("token", wrong.to_owned().into()).await.unwrap();
        assert_eq!(
            challenges.look_up_when_connected("token").await,
            None,
            "{wrong:?}"
        );
    }
    bucket
        .put("token", authorization("token").into())
        .await
        .unwrap();
    until(|| challenges.known("token").is_some()).await;
}

#[tokio::test]
async fn a_proof_is_found_by_the_server_name_of_its_identifier() {
    let (nats, bucket) = Nats::start().await;
    let challenges = Challenges::new();
    let client = nats.connect().await.unwrap();
    challenges.client.set(client).unwrap();
    let proof = |identifier: &str| Proof {
        identifier: identifier.into(),
        digest: [7; 32],
    };
    for identifier in ["shop.example", "192.0.2.7", "2001:db8::1"] {
        let (name, proof) = (server_name(identifier), proof(identifier));
        assert_eq!(challenges.proof_for(&name).await.unwrap(), None);
        let key = tls_alpn_01_key(&name).unwrap();
        bucket.put(key, proof.to_text().into()).await.unwrap();
        let upper = name.to_uppercase();
        assert_eq!(challenges.proof_for(&upper).await.unwrap(), Some(proof));
    }
    // A proof for another name is repeated to nobody, and a key authorization is none.
    let key = tls_alpn_01_key("other.example").unwrap();
    for wrong in [proof("shop.example").to_text(), authorization(&key)] {
        bucket.put(key.as_str(), wrong.into()).await.unwrap();
        let found = challenges.proof_for("other.example").await;
        assert_eq!(found.unwrap(), None);
    }
}

#[tokio::test]
async fn hostile_server_names_are_not_looked_for() {
    // There is no connection: a look-up would be an error.
    let challenges = Challenges::new();
    for name in ["", "*", ">", "a.>", "a..b", ".", "a b", "%2e", "tökén"] {
        assert_eq!(challenges.proof_for(name).await.unwrap(), None, "{name:?}");
    }
    let good = challenges.proof_for("a.example").await;
    assert!(matches!(good, Err(LookupError::NotConnected)));
}

#[tokio::test]
async fn hostile_tokens_are_not_looked_for() {
    // There is no connection: a look-up would be an error.
    let challenges = Challenges::new();
    for token in [
        "",
        "*",
        ">",
        "a.b",
        "../etc",
        "a b",
        "%2e",
        "tökén",
        &"a".repeat(129),
    ] {
        assert_eq!(
            challenges.answer_to(token).await.unwrap(),
            None,
            "{token:?}"
        );
    }
    assert!(matches!(
        challenges.answer_to("good").await,
        Err(LookupError::NotConnected)
    ));
}

#[tokio::test]
async fn a_server_that_hangs_is_an_error_in_time_and_the_memory_still_answers() {
    let (nats, bucket) = Nats::start().await;
    bucket
        .put("known", authorization("known").into())
        .await
        .unwrap();
    let (challenges, _stop) = following(&nats);
    until(|| challenges.known("known").is_some()).await;
    until(|| challenges.client.get().is_some()).await;
    let pid = nats.child.id().to_string();
    let signal = |name: &str| {
        assert!(
            Command::new("kill")
                .args([name, &pid])
                .status()
                .unwrap()
                .success()
        )
    };
    signal("-STOP");
    // Each of its threads stops by itself, and one of them could answer until then.
    until(|| is_stopped(&pid)).await;
    let begun = Instant::now();
    assert!(matches!(
        challenges.answer_to("unknown").await,
        Err(LookupError::Late)
    ));
    assert!(begun.elapsed() < LOOKUP * 2);
    assert_eq!(
        challenges.answer_to("known").await.unwrap(),
        Some(authorization("known"))
    );
    signal("-CONT");
}

fn is_stopped(pid: &str) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    threads.flatten().all(|thread| {
        let stat = std::fs::read_to_string(thread.path().join("stat"));
        stat.is_ok_and(|stat| {
            let (_, state) = stat.rsplit_once(") ").unwrap();
            state.starts_with('T')
        })
    })
}

impl Challenges {
    async fn look_up_when_connected(&self, token: &str) -> Option<String> {
        until(|| self.client.get().is_some()).await;
        self.look_up(token).await.unwrap()
    }
}
