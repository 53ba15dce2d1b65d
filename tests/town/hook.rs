//! A program of the outside world that takes webhooks over https, on this machine.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use crate::{authority::Authority, wait};

/// A receiver that takes what comes, unless it was told to answer otherwise.
#[derive(Debug)]
pub struct Hook {
    /// Where it listens: `https://localhost:PORT/hook`.
    pub url: String,
    /// The root that its certificate comes from, PEM.
    pub root: String,
    state: Arc<Mutex<State>>,
    _running: JoinSet<()>,
}

#[derive(Debug, Default)]
struct State {
    posted: Vec<Post>,
    answers: VecDeque<String>,
}

/// Something that was posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    /// The request's head, as it came.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Post {
    /// A header.
    ///
    /// # Panics
    /// Where there is none.
    pub fn header(&self, name: &str) -> &str {
        let mut headers = self.head.lines().filter_map(|line| line.split_once(": "));
        let found = headers.find(|(found, _)| found.eq_ignore_ascii_case(name));
        found
            .unwrap_or_else(|| panic!("no {name} in {}", self.head))
            .1
    }
}

impl Hook {
    /// Opens it.
    pub async fn open() -> Self {
        let authority = Authority::root("Hook root");
        let (certificate, key) = authority.server("localhost");
        let certificate = CertificateDer::from_pem_slice(certificate.as_bytes());
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key");
        let config = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.expect("a certificate")], key)
            .expect("a certificate with its key");
        let tls = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let state = Arc::<Mutex<State>>::default();
        let mut running = JoinSet::new();
        let shared = state.clone();
        running.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, state) = (tls.clone(), shared.clone());
                connections.spawn(async move {
                    let stream = tls.accept(stream).await.ok()?;
                    serve(stream, &state).await
                });
            }
        });
        Self {
            url: format!("https://localhost:{port}/hook"),
            root: authority.pem(),
            state,
            _running: running,
        }
    }

    /// The next one is answered so: "503 Service Unavailable\r\nretry-after: 120".
    pub fn answer_next(&self, head: &str) {
        let mut state = self.state.lock().expect("no panic");
        state.answers.push_back(head.to_owned());
    }

    /// What was posted so far.
    pub fn posted(&self) -> Vec<Post> {
        self.state.lock().expect("no panic").posted.clone()
    }

    /// Waits until so many were posted: all of them.
    pub async fn until(&self, count: usize) -> Vec<Post> {
        wait::until(&format!("{count} were posted"), async || {
            let posted = self.posted();
            (posted.len() >= count).then_some(posted)
        })
        .await
    }
}

async fn serve(
    mut stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    state: &Mutex<State>,
) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let mut post = Post {
        head: String::from_utf8(head).ok()?,
        body: String::new(),
    };
    let length = post.header("content-length").parse().ok()?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    post.body = String::from_utf8(body).ok()?;
    let answer = {
        let mut state = state.lock().expect("no panic");
        state.posted.push(post);
        state.answers.pop_front()
    };
    let head = answer.unwrap_or_else(|| "204 No Content".to_owned());
    let answer = format!("HTTP/1.1 {head}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    stream.write_all(answer.as_bytes()).await.ok()?;
    stream.shutdown().await.ok()
}
