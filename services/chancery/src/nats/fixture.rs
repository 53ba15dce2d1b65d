//! For tests: a real nats-server, configured as `up` does it.

use std::{
    collections::BTreeSet,
    fs,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_nats::{Client, ConnectOptions, Event};
use runtime::{Clock, Layout, Shared, config::Settings};

use crate::{
    init,
    up::{
        child::{Program, Supervised},
        nats_server,
    },
};

/// The server, on a folder that `init` made.
pub struct Server {
    pub child: Supervised,
    pub shared: Shared,
    pub layout: Layout,
    pub listen: SocketAddr,
    _folder: tempfile::TempDir,
}

/// What the server refused to one connection.
pub type Refused = Arc<Mutex<BTreeSet<String>>>;

/// Starts it, and waits until it answers.
pub async fn server() -> Server {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::read(None, Some(folder.path())).unwrap();
    let mut shared = settings.shared().unwrap();
    let layout = Layout::of(&shared);
    init::prepare(&settings, &shared, Clock::system().now()).unwrap();
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free_port()));
    shared.nats.url = format!("tls://{listen}");
    init::write_nats_conf(&layout, listen).unwrap();
    let child = Supervised::start(Program {
        name: "nats-server",
        path: nats_server::find(None).unwrap(),
        arguments: vec!["-c".into(), layout.nats_config().display().to_string()],
        environment: Vec::new(),
        lock: folder.path().join("nats/lock"),
        output: folder.path().join("nats/nats.log"),
    });
    let child = child.await.unwrap();
    let server = Server {
        child,
        shared,
        layout,
        listen,
        _folder: folder,
    };
    let answers = async { drop(server.connect("provisioner").await) };
    let ready = server.child.until_ready(answers, Duration::from_secs(30));
    ready.await.unwrap();
    server
}

impl Server {
    /// Signs in with the seed that is on disk now, and again until it is taken.
    pub async fn connect(&self, user: &str) -> (Client, Refused) {
        let seed = fs::read_to_string(self.layout.nkey(user)).unwrap();
        loop {
            if let Some(signed_in) = self.connect_with(user, &seed).await {
                return signed_in;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Signs in with this seed; `None` where it is not taken.
    pub async fn connect_with(&self, user: &str, seed: &str) -> Option<(Client, Refused)> {
        let refused = Refused::default();
        let remember = refused.clone();
        let options = ConnectOptions::with_nkey(seed.to_owned())
            .require_tls(true)
            .add_root_certificates(self.layout.ca_certificate())
            .custom_inbox_prefix(format!("_INBOX.{user}"))
            .event_callback(move |event| {
                if let Event::ServerError(error) = event {
                    let text = error.to_string().to_lowercase();
                    remember.lock().unwrap().insert(text);
                }
                std::future::ready(())
            });
        let url = format!("tls://localhost:{}", self.listen.port());
        Some((options.connect(url).await.ok()?, refused))
    }
}
