//! A PostgreSQL of one test's own: on a socket in its folder, and as careful as a real one's must be.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use database::ServerUrl;
use tempfile::TempDir;

use crate::{cluster, program};

/// A running server. Dropped, it ends.
#[derive(Debug)]
pub struct Postgresql {
    process: Child,
    folder: TempDir,
    settings: &'static [&'static str],
}

impl Postgresql {
    /// Starts one, with an empty database `chancery`.
    ///
    /// # Panics
    /// Where it does not start.
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// Starts one with these settings too, as `postgres -c` takes them.
    ///
    /// # Panics
    /// Where it does not start.
    pub fn with(settings: &'static [&'static str]) -> Self {
        let folder = cluster::copy();
        let process = run(&folder, settings);
        Self {
            process,
            folder,
            settings,
        }
    }

    /// Where it is, as it is configured.
    pub fn url_text(&self) -> String {
        let socket = self.folder.path().display().to_string();
        format!(
            "postgresql://chancery@{}/chancery",
            socket.replace('/', "%2F")
        )
    }

    /// The same.
    pub fn url(&self) -> ServerUrl {
        ServerUrl::try_from(self.url_text()).expect("our own URL")
    }

    /// Where its files are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// kill -9 of all of it, and another one on what it left.
    pub fn crash_and_restart(&mut self) {
        // The postmaster's way to end all at once, as a crash would.
        self.signal(rustix::process::Signal::QUIT);
        self.process.wait().expect("a server that was told to ends");
        self.process = run(&self.folder, self.settings);
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let id = i32::try_from(self.process.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw);
        let _ = rustix::process::kill_process(id.expect("a process has an id"), signal);
    }
}

impl Drop for Postgresql {
    fn drop(&mut self) {
        self.signal(rustix::process::Signal::QUIT);
        let _ = self.process.wait();
        if thread::panicking() {
            let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            eprintln!("---- postgresql ----\n{log}");
        }
    }
}

fn run(folder: &TempDir, settings: &[&str]) -> Child {
    let (path, log) = (folder.path(), folder.path().join("log"));
    let log = fs::File::options()
        .create(true)
        .append(true)
        .open(log)
        .expect("a log");
    let mut command = Command::new(program("postgres"));
    command.arg("-D").arg(path.join("data")).arg("-k").arg(path);
    for setting in SETTINGS.iter().chain(settings) {
        command.args(["-c", setting]);
    }
    cluster::as_somebody(&mut command);
    command
        .current_dir(path)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log);
    let mut process = command.spawn().expect("postgres starts");
    let (asked, status) = (Instant::now(), path.join("data/postmaster.pid"));
    // Its last line says how it is.
    while !fs::read_to_string(&status).is_ok_and(|text| text.trim_end().ends_with("ready")) {
        let ended = process.try_wait().expect("a child can be asked");
        assert!(
            ended.is_none() && asked.elapsed() < PATIENCE,
            "postgres did not start: {}",
            { fs::read_to_string(path.join("log")).unwrap_or_default() }
        );
        thread::sleep(Duration::from_millis(5));
    }
    process
}

/// Small, because each test has one; and not a bit less safe.
const SETTINGS: [&str; 6] = [
    "listen_addresses=",
    "shared_buffers=16MB",
    "max_connections=200",
    "wal_level=minimal",
    "max_wal_senders=0",
    "log_min_messages=warning",
];

const PATIENCE: Duration = Duration::from_secs(60);
