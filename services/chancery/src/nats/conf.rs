//! `nats.conf`, written from the table of users at every start and every rotation.

use std::{
    fmt::{self, Display, Write as _},
    net::SocketAddr,
    path::PathBuf,
};

use eventlog::safety::SERVER_REPORT;

use super::users::User;

/// What the file says.
#[derive(Debug)]
pub struct Conf {
    /// What other servers know it by.
    pub name: String,
    /// Where clients connect; TLS is required.
    pub listen: SocketAddr,
    /// JetStream's folder.
    pub store: PathBuf,
    /// The server's TLS leaf with the internal CA, PEM.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// The internal CA, PEM: who else may be a server of the cluster.
    pub ca: PathBuf,
    /// Each user with its public nkey ("U…").
    pub users: Vec<(User, String)>,
    /// How it meets the others, where it is one of several.
    pub cluster: Option<Cluster>,
}

/// One of several servers that keep the log together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Where the others connect.
    pub listen: SocketAddr,
    /// Where each of them is, "host:port".
    pub routes: Vec<String>,
    /// SHA-256 of the public key (SPKI, hex) of each server: nobody else may be one of them, with whatever
    /// certificate of the internal CA.
    pub pins: Vec<String>,
}

impl Display for Conf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "# Written by chancery, and again at each start: change chancery.toml in its place."
        )?;
        writeln!(f, "server_name: {}", quoted(&self.name))?;
        writeln!(f, "listen: {}", quoted(&self.listen.to_string()))?;
        writeln!(f, "jetstream {{")?;
        writeln!(f, "  store_dir: {}", quoted(&self.store.to_string_lossy()))?;
        // Synced before it is acknowledged: without it a power cut loses acknowledged events.
        writeln!(f, "  sync_interval: always")?;
        writeln!(f, "}}")?;
        writeln!(f, "tls {{")?;
        self.identity(f, "  ")?;
        writeln!(f, "}}")?;
        if let Some(cluster) = &self.cluster {
            self.cluster(f, cluster)?;
        }
        // The server's JetStream report shows that it syncs; it belongs to the system account, which nobody signs in to.
        writeln!(f, "system_account: SYS")?;
        writeln!(f, "accounts {{")?;
        writeln!(
            f,
            "  SYS {{ exports: [ {{ service: {REPORT:?}, response: stream }} ] }}"
        )?;
        writeln!(f, "  CHANCERY {{")?;
        writeln!(f, "    jetstream: enabled")?;
        let imported =
            format!("service: {{ account: SYS, subject: {REPORT:?} }}, to: {SERVER_REPORT:?}");
        writeln!(f, "    imports: [ {{ {imported} }} ]")?;
        writeln!(f, "    users: [")?;
        for (user, nkey) in &self.users {
            writeln!(f, "      # {}", user.name)?;
            writeln!(f, "      {{ nkey: {}, permissions: {{", quoted(nkey))?;
            writeln!(f, "        publish: {{ allow: {} }}", list(&user.publish))?;
            writeln!(
                f,
                "        subscribe: {{ allow: {} }}",
                list(&user.subscribe)
            )?;
            writeln!(f, "      }} }}")?;
        }
        writeln!(f, "    ]\n  }}\n}}")
    }
}

impl Conf {
    /// Who the server is.
    fn identity(&self, f: &mut fmt::Formatter<'_>, indent: &str) -> fmt::Result {
        let certificate = quoted(&self.certificate.to_string_lossy());
        writeln!(f, "{indent}cert_file: {certificate}")?;
        let key = quoted(&self.key.to_string_lossy());
        writeln!(f, "{indent}key_file: {key}")
    }

    /// How it meets the others.
    fn cluster(&self, f: &mut fmt::Formatter<'_>, cluster: &Cluster) -> fmt::Result {
        let routes = cluster.routes.iter().map(|route| format!("tls://{route}"));
        writeln!(f, "cluster {{")?;
        writeln!(f, "  name: chancery")?;
        writeln!(f, "  listen: {}", quoted(&cluster.listen.to_string()))?;
        writeln!(f, "  routes: {}", list(&routes.collect::<Vec<_>>()))?;
        writeln!(f, "  tls {{")?;
        self.identity(f, "    ")?;
        writeln!(f, "    ca_file: {}", quoted(&self.ca.to_string_lossy()))?;
        writeln!(f, "    verify: true")?;
        writeln!(f, "    pinned_certs: {}", list(&cluster.pins))?;
        writeln!(f, "  }}")?;
        writeln!(f, "}}")
    }
}

/// Where the system account gives that report.
const REPORT: &str = "$SYS.REQ.SERVER.PING.JSZ";

fn list(subjects: &[String]) -> String {
    let quoted = subjects.iter().map(|s| quoted(s)).collect::<Vec<_>>();
    format!("[{}]", quoted.join(", "))
}

/// A string as NATS's configuration reads it.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_ascii_control() => {
                // Writing to a string does not fail.
                let _ = write!(out, "\\x{:02x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests;
