//! A real mail server (aiosmtpd) of the outside world, on this machine, and what has come in.

use std::{fs, path::PathBuf, process::Command};

use tempfile::TempDir;

use crate::{authority::Authority, child::Child, tools, wait};

/// How connections to it are protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first octet.
    Implicit,
    /// STARTTLS, and nothing else before it.
    StartTls,
    /// Not at all.
    None,
}

/// A mail server that is running, and takes mail of [`USER`] alone where there is TLS.
#[derive(Debug)]
pub struct MailServer {
    /// Its port on 127.0.0.1; its certificate is for "localhost".
    pub port: u16,
    /// The root that its certificate comes from, PEM.
    pub root: String,
    security: Security,
    folder: TempDir,
    running: Option<Child>,
}

/// Who may send.
pub const USER: &str = "chancery";
/// His password.
pub const PASSWORD: &str = "correct-horse-battery";

/// A mail that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// To whom, by the envelope.
    pub to: Vec<String>,
    /// All of it.
    pub raw: String,
}

impl Mail {
    /// A header, unfolded.
    ///
    /// # Panics
    /// Where there is none.
    pub fn header(&self, name: &str) -> String {
        let (headers, _) = self.raw.split_once("\r\n\r\n").expect("headers and a body");
        let unfolded = headers.replace("\r\n ", " ").replace("\r\n\t", " ");
        let lines = unfolded.lines();
        let mut found = lines.filter_map(|line| line.split_once(": "));
        let (_, value) = found
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .unwrap_or_else(|| panic!("no {name} in {headers}"));
        value.to_owned()
    }

    /// What it is about.
    pub fn subject(&self) -> String {
        self.header("subject")
    }
}

impl MailServer {
    /// A server that takes what comes.
    pub async fn start(security: Security) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("mail-")
            .tempdir()
            .expect("a folder for mail");
        let authority = Authority::root("Mail root");
        let (certificate, key) = authority.server("localhost");
        fs::write(folder.path().join("cert.pem"), certificate).expect("a certificate");
        fs::write(folder.path().join("key.pem"), key).expect("a key");
        let mut this = Self {
            port: ports::free_port(),
            root: authority.pem(),
            security,
            folder,
            running: None,
        };
        this.run().await;
        this
    }

    /// Takes nothing more: nobody answers at its port.
    pub async fn stop(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.kill();
        }
    }

    /// Starts it, on the mail that it has.
    pub async fn run(&mut self) {
        let folder = self.folder.path();
        let (security, user) = match self.security {
            Security::Implicit => ("implicit", USER),
            Security::StartTls => ("starttls", USER),
            Security::None => ("none", ""),
        };
        let mut command = Command::new(tools::tool("python-with-aiosmtpd"));
        command
            .arg(tools::workspace().join("tests/town/smtp_server.py"))
            .arg(self.port.to_string())
            .arg(folder)
            .arg(security)
            .arg(folder.join("cert.pem"))
            .arg(folder.join("key.pem"))
            .args([user, PASSWORD]);
        self.running = Some(Child::start("mail", &mut command, folder));
        let port = self.port;
        wait::until("the mail server answers", async || {
            tokio::net::TcpStream::connect(("127.0.0.1", port))
                .await
                .ok()
        })
        .await;
    }

    /// From now on it answers each mail so: "451 4.3.0 try later". Nothing: it takes them.
    pub fn refuse(&self, answer: Option<&str>) {
        let file = self.file("refuse");
        match answer {
            Some(answer) => fs::write(file, answer).expect("the refusal"),
            None => drop(fs::remove_file(file)),
        }
    }

    /// From now on it refuses this recipient for good.
    pub fn refuse_recipient(&self, address: &str) {
        fs::write(self.file("unknown"), address).expect("the recipient");
    }

    /// How many mails it has refused.
    pub fn refused(&self) -> usize {
        let refused = fs::read_to_string(self.file("refused")).unwrap_or_default();
        refused.lines().count()
    }

    /// What has come in, the oldest first.
    pub fn mails(&self) -> Vec<Mail> {
        let files = fs::read_dir(self.folder.path()).expect("the folder of mail");
        let mut files = files
            .map(|file| file.expect("a file").path())
            .filter(|file| file.extension().is_some_and(|e| e == "eml"))
            .collect::<Vec<_>>();
        files.sort();
        files.iter().map(read).collect()
    }

    /// Their subjects.
    pub fn subjects(&self) -> Vec<String> {
        self.mails().iter().map(Mail::subject).collect()
    }

    /// Waits until so many have come in: all of them.
    ///
    /// # Panics
    /// Where there are more.
    pub async fn until(&self, count: usize) -> Vec<Mail> {
        let what = format!("{count} mails have come in");
        let mails = wait::until(&what, async || {
            let mails = self.mails();
            (mails.len() >= count).then_some(mails)
        })
        .await;
        assert_eq!(mails.len(), count, "{:?}", self.subjects());
        mails
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn read(file: &PathBuf) -> Mail {
    let raw = fs::read_to_string(file).expect("a mail");
    let envelope = raw
        .lines()
        .map_while(|line| line.strip_prefix("X-Envelope-To: "));
    Mail {
        to: envelope.map(str::to_owned).collect(),
        raw: raw.clone(),
    }
}
