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
    /// Where clients connect; TLS is required.
    pub listen: SocketAddr,
    /// JetStream's folder.
    pub store: PathBuf,
    /// The server's TLS leaf with the internal CA, PEM.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// Each user with its public nkey ("U…").
    pub users: Vec<(User, String)>,
}

impl Display for Conf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "# Written by chancery, and again at each start: change chancery.toml in its place."
        )?;
        writeln!(f, "server_name: chancery")?;
        writeln!(f, "listen: {}", quoted(&self.listen.to_string()))?;
        writeln!(f, "jetstream {{")?;
        writeln!(f, "  store_dir: {}", quoted(&self.store.to_string_lossy()))?;
        // Synced before it is acknowledged: without it a power cut loses acknowledged events.
        writeln!(f, "  sync_interval: always")?;
        writeln!(f, "}}")?;
        writeln!(f, "tls {{")?;
        writeln!(
            f,
            "  cert_file: {}",
            quoted(&self.certificate.to_string_lossy())
        )?;
        writeln!(f, "  key_file: {}", quoted(&self.key.to_string_lossy()))?;
        writeln!(f, "}}")?;
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
