//! A NATS server by itself, for stories about the log alone: no TLS, no users, every ack synced.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use eventlog::{EventLog, Provision, provision, safety::SERVER_REPORT};

use crate::{child::Child, tools::tool, wait};

/// A running nats-server, with its store in a folder.
#[derive(Debug)]
pub struct Nats {
    process: Child,
    folder: PathBuf,
    port: u16,
}

impl Nats {
    /// Starts a server that syncs each message before it acks it.
    pub async fn start(folder: &Path) -> Self {
        let port = ports::free_port();
        let store = folder.join("store");
        fs::write(folder.join("nats.conf"), configuration(port, &store))
            .expect("the server's configuration");
        let process = run(folder);
        let this = Self {
            process,
            folder: folder.to_owned(),
            port,
        };
        this.connect().await;
        this
    }

    /// Starts one with an empty event log on it.
    pub async fn with_log(folder: &Path) -> Self {
        let this = Self::start(folder).await;
        let wanted = Provision {
            replicas: 1,
            max_bytes: None,
            buckets: Vec::new(),
        };
        let provisioned = provision(&this.connect().await, &wanted).await;
        provisioned.expect("the log is made");
        this
    }

    /// The event log, as a service opens it; on a connection of its own.
    pub async fn log(&self, service: &str) -> EventLog {
        let opened = EventLog::open(self.connect().await, service).await;
        opened.expect("the log is there")
    }

    /// "127.0.0.1:port".
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// A connection of one's own.
    pub async fn connect(&self) -> async_nats::Client {
        let address = self.address();
        wait::until("NATS answers", async || {
            async_nats::connect(&address).await.ok()
        })
        .await
    }

    /// kill -9.
    pub fn crash(&mut self) {
        self.process.kill();
    }

    /// Another one on the same store and port.
    pub async fn restart(&mut self) {
        self.process = run(&self.folder);
        self.connect().await;
    }

    /// Both.
    pub async fn crash_and_restart(&mut self) {
        self.crash();
        self.restart().await;
    }
}

/// Everybody may do everything, without a password; and the server tells that it syncs (`eventlog::safety`).
fn configuration(port: u16, store: &Path) -> String {
    let store = store.display();
    format!(
        r#"
listen: "127.0.0.1:{port}"
jetstream {{ store_dir: "{store}", sync_interval: always }}
system_account: SYS
accounts {{
  SYS {{
    exports: [ {{ service: "$SYS.REQ.SERVER.PING.JSZ", response: stream }} ]
  }}
  CHANCERY {{
    jetstream: enabled
    users: [ {{ user: story, password: story }} ]
    imports: [ {{ service: {{ account: SYS, subject: "$SYS.REQ.SERVER.PING.JSZ" }}, to: "{SERVER_REPORT}" }} ]
  }}
}}
no_auth_user: story
"#
    )
}

fn run(folder: &Path) -> Child {
    let mut command = Command::new(tool("nats-server"));
    command.arg("-c").arg(folder.join("nats.conf"));
    Child::start("nats", &mut command, folder)
}
