//! `up --test-ca`: a Pebble of one's own, and a DNS for it in which every name is this machine. For evaluation only.
//!
//! Pebble forgets all at each start, and makes a new root; what stays in `test-ca/` is its address and the
//! certificate of its own https, so that the server that was registered once is found again.

pub mod first_certificate;
mod https_identity;

use std::{
    fs, io,
    net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
    path::{Path, PathBuf},
    time::Duration,
};

use runtime::{
    Egress, EgressError, Layout,
    config::{Cidr, Settings},
};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    child::{ChildError, Program, Supervised},
    nats_server,
};
use crate::files;

/// The test CA, running.
#[derive(Debug)]
pub struct TestCa {
    /// Its ACME directory.
    pub directory: String,
    /// The root (PEM) of its own https.
    pub https_root: String,
    /// Where its issuing root can be asked for, as long as it runs.
    root_url: String,
    /// Where its DNS is asked, and on which port of ours it looks for HTTP-01.
    dns: String,
    http: u16,
    egress: runtime::egress::Client,
    pebble: Supervised,
    dns_server: Supervised,
}

/// Why there is no test CA, or no certificate of it.
#[derive(Debug, thiserror::Error)]
pub enum TestCaError {
    /// A program is not there.
    #[error(
        "--test-ca needs {name}: `make tools` in Chancery's source folder gets it, or put one on PATH"
    )]
    Tool {
        /// Which one.
        name: &'static str,
    },
    /// A file of its cannot be used.
    #[error("cannot use {path}")]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Its port has been taken.
    #[error(
        "the test CA's port {port} is in use by another program, and the registered server has that address: stop that program, or start on another data folder"
    )]
    Port {
        /// The port.
        port: u16,
    },
    /// There is no free port.
    #[error("cannot listen on the loopback address")]
    Loopback(#[source] io::Error),
    /// The certificate of its https cannot be made.
    #[error("cannot make the certificate of the test CA's https")]
    Certificate(#[source] rcgen::Error),
    /// A child does not run.
    #[error(transparent)]
    Child(#[from] ChildError),
    /// It does not answer.
    #[error("cannot ask the test CA")]
    Ask(#[source] EgressError),
    /// The first certificate.
    #[error("cannot get a first certificate from the test CA")]
    FirstCertificate(#[from] Box<first_certificate::FirstCertificateError>),
}

impl TestCa {
    /// Starts both programs, and waits until the directory answers or we are to stop. HTTP-01 is looked for on `http_port`.
    pub async fn start(
        layout: &Layout,
        http_port: u16,
        stopping: &CancellationToken,
    ) -> Result<Self, TestCaError> {
        let folder = layout.test_ca();
        files::private_folder(&folder).map_err(failed(&folder))?;
        let https_root = https_identity::make_if_missing(&folder)?;
        let roots = pki::parse_pem_chain(&https_root).unwrap_or_default();
        let roots = roots.into_iter().map(|root| root.der).collect::<Vec<_>>();
        let egress = Egress::new(&loopback_networks())
            .client(&roots)
            .map_err(TestCaError::Ask)?;
        let ports = Ports {
            directory: kept_port(&folder.join("directory-port"))?,
            management: free_port()?,
            dns: free_udp_port()?,
            http: http_port,
        };
        let (pebble, dns) = (pebble(&folder, &ports)?, challtestsrv(&folder, &ports)?);

        // One of an earlier run that was killed may still hold the port.
        Supervised::end_earlier(&pebble).await?;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, ports.directory)).is_err() {
            return Err(TestCaError::Port {
                port: ports.directory,
            });
        }
        let dns = Supervised::start(dns).await?;
        let pebble = match Supervised::start(pebble).await {
            Ok(pebble) => pebble,
            Err(error) => {
                dns.stop().await;
                return Err(error.into());
            }
        };
        let this = Self {
            directory: format!("https://127.0.0.1:{}/dir", ports.directory),
            https_root,
            root_url: format!("https://127.0.0.1:{}/roots/0", ports.management),
            egress,
            pebble,
            dns: loopback(ports.dns),
            http: ports.http,
            dns_server: dns,
        };
        let answers = async {
            while this.egress.get(&this.directory).await.is_err() {
                tokio::time::sleep(POLL).await;
            }
        };
        let answers = async {
            stopping.run_until_cancelled(answers).await;
        };
        match this.pebble.until_ready(answers, READY).await {
            Ok(()) => Ok(this),
            Err(error) => {
                this.stop().await;
                Err(error.into())
            }
        }
    }

    /// The root (PEM) that it issues from, since its start.
    pub async fn issuing_root(&self) -> Result<String, TestCaError> {
        let answer = self
            .egress
            .get(&self.root_url)
            .await
            .map_err(TestCaError::Ask)?;
        Ok(String::from_utf8_lossy(answer.body()).into_owned())
    }

    /// Has acme-agent's checks look where the CA looks, unless the configuration says otherwise.
    pub fn looked_after(&self, settings: &Settings) -> Settings {
        settings
            .or("acme_agent.resolvers", [&self.dns])
            .or("acme_agent.http_port", self.http)
    }

    /// Stops both.
    pub async fn stop(self) {
        tokio::join!(self.pebble.stop(), self.dns_server.stop());
    }
}

/// What outgoing connections must be allowed to reach for it.
pub fn loopback_networks() -> Vec<Cidr> {
    ["127.0.0.0/8"]
        .iter()
        .filter_map(|network| network.parse().ok())
        .collect()
}

struct Ports {
    directory: u16,
    management: u16,
    dns: u16,
    /// The gateway's, where HTTP-01 is answered.
    http: u16,
}

fn pebble(folder: &Path, ports: &Ports) -> Result<Program, TestCaError> {
    let config = json!({ "pebble": {
        "listenAddress": loopback(ports.directory),
        "managementListenAddress": loopback(ports.management),
        "certificate": folder.join(https_identity::LEAF),
        "privateKey": folder.join(https_identity::KEY),
        "httpPort": ports.http,
        // For TLS-ALPN-01, which nobody asks for yet.
        "tlsPort": 443,
        "ocspResponderURL": "",
        "externalAccountBindingRequired": false,
        "keyAlgorithm": "ecdsa",
        "retryAfter": { "authz": 1, "order": 1 },
        "profiles": { "default": { "description": "90 days", "validityPeriod": 7_776_000 } },
    } });
    let file = folder.join("pebble.json");
    files::write_private(&file, config.to_string().as_bytes()).map_err(failed(&file))?;
    Ok(Program {
        name: "pebble",
        path: tool("pebble")?,
        arguments: arguments([
            ("-config", &file.display().to_string()),
            ("-dnsserver", &loopback(ports.dns)),
        ]),
        // Without its pauses and made-up errors: those are for testing clients.
        environment: vec![
            ("PEBBLE_VA_NOSLEEP", "1".into()),
            ("PEBBLE_WFE_NONCEREJECT", "0".into()),
        ],
        lock: folder.join("pebble.lock"),
        output: folder.join("pebble.log"),
    })
}

fn challtestsrv(folder: &Path, ports: &Ports) -> Result<Program, TestCaError> {
    Ok(Program {
        name: "pebble-challtestsrv",
        path: tool("pebble-challtestsrv")?,
        arguments: arguments([
            ("-dnsserver", &loopback(ports.dns)),
            ("-management", &loopback(free_port()?)),
            ("-defaultIPv4", "127.0.0.1"),
            ("-defaultIPv6", ""),
            ("-http01", ""),
            ("-https01", ""),
            ("-tlsalpn01", ""),
            ("-doh", ""),
        ]),
        environment: Vec::new(),
        lock: folder.join("dns.lock"),
        output: folder.join("dns.log"),
    })
}

fn tool(name: &'static str) -> Result<PathBuf, TestCaError> {
    nats_server::find_tool(name).ok_or(TestCaError::Tool { name })
}

/// The port of the directory: chosen at the first start, and the same ever after.
fn kept_port(file: &Path) -> Result<u16, TestCaError> {
    if let Some(port) = fs::read_to_string(file)
        .ok()
        .and_then(|text| text.trim().parse().ok())
    {
        return Ok(port);
    }
    let port = free_port()?;
    files::write_private(file, port.to_string().as_bytes()).map_err(failed(file))?;
    Ok(port)
}

/// Below the range from which the system takes the ports of outgoing connections, so that none of those has it
/// when Pebble binds it, now or at a later start.
fn free_port() -> Result<u16, TestCaError> {
    let mut refused = None;
    for _ in 0..100 {
        let [high, low, ..] = Uuid::new_v4().into_bytes();
        let port = 10_000 + u16::from_be_bytes([high, low]) % 22_000;
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(_) => return Ok(port),
            Err(error) => refused = Some(error),
        }
    }
    Err(TestCaError::Loopback(
        refused.unwrap_or_else(|| io::ErrorKind::AddrInUse.into()),
    ))
}

/// DNS listens on UDP and TCP: a port that is free for both, most likely.
fn free_udp_port() -> Result<u16, TestCaError> {
    loop {
        let port = free_port()?;
        if UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
}

fn loopback(port: u16) -> String {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port)).to_string()
}

fn arguments<const N: usize>(pairs: [(&str, &str); N]) -> Vec<String> {
    let words = pairs
        .into_iter()
        .flat_map(|(name, value)| [name.to_owned(), value.to_owned()]);
    words.collect()
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> TestCaError + use<> {
    let path = path.to_owned();
    move |source| TestCaError::File { path, source }
}

/// Pebble makes its keys at each start.
const READY: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(30);
