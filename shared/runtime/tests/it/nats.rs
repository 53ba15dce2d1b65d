//! The connection to NATS, on a real server.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use runtime::{Clock, Layout, NatsError, Runtime};

use crate::authority::{Authority, shared, start};

struct Server {
    child: Child,
    url: String,
}

impl Server {
    /// A server that shows the identity `as_whom` and knows one user.
    fn start(data: &Path, as_whom: &str, user: &nkeys::KeyPair) -> Self {
        let layout = Layout::under(data);
        let port = ports::free_port();
        let conf = format!(
            "listen: \"127.0.0.1:{port}\"\ntls {{ cert_file: {:?}, key_file: {:?} }}\n\
             authorization {{ users: [ {{ nkey: {}, permissions {{ publish: [\"greetings\"], \
             subscribe: [\"_INBOX.projection.>\"] }} }} ] }}\n",
            layout.leaf(as_whom),
            layout.leaf_key(as_whom),
            user.public_key(),
        );
        let file = data.join("nats.conf");
        fs::write(&file, conf).unwrap();
        let child = Command::new(nats_server())
            .arg("-c")
            .arg(&file)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            child,
            url: format!("tls://127.0.0.1:{port}"),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// In CHANCERY_TOOLS, else where `make tools` puts it, else on PATH.
fn nats_server() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/bin");
    let folder = env::var_os("CHANCERY_TOOLS").map_or(workspace, PathBuf::from);
    let tool = folder.join("nats-server");
    if tool.exists() {
        tool
    } else {
        "nats-server".into()
    }
}

/// Tries again while the server is starting.
async fn connect(runtime: &Runtime) -> Result<async_nats::Client, NatsError> {
    for _ in 0..200 {
        match runtime.nats().await {
            Err(NatsError::Connect { source, .. }) if source.to_string().contains("refused") => {
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
            other => return other,
        }
    }
    panic!("nats-server did not start")
}

fn service(data: &Path, url: &str, seed: &nkeys::KeyPair) -> Runtime {
    fs::write(
        Layout::under(data).nkey("projection"),
        seed.seed().unwrap() + "\n",
    )
    .unwrap();
    let mut shared = shared(data, "127.0.0.1:1".parse().unwrap());
    shared.nats.url = url.into();
    start("projection", &shared, &Clock::system())
}

#[tokio::test]
async fn a_service_signs_in_with_its_nkey() {
    let data = tempfile::tempdir().unwrap();
    let authority = Authority::new(&Clock::system());
    authority.enrol(data.path(), "nats");
    authority.enrol(data.path(), "projection");
    let user = nkeys::KeyPair::new_user();
    let server = Server::start(data.path(), "nats", &user);

    let runtime = service(data.path(), &server.url, &user);
    let client = connect(&runtime).await.unwrap();
    client.flush().await.unwrap();
    assert!(client.new_inbox().starts_with("_INBOX.projection."));

    let stranger = service(data.path(), &server.url, &nkeys::KeyPair::new_user());
    let refused = connect(&stranger).await.unwrap_err();
    assert!(matches!(refused, NatsError::Connect { .. }), "{refused:?}");
}

#[tokio::test]
async fn a_server_that_is_not_nats_is_not_talked_to() {
    let data = tempfile::tempdir().unwrap();
    let authority = Authority::new(&Clock::system());
    authority.enrol(data.path(), "gateway");
    authority.enrol(data.path(), "projection");
    let user = nkeys::KeyPair::new_user();
    let server = Server::start(data.path(), "gateway", &user);
    let runtime = service(data.path(), &server.url, &user);
    let refused = connect(&runtime).await.unwrap_err();
    assert!(matches!(refused, NatsError::Connect { .. }), "{refused:?}");
}

#[tokio::test]
async fn what_is_wrong_with_the_seed_is_said() {
    let data = tempfile::tempdir().unwrap();
    let authority = Authority::new(&Clock::system());
    authority.enrol(data.path(), "projection");
    let runtime = start(
        "projection",
        &shared(data.path(), "127.0.0.1:1".parse().unwrap()),
        &Clock::system(),
    );
    assert!(matches!(runtime.nats().await, Err(NatsError::Seed { .. })));
    fs::write(runtime.layout().nkey("projection"), "SUnotaseed").unwrap();
    assert!(matches!(
        runtime.nats().await,
        Err(NatsError::NotASeed { .. })
    ));
}
