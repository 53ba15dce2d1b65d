//! A wire between a client and a NATS server that loses what the story wants lost.

use std::sync::Arc;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

/// A proxy in front of a server. The server's port is reached through [`Wire::address`].
#[derive(Debug)]
pub struct Wire {
    address: String,
    mood: Arc<watch::Sender<Mood>>,
    _running: JoinSet<()>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    /// Everything passes.
    Faithful,
    /// The next publication to the subject passes; from then on no answer does, and the connection is cut.
    WillLoseAck,
    /// That publication has passed.
    Losing,
}

impl Wire {
    /// A wire to `server`, "host:port". It is faithful until told otherwise.
    pub async fn to(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port for the wire");
        let address = listener
            .local_addr()
            .expect("the wire has an address")
            .to_string();
        let mood = Arc::new(watch::Sender::new(Mood::Faithful));
        let (server, its_mood) = (server.to_owned(), mood.clone());
        let mut running = JoinSet::new();
        running.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let (server, mood) = (server.clone(), its_mood.clone());
                connections.spawn(async move {
                    if let Ok(server) = TcpStream::connect(server).await {
                        carry(client, server, &mood).await;
                    }
                });
            }
        });
        Self {
            address,
            mood,
            _running: running,
        }
    }

    /// "127.0.0.1:port", in place of the server's own.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The next event that is published through this wire is stored, but its ack never arrives: the connection is cut.
    pub fn lose_next_ack(&self) {
        self.mood.send_replace(Mood::WillLoseAck);
    }

    /// Whether an ack was lost since [`Wire::lose_next_ack`].
    pub fn lost_one(&self) -> bool {
        *self.mood.borrow() == Mood::Faithful
    }
}

/// Carries both directions until one ends, or until an ack is to be lost.
async fn carry(client: TcpStream, server: TcpStream, mood: &watch::Sender<Mood>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let up = async {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
            let publishes = buffer[..read]
                .windows(PUBLICATION.len())
                .any(|w| w == PUBLICATION);
            if publishes {
                mood.send_if_modified(|m| replaced(m, Mood::WillLoseAck, Mood::Losing));
            }
            if to_server.write_all(&buffer[..read]).await.is_err() {
                break;
            }
        }
    };
    let down = async {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = from_server.read(&mut buffer).await {
            // The server has answered: so the event is stored. Its answer goes no further.
            if mood.send_if_modified(|m| replaced(m, Mood::Losing, Mood::Faithful)) {
                break;
            }
            if to_client.write_all(&buffer[..read]).await.is_err() {
                break;
            }
        }
    };
    // The streams are dropped with this: both ends see the cut.
    tokio::select! { () = up => {}, () = down => {} }
}

fn replaced(mood: &mut Mood, from: Mood, to: Mood) -> bool {
    let is_so = *mood == from;
    if is_so {
        *mood = to;
    }
    is_so
}

/// How the client's side of an append begins (an event has headers).
const PUBLICATION: &[u8] = b"HPUB chancery.events.";
