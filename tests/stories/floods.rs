//! Strangers who flood the edge: what they can take up is bounded, and others are served meanwhile.

mod frames;

use std::{fs, io, net::Ipv4Addr, time::Duration};

use api::gateway::v1::WhoAmIRequest;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
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
    let floods: [(&str, Flood); 4] = [
        ("rapid resets", flood(edge, b"", frames::request_and_reset)),
        ("endless headers", flood(edge, &frames::open_headers(), frames::continuation)),
        ("pings", flood(edge, b"", frames::ping)),
        ("settings", flood(edge, b"", frames::settings)),
    ];
    for (name, flood) in floods {
        let before = besieged.memory();
        let mut floods = JoinSet::new();
        for from in 2..6 {
            floods.spawn(flood(Ipv4Addr::new(127, 0, 0, from)));
        }
        let mut ends = Vec::new();
        while let Some(ended) = floods.try_join_next().map_or_else(
            || (!floods.is_empty()).then_some(None),
            |ended| Some(Some(ended.unwrap())),
        ) {
            ends.extend(ended);
            client.session().who_am_i(WhoAmIRequest {}).await.unwrap();
        }
        let grown = besieged.memory().saturating_sub(before);
        assert!(grown < BOUND, "{name}: {grown} MiB more, and it ended with {ends:?}");
    }
}
