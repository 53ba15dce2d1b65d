//! Strangers who flood the edge: what they can take up is bounded, and others are served meanwhile.

mod frames;
mod wrong_passwords;

use std::{fs, io, net::Ipv4Addr, time::Duration};

use api::gateway::v1::WhoAmIRequest;
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    task::JoinSet,
    time::timeout,
};
use town::{client::Client, edge::Edge, installation::Installation, wait};

/// An installation whose gateway takes few connections.
struct Besieged {
    installation: Installation,
    _folder: TempDir,
}

impl Besieged {
    async fn start() -> Besieged {
        let folder = tempfile::tempdir().unwrap();
        let mut installation = Installation::new(folder.path(), "");
        let few = format!("max_connections = {MOST}\nmax_connections_per_address = {MOST_EACH}");
        installation.configure_gateway(&few);
        installation.up().await;
        Besieged {
            installation,
            _folder: folder,
        }
    }

    /// An honest client, on a connection of its own.
    async fn client(&self) -> Client {
        let token = self.installation.bootstrap_token();
        wait::until("the public API answers", async || {
            let client = Client::connect(self.installation.edge, &token).await.ok()?;
            client.session().who_am_i(WhoAmIRequest {}).await.ok()?;
            Some(client)
        })
        .await
    }

    /// Where the first administrator makes his account.
    fn set_up_link(&self) -> String {
        fs::read_to_string(self.installation.data.join("set-up-link")).unwrap()
    }

    /// Resident memory in MiB.
    fn memory(&mut self) -> u64 {
        let id = self.installation.process("up").id();
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes = line.unwrap().trim().trim_end_matches(" kB");
        kibibytes.parse::<u64>().unwrap() / 1024
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn floods_of_frames_take_little_memory_and_others_are_served_meanwhile() {
    let mut besieged = Besieged::start().await;
    let client = besieged.client().await;
    let edge = besieged.installation.edge;
    type More = fn(u32) -> Vec<u8>;
    let open_headers = frames::open_headers();
    for (name, begin, more, is_cut_off) in [
        (
            "rapid resets",
            vec![],
            frames::request_and_reset as More,
            true,
        ),
        ("endless headers", open_headers, frames::continuation, true),
        ("pings", vec![], frames::ping, false),
        ("settings", vec![], frames::settings, false),
    ] {
        let before = besieged.memory();
        let mut floods = JoinSet::new();
        for from in STRANGERS {
            floods.spawn(pour(edge, from, begin.clone(), more));
        }
        let (mut ends, mut most) = (Vec::new(), before);
        while !floods.is_empty() {
            client.session().who_am_i(WhoAmIRequest {}).await.unwrap();
            most = most.max(besieged.memory());
            while let Some(ended) = floods.try_join_next() {
                ends.push(ended.unwrap());
            }
        }
        eprintln!("{name}: {} MiB more, ended with {ends:?}", most - before);
        assert!(most - before < BOUND, "{name}");
        assert!(
            !is_cut_off || ends.iter().all(|end| *end == End::CutOff),
            "{name}: {ends:?}"
        );
    }
}

/// How a flood ended.
#[derive(Debug, PartialEq)]
enum End {
    /// The server closed the connection.
    CutOff,
    /// The server reads no more before it is listened to.
    HeldBack,
    /// All of it was read.
    TakenIn,
}

/// Sends frames and reads no answer.
async fn pour(edge: Edge, from: Ipv4Addr, begin: Vec<u8>, more: fn(u32) -> Vec<u8>) -> End {
    let mut tls = edge.handshake_from(from, "h2").await.unwrap();
    tls.write_all(&[frames::preface(), begin].concat())
        .await
        .unwrap();
    for n in 0..FRAMES / AT_ONCE {
        let frames = (n * AT_ONCE..(n + 1) * AT_ONCE).flat_map(more);
        let frames = frames.collect::<Vec<_>>();
        match timeout(HELD_BACK, tls.write_all(&frames)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return End::CutOff,
            Err(_) => return End::HeldBack,
        }
    }
    End::TakenIn
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_and_silent_connections_from_many_addresses_shut_nobody_out() {
    let mut besieged = Besieged::start().await;
    let early = besieged.client().await;
    let edge = besieged.installation.edge;
    let before = besieged.memory();
    let mut strangers = JoinSet::new();
    for from in STRANGERS {
        for silence in Silence::ALL {
            // Twice as many as one address may have, each again when it was closed.
            for _ in 0..2 * MOST_EACH / Silence::ALL.len() {
                strangers.spawn(async move {
                    loop {
                        // A connection that is refused, or reset, is one that takes up nothing.
                        let _ = silence.keep(edge, from).await;
                        tokio::time::sleep(PAUSE).await;
                    }
                });
            }
        }
    }
    for _ in 0..30 {
        let newcomer = besieged.client().await;
        newcomer.session().who_am_i(WhoAmIRequest {}).await.unwrap();
        early.session().who_am_i(WhoAmIRequest {}).await.unwrap();
    }
    assert!(besieged.memory() - before < BOUND);
    let told = besieged.installation.logs();
    assert!(
        told.contains("too many connections, closing idle ones"),
        "it was never full"
    );
    strangers.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_too_slow_is_not_waited_for() {
    let besieged = Besieged::start().await;
    let edge = besieged.installation.edge;
    let from = STRANGERS[0];
    let (hello, nothing, head, body) = tokio::join!(
        Silence::Hello.keep(edge, from),
        Silence::Connected.keep(edge, from),
        Silence::Headers.keep(edge, from),
        Silence::Body.keep(edge, from),
    );
    // Each has come to its end.
    for kept in [hello, nothing, head, body] {
        assert!(kept.is_ok(), "{kept:?}");
    }
}

/// At what point a stranger says no more.
#[derive(Debug, Clone, Copy)]
enum Silence {
    /// Connected, without a word.
    Connected,
    /// In the middle of the handshake's first message.
    Hello,
    /// After the handshake.
    Greeted,
    /// In the middle of the headers of HTTP/1.1.
    Headers,
    /// In the middle of a body of HTTP/1.1.
    Body,
    /// In the middle of the headers of HTTP/2.
    Headers2,
    /// In the middle of a body of HTTP/2.
    Body2,
    /// In the middle of a frame of HTTP/2.
    Frame2,
}

impl Silence {
    const ALL: [Silence; 8] = [
        Silence::Connected,
        Silence::Hello,
        Silence::Greeted,
        Silence::Headers,
        Silence::Body,
        Silence::Headers2,
        Silence::Body2,
        Silence::Frame2,
    ];

    /// Falls silent, until the server closes the connection.
    async fn keep(self, edge: Edge, from: Ipv4Addr) -> io::Result<()> {
        let protocol = match self {
            Silence::Connected | Silence::Hello => {
                let mut tcp = edge.connect_from(from).await?;
                // A handshake record of 512 bytes, of which the first is a ClientHello's.
                let hello = [0x16, 3, 1, 2, 0, 1];
                if matches!(self, Silence::Hello) {
                    tcp.write_all(&hello).await?;
                }
                return closed(tcp).await;
            }
            Silence::Greeted | Silence::Headers | Silence::Body => "http/1.1",
            Silence::Headers2 | Silence::Body2 | Silence::Frame2 => "h2",
        };
        let mut tls = edge.handshake_from(from, protocol).await?;
        let said = match self {
            Silence::Headers => b"GET / HTTP/1.1\r\nhost: localhost\r\nx-slow: ".to_vec(),
            Silence::Body => {
                b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100000\r\n\r\nx".to_vec()
            }
            Silence::Headers2 => [frames::preface(), frames::open_headers()].concat(),
            Silence::Body2 => [frames::preface(), frames::slow_post()].concat(),
            Silence::Frame2 => frames::preface()[..30].to_vec(),
            Silence::Connected | Silence::Hello | Silence::Greeted => Vec::new(),
        };
        tls.write_all(&said).await?;
        closed(tls).await
    }
}

/// Waits until the server closes; a reset is an end too.
async fn closed(mut stream: impl AsyncRead + Unpin) -> io::Result<()> {
    let mut rest = Vec::new();
    match timeout(wait::PATIENCE, stream.read_to_end(&mut rest)).await {
        Ok(_) => Ok(()),
        Err(_) => Err(io::Error::other("it is still open")),
    }
}

/// Addresses of this machine, as good as any.
const STRANGERS: [Ipv4Addr; 4] = [
    Ipv4Addr::new(127, 0, 0, 2),
    Ipv4Addr::new(127, 0, 0, 3),
    Ipv4Addr::new(127, 0, 0, 4),
    Ipv4Addr::new(127, 0, 0, 5),
];

const MOST: usize = 24;
const MOST_EACH: usize = 8;

const FRAMES: u32 = 200_000;
const AT_ONCE: u32 = 100;
/// For so long nothing is read: then nothing will be.
const HELD_BACK: Duration = Duration::from_secs(5);
/// Between two connections of one stranger.
const PAUSE: Duration = Duration::from_millis(20);

/// In MiB, for all that strangers do at once.
const BOUND: u64 = 32;
