//! A real nats-server, and a script's events in its log.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use eventlog::{Aggregate, Envelope, EventBody as _, EventLog, Origin, Provision, Recorded};
use projection::events::{
    AlertEvent, AutomationEvent, CertificateEvent, ChannelEvent, DnsProviderEvent, KeyEvent,
    RequestEvent, ServerEvent, TlsEvent,
};
use uuid::Uuid;

/// A nats-server with its store in a folder of its own.
pub struct Nats {
    process: Child,
    client: async_nats::Client,
    folder: tempfile::TempDir,
}

impl Nats {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = ports::free_port();
        let conf = folder.path().join("nats.conf");
        std::fs::write(&conf, configuration(port, folder.path())).unwrap();
        let process = run(folder.path());
        let options =
            async_nats::ConnectOptions::with_user_and_password("test".into(), "test".into());
        let options = options.retry_on_initial_connect();
        let client = options.connect(format!("127.0.0.1:{port}")).await.unwrap();
        client.flush().await.unwrap();
        Self {
            process,
            client,
            folder,
        }
    }

    /// Stops it, lets somebody at its files, and starts it again: they lie where [`town::block`] looks for them.
    pub async fn with_its_files(&mut self, change: impl FnOnce(&Path)) {
        let stop = ["-TERM".to_owned(), self.process.id().to_string()];
        assert!(Command::new("kill").args(stop).status().unwrap().success());
        let stopped = self.process.wait().unwrap();
        assert!(stopped.success(), "{stopped}");
        change(self.folder.path());
        self.process = run(self.folder.path());
        town::wait::until("the log answers", async || {
            let log = EventLog::open(self.client.clone(), "projection")
                .await
                .ok()?;
            log.last_sequence().await.ok()
        })
        .await;
    }

    pub async fn log(&self) -> EventLog {
        let wanted = Provision {
            replicas: 1,
            max_bytes: None,
            buckets: Vec::new(),
        };
        eventlog::provision(&self.client, &wanted).await.unwrap();
        EventLog::open(self.client.clone(), "projection")
            .await
            .unwrap()
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn run(folder: &Path) -> Child {
    let mut command = Command::new(nats_server());
    command.arg("-c").arg(folder.join("nats.conf"));
    let command = command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

fn configuration(port: u16, folder: &Path) -> String {
    let store = folder.join("nats/store");
    format!(
        r#"
        listen: "127.0.0.1:{port}"
        jetstream {{ store_dir: "{}", sync_interval: always }}
        system_account: SYS
        accounts {{
          SYS {{ exports: [ {{ service: "$SYS.REQ.SERVER.PING.JSZ", response: stream }} ] }}
          CHANCERY {{
            jetstream: enabled
            users: [ {{ user: test, password: test }} ]
            imports: [ {{ service: {{ account: SYS, subject: "$SYS.REQ.SERVER.PING.JSZ" }}, to: "chancery.server.jetstream" }} ]
          }}
        }}
        "#,
        store.display()
    )
}

fn nats_server() -> PathBuf {
    let tools = std::env::var_os("CHANCERY_TOOLS").map(PathBuf::from);
    let tools =
        tools.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/bin"));
    let ours = tools.join("nats-server");
    if ours.is_file() {
        ours
    } else {
        "nats-server".into()
    }
}

macro_rules! writers {
    ($($name:ident: $aggregate:literal = $event:ty),+ $(,)?) => {
        $(
            #[derive(Debug, Clone, Default)]
            struct $name;
            impl Aggregate for $name {
                const NAME: &'static str = $aggregate;
                type Event = $event;
                fn evolve(&mut self, _event: &$event, _recorded: &Envelope) {}
            }
        )+

        /// Appends one event as its owner does, and answers where.
        pub async fn tell(log: &EventLog, event: &Recorded) -> u64 {
            match event.aggregate.as_str() {
                $( $aggregate => append::<$name>(log, event).await, )+
                other => panic!("nobody writes {other}"),
            }
        }
    };
}

writers!(
    Keys: "key" = KeyEvent,
    Certificates: "certificate" = CertificateEvent,
    Tls: "tls" = TlsEvent,
    Requests: "request" = RequestEvent,
    Servers: "acme-server" = ServerEvent,
    Providers: "dns-provider" = DnsProviderEvent,
    Automations: "automation" = AutomationEvent,
    Channels: "channel" = ChannelEvent,
    Alerts: "alert" = AlertEvent,
);

async fn append<A: Aggregate>(log: &EventLog, event: &Recorded) -> u64 {
    let body = A::Event::from_json(&event.event, &event.body).unwrap();
    let origin = Origin {
        actor: event.actor.clone(),
        request_id: event.request_id.clone(),
        request_digest: "same".to_owned(),
        correlation_id: Uuid::from_u128(7),
        causation_id: None,
        unchanged_since: None,
    };
    let decide = |_: &A| Ok::<_, std::convert::Infallible>(body.clone());
    let done = log.execute::<A, _>(&event.id, &origin, "", event.time, decide);
    done.await.unwrap().position
}
