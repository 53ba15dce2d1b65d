//! Pebble as a child process.

use std::{
    collections::BTreeMap,
    env,
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};
use pki::{KeyAlgorithm, PrivateKey, Subject, SubjectAltNames};
use runtime::Clock;
use tempfile::TempDir;

/// What the CA is to be like.
#[derive(Default)]
pub struct Plan {
    /// Of 100 requests so many are refused for their nonce.
    pub nonce_reject: u8,
    /// External accounts that it knows, and then requires: key id and HMAC key.
    pub external_accounts: Vec<(String, Vec<u8>)>,
    /// Domains that it does not issue for.
    pub blocked: Vec<String>,
}

/// A running Pebble that takes every challenge for proved.
pub struct Pebble {
    child: Child,
    folder: TempDir,
    nonce_reject: u8,
    port: u16,
    /// The ACME directory.
    pub directory: String,
    /// The root of its own https.
    pub https_root_der: Vec<u8>,
}

impl Pebble {
    /// Starts it on a free port.
    pub async fn start(plan: Plan) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let https_root_der = https_identity(folder.path());
        let (port, management) = (ports::free_port(), ports::free_port());
        let accounts = plan.external_accounts.iter();
        let accounts = accounts.map(|(id, hmac)| (id, BASE64URL.encode(hmac)));
        let accounts = accounts.collect::<BTreeMap<_, _>>();
        let config = serde_json::json!({"pebble": {
            "listenAddress": format!("127.0.0.1:{port}"),
            "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": folder.path().join("https.pem"),
            "privateKey": folder.path().join("https.key"),
            "httpPort": 80,
            "tlsPort": 443,
            "externalAccountBindingRequired": !accounts.is_empty(),
            "externalAccountMACKeys": accounts,
            "domainBlocklist": plan.blocked,
            "keyAlgorithm": "ecdsa",
        }});
        std::fs::write(folder.path().join("pebble.json"), config.to_string()).unwrap();
        let this = Self {
            child: run(folder.path(), plan.nonce_reject),
            folder,
            nonce_reject: plan.nonce_reject,
            port,
            directory: format!("https://localhost:{port}/dir"),
            https_root_der,
        };
        this.listens().await;
        this
    }

    /// Kills it and starts it anew: it has forgotten everything.
    pub async fn restart(&mut self) {
        self.end();
        self.child = run(self.folder.path(), self.nonce_reject);
        self.listens().await;
    }

    async fn listens(&self) {
        for _ in 0..500 {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("Pebble does not listen on port {}", self.port);
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        self.end();
    }
}

fn run(folder: &Path, nonce_reject: u8) -> Child {
    Command::new(tool())
        .arg("-config")
        .arg(folder.join("pebble.json"))
        .env("PEBBLE_VA_ALWAYS_VALID", "1")
        .env("PEBBLE_VA_NOSLEEP", "1")
        .env("PEBBLE_AUTHZREUSE", "0")
        .env("PEBBLE_WFE_NONCEREJECT", nonce_reject.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("pebble is there: `make tools` gets it")
}

/// In CHANCERY_TOOLS, else where `make tools` puts it, else on PATH.
fn tool() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/bin");
    let folder = env::var_os("CHANCERY_TOOLS").map_or(workspace, PathBuf::from);
    let pebble = folder.join("pebble");
    if pebble.is_file() {
        pebble
    } else {
        PathBuf::from("pebble")
    }
}

fn https_identity(folder: &Path) -> Vec<u8> {
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let names = SubjectAltNames::parse(&["localhost".to_owned()], &[]).unwrap();
    let now = Clock::system().now();
    let hour = time::Duration::HOUR;
    let subject = Subject::default();
    let der = pki::self_signed::build(&key, &subject, &names, now - hour, now + hour).unwrap();
    std::fs::write(folder.join("https.pem"), pki::pem::certificate(&der)).unwrap();
    std::fs::write(
        folder.join("https.key"),
        pki::pem::private_key(&key).as_str(),
    )
    .unwrap();
    der
}
