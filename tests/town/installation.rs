//! The processes of one installation: all in one (`chancery up`), or each service by itself.

use std::{
    collections::BTreeMap,
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use databases::{Kind, Postgresql};
use runtime::{Clock, Runtime, config::Settings};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

use crate::{
    child::Child,
    command_line::{self, Ended},
    edge::Edge,
    tools::tool,
    wait,
};

/// The services, each of which may run by itself.
pub const SERVICES: [&str; 6] = [
    "keystore",
    "csr-service",
    "acme-agent",
    "notifier",
    "projection",
    "gateway",
];

/// A data folder, and what runs on it.
#[derive(Debug)]
pub struct Installation {
    /// The data folder.
    pub data: PathBuf,
    /// Where its gateway listens.
    pub edge: Edge,
    /// Where NATS listens, when it is run by itself.
    pub(crate) nats_port: u16,
    /// What is in the environment of all services that start from now on, beside their own.
    pub environment: Vec<(&'static str, String)>,
    pub(crate) home: PathBuf,
    pub(crate) logs: PathBuf,
    pub(crate) running: BTreeMap<String, Child>,
    /// Last: it ends after all that use it.
    pub(crate) postgresql: Option<Postgresql>,
}

impl Installation {
    /// A new data folder in `folder`, with ports of its own, and databases as [`Kind::wanted`]; nothing runs yet.
    pub fn new(folder: &Path, more_configuration: &str) -> Self {
        Self::on(Kind::wanted(), folder, more_configuration)
    }

    /// The same with databases of this kind.
    pub fn on(kind: Kind, folder: &Path, more_configuration: &str) -> Self {
        let listen = || SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free_port()));
        let this = Self {
            data: folder.join("data"),
            edge: Edge {
                https: listen(),
                http: listen(),
            },
            nats_port: ports::free_port(),
            environment: Vec::new(),
            home: folder.join("home"),
            logs: folder.join("logs"),
            running: BTreeMap::new(),
            postgresql: (kind == Kind::Postgresql).then(Postgresql::start),
        };
        for folder in [&this.data, &this.home, &this.logs] {
            fs::create_dir_all(folder).expect("a folder of the town");
        }
        let configuration = format!(
            r#"
[gateway]
https = "{}"
http = "{}"

[nats]
url = "tls://127.0.0.1:{}"

[peers]
keystore = "{}"
csr-service = "{}"
acme-agent = "{}"
notifier = "{}"
projection = "{}"

[egress]
allow = ["127.0.0.0/8", "::1"]

{more_configuration}
"#,
            this.edge.https,
            this.edge.http,
            this.nats_port,
            listen(),
            listen(),
            listen(),
            listen(),
            listen(),
        );
        fs::write(this.data.join("chancery.toml"), configuration).expect("the configuration");
        if let Some(server) = &this.postgresql {
            this.configure(&format!("[database]\nurl = \"{}\"\n", server.url_text()));
        }
        this
    }

    /// The server that keeps its databases, where there is one.
    pub fn postgresql(&self) -> Option<&Postgresql> {
        self.postgresql.as_ref()
    }

    /// Adds lines to the configuration of what starts from now on.
    pub fn configure(&self, lines: &str) {
        let file = self.data.join("chancery.toml");
        let so_far = fs::read_to_string(&file).expect("the configuration");
        fs::write(file, format!("{so_far}\n{lines}")).expect("the configuration");
    }

    /// Adds lines to the gateway's own table.
    pub fn configure_gateway(&self, lines: &str) {
        let file = self.data.join("chancery.toml");
        let so_far = fs::read_to_string(&file).expect("the configuration");
        let table = "[gateway]\n";
        let with_lines = so_far.replacen(table, &format!("{table}{lines}\n"), 1);
        fs::write(file, with_lines).expect("the configuration");
    }

    /// Starts all of it in one process, and waits until the edge is open.
    pub async fn up(&mut self) {
        self.start_up();
        self.until_open().await;
    }

    /// Starts all of it in one process.
    pub fn start_up(&mut self) {
        self.start_up_with(&[]);
    }

    /// Starts all of it in one process, with more words on the command line.
    pub fn start_up_with(&mut self, words: &[&str]) {
        let mut command = self.program();
        command
            .arg("up")
            .arg("--data-dir")
            .arg(&self.data)
            .args(words);
        self.running.insert(
            "up".to_owned(),
            Child::start("up", &mut command, &self.logs),
        );
    }

    /// Lets a shell of the town's people run a line, as they would copy it from the screen.
    pub fn shell(&self, line: &str) -> Ended {
        let environment = command_line::command(&self.home);
        let mut shell = Command::new("sh");
        let variables = environment
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?)));
        shell.args(["-c", line]).envs(variables);
        command_line::run(&mut shell, Stdio::null())
    }

    /// Runs `chancery up` on the same folder to its end: it is to be refused.
    pub fn up_to_its_end(&self) -> Ended {
        let mut command = command_line::command(&self.home);
        command.arg("up").arg("--data-dir").arg(&self.data);
        command_line::run(&mut command, Stdio::null())
    }

    /// Starts NATS and each service in a process of its own, and waits until the edge is open.
    pub async fn services(&mut self) {
        self.event_log_alone().await;
        for service in SERVICES {
            self.start(service);
        }
        self.until_open().await;
    }

    /// Starts NATS with the stream in it, and nothing else.
    pub async fn event_log_alone(&mut self) {
        self.init_with(&[]);
        self.start_nats();
        // Again: when NATS answers, it makes the stream.
        self.init_with(&["--log"]);
    }

    /// Starts NATS on the folder that was made ready.
    pub fn start_nats(&mut self) {
        let mut command = Command::new(tool("nats-server"));
        command.arg("-c").arg(self.data.join("nats/nats.conf"));
        self.running.insert(
            "nats".to_owned(),
            Child::start("nats", &mut command, &self.logs),
        );
    }

    /// Starts one service by itself.
    pub fn start(&mut self, service: &str) {
        let mut command = self.service(service);
        self.running.insert(
            service.to_owned(),
            Child::start(service, &mut command, &self.logs),
        );
    }

    /// Starts one service by itself, on this processor alone.
    pub fn start_on_core(&mut self, service: &str, core: usize) {
        let command = self.service(service);
        let mut on_core = Command::new("taskset");
        on_core
            .args(["-c", &core.to_string()])
            .arg(command.get_program())
            .args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => on_core.env(name, value),
                None => on_core.env_remove(name),
            };
        }
        self.running.insert(
            service.to_owned(),
            Child::start(service, &mut on_core, &self.logs),
        );
    }

    fn program(&self) -> Command {
        let mut command = command_line::command(&self.home);
        let environment = self.environment.iter();
        command.envs(environment.map(|(name, value)| (name, value)));
        command
    }

    fn service(&self, service: &str) -> Command {
        let mut command = self.program();
        command
            .args(["service", service, "--data-dir"])
            .arg(&self.data);
        command
    }

    /// A process by its name: "up", "nats", a service's, or a replica's.
    ///
    /// # Panics
    /// Where it was not started.
    pub fn process(&mut self, name: &str) -> &mut Child {
        self.running
            .get_mut(name)
            .unwrap_or_else(|| panic!("{name} was not started"))
    }

    /// Everything that its processes have printed.
    pub fn logs(&self) -> String {
        self.running
            .values()
            .map(Child::log)
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// The token that `init` made.
    pub fn bootstrap_token(&self) -> String {
        let token =
            fs::read_to_string(self.data.join("bootstrap-token")).expect("init made a token");
        token.trim().to_owned()
    }

    /// A connection to the town's NATS as one of its users: "auditor", or a service. What NATS says against it is sent
    /// to the channel.
    pub async fn nats(&self, user: &str) -> (async_nats::Client, mpsc::UnboundedReceiver<String>) {
        self.try_nats(user)
            .await
            .unwrap_or_else(|e| panic!("NATS does not let {user} in: {e:?}"))
    }

    /// [`Installation::nats`], while NATS may not answer yet.
    ///
    /// # Errors
    /// Where it does not answer, or not let the user in.
    pub async fn try_nats(
        &self,
        user: &str,
    ) -> Result<(async_nats::Client, mpsc::UnboundedReceiver<String>), async_nats::ConnectError>
    {
        let identity = self.data.join("identity");
        let seed =
            fs::read_to_string(identity.join(format!("{user}.nkey"))).expect("init made an nkey");
        let conf = fs::read_to_string(self.data.join("nats/nats.conf"))
            .expect("the configuration of NATS");
        let listen = conf
            .lines()
            .find_map(|line| line.strip_prefix("listen: "))
            .expect("NATS listens");
        let (_, port) = listen
            .trim_matches('"')
            .rsplit_once(':')
            .expect("an address with a port");
        let (complaints, complained) = mpsc::unbounded_channel();
        let options = async_nats::ConnectOptions::with_nkey(seed.trim().to_owned())
            .add_root_certificates(identity.join("ca.pem"))
            .require_tls(true)
            .custom_inbox_prefix(format!("_INBOX.{user}"))
            .event_callback(move |event| {
                let complaints = complaints.clone();
                async move {
                    if let async_nats::Event::ServerError(error) = event {
                        // Nobody may be listening any more.
                        let _ = complaints.send(error.to_string());
                    }
                }
            });
        // By the name that its certificate has.
        let client = options.connect(format!("tls://localhost:{port}")).await;
        Ok((client?, complained))
    }

    /// A channel from one service to another, with the first one's identity.
    pub fn channel(&self, from: &'static str, to: &str) -> Channel {
        self.runtime(from, None).channel(to).expect("a channel")
    }

    /// What a service stands on, with its identity: for one that a test plays itself.
    pub fn runtime(&self, service: &'static str, listener: Option<TcpListener>) -> Runtime {
        let settings = Settings::read(None, Some(&self.data)).expect("the configuration");
        let shared = settings.shared().expect("the configuration");
        let stopping = CancellationToken::new();
        Runtime::start(service, shared, Clock::system(), stopping, listener)
            .expect("init made an identity")
    }

    /// Where a service's internal gRPC is, when it runs by itself.
    pub fn peer(&self, service: &str) -> SocketAddr {
        let settings = Settings::read(None, Some(&self.data)).expect("the configuration");
        let shared = settings.shared().expect("the configuration");
        let address = shared
            .peers
            .of(service)
            .expect("a service with internal gRPC");
        address.parse().expect("an address")
    }

    /// Where people of this town keep their credentials.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Waits until the edge answers; a process that ends instead is told.
    pub async fn until_open(&mut self) {
        let edge = self.edge;
        wait::until("the gateway shows a certificate", async || {
            for (name, process) in &mut self.running {
                if let Some(status) = process.ended() {
                    panic!("{name} has ended ({status}):\n{}", process.log());
                }
            }
            edge.leaf(None).await
        })
        .await;
    }

    /// `chancery init` with more words: what it says.
    pub(crate) fn init_with(&self, words: &[&str]) -> String {
        let mut command = command_line::command(&self.home);
        command.arg("init").arg("--data-dir").arg(&self.data);
        command.args(words);
        let ended = command_line::run(&mut command, Stdio::null());
        assert_eq!(ended.status, 0, "init: {}", ended.stderr);
        ended.stdout
    }
}
