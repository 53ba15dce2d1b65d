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
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use pki::{KeyAlgorithm, PrivateKey, Subject, SubjectAltNames};
use runtime::{Clock, Egress};
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
    /// Of 100 valid authorizations so many are used again.
    pub authorizations_reused: u8,
    /// So many other roots vouch for its certificates too.
    pub alternate_roots: u8,
    /// Profiles, with the seconds that their certificates are valid for; none: one of 90 days.
    pub profiles: Vec<(&'static str, u64)>,
}

/// A running Pebble that takes every challenge for proved.
pub struct Pebble {
    child: Child,
    folder: TempDir,
    environment: Vec<(&'static str, String)>,
    port: u16,
    management: u16,
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
        let profiles = plan.profiles.iter().map(|(name, seconds)| {
            let profile = serde_json::json!({"description": name, "validityPeriod": seconds});
            ((*name).to_owned(), profile)
        });
        let mut profiles = profiles.collect::<BTreeMap<_, _>>();
        if profiles.is_empty() {
            let ninety_days =
                serde_json::json!({"description": "90 days", "validityPeriod": 7_776_000});
            profiles.insert("default".to_owned(), ninety_days);
        }
        let environment = vec![
            ("PEBBLE_WFE_NONCEREJECT", plan.nonce_reject.to_string()),
            ("PEBBLE_AUTHZREUSE", plan.authorizations_reused.to_string()),
            ("PEBBLE_ALTERNATE_ROOTS", plan.alternate_roots.to_string()),
        ];
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
            "profiles": profiles,
            "keyAlgorithm": "ecdsa",
        }});
        std::fs::write(folder.path().join("pebble.json"), config.to_string()).unwrap();
        let this = Self {
            child: run(folder.path(), &environment),
            folder,
            environment,
            port,
            management,
            directory: format!("https://localhost:{port}/dir"),
            https_root_der,
        };
        this.listens().await;
        this
    }

    /// Kills it and starts it anew: it has forgotten everything.
    pub async fn restart(&mut self) {
        self.end();
        self.child = run(self.folder.path(), &self.environment);
        self.listens().await;
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The certificate and the key of its own https.
    pub fn https_identity(&self) -> (PathBuf, PathBuf) {
        let folder = self.folder.path();
        (folder.join("https.pem"), folder.join("https.key"))
    }

    /// What it answers about the renewal of a certificate from now on.
    pub async fn set_renewal_info(&self, certificate_pem: &str, answer: &str) {
        let told = serde_json::json!({"certificate": certificate_pem, "ariResponse": answer});
        let body = Bytes::from(told.to_string());
        let (status, _) = self.manage(Method::POST, "set-renewal-info/", body).await;
        assert!(status.is_success(), "{status}");
    }

    /// What it says about a certificate's status: "Valid" or "Revoked".
    pub async fn status_of(&self, serial_number: &str) -> String {
        let path = format!("cert-status-by-serial/{serial_number}");
        let (status, body) = self.manage(Method::GET, &path, Bytes::new()).await;
        assert!(status.is_success(), "{status}");
        let status: serde_json::Value = serde_json::from_slice(&body).unwrap();
        status["Status"].as_str().unwrap().to_owned()
    }

    /// The common name of its n-th root.
    pub async fn root_name(&self, n: u8) -> String {
        let (_, body) = self
            .manage(Method::GET, &format!("roots/{n}"), Bytes::new())
            .await;
        let root = pki::parse_pem_chain(std::str::from_utf8(&body).unwrap()).unwrap();
        root[0].common_name.clone()
    }

    async fn manage(&self, method: Method, path: &str, body: Bytes) -> (StatusCode, Bytes) {
        let egress = Egress::new(&["127.0.0.0/8".parse().unwrap()]);
        let http = egress.client(&[&self.https_root_der]).unwrap();
        let url = format!("https://localhost:{}/{path}", self.management);
        let request = Request::builder()
            .method(method)
            .uri(url)
            .body(body)
            .unwrap();
        let answer = http.send(request).await.unwrap();
        (answer.status(), answer.into_body())
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

fn run(folder: &Path, environment: &[(&'static str, String)]) -> Child {
    Command::new(tool())
        .arg("-config")
        .arg(folder.join("pebble.json"))
        .env("PEBBLE_VA_ALWAYS_VALID", "1")
        .env("PEBBLE_VA_NOSLEEP", "1")
        .envs(environment.iter().map(|(name, value)| (name, value)))
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
