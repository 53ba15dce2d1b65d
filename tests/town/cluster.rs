//! Three NATS servers that keep the log of one installation together.

use std::{fs, path::Path, process::Command};

use async_nats::jetstream::stream::ClusterInfo;

use crate::{child::Child, installation::Installation, tools::tool, wait};

/// The servers, by the names that `chancery init` gives them.
const SERVERS: [&str; 3] = ["nats-1", "nats-2", "nats-3"];

impl Installation {
    /// A new data folder whose configuration names three NATS servers.
    pub fn with_cluster(folder: &Path) -> Self {
        let this = Self::new(folder, "");
        let more = [(); 2].map(|()| ports::free_port());
        let urls = [this.nats_port, more[0], more[1]];
        let urls = urls.map(|port| format!("tls://127.0.0.1:{port}")).join(",");
        let routes = [(); 3].map(|()| format!("\"127.0.0.1:{}\"", ports::free_port()));
        let alone = format!("url = \"tls://127.0.0.1:{}\"", this.nats_port);
        let cluster = format!("url = \"{urls}\"\nroutes = [{}]", routes.join(", "));
        this.reconfigure(&alone, &cluster);
        this
    }

    /// The port of NATS, when it is run by itself.
    pub fn nats_port(&self) -> u16 {
        self.nats_port
    }

    /// Replaces lines of the configuration.
    fn reconfigure(&self, from: &str, to: &str) {
        let file = self.data.join("chancery.toml");
        let so_far = fs::read_to_string(&file).expect("the configuration");
        assert!(so_far.contains(from), "{from} is configured");
        fs::write(file, so_far.replacen(from, to, 1)).expect("the configuration");
    }

    /// Starts the three servers with the stream on them, and nothing else.
    pub async fn cluster_alone(&mut self) {
        self.init_with(&[]);
        for server in SERVERS {
            self.start_nats_server(server);
        }
        self.init_with(&["--log"]);
    }

    /// Starts one of them.
    pub fn start_nats_server(&mut self, server: &str) {
        let mut command = Command::new(tool("nats-server"));
        let conf = self.data.join(server).join("nats/nats.conf");
        command.arg("-c").arg(conf);
        let child = Child::start(server, &mut command, &self.logs);
        self.running.insert(server.to_owned(), child);
    }

    /// What the servers say of each other.
    pub async fn cluster(&self) -> Cluster {
        let client = self.runtime("gateway", None).nats().await;
        Cluster(async_nats::jetstream::new(
            client.expect("NATS lets the gateway in"),
        ))
    }
}

/// A view of the servers that keep the log.
#[derive(Debug)]
pub struct Cluster(async_nats::jetstream::Context);

impl Cluster {
    /// Which of them leads the log.
    pub async fn leader(&self) -> String {
        wait::until("the log has a leader", async || {
            self.standing().await?.leader
        })
        .await
    }

    /// Waits until all of them hold the log, up to its last event.
    pub async fn until_whole(&self) {
        wait::until("all servers hold the log", async || {
            let cluster = self.standing().await?;
            let others = cluster.replicas.iter();
            let caught_up = others.filter(|other| other.current && !other.offline);
            let whole = cluster.leader.is_some() && caught_up.count() == SERVERS.len() - 1;
            whole.then_some(())
        })
        .await;
    }

    async fn standing(&self) -> Option<ClusterInfo> {
        let stream = self.0.get_stream(eventlog::subject::STREAM).await.ok()?;
        stream.cached_info().cluster.clone()
    }
}
