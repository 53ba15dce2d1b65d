//! The edge with ten thousand certificates: its handshakes beside nginx's and Caddy's, its memory, its look-ups.

mod clients;
mod estate;
mod lookup;
mod rivals;
mod serving;

use std::net::SocketAddr;

use town::{child::descendants, installation::Installation, wait};

use crate::{
    figure::{Figure, Wanted, median},
    memory,
};
use clients::Run;
use estate::Estate;
use serving::Keystore;

/// All of it, in one run.
pub async fn measure() -> Vec<Figure> {
    let folder = tempfile::tempdir().unwrap();
    let estate = Estate::new(CERTIFICATES);
    eprintln!("  {CERTIFICATES} certificates are made");

    let mut installation = Installation::new(folder.path(), "");
    installation.event_log_alone().await;
    let keystore = Keystore::start(&installation);
    keystore.serves(&estate.credentials[..1]);
    installation.start_on_core("gateway", SERVER_CORE);
    let gateway = Server {
        process: installation.process("gateway").id(),
        address: installation.edge.https,
    };
    gateway.answers(&estate, 0).await;
    clients::run(gateway.address, &estate.credentials[..1], 1).await;
    let one = memory::resident(gateway.process);
    keystore.serves(&estate.credentials);
    gateway.answers(&estate, CERTIFICATES - 1).await;
    clients::run(gateway.address, &estate.credentials, 1).await;
    let all = memory::resident(gateway.process);

    let nginx = rivals::nginx(folder.path(), &estate);
    let caddy = rivals::caddy(folder.path(), &estate);
    let (nginx_server, caddy_server) = (Server::of(&nginx), Server::of(&caddy));
    nginx_server.answers(&estate, CERTIFICATES - 1).await;
    caddy_server.answers(&estate, CERTIFICATES - 1).await;

    let [ours, nginxs, caddys] = in_turns([&gateway, &nginx_server, &caddy_server], &estate).await;
    let beside = |name, rival: &[Rate], wanted| {
        let each = ours
            .iter()
            .zip(rival)
            .map(|(us, them)| us.a_core / them.a_core);
        let of = |rates: &[Rate], one: fn(&Rate) -> f64| median(rates.iter().map(one));
        Figure {
            name,
            measured: of(&ours, |rate| rate.a_core),
            against: Some(of(rival, |rate| rate.a_core)),
            unit: "per s",
            value: median(each),
            wanted: Wanted::AtLeast(wanted),
            how: format!(
                "full TLS 1.3 handshakes (X25519, ECDSA P-256, a chain of two) for a second of the server's CPU time, on one core, \
                 {CERTIFICATES} certificates loaded, each with a name drawn at random; {ROUNDS} rounds of {SECONDS} s in turns; by \
                 the clock {:.0} and {:.0} a second, the servers {:.0} and {:.0} per cent busy",
                of(&ours, |rate| rate.by_the_clock),
                of(rival, |rate| rate.by_the_clock),
                of(&ours, |rate| rate.busy) * 100.0,
                of(rival, |rate| rate.busy) * 100.0,
            ),
        }
    };
    vec![
        beside("handshakes on one core, beside nginx", &nginxs, 1.0),
        beside("handshakes on one core, beside Caddy", &caddys, 1.5),
        Figure {
            name: "gateway's memory for each certificate",
            measured: all,
            against: Some(one),
            unit: "MiB",
            value: (all - one) * 1024.0 / (CERTIFICATES - 1) as f64,
            wanted: Wanted::AtMost(4.0),
            how: format!(
                "KiB resident with {CERTIFICATES} ECDSA P-256 certificates of one issuer, less with one of them, after handshakes \
                 with both"
            ),
        },
        lookup::measure(),
    ]
}

/// A server that is measured.
struct Server {
    process: u32,
    address: SocketAddr,
}

/// One round of one server.
struct Rate {
    by_the_clock: f64,
    a_core: f64,
    busy: f64,
}

impl Server {
    fn of(rival: &rivals::Rival) -> Server {
        Server {
            process: rival.child.id(),
            address: rival.address,
        }
    }

    /// Waits until it shows the certificate of this number.
    async fn answers(&self, estate: &Estate, number: usize) {
        wait::until("the certificate is shown", async || {
            clients::shows(self.address, estate, number).await.ok()
        })
        .await;
    }

    async fn round(&self, estate: &Estate) -> Rate {
        let before = self.cpu_time();
        let Run { handshakes, took } =
            clients::run(self.address, &estate.credentials, SECONDS).await;
        let used = self.cpu_time() - before;
        Rate {
            by_the_clock: handshakes as f64 / took.as_secs_f64(),
            a_core: handshakes as f64 / used,
            busy: used / took.as_secs_f64(),
        }
    }

    /// Seconds of it and all that it has started.
    fn cpu_time(&self) -> f64 {
        let mut all = descendants(self.process);
        all.push(self.process);
        all.into_iter().map(memory::cpu_time).sum()
    }
}

/// Short rounds take turns, so that all meet the same machine; the first of each is not counted.
async fn in_turns<const N: usize>(servers: [&Server; N], estate: &Estate) -> [Vec<Rate>; N] {
    let mut rates = [const { Vec::new() }; N];
    for round in 0..=ROUNDS {
        for (server, rates) in servers.iter().zip(&mut rates) {
            let rate = server.round(estate).await;
            if round > 0 {
                rates.push(rate);
            }
        }
    }
    rates
}

const CERTIFICATES: usize = 10_000;
const ROUNDS: usize = 7;
const SECONDS: u64 = 4;
const SERVER_CORE: usize = 0;
const CLIENT_CORE: usize = 1;
