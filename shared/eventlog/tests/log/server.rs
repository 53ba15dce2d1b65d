//! A nats-server of a test's own.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use async_nats::{Client, ConnectOptions, jetstream};
use eventlog::{EventLog, Provision, provision};

pub struct Server {
    process: Option<Child>,
    folder: tempfile::TempDir,
    port: u16,
    sync: &'static str,
    report: bool,
}

impl Server {
    /// A safe server with the log on it.
    pub async fn with_log() -> Self {
        Self::with_limit(None).await
    }

    /// A safe server with a log of limited size.
    pub async fn with_limit(max_bytes: Option<u64>) -> Self {
        let server = Self::start("always", true);
        server.provision(max_bytes).await;
        server
    }

    /// A server without a log. `sync` is its `sync_interval`; `report` whether it says so.
    pub fn start(sync: &'static str, report: bool) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut server = Self {
            process: None,
            folder,
            port: 0,
            sync,
            report,
        };
        server.run();
        server
    }

    pub async fn provision(&self, max_bytes: Option<u64>) {
        let wanted = Provision {
            replicas: 1,
            max_bytes,
            buckets: Vec::new(),
        };
        provision(&self.connect().await, &wanted)
            .await
            .expect("provisioned");
    }

    /// The log through a connection and with a cache of its own.
    pub async fn log(&self) -> EventLog {
        EventLog::open(self.connect().await, "test")
            .await
            .expect("the log")
    }

    pub async fn connect(&self) -> Client {
        connect(self.port).await
    }

    pub async fn context(&self) -> jetstream::Context {
        jetstream::new(self.connect().await)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("killed");
            process.wait().expect("ended");
        }
    }

    /// Forgets all that was stored; only while it does not run.
    pub fn lose_everything(&self) {
        assert!(self.process.is_none(), "still running");
        std::fs::remove_dir_all(self.store()).expect("removed");
    }

    /// Starts it, on the port that it had before.
    pub fn run(&mut self) {
        let file = self.folder.path().join("nats.conf");
        std::fs::write(&file, self.configuration()).expect("written");
        let process = Command::new(program())
            .arg("-c")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nats-server starts");
        let ports = self
            .folder
            .path()
            .join(format!("nats-server_{}.ports", process.id()));
        self.process = Some(process);
        self.port = wait_for_port(&ports);
    }

    fn configuration(&self) -> String {
        let folder = self.folder.path().display();
        let store = self.store();
        let store = store.display();
        let sync = self.sync;
        let port = match self.port {
            0 => -1,
            port => i32::from(port),
        };
        let (export, import) = if self.report {
            (
                r#"exports: [ { service: "$SYS.REQ.SERVER.PING.JSZ", response: stream } ]"#,
                r#"imports: [ { service: { account: SYS, subject: "$SYS.REQ.SERVER.PING.JSZ" }, to: "chancery.server.jetstream" } ]"#,
            )
        } else {
            ("", "")
        };
        format!(
            r#"listen: "127.0.0.1:{port}"
ports_file_dir: "{folder}"
jetstream {{ store_dir: "{store}", sync_interval: {sync} }}
system_account: SYS
accounts {{
  SYS {{ users: [ {{ user: sys, password: sys }} ], {export} }}
  CHANCERY {{ jetstream: enabled, users: [ {{ user: test, password: test }} ], {import} }}
}}
"#
        )
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

pub async fn connect(port: u16) -> Client {
    ConnectOptions::with_user_and_password("test".into(), "test".into())
        .reconnect_delay_callback(|_| Duration::from_millis(20))
        .connect(format!("nats://127.0.0.1:{port}"))
        .await
        .expect("connected")
}

/// Waits for something, at most half a minute.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !holds().await {
        assert!(started.elapsed() < PATIENCE, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub fn wait_for_port(file: &Path) -> u16 {
    let started = Instant::now();
    loop {
        // The file is there before all of it is written.
        if let Ok(text) = std::fs::read_to_string(file)
            && let Ok(ports) = serde_json::from_str::<serde_json::Value>(&text)
            && let Some(address) = ports["nats"][0].as_str()
        {
            let (_, port) = address.rsplit_once(':').expect("a port");
            return port.parse().expect("a number");
        }
        assert!(started.elapsed() < PATIENCE, "nats-server does not listen");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// nats-server from `CHANCERY_TOOLS`, else what `make tools` got, else from the path.
pub fn program() -> PathBuf {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/bin");
    let folder = std::env::var_os("CHANCERY_TOOLS").map_or(ours, PathBuf::from);
    let program = folder.join("nats-server");
    if program.exists() {
        program
    } else {
        PathBuf::from("nats-server")
    }
}

const PATIENCE: Duration = Duration::from_secs(30);
