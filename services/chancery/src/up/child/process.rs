//! One process with its lock: started, found again, ended.

use std::{
    fs::{OpenOptions, TryLockError},
    io::{self, Seek as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    process::{Child, Command},
    time::{sleep, timeout},
};

use super::ChildError;
use crate::up::lock;

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

/// Starts it, with its lock held.
pub fn spawn(program: &Program, fresh: bool) -> Result<Child, ChildError> {
    let mut lock = lock::open(&program.lock).map_err(file_error(&program.lock))?;
    if let Err(error) = lock.try_lock() {
        return Err(match error {
            TryLockError::WouldBlock => ChildError::Orphan {
                name: program.name,
                pid: lock::pid_in(&mut lock),
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
        // Whose it is not: it could be read there for as long as the child runs.
        .env_remove(keystore::kek::ENVIRONMENT)
        .env_remove(keystore::kek::PREVIOUS_ENVIRONMENT)
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
pub async fn end_orphan(program: &Program) -> Result<(), ChildError> {
    let mut lock = lock::open(&program.lock).map_err(file_error(&program.lock))?;
    let pid = match lock.try_lock() {
        Ok(()) => return Ok(()),
        Err(TryLockError::Error(source)) => return Err(file_error(&program.lock)(source)),
        Err(TryLockError::WouldBlock) => lock::pid_in(&mut lock),
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

/// Asks it to stop, and kills it when it does not.
pub async fn end(program: &Program, mut child: Child) {
    signal(&child, Signal::TERM);
    if timeout(GRACE, child.wait()).await.is_err() {
        tracing::warn!(program = program.name, "child does not stop, killing it");
        let _ = child.kill().await;
    }
}

/// Sends it a signal; one that has ended gets none.
pub fn signal(child: &Child, signal: Signal) {
    // No id: it has ended.
    if let Some(pid) = child
        .id()
        .and_then(|pid| i32::try_from(pid).ok())
        .and_then(Pid::from_raw)
    {
        let _ = kill_process(pid, signal);
    }
}

fn file_error(path: &Path) -> impl Fn(io::Error) -> ChildError + '_ {
    move |source| ChildError::File {
        path: path.to_owned(),
        source,
    }
}

/// How long a child may take to stop by itself.
const GRACE: Duration = Duration::from_secs(10);
