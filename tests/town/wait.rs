//! Waiting for a condition, never for a time.

use std::{future::Future, panic::Location, time::Duration};

use tokio::time::{Instant, sleep, timeout};

/// How long anything may take in a test before it counts as never.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Asks again and again until there is an answer.
///
/// # Panics
/// After [`PATIENCE`], naming what did not come.
#[track_caller]
pub fn until<T>(what: &str, condition: impl AsyncFnMut() -> Option<T>) -> impl Future<Output = T> {
    within(PATIENCE, what, condition)
}

/// [`until`], with its own limit.
#[track_caller]
pub fn within<T>(
    limit: Duration,
    what: &str,
    condition: impl AsyncFnMut() -> Option<T>,
) -> impl Future<Output = T> {
    let asked_at = Location::caller();
    async move {
        match answer(limit, condition).await {
            Some(answer) => answer,
            None => panic!("after {limit:?} still not: {what} (asked at {asked_at})"),
        }
    }
}

/// Asks again and again; `None` where within this limit there is no answer.
pub async fn answer<T>(
    limit: Duration,
    mut condition: impl AsyncFnMut() -> Option<T>,
) -> Option<T> {
    let started = Instant::now();
    loop {
        // The question itself may hang, on a server that was stopped for example.
        let left = limit.saturating_sub(started.elapsed());
        match timeout(left, condition()).await {
            Ok(Some(answer)) => return Some(answer),
            Ok(None) if started.elapsed() < limit => sleep(BETWEEN).await,
            _ => return None,
        }
    }
}

const BETWEEN: Duration = Duration::from_millis(20);
