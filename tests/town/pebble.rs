//! A real CA for tests: Pebble, with pebble-challtestsrv as the DNS of its world.

use std::{
    collections::BTreeMap,
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::Command,
};

use faults::Proxy;
use serde_json::json;

use crate::{child::Child, tools::tool, wait};

/// What a CA is to be like.
#[derive(Debug, Clone, Default)]
pub struct Custom {
    /// External accounts that it knows, and requires: (key id, HMAC key in base64url).
    pub external_accounts: Vec<(String, String)>,
    /// Names that it never issues for.
    pub blocked: Vec<String>,
    /// Of 100 requests so many are refused for their nonce.
    pub nonce_reject: u8,
    /// The name server that it asks for everything, in place of its own.
    pub name_server: Option<SocketAddr>,
    /// Of 100 valid authorizations so many are used again.
    pub authorizations_reused: u8,
    /// So many other roots vouch for its certificates too.
    pub alternate_roots: u8,
    /// For how many seconds its certificates are valid; 90 days where it is left out.
    pub life_seconds: Option<u64>,
    /// Everything that is asked of it goes through a [`Proxy`].
    pub behind_proxy: bool,
}

/// A running Pebble.
#[derive(Debug)]
pub struct Pebble {
    process: Child,
    dns: Child,
    dns_management: u16,
    management: u16,
    http: reqwest::Client,
    /// The ACME directory.
    pub directory: String,
    /// Its DNS server.
    pub name_server: SocketAddr,
    /// The root (PEM) of its own https.
    pub https_root: String,
    proxy: Option<Proxy>,
}

impl Pebble {
    /// Starts Pebble and its DNS server, in which every name is 127.0.0.1. It validates HTTP-01 on the first of these
    /// ports, TLS-ALPN-01 on the second.
    pub async fn start(folder: &Path, [http, https]: [u16; 2], custom: &Custom) -> Self {
        fs::create_dir_all(folder).expect("Pebble's folder");
        let https_root = write_https_identity(folder);
        let (listen, management) = (ports::free_port(), ports::free_port());
        let config = config(folder, [listen, management, http, https], custom);
        let config_file = folder.join("pebble.json");
        fs::write(&config_file, config.to_string()).expect("Pebble's configuration");

        let (dns_port, dns_management) = (ports::free_port(), ports::free_port());
        let mut dns = Command::new(tool("pebble-challtestsrv"));
        dns.args(["-dnsserver", &format!("127.0.0.1:{dns_port}")])
            .args(["-management", &format!("127.0.0.1:{dns_management}")])
            .args(["-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""])
            .args(["-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", ""]);
        let own_dns = SocketAddr::from(([127, 0, 0, 1], dns_port));
        let asked = custom.name_server.unwrap_or(own_dns);
        let mut pebble = Command::new(tool("pebble"));
        pebble
            .arg("-config")
            .arg(config_file)
            .args(["-dnsserver", &asked.to_string()])
            .env("PEBBLE_VA_NOSLEEP", "1")
            .env(
                "PEBBLE_AUTHZREUSE",
                custom.authorizations_reused.to_string(),
            )
            .env("PEBBLE_ALTERNATE_ROOTS", custom.alternate_roots.to_string())
            .env("PEBBLE_WFE_NONCEREJECT", custom.nonce_reject.to_string());

        let root = reqwest::Certificate::from_pem(https_root.as_bytes())
            .expect("the root is a certificate");
        // Pebble answers nobody without a name (RFC 8555, section 6.1).
        let http = reqwest::Client::builder()
            .user_agent("town")
            .tls_certs_only([root])
            .build();
        let proxy = match custom.behind_proxy {
            true => Some(before(listen, folder, &https_root).await),
            false => None,
        };
        let port = proxy.as_ref().map_or(listen, |proxy| proxy.port);
        let this = Self {
            dns: Child::start("dns", &mut dns, folder),
            process: Child::start("pebble", &mut pebble, folder),
            dns_management,
            management,
            http: http.expect("an HTTP client"),
            directory: format!("https://localhost:{port}/dir"),
            name_server: (Ipv4Addr::LOCALHOST, dns_port).into(),
            https_root,
            proxy,
        };
        wait::until("Pebble answers", async || this.get(&this.directory).await).await;
        this
    }

    /// The root (PEM) that its certificates chain to.
    pub async fn issuing_root(&self) -> String {
        let url = format!("https://localhost:{}/roots/0", self.management);
        wait::until("Pebble tells its root", async || self.get(&url).await).await
    }

    /// What stands before it.
    ///
    /// # Panics
    /// Where nothing does: see [`Custom::behind_proxy`].
    pub fn proxy(&self) -> &Proxy {
        self.proxy.as_ref().expect("the CA is behind a proxy")
    }

    /// What it says about a certificate's status: "Valid" or "Revoked".
    pub async fn status_of(&self, serial_number: &str) -> String {
        let path = format!("cert-status-by-serial/{serial_number}");
        let url = format!("https://localhost:{}/{path}", self.management);
        let answer = wait::until("Pebble knows it", async || self.get(&url).await).await;
        let status: serde_json::Value = serde_json::from_str(&answer).expect("JSON");
        status["Status"].as_str().expect("a status").to_owned()
    }

    /// The common name of its n-th root.
    pub async fn root_name(&self, n: u8) -> String {
        let url = format!("https://localhost:{}/roots/{n}", self.management);
        let root = wait::until("Pebble tells its root", async || self.get(&url).await).await;
        let root = pki::parse_pem_chain(&root).expect("a certificate");
        root[0].common_name.clone()
    }

    /// How many orders it has ever been given, by its own word.
    pub fn orders(&self) -> usize {
        let log = self.process.log();
        log.lines()
            .filter(|line| line.contains("Added order"))
            .count()
    }

    /// How many certificates it has issued, by its own word.
    pub fn issued(&self) -> usize {
        let log = self.process.log();
        log.lines()
            .filter(|line| line.contains("Issued certificate serial"))
            .count()
    }

    /// Makes a name resolve to this IPv4 address alone.
    pub async fn resolve(&self, name: &str, address: &str) {
        self.tell_dns(
            "add-a",
            json!({"host": format!("{name}."), "addresses": [address]}),
        )
        .await;
    }

    /// Makes a name resolve to this IPv6 address too.
    pub async fn resolve_by_ipv6(&self, name: &str, address: &str) {
        let body = json!({"host": format!("{name}."), "addresses": [address]});
        self.tell_dns("add-aaaa", body).await;
    }

    /// Gives a name a CAA record: ("issue", "ca.example").
    pub async fn restrict(&self, name: &str, tag: &str, value: &str) {
        let policy = json!({"tag": tag, "value": value});
        let body = json!({"host": format!("{name}."), "policies": [policy]});
        self.tell_dns("add-caa", body).await;
    }

    /// Makes every question for a name fail.
    pub async fn break_dns(&self, name: &str) {
        self.tell_dns("set-servfail", json!({"host": format!("{name}.")}))
            .await;
    }

    /// Names that were not told otherwise have no address any more.
    pub async fn resolve_nothing_else(&self) {
        self.tell_dns("set-default-ipv4", json!({"ip": ""})).await;
    }

    /// How often it was asked for a path that begins so, by its own word.
    pub fn requests(&self, path: &str) -> usize {
        let asked = format!("{path} -> calling handler()");
        let log = self.process.log();
        log.lines().filter(|line| line.contains(&asked)).count()
    }

    /// Makes a name resolve as all others again.
    pub async fn resolve_as_usual(&self, name: &str) {
        self.tell_dns("clear-a", json!({"host": format!("{name}.")}))
            .await;
    }

    /// DNS answers no more: what is to be validated hangs.
    pub fn hold_validation(&self) {
        self.dns.signal("STOP");
    }

    /// DNS answers again.
    pub fn resume_validation(&self) {
        self.dns.signal("CONT");
    }

    /// The CA does not answer any more, though its port is open.
    pub fn pause(&self) {
        self.process.signal("STOP");
    }

    /// The CA answers again.
    pub fn resume(&self) {
        self.process.signal("CONT");
    }

    async fn tell_dns(&self, what: &str, body: serde_json::Value) {
        let url = format!("http://127.0.0.1:{}/{what}", self.dns_management);
        let told = wait::until("the DNS server is told", async || {
            self.http
                .post(&url)
                .body(body.to_string())
                .send()
                .await
                .ok()
        });
        told.await
            .error_for_status()
            .expect("the DNS server understands");
    }

    async fn get(&self, url: &str) -> Option<String> {
        let answer = self
            .http
            .get(url)
            .send()
            .await
            .ok()?
            .error_for_status()
            .ok()?;
        answer.text().await.ok()
    }
}

fn config(
    folder: &Path,
    [listen, management, http, https]: [u16; 4],
    custom: &Custom,
) -> serde_json::Value {
    let keys = custom
        .external_accounts
        .iter()
        .cloned()
        .collect::<BTreeMap<_, _>>();
    let life = custom.life_seconds.unwrap_or(7_776_000);
    json!({"pebble": {
        "listenAddress": format!("127.0.0.1:{listen}"),
        "managementListenAddress": format!("127.0.0.1:{management}"),
        "certificate": folder.join("https.pem"),
        "privateKey": folder.join("https.key"),
        "httpPort": http,
        "tlsPort": https,
        "ocspResponderURL": "",
        "externalAccountBindingRequired": !keys.is_empty(),
        "externalAccountMACKeys": keys,
        "domainBlocklist": custom.blocked,
        "retryAfter": {"authz": 1, "order": 1},
        "keyAlgorithm": "ecdsa",
        "profiles": {"default": {"description": "the only one", "validityPeriod": life}},
    }})
}

/// A proxy before the CA on this port, with the same identity.
async fn before(port: u16, folder: &Path, https_root: &str) -> Proxy {
    let (certificate, key) = (folder.join("https.pem"), folder.join("https.key"));
    let root = pki::parse_pem_chain(https_root).expect("a certificate");
    Proxy::start(port, &certificate, &key, &root[0].der).await
}

/// Writes a server certificate for "localhost" under a root of its own, and answers the root (PEM).
fn write_https_identity(folder: &Path) -> String {
    let mut root = rcgen::CertificateParams::default();
    root.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    root.distinguished_name
        .push(rcgen::DnType::CommonName, "the root of Pebble's https");
    let root_key = rcgen::KeyPair::generate().expect("a key");
    let root = rcgen::CertifiedIssuer::self_signed(root, root_key).expect("a root");
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let key = rcgen::KeyPair::generate().expect("a key");
    let leaf = rcgen::CertificateParams::new(names)
        .expect("names")
        .signed_by(&key, &root)
        .expect("a leaf");
    fs::write(folder.join("https.pem"), leaf.pem()).expect("the certificate is written");
    fs::write(folder.join("https.key"), key.serialize_pem()).expect("the key is written");
    root.pem()
}
