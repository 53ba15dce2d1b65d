//! A nats-server of a trial's own, with the log on it.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use async_nats::{Client, ConnectOptions, jetstream};
use eventlog::{EventLog, Provision, provision, subject};
use serde_json::Value;

pub struct LogServer {
    process: Child,
    _folder: tempfile::TempDir,
    port: u16,
}

impl LogServer {
    pub async fn start() -> Self {
        Self::taking("1MB").await
    }

    /// One that takes messages of this length at most.
    pub async fn taking(max_payload: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let configuration = CONFIGURATION
            .replace("FOLDER", folder.path().to_str().unwrap())
            .replace("MAX_PAYLOAD", max_payload);
        let file = folder.path().join("nats.conf");
        std::fs::write(&file, configuration).unwrap();
        let process = Command::new(program())
            .arg("-c")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nats-server starts: `make tools` gets it");
        let ports = folder
            .path()
            .join(format!("nats-server_{}.ports", process.id()));
        let port = wait_for_port(&ports).await;
        let server = Self {
            process,
            _folder: folder,
            port,
        };
        let wanted = Provision {
            replicas: 1,
            max_bytes: None,
            buckets: Vec::new(),
        };
        provision(&server.connect().await, &wanted).await.unwrap();
        server
    }

    pub async fn log(&self) -> EventLog {
        EventLog::open(self.connect().await, "keystore")
            .await
            .unwrap()
    }

    /// How many events fall under a subject filter.
    pub async fn count(&self, filter: &str) -> u64 {
        let context = jetstream::new(self.connect().await);
        let stream = context.get_stream(subject::STREAM).await.unwrap();
        let info = stream.info_with_subjects(filter).await.unwrap();
        futures_util::StreamExt::count(info).await as u64
    }

    /// The machine that it runs on is gone.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    async fn connect(&self) -> Client {
        ConnectOptions::with_user_and_password("trial".into(), "trial".into())
            .connect(format!("nats://127.0.0.1:{}", self.port))
            .await
            .unwrap()
    }
}

impl Drop for LogServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn wait_for_port(file: &Path) -> u16 {
    let started = Instant::now();
    loop {
        // The file is there before all of it is written.
        if let Ok(text) = std::fs::read_to_string(file)
            && let Ok(ports) = serde_json::from_str::<Value>(&text)
            && let Some(address) = ports["nats"][0].as_str()
        {
            let (_, port) = address.rsplit_once(':').unwrap();
            return port.parse().unwrap();
        }
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "nats-server does not listen"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// nats-server from `CHANCERY_TOOLS`, else what `make tools` got, else from the path.
fn program() -> PathBuf {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/bin");
    let folder = std::env::var_os("CHANCERY_TOOLS").map_or(ours, PathBuf::from);
    let program = folder.join("nats-server");
    if program.exists() {
        program
    } else {
        "nats-server".into()
    }
}

const CONFIGURATION: &str = r#"
listen: "127.0.0.1:-1"
ports_file_dir: "FOLDER"
max_payload: MAX_PAYLOAD
jetstream { store_dir: "FOLDER/store", sync_interval: always }
system_account: SYS
accounts {
  SYS {
    users: [ { user: sys, password: sys } ]
    exports: [ { service: "$SYS.REQ.SERVER.PING.JSZ", response: stream } ]
  }
  CHANCERY {
    jetstream: enabled
    users: [ { user: trial, password: trial } ]
    imports: [ { service: { account: SYS, subject: "$SYS.REQ.SERVER.PING.JSZ" }, to: "chancery.server.jetstream" } ]
  }
}
"#;
