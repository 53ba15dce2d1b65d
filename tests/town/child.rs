//! A process that a town runs, with its log; it ends with its owner.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use crate::wait;

/// A running process. Dropped, it is stopped, and so is everything that it started.
#[derive(Debug)]
pub struct Child {
    name: String,
    process: std::process::Child,
    log: PathBuf,
}

impl Child {
    /// Starts a program; what it prints goes to `<logs>/<name>.log`, after what an earlier one of that name printed.
    pub fn start(name: &str, command: &mut Command, logs: &Path) -> Self {
        let log = logs.join(format!("{name}.log"));
        let file = fs::File::options()
            .create(true)
            .append(true)
            .open(&log)
            .expect("a log file");
        let mut banner = &file;
        writeln!(banner, "==== {command:?}").expect("the log is written");
        let process = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a second handle of the log"))
            .stderr(file)
            .spawn()
            .unwrap_or_else(|e| panic!("cannot start {command:?}: {e}"));
        Self {
            name: name.to_owned(),
            process,
            log,
        }
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Everything that it has printed.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().expect("a child can be asked")
    }

    /// Sends a signal by its name: "INT", "STOP", "CONT".
    pub fn signal(&self, signal: &str) {
        signal_process(self.id(), signal);
    }

    /// kill -9: no goodbye.
    pub fn kill(&mut self) {
        self.process.kill().expect("a child can be killed");
        self.process.wait().expect("a killed child ends");
    }

    /// Sends the signal, and waits for the end.
    pub async fn stop(&mut self, signal: &str) -> ExitStatus {
        self.signal(signal);
        self.end().await
    }

    /// Waits until it ends by itself.
    pub async fn end(&mut self) -> ExitStatus {
        let what = format!("{} ends", self.name);
        wait::until(&what, async || self.ended()).await
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let running = matches!(self.process.try_wait(), Ok(None));
        let children = descendants(self.id());
        if running {
            // Stopped (SIGSTOP) children would not hear of it.
            signal_process(self.id(), "CONT");
            signal_process(self.id(), "TERM");
            let asked = Instant::now();
            while asked.elapsed() < GRACE && matches!(self.process.try_wait(), Ok(None)) {
                std::thread::sleep(Duration::from_millis(5));
            }
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
        for id in children.into_iter().filter(|id| is_running(*id)) {
            signal_process(id, "KILL");
        }
        if std::thread::panicking() {
            let log = self.log();
            let lines = log.lines().collect::<Vec<_>>();
            let tail = &lines[lines.len().saturating_sub(TAIL)..];
            eprintln!("---- {} ----\n{}", self.name, tail.join("\n"));
        }
    }
}

/// The processes that a process has started, and those that they started.
pub fn descendants(of: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|e| e.file_name().to_str()?.parse::<u32>().ok());
    let parents = ids
        .filter_map(|id| Some((id, parent(id)?)))
        .collect::<Vec<_>>();
    let mut found = vec![of];
    let mut next = 0;
    while let Some(&id) = found.get(next) {
        found.extend(
            parents
                .iter()
                .filter(|(_, parent)| *parent == id)
                .map(|(child, _)| *child),
        );
        next += 1;
    }
    found.split_off(1)
}

/// kill -9 for a process that is not ours.
pub fn kill(id: u32) {
    signal_process(id, "KILL");
}

/// Whether a process is there, and no zombie.
pub fn is_running(id: u32) -> bool {
    stat(id).is_some_and(|(state, _)| state != 'Z')
}

fn parent(id: u32) -> Option<u32> {
    stat(id).map(|(_, parent)| parent)
}

/// State and parent, from /proc/ID/stat: "id (name) state parent …", where the name may hold anything.
fn stat(id: u32) -> Option<(char, u32)> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.next()?.parse().ok()?))
}

/// Sends a process a signal by its name.
pub fn signal_process(id: u32, signal: &str) {
    // The shell's own `kill`: there may be no such program, and ours must not be unsafe code.
    let line = format!("kill -{signal} {id} 2>/dev/null");
    let _ = Command::new("sh").arg("-c").arg(line).status();
}

/// How long a dropped child may take to end by itself.
const GRACE: Duration = Duration::from_secs(15);
/// Lines of a log that a failed test prints.
const TAIL: usize = 80;
