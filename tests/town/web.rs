//! A plain http server of the outside world, on this machine.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinSet,
};

/// What lies on a server, by its path: the answer's first line and more headers, and its body.
type Answers = Arc<Mutex<HashMap<String, (String, Vec<u8>)>>>;

/// A server that answers with what was laid there, and with 404 otherwise.
#[derive(Debug)]
pub struct Web {
    port: u16,
    answers: Answers,
    _running: JoinSet<()>,
}

impl Web {
    /// A server on which nothing lies yet.
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let answers = Answers::default();
        let mut running = JoinSet::new();
        let lies = answers.clone();
        running.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let answers = lies.clone();
                connections.spawn(async move {
                    let mut seen = Vec::new();
                    while !seen.ends_with(b"\r\n\r\n") {
                        seen.push(stream.read_u8().await.ok()?);
                    }
                    let text = String::from_utf8(seen).ok()?;
                    let path = text.split(' ').nth(1)?;
                    let answer = answers.lock().expect("no panic").get(path).cloned();
                    let nothing = || ("404 Not Found".to_owned(), Vec::new());
                    let (head, body) = answer.unwrap_or_else(nothing);
                    let length = body.len();
                    let head = format!(
                        "HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
                    );
                    stream.write_all(head.as_bytes()).await.ok()?;
                    stream.write_all(&body).await.ok()
                });
            }
        });
        Self {
            port,
            answers,
            _running: running,
        }
    }

    /// Where a path lies.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    /// Lays something there.
    pub fn lay(&self, path: &str, body: Vec<u8>) {
        self.answer(path, "200 OK", body);
    }

    /// Answers with this status, and more headers behind it.
    pub fn answer(&self, path: &str, head: &str, body: Vec<u8>) {
        let mut answers = self.answers.lock().expect("no panic");
        answers.insert(format!("/{path}"), (head.to_owned(), body));
    }
}
