//! What `up` shows when all is ready: where it is, how to sign in, what to do first.

use std::{
    env, fmt,
    io::{self, IsTerminal as _},
    net::SocketAddr,
    path::{Path, PathBuf},
};

use super::test_ca::first_certificate::{self, Served};
use crate::client::{answer, trust::Fingerprint};

/// All that is shown.
#[derive(Debug)]
pub struct Screen {
    /// Where https is served.
    pub https: SocketAddr,
    /// Where challenges are answered.
    pub http: SocketAddr,
    /// Of the certificate that "localhost" is answered with.
    pub fingerprint: Fingerprint,
    /// The token's file, as long as it is there.
    pub token: Option<PathBuf>,
    /// The set-up link, as long as it is good for something.
    pub set_up: Option<String>,
    /// Where it is.
    pub link_file: PathBuf,
    /// About the key-encryption key; after the first start.
    pub kek: Option<String>,
    /// The command that would allow 443 and 80.
    pub allow: Option<String>,
    /// With a test CA.
    pub served: Option<Served>,
}

impl Screen {
    /// The address to type on this machine.
    pub fn url(https: SocketAddr) -> String {
        match (
            https.ip().is_unspecified() || https.ip().is_loopback(),
            https.port(),
        ) {
            (true, 443) => "https://localhost".to_owned(),
            (true, port) => format!("https://localhost:{port}"),
            (false, _) => format!("https://{https}"),
        }
    }
}

impl fmt::Display for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chancery = env::args_os().next().unwrap_or_else(|| "chancery".into());
        let chancery = quoted(Path::new(&chancery));
        let url = Self::url(self.https);
        writeln!(f, "\nChancery is running.\n")?;
        writeln!(f, "  Address      {url}")?;
        writeln!(f, "  Fingerprint  {}", self.fingerprint)?;
        writeln!(f, "  Challenges   http on port {}", self.http.port())?;
        if let Some(command) = &self.allow {
            writeln!(
                f,
                "\nPorts 443 and 80 may not be bound by this user; to allow it, run:\n  {command}"
            )?;
        }
        if let Some(kek) = &self.kek {
            writeln!(f, "\n{kek}")?;
        }
        if let Some(link) = &self.set_up {
            self.first_administrator(f, link)?;
        }
        if let Some(token) = &self.token {
            let token = quoted(token);
            writeln!(
                f,
                "\nSign in, in another terminal:\n  {chancery} login {url} --fingerprint {} < {token}",
                self.fingerprint
            )?;
        }
        if let Some(served) = &self.served {
            self.hello(f, served)?;
        }
        writeln!(f, "\nFirst steps:")?;
        writeln!(f, "  {chancery} whoami")?;
        match &self.served {
            Some(_) => {
                let server = first_certificate::SERVER;
                writeln!(
                    f,
                    "  {chancery} acme request shop.test --server \"{server}\""
                )?;
            }
            None => {
                writeln!(f, "  {chancery} acme servers register letsencrypt \\")?;
                writeln!(
                    f,
                    "      --directory https://acme-v02.api.letsencrypt.org/directory \\"
                )?;
                writeln!(f, "      --contact you@example.com --agree-to-terms")?;
                writeln!(
                    f,
                    "  {chancery} acme request www.example.com --server letsencrypt"
                )?;
            }
        }
        writeln!(f, "  {chancery} certs list")?;
        writeln!(f, "  {chancery} events tail --since 0")?;
        writeln!(f, "\nCtrl-C stops everything.")
    }
}

impl Screen {
    /// To a terminal alone: what a service manager or a container keeps of stdout is read by others.
    fn first_administrator(&self, f: &mut fmt::Formatter<'_>, link: &str) -> fmt::Result {
        let file = quoted(&self.link_file);
        writeln!(
            f,
            "\nMake yourself the first administrator, in a browser, within 24 hours:"
        )?;
        match io::stdout().is_terminal() {
            true => writeln!(f, "  {link}\n  (also in {file})"),
            false => writeln!(f, "  the link is in {file}"),
        }
    }

    fn hello(&self, f: &mut fmt::Formatter<'_>, served: &Served) -> fmt::Result {
        let name = first_certificate::NAME;
        let leaf = served.certificate.certificate.clone().unwrap_or_default();
        let (roots, port) = (quoted(&served.roots), self.https.port());
        let address = super::ports::reachable(self.https);
        writeln!(
            f,
            "\nA first certificate, issued over ACME by the local test CA, and served now:"
        )?;
        writeln!(
            f,
            "  {name}, until {}, by {}",
            answer::time(&leaf.not_after),
            leaf.issuer
        )?;
        writeln!(f, "See it:")?;
        writeln!(
            f,
            "  openssl s_client -connect {address} -servername {name} -CAfile {roots} -brief < /dev/null"
        )?;
        writeln!(
            f,
            "  curl --cacert {roots} --resolve {name}:{port}:{} https://{name}:{port}/",
            address.ip()
        )
    }
}

/// A path as a shell reads it again.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+@%:,=".contains(c);
    match text.chars().all(plain) {
        true => text,
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_can_be_pasted_into_a_shell() {
        assert_eq!(
            quoted(Path::new("data/bootstrap-token")),
            "data/bootstrap-token"
        );
        assert_eq!(quoted(Path::new("/my data/it's")), r"'/my data/it'\''s'");
    }
}
