//! A program that `up` starts, watches and stops: started again with growing pauses when it dies, stopped at the end.
//!
//! Each child holds an flock on a file of its own, inherited as its standard input, with its pid inside. So a
//! child that outlived a killed `up` is found by the next one, and ended before a second would write to the same files.

mod process;
#[cfg(test)]
mod tests;

use std::{
    io,
    path::{Path, PathBuf},
    process::ExitStatus,
    time::Duration,
};

use rustix::process::Signal;
use tokio::{
    process::Child,
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{Instant, sleep},
};

pub use self::process::Program;
use self::process::{end, end_orphan, signal, spawn};

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
    Restart,
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

    /// Ends it, and starts it again.
    pub async fn restart(&self) {
        let _ = self.orders.send(Order::Restart).await;
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
            status = child.wait() => Some(status),
            order = orders.recv() => match order {
                Some(Order::Reload) => {
                    signal(&child, Signal::HUP);
                    continue;
                }
                Some(Order::Restart) => {
                    end(&program, child).await;
                    None
                }
                Some(Order::Stop) | None => {
                    end(&program, child).await;
                    return;
                }
            },
        };
        match status {
            None => {}
            Some(Ok(status)) => {
                tracing::error!(program = program.name, %status, pause = ?pause, "child has ended, starting it again");
                ended.send_replace(Some(status));
            }
            Some(Err(error)) => {
                tracing::error!(program = program.name, %error, "child cannot be watched, starting it again");
            }
        }
        child = loop {
            if started.elapsed() > WELL_AFTER {
                pause = SHORTEST_PAUSE;
            }
            tokio::select! {
                () = sleep(pause) => {}
                order = orders.recv() => if !matches!(order, Some(Order::Reload | Order::Restart)) {
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
