//! A real BIND: the primary server of a few zones, which takes dynamic updates with a key, and a secondary.
//!
//! Both listen on the same port, as name servers do: the primary on 127.0.0.1, the secondary on 127.0.0.2.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use hickory_proto::{
    op::{Message, Query},
    rr::{Name, RData, RecordType},
};
use tokio::{net::UdpSocket, task::JoinHandle};

use crate::{child::Child, tools::tool, wait};

/// A zone to serve.
#[derive(Debug, Clone)]
pub struct Zone {
    /// Its name.
    pub name: &'static str,
    /// Its records, beside SOA and NS, as a zone file has them.
    pub records: &'static str,
    /// It takes updates.
    pub dynamic: bool,
    /// The secondary serves it too.
    pub secondary: bool,
}

/// Running name servers.
#[derive(Debug)]
pub struct Bind {
    primary: Child,
    secondary: Option<Child>,
    folder: PathBuf,
    zones: Vec<Zone>,
    port: u16,
    /// Where the secondary listens.
    behind: u16,
    _relay: Option<Relay>,
}

/// The key's name.
pub const KEY_NAME: &str = "chancery";

/// The key's secret.
pub const SECRET: &str = "c2VjcmV0LW9mLXRoZS10b3duLTMyLW9jdGV0cy1sb25n";

impl Bind {
    /// Starts the primary; and where a zone wants one, a secondary that has an old copy of it and hears of no change.
    pub async fn start(folder: &Path, zones: &[Zone]) -> Self {
        fs::create_dir_all(folder).expect("BIND's folder");
        let folder = folder.canonicalize().expect("BIND's folder");
        let port = ports::free_port();
        let write = |file: String, text: String| {
            fs::write(folder.join(file), text).expect("BIND's files");
        };
        for zone in zones {
            for server in ["primary", "secondary"] {
                write(format!("{server}-{}.zone", zone.name), zone_file(zone));
            }
        }
        let wants_secondary = zones.iter().any(|zone| zone.secondary);
        let primary = configuration(&folder, "primary", port, &statements(zones, port));
        write("primary.conf".to_owned(), primary);
        let copies = zones.iter().filter(|zone| zone.secondary).map(|zone| {
            let file = format!("secondary-{}.zone", zone.name);
            format!(
                "zone \"{}\" {{ type primary; file \"{file}\"; }};\n",
                zone.name
            )
        });
        let behind = ports::free_port();
        let secondary = configuration(&folder, "secondary", behind, &copies.collect::<String>());
        write("secondary.conf".to_owned(), secondary);
        let relay = match wants_secondary {
            true => Some(Relay::open((SECONDARY, port).into(), (PRIMARY, behind).into()).await),
            false => None,
        };
        let this = Self {
            primary: run(&folder, "primary"),
            secondary: wants_secondary.then(|| run(&folder, "secondary")),
            folder,
            zones: zones.to_vec(),
            port,
            behind,
            _relay: relay,
        };
        this.until_up(PRIMARY, &zones[0]).await;
        if let Some(zone) = zones.iter().find(|zone| zone.secondary) {
            this.until_up(SECONDARY, zone).await;
        }
        this
    }

    /// The primary's address.
    pub fn address(&self) -> SocketAddr {
        (PRIMARY, self.port).into()
    }

    /// What tells acme-agent to ask these servers alone: a part of `[acme_agent]`.
    pub fn configuration(&self) -> String {
        format!(
            "resolvers = [\"{}\"]\nname_server_port = {}\n",
            self.address(),
            self.port
        )
    }

    /// The secondary gets the zones from the primary from now on, as they are and with every change.
    pub async fn catch_up(&mut self) {
        let secondary = self.secondary.as_mut().expect("there is a secondary");
        secondary.stop("TERM").await;
        let copies = self.zones.iter().filter(|zone| zone.secondary);
        let copies = copies.map(|zone| {
            format!(
                "zone \"{}\" {{ type secondary; primaries {{ {PRIMARY} port {}; }}; file \"copy-{}.zone\"; }};\n",
                zone.name, self.port, zone.name
            )
        });
        let text = configuration(
            &self.folder,
            "secondary",
            self.behind,
            &copies.collect::<String>(),
        );
        fs::write(self.folder.join("secondary.conf"), text).expect("BIND's configuration");
        *secondary = run(&self.folder, "secondary");
    }

    /// Has the primary serve a zone with more records, as who keeps it by hand does: a newer file, and a signal. It is not
    /// waited for.
    pub fn publish(&self, zone: &Zone, records: &str, serial: u32) {
        let file = self.folder.join(format!("primary-{}.zone", zone.name));
        let text = zone_file(zone).replacen("hostmaster 1 ", &format!("hostmaster {serial} "), 1);
        let newer = file.with_extension("newer");
        fs::write(&newer, format!("{text}{records}")).expect("BIND's files");
        fs::rename(newer, file).expect("BIND's files");
        self.primary.signal("HUP");
    }

    /// The TXT values of a name, as the primary shows them.
    pub async fn values(&self, name: &str) -> Vec<String> {
        self.values_at(PRIMARY, name).await
    }

    /// Waits until the primary shows so many TXT values of a name.
    pub async fn until(&self, name: &str, count: usize) -> Vec<String> {
        let what = format!("{name} has {count} values");
        wait::until(&what, async || {
            let values = self.values(name).await;
            (values.len() == count).then_some(values)
        })
        .await
    }

    /// Everything that the primary has printed.
    pub fn log(&self) -> String {
        self.primary.log()
    }

    async fn values_at(&self, server: Ipv4Addr, name: &str) -> Vec<String> {
        let what = format!("{server} answers for {name}");
        let answer = wait::until(&what, async || {
            self.ask(server, name, RecordType::TXT).await
        });
        let answer = answer.await;
        let values = answer
            .answers
            .iter()
            .filter_map(|record| match &record.data {
                RData::TXT(txt) => {
                    Some(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned())
                }
                _ => None,
            });
        values.collect()
    }

    async fn until_up(&self, server: Ipv4Addr, zone: &Zone) {
        let what = format!("{server} serves {}", zone.name);
        wait::until(&what, async || {
            let answer = self.ask(server, zone.name, RecordType::SOA).await?;
            (!answer.answers.is_empty()).then_some(())
        })
        .await;
    }

    async fn ask(&self, server: Ipv4Addr, name: &str, kind: RecordType) -> Option<Message> {
        let name = Name::from_ascii(format!("{name}.")).expect("a name");
        let mut question = Message::query();
        question.add_query(Query::query(name, kind));
        let socket = UdpSocket::bind("127.0.0.1:0").await.ok()?;
        socket.connect((server, self.port)).await.ok()?;
        socket
            .send(&question.to_vec().expect("a message"))
            .await
            .ok()?;
        let mut buffer = [0; 4_096];
        let answered = tokio::time::timeout(ANSWER, socket.recv(&mut buffer)).await;
        let length = answered.ok()?.ok()?;
        Message::from_vec(&buffer[..length]).ok()
    }
}

/// Hands datagrams on: BIND listens on addresses of interfaces alone, and 127.0.0.2 is not one although it works.
#[derive(Debug)]
struct Relay(JoinHandle<()>);

impl Relay {
    async fn open(front: SocketAddr, behind: SocketAddr) -> Self {
        let front = Arc::new(
            UdpSocket::bind(front)
                .await
                .expect("the secondary's address"),
        );
        Self(tokio::spawn(async move {
            let mut buffer = [0; 4_096];
            while let Ok((length, from)) = front.recv_from(&mut buffer).await {
                let (front, question) = (front.clone(), buffer[..length].to_vec());
                tokio::spawn(async move {
                    let socket = UdpSocket::bind("127.0.0.1:0").await.ok()?;
                    socket.connect(behind).await.ok()?;
                    socket.send(&question).await.ok()?;
                    let mut buffer = [0; 4_096];
                    let answered = tokio::time::timeout(ANSWER, socket.recv(&mut buffer)).await;
                    let length = answered.ok()?.ok()?;
                    front.send_to(&buffer[..length], from).await.ok()
                });
            }
        }))
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn run(folder: &Path, server: &str) -> Child {
    let mut named = Command::new(tool("named"));
    named
        .args(["-g", "-n", "1", "-c"])
        .arg(folder.join(format!("{server}.conf")));
    Child::start(server, &mut named, folder)
}

fn configuration(folder: &Path, server: &str, port: u16, zones: &str) -> String {
    let address = PRIMARY;
    let folder = folder.display();
    format!(
        r#"
options {{
    directory "{folder}";
    pid-file "{folder}/{server}.pid";
    lock-file none;
    session-keyfile "{folder}/{server}.session";
    managed-keys-directory "{folder}";
    listen-on port {port} {{ {address}; }};
    listen-on-v6 {{ none; }};
    query-source address {address};
    transfer-source {address};
    notify-source {address};
    notify explicit;
    # A CA asks it as a resolver, and is to be led past CNAMEs from one zone into another.
    recursion yes;
    dnssec-validation no;
    allow-transfer {{ any; }};
    allow-notify {{ {PRIMARY}; }};
}};
controls {{ }};
key "{KEY_NAME}" {{ algorithm hmac-sha256; secret "{SECRET}"; }};
{zones}"#
    )
}

fn statements(zones: &[Zone], port: u16) -> String {
    let statements = zones.iter().map(|zone| {
        let policy = match zone.dynamic {
            true => format!("update-policy {{ grant {KEY_NAME} zonesub TXT; }};"),
            false => String::new(),
        };
        let notify = match zone.secondary {
            true => format!("also-notify {{ {SECONDARY} port {port}; }};"),
            false => String::new(),
        };
        format!(
            "zone \"{0}\" {{ type primary; file \"primary-{0}.zone\"; {policy} {notify} }};\n",
            zone.name
        )
    });
    statements.collect()
}

fn zone_file(zone: &Zone) -> String {
    let second = match zone.secondary {
        true => format!("@ IN NS ns2\nns2 IN A {SECONDARY}\n"),
        false => String::new(),
    };
    format!(
        "$TTL 60\n@ IN SOA ns1 hostmaster 1 3600 600 86400 1\n@ IN NS ns1\nns1 IN A {PRIMARY}\n@ IN A 127.0.0.1\n{second}{}",
        zone.records
    )
}

const PRIMARY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 1);
const SECONDARY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// A datagram that is lost is sent again.
const ANSWER: std::time::Duration = std::time::Duration::from_secs(2);
