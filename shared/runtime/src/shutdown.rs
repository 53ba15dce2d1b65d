//! Stopping is a value: a token that Ctrl-C or SIGTERM cancels.

use std::{io, time::Duration};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A token that is cancelled by the first SIGINT (Ctrl-C) or SIGTERM that comes from now on.
///
/// A second signal, while the process drains, ends it at once with status 130. One within a second of the first is
/// the same: `timeout`, npm and others send it to the process and to its group.
///
/// # Errors
/// When the process cannot listen for signals.
pub fn on_signals() -> io::Result<CancellationToken> {
    let mut signals = Signals::listen()?;
    let stopping = CancellationToken::new();
    let stop = stopping.clone();
    tokio::spawn(async move {
        let signal = signals.next().await;
        tracing::info!(signal, "stopping");
        stop.cancel();
        tokio::time::sleep(SAME).await;
        // Anew, so that what came meanwhile is forgotten. It was possible before; if it is not now, there is no hurry.
        let Ok(mut signals) = Signals::listen() else {
            return;
        };
        let signal = signals.next().await;
        tracing::warn!(signal, "stopping at once");
        std::process::exit(130);
    });
    Ok(stopping)
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}

const SAME: Duration = Duration::from_secs(1);
