//! A program that `up` starts, watches and stops: started again with growing pauses when it dies, stopped at the end.
//!
//! Each child holds an flock on a file of its own, inherited as its standard input, with its pid inside. So a
//! child that outlived a killed `up` is found by the next one, and ended before a second would write to the same files.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    process::{Child, Command},
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

/// What to start.
#[derive(Debug, Clone)]
pub struct Program {
    /// What people call it.
    pub name: &'static str,
    /// The executable.
    pub path: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Environment variables beside our own.
    pub environment: Vec<(&'static str, String)>,
    /// The file that it holds locked while it runs.
    pub lock: PathBuf,
    /// Where its output goes; what was there is overwritten at each start of ours.
    pub output: PathBuf,
}

/// Why a child does not run.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    /// It could not be started.
    #[error("cannot start {name} ({path})")]
    Start {
        /// What people call it.
        name: &'static str,
        /// The executable.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Its lock or output file could not be had.
    #[error("cannot use {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// One from an earlier run is still there and does not end.
    #[error("a {name} of an earlier run still uses this data folder{}: end it, then start again", pid.map(|p| format!(" (process {p})")).unwrap_or_default())]
    Orphan {
        /// What people call it.
        name: &'static str,
        /// Its process, where the lock file says it.
        pid: Option<u32>,
    },
    /// It ended before it was ready.
    #[error("{name} ended ({status}) before it was ready; the end of {output}:\n{said}")]
    Ended {
        /// What people call it.
        name: &'static str,
        /// How it ended.
        status: ExitStatus,
        /// Where its output is.
        output: PathBuf,
        /// The last of it.
        said: String,
    },
    /// It runs, but it was not ready in time.
    #[error("{name} runs, but was not ready after {} s; see {output}", .after.as_secs())]
    NotReady {
        /// What people call it.
        name: &'static str,
        /// How long was waited.
        after: Duration,
        /// Where its output is.
        output: PathBuf,
    },
}

/// A program that runs under our eyes.
#[derive(Debug)]
pub struct Supervised {
    program: Program,
    orders: mpsc::Sender<Order>,
    ended: watch::Receiver<Option<ExitStatus>>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
enum Order {
    Reload,
    Stop,
}

impl Supervised {
    /// Ends what an earlier run left, starts the program, and goes on watching it.
    pub async fn start(program: Program) -> Result<Self, ChildError> {
        end_orphan(&program).await?;
        let child = spawn(&program, true)?;
        let (orders, received) = mpsc::channel(4);
        let (tell, ended) = watch::channel(None);
        let task = tokio::spawn(watch_over(program.clone(), child, received, tell));
        Ok(Self {
            program,
            orders,
            ended,
            task,
        })
    }

    /// Ends what an earlier run left, without starting anything.
    pub async fn end_earlier(program: &Program) -> Result<(), ChildError> {
        end_orphan(program).await
    }

    /// Waits for `ready`, at most `patience`; an end of the program in the meantime is the error.
    pub async fn until_ready(
        &self,
        ready: impl Future<Output = ()>,
        patience: Duration,
    ) -> Result<(), ChildError> {
        let mut ended = self.ended.clone();
        tokio::select! {
            () = ready => Ok(()),
            Ok(status) = async { ended.wait_for(Option::is_some).await.map(|status| *status) } => match status {
                Some(status) => Err(ChildError::Ended {
                    name: self.program.name,
                    status,
                    output: self.program.output.clone(),
                    said: last_lines(&self.program.output),
                }),
                None => Ok(()),
            },
            () = sleep(patience) => Err(ChildError::NotReady {
                name: self.program.name,
                after: patience,
                output: self.program.output.clone(),
            }),
        }
    }

    /// Asks it to read its configuration again (SIGHUP).
    pub async fn reload(&self) {
        // A closed channel: it has been stopped.
        let _ = self.orders.send(Order::Reload).await;
    }

    /// Stops it, and returns when it has ended.
    pub async fn stop(self) {
        let _ = self.orders.send(Order::Stop).await;
        // An error here is a panic of the task, which has ended the child too (kill on drop).
        let _ = self.task.await;
    }
}

async fn watch_over(
    program: Program,
    child: Child,
    mut orders: mpsc::Receiver<Order>,
    ended: watch::Sender<Option<ExitStatus>>,
) {
    let mut child = child;
    let mut pause = SHORTEST_PAUSE;
    let mut started = Instant::now();
    loop {
        let status = tokio::select! {
            status = child.wait() => status,
            order = orders.recv() => match order {
                Some(Order::Reload) => {
                    signal(&child, Signal::HUP);
                    continue;
                }
                Some(Order::Stop) | None => {
                    end(&program, child).await;
                    return;
                }
            },
        };
        match status {
            Ok(status) => {
                tracing::error!(program = program.name, %status, pause = ?pause, "child has ended, starting it again");
                ended.send_replace(Some(status));
            }
            Err(error) => {
                tracing::error!(program = program.name, %error, "child cannot be watched, starting it again");
            }
        }
        child = loop {
            if started.elapsed() > WELL_AFTER {
                pause = SHORTEST_PAUSE;
            }
            tokio::select! {
                () = sleep(pause) => {}
                order = orders.recv() => if !matches!(order, Some(Order::Reload)) {
                    return;
                },
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
            started = Instant::now();
            match spawn(&program, false) {
                Ok(child) => break child,
                Err(error) => {
                    tracing::error!(program = program.name, %error, pause = ?pause, "child cannot be started")
                }
            }
        };
    }
}

fn spawn(program: &Program, fresh: bool) -> Result<Child, ChildError> {
    let mut lock = lock_file(&program.lock)?;
    if let Err(error) = lock.try_lock() {
        return Err(match error {
            TryLockError::WouldBlock => ChildError::Orphan {
                name: program.name,
                pid: pid_in(&mut lock),
            },
            TryLockError::Error(source) => file_error(&program.lock)(source),
        });
    }
    // An empty file names nobody, should we die before the pid is in it.
    lock.set_len(0).map_err(file_error(&program.lock))?;
    lock.rewind().map_err(file_error(&program.lock))?;

    let mut options = OpenOptions::new();
    options
        .create(true)
        .append(!fresh)
        .truncate(fresh)
        .write(true)
        .mode(0o600);
    let output = options
        .open(&program.output)
        .map_err(file_error(&program.output))?;
    let output_too = output.try_clone().map_err(file_error(&program.output))?;
    let inherited = lock.try_clone().map_err(file_error(&program.lock))?;
    let child = Command::new(&program.path)
        .args(&program.arguments)
        .envs(
            program
                .environment
                .iter()
                .map(|(name, value)| (name, value)),
        )
        .stdin(Stdio::from(inherited))
        .stdout(Stdio::from(output))
        .stderr(Stdio::from(output_too))
        // A group of its own: a Ctrl-C at the terminal is for us, and we stop it last.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|source| ChildError::Start {
            name: program.name,
            path: program.path.clone(),
            source,
        })?;
    if let Some(pid) = child.id() {
        writeln!(lock, "{pid}").map_err(file_error(&program.lock))?;
    }
    Ok(child)
}

/// Ends a child that outlived its `up`: nobody watches it, and two on the same files would destroy them.
async fn end_orphan(program: &Program) -> Result<(), ChildError> {
    let mut lock = lock_file(&program.lock)?;
    let pid = match lock.try_lock() {
        Ok(()) => return Ok(()),
        Err(TryLockError::Error(source)) => return Err(file_error(&program.lock)(source)),
        Err(TryLockError::WouldBlock) => pid_in(&mut lock),
    };
    let orphan = ChildError::Orphan {
        name: program.name,
        pid,
    };
    let Some(process) = pid
        .and_then(|pid| i32::try_from(pid).ok())
        .and_then(Pid::from_raw)
    else {
        return Err(orphan);
    };
    tracing::warn!(
        program = program.name,
        pid,
        "ending a child of an earlier run"
    );
    for (signal, patience) in [
        (Signal::TERM, GRACE),
        (Signal::KILL, Duration::from_secs(2)),
    ] {
        // An error: it has just gone, which the lock will show.
        let _ = kill_process(process, signal);
        let gone = timeout(patience, async {
            while lock.try_lock().is_err() {
                sleep(Duration::from_millis(20)).await;
            }
        });
        if gone.await.is_ok() {
            return Ok(());
        }
    }
    Err(orphan)
}

async fn end(program: &Program, mut child: Child) {
    signal(&child, Signal::TERM);
    if timeout(GRACE, child.wait()).await.is_err() {
        tracing::warn!(program = program.name, "child does not stop, killing it");
        let _ = child.kill().await;
    }
}

fn signal(child: &Child, signal: Signal) {
    // No id: it has ended.
    if let Some(pid) = child
        .id()
        .and_then(|pid| i32::try_from(pid).ok())
        .and_then(Pid::from_raw)
    {
        let _ = kill_process(pid, signal);
    }
}

fn lock_file(path: &Path) -> Result<File, ChildError> {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600);
    options.open(path).map_err(file_error(path))
}

fn pid_in(lock: &mut File) -> Option<u32> {
    let mut text = String::new();
    lock.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn file_error(path: &Path) -> impl Fn(io::Error) -> ChildError + '_ {
    move |source| ChildError::File {
        path: path.to_owned(),
        source,
    }
}

/// The last lines of a child's output, for the error.
fn last_lines(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines = text.lines().collect::<Vec<_>>();
    lines[lines.len().saturating_sub(10)..].join("\n")
}

const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// A child that ran for so long was well: the pauses begin anew.
const WELL_AFTER: Duration = Duration::from_secs(60);
/// How long a child may take to stop by itself.
const GRACE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper(folder: &Path) -> Program {
        Program {
            name: "sleeper",
            path: "/bin/sh".into(),
            arguments: vec!["-c".into(), "echo started; exec sleep 600".into()],
            environment: Vec::new(),
            lock: folder.join("sleeper.lock"),
            output: folder.join("sleeper.out"),
        }
    }

    async fn pid(program: &Program, other_than: Option<u32>) -> u32 {
        loop {
            match pid_in(&mut lock_file(&program.lock).unwrap()) {
                Some(pid) if Some(pid) != other_than => return pid,
                _ => sleep(Duration::from_millis(5)).await,
            }
        }
    }

    fn kill(pid: u32) {
        kill_process(Pid::from_raw(pid as i32).unwrap(), Signal::KILL).unwrap();
    }

    #[tokio::test]
    async fn a_child_that_dies_is_started_again_and_one_that_is_stopped_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let program = sleeper(folder.path());
        let child = Supervised::start(program.clone()).await.unwrap();
        let first = pid(&program, None).await;
        kill(first);
        pid(&program, Some(first)).await;
        child.stop().await;
        lock_file(&program.lock).unwrap().try_lock().unwrap();
    }

    #[tokio::test]
    async fn an_orphan_of_a_killed_run_is_ended_before_the_next_one_starts() {
        let folder = tempfile::tempdir().unwrap();
        let program = sleeper(folder.path());
        let mut orphan = spawn(&program, true).unwrap();
        let next = tokio::spawn(Supervised::start(program));
        // Ended by a signal, by the next run.
        assert!(!orphan.wait().await.unwrap().success());
        next.await.unwrap().unwrap().stop().await;
    }

    #[tokio::test]
    async fn an_early_end_is_told_with_the_last_output() {
        let folder = tempfile::tempdir().unwrap();
        let mut program = sleeper(folder.path());
        program.arguments = vec!["-c".into(), "echo port is taken; exit 1".into()];
        let child = Supervised::start(program).await.unwrap();
        let error = child
            .until_ready(std::future::pending(), Duration::from_secs(60))
            .await
            .unwrap_err();
        assert!(error.to_string().contains("port is taken"), "{error}");
        child.stop().await;
    }
}
