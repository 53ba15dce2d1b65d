//! The API of a company that keeps its customers' zones, as Cloudflare documents its own. It is reached under its public
//! name, through a proxy, and in front of a real name server: what is written here is what the world is answered.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use crate::{
    authority::Authority,
    bind::{Bind, Zone},
    wait,
};

/// The company, with one customer.
#[derive(Debug)]
pub struct DnsCompany {
    proxy: SocketAddr,
    root: PathBuf,
    office: Arc<Office>,
    _running: JoinSet<()>,
}

#[derive(Debug)]
struct Office {
    bind: Arc<Bind>,
    zone: Zone,
    /// Ids and values: name, TXT, and how it was written.
    records: Mutex<Vec<(String, String, String)>>,
    changes: AtomicU32,
}

/// What the customer's programs call with.
pub const TOKEN: &str = "customer-token-that-may-edit-the-zone-0123";

/// Where the API is, for all the world.
const HOST: &str = "api.cloudflare.com";

impl DnsCompany {
    /// Opens it for the customer whose zone this is, which `bind` serves and nothing else changes.
    pub async fn open(folder: &Path, bind: Arc<Bind>, zone: Zone) -> Self {
        let authority = Authority::root("A public root");
        let root = folder.join("public-roots.pem");
        std::fs::write(&root, authority.pem()).expect("a file of roots");
        let (certificate, key) = authority.server(HOST);
        let certificate = CertificateDer::from_pem_slice(certificate.as_bytes());
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key");
        let config = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.expect("a certificate")], key)
            .expect("a certificate with its key");
        let tls = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let proxy = listener.local_addr().expect("an address");
        let office = Arc::new(Office {
            bind,
            zone,
            records: Mutex::default(),
            changes: AtomicU32::new(1),
        });
        let mut running = JoinSet::new();
        let shared = office.clone();
        running.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, office) = (tls.clone(), shared.clone());
                connections.spawn(async move { office.receive(stream, &tls).await });
            }
        });
        Self {
            proxy,
            root,
            office,
            _running: running,
        }
    }

    /// What leads a program to it that would call the company otherwise.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("HTTPS_PROXY", format!("http://{}", self.proxy)),
            ("SSL_CERT_FILE", self.root.display().to_string()),
        ]
    }

    /// Waits until so many records were made or deleted.
    ///
    /// # Panics
    /// Where there were more.
    pub async fn until(&self, changes: u32) {
        let made = || self.office.changes.load(Ordering::Relaxed) - 1;
        wait::until(&format!("{changes} changes were made"), async || {
            (made() >= changes).then_some(())
        })
        .await;
        assert_eq!(made(), changes);
    }
}

impl Office {
    async fn receive(&self, mut stream: TcpStream, tls: &TlsAcceptor) -> Option<()> {
        let (head, _) = request(&mut stream).await?;
        if !head.starts_with(&format!("CONNECT {HOST}:443 ")) {
            let refused = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n";
            return stream.write_all(refused).await.ok();
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.ok()?;
        let mut stream = tls.accept(stream).await.ok()?;
        while let Some((head, body)) = request(&mut stream).await {
            let (status, answer) = self.answer(&head, &body);
            let text = answer.to_string();
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                text.len()
            );
            stream.write_all(head.as_bytes()).await.ok()?;
            stream.write_all(text.as_bytes()).await.ok()?;
            stream.flush().await.ok()?;
        }
        Some(())
    }

    fn answer(&self, head: &str, body: &[u8]) -> (&'static str, Value) {
        if header(head, "authorization") != Some(&format!("Bearer {TOKEN}")) {
            let error = json!({ "code": 9109, "message": "Invalid access token" });
            return ("403 Forbidden", failed(&error));
        }
        let mut words = head.split(' ');
        let (method, url) = (
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default(),
        );
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let asked = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(n, _)| *n == name).map(|(_, value)| value)
        };
        let path = path.strip_prefix("/client/v4/zones").unwrap_or_default();
        let records = path.strip_prefix("/zone-1/dns_records");
        match (method, path, records) {
            ("GET", "", _) => {
                let ours = asked("name") == Some(self.zone.name);
                let zone = json!({ "id": "zone-1", "name": self.zone.name });
                done(Value::from_iter(ours.then_some(zone)))
            }
            ("GET", _, Some("")) => {
                let records = self.records.lock().unwrap();
                let of = |record: &&(String, String, String)| asked("name") == Some(&*record.1);
                let found = records.iter().filter(of).map(|(id, name, content)| {
                    json!({ "id": id, "type": "TXT", "name": name, "content": content })
                });
                done(Value::from_iter(found))
            }
            ("POST", _, Some("")) => {
                let record: Value = serde_json::from_slice(body).unwrap_or_default();
                let said = |field: &str| record[field].as_str().unwrap_or_default().to_owned();
                let id = self.changes.load(Ordering::Relaxed).to_string();
                let mut records = self.records.lock().unwrap();
                records.push((id.clone(), said("name"), said("content")));
                self.publish(&records);
                done(json!({ "id": id }))
            }
            ("DELETE", _, Some(id)) => {
                let id = id.trim_start_matches('/');
                let mut records = self.records.lock().unwrap();
                records.retain(|(known, ..)| known != id);
                self.publish(&records);
                done(json!({ "id": id }))
            }
            _ => (
                "404 Not Found",
                failed(&json!({ "code": 7003, "message": "No route" })),
            ),
        }
    }

    fn publish(&self, records: &[(String, String, String)]) {
        let serial = self.changes.fetch_add(1, Ordering::Relaxed) + 1;
        let line = |(_, name, content): &(String, String, String)| {
            format!("{name}. IN TXT \"{}\"\n", content.trim_matches('"'))
        };
        let text = records.iter().map(line).collect::<String>();
        self.bind.publish(&self.zone, &text, serial);
    }
}

fn done(result: Value) -> (&'static str, Value) {
    let answer = json!({ "success": true, "errors": [], "messages": [], "result": result });
    ("200 OK", answer)
}

fn failed(error: &Value) -> Value {
    json!({ "success": false, "errors": [error], "messages": [], "result": null })
}

/// The next request on a connection: its head and its body.
async fn request(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> Option<(String, Vec<u8>)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let length = header(&head, "content-length").map_or(Ok(0), str::parse);
    let mut body = vec![0; length.ok()?];
    stream.read_exact(&mut body).await.ok()?;
    Some((head, body))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut headers = head.lines().filter_map(|line| line.split_once(": "));
    let found = headers.find(|(found, _)| found.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value)
}
