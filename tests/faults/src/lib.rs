//! A proxy before a CA that answers wrong, late or not at all, as tests want it, and notes when it was
//! asked for what.
//!
//! It ends TLS with the CA's own https identity, so that the CA's root vouches for it too. URLs that the CA
//! makes of the Host header lead here.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A panic is how a test fails.

use std::{
    fs,
    net::Ipv4Addr,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::Instant,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// What goes wrong with a request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// It is answered here.
    Answer {
        /// The HTTP status.
        status: u16,
        /// `Retry-After`, in either form.
        retry_after: Option<String>,
        /// The body, a problem document.
        problem: &'static str,
    },
    /// The connection is cut before the CA hears of it.
    Cut,
    /// The CA hears of it, and half of its answer comes through.
    CutAnswer,
    /// It reaches the CA after this time.
    Slow(Duration),
}

/// A request that came.
#[derive(Debug, Clone)]
pub struct Asked {
    /// When.
    pub at: Instant,
    /// For what.
    pub path: String,
    /// It went wrong.
    pub fault: bool,
}

/// A running proxy; it ends with its owner.
#[derive(Debug)]
pub struct Proxy {
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
    state: Arc<State>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct State {
    /// The beginning of a path, how many requests are still to go wrong, and how.
    faults: Mutex<Vec<(String, usize, Fault)>>,
    asked: Mutex<Vec<Asked>>,
}

impl Proxy {
    /// Before the CA on this port, with its identity of files in PEM; `root_der` vouches for it.
    pub async fn start(ca: u16, certificate: &Path, key: &Path, root_der: &[u8]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let acceptor = acceptor(certificate, key);
        let connector = connector(root_der);
        let state = Arc::new(State::default());
        let shared = state.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, connector) = (acceptor.clone(), connector.clone());
                let state = shared.clone();
                tokio::spawn(async move {
                    // A broken connection is the business of its two ends.
                    let _ = state.pass_on(stream, &acceptor, &connector, ca).await;
                });
            }
        });
        Self { port, state, task }
    }

    /// Lets the next `times` requests for paths that begin so go wrong.
    pub fn fault(&self, path: &str, times: usize, fault: Fault) {
        let mut faults = self.state.faults.lock().unwrap();
        faults.push((path.to_owned(), times, fault));
    }

    /// Lets nothing go wrong any more.
    pub fn heal(&self) {
        self.state.faults.lock().unwrap().clear();
    }

    /// The requests so far for paths that begin so.
    pub fn asked(&self, path: &str) -> Vec<Asked> {
        let asked = self.state.asked.lock().unwrap();
        let asked = asked.iter().filter(|asked| asked.path.starts_with(path));
        asked.cloned().collect()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl State {
    async fn pass_on(
        &self,
        stream: TcpStream,
        acceptor: &TlsAcceptor,
        connector: &TlsConnector,
        ca: u16,
    ) -> std::io::Result<()> {
        let mut client = acceptor.accept(stream).await?;
        // One request a connection: the answer ends where it closes.
        let Some((path, request)) = read(&mut client).await? else {
            return Ok(());
        };
        let fault = self.take(&path);
        match &fault {
            Some(Fault::Cut) => return Ok(()),
            Some(Fault::Answer {
                status,
                retry_after,
                problem,
            }) => {
                let retry_after = retry_after.as_ref();
                let retry_after = retry_after.map(|value| format!("Retry-After: {value}\r\n"));
                let answer = format!(
                    "HTTP/1.1 {status} No\r\nConnection: close\r\nContent-Type: application/problem+json\r\n\
                     Content-Length: {}\r\n{}\r\n{problem}",
                    problem.len(),
                    retry_after.unwrap_or_default(),
                );
                client.write_all(answer.as_bytes()).await?;
                return client.shutdown().await;
            }
            Some(Fault::Slow(by)) => tokio::time::sleep(*by).await,
            Some(Fault::CutAnswer) | None => {}
        }
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, ca)).await?;
        let name = ServerName::try_from("localhost").unwrap();
        let mut server = connector.connect(name, stream).await?;
        server.write_all(&request).await?;
        let mut answer = Vec::new();
        // A server that closes without a word of TLS has said all the same.
        let _ = server.read_to_end(&mut answer).await;
        if let Some(Fault::CutAnswer) = fault {
            client.write_all(&answer[..answer.len() / 2]).await?;
            return client.flush().await;
        }
        client.write_all(&answer).await?;
        client.shutdown().await
    }

    fn take(&self, path: &str) -> Option<Fault> {
        let mut faults = self.faults.lock().unwrap();
        let fault = faults
            .iter_mut()
            .find(|(prefix, times, _)| *times > 0 && path.starts_with(prefix.as_str()))
            .map(|(_, times, fault)| {
                *times -= 1;
                fault.clone()
            });
        self.asked.lock().unwrap().push(Asked {
            at: Instant::now(),
            path: path.to_owned(),
            fault: fault.is_some(),
        });
        fault
    }
}

/// A request: its path, and the whole of it as it is passed on.
async fn read(client: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Option<(String, Vec<u8>)>> {
    let mut request = Vec::new();
    let head = loop {
        if let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if client.read_buf(&mut request).await? == 0 {
            return Ok(None);
        }
    };
    let text = String::from_utf8_lossy(&request[..head]).into_owned();
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse::<usize>().unwrap())
    });
    while request.len() < head + length.unwrap_or(0) {
        if client.read_buf(&mut request).await? == 0 {
            return Ok(None);
        }
    }
    let mut lines = text.trim_end().lines();
    let first = lines.next().unwrap_or_default();
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let kept = lines.filter(|line| !line.to_ascii_lowercase().starts_with("connection:"));
    let kept = kept.map(|line| format!("{line}\r\n")).collect::<String>();
    let mut passed = format!("{first}\r\n{kept}Connection: close\r\n\r\n").into_bytes();
    passed.extend_from_slice(&request[head..]);
    Ok(Some((path, passed)))
}

fn acceptor(certificate: &Path, key: &Path) -> TlsAcceptor {
    let chain = CertificateDer::pem_file_iter(certificate).unwrap();
    let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(&fs::read(key).unwrap()).unwrap();
    let config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

fn connector(root_der: &[u8]) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(root_der.to_vec())).unwrap();
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}
