//! Stopping is a value: a token that Ctrl-C or SIGTERM cancels.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A token that is cancelled by the first SIGINT (Ctrl-C) or SIGTERM that comes from now on.
///
/// A second signal, while the process drains, ends it at once with status 130.
///
/// # Errors
/// When the process cannot listen for signals.
pub fn on_signals() -> io::Result<CancellationToken> {
    let mut signals = Signals {
        interrupt: signal(SignalKind::interrupt())?,
        terminate: signal(SignalKind::terminate())?,
    };
    let stopping = CancellationToken::new();
    let stop = stopping.clone();
    tokio::spawn(async move {
        let signal = signals.next().await;
        tracing::info!(signal, "stopping");
        stop.cancel();
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
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}
