//! What one open page hears (server-sent events, HTML Living Standard, section 9.2).

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::{sync::watch, time::Instant};
use uuid::Uuid;

use super::hub::{Hub, News, State};
use crate::{commands::Commands, places::Place};

/// A page that listens.
pub struct Listener {
    /// In which session.
    pub session: Uuid,
    /// Whose.
    pub user: Uuid,
    /// How far it is.
    pub after: u64,
}

/// Its messages. Ends with the session, with the gateway, and where the hub itself hears nothing any more: the page
/// then says so, and comes again.
pub fn of(
    hub: Hub,
    commands: Commands,
    listener: Listener,
    place: Place<Uuid>,
) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + 'static {
    let page = Page {
        state: hub.watch(),
        told: None,
        beat: Instant::now(),
        hub,
        commands,
        listener,
        _place: place,
    };
    stream::unfold(page, async |mut page| {
        let message = page.next().await?;
        Some((Ok(message), page))
    })
}

struct Page {
    state: watch::Receiver<State>,
    hub: Hub,
    commands: Commands,
    listener: Listener,
    /// Kept as long as it listens.
    _place: Place<Uuid>,
    /// When it was told something last.
    told: Option<Instant>,
    /// When the next sign of life is due. The first one is at once: then the page knows that it hears.
    beat: Instant,
}

impl Page {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            // Before the ring is read: what comes later wakes us.
            if !self.state.borrow_and_update().following {
                return None;
            }
            let early = self
                .told
                .map(|at| at + BETWEEN)
                .filter(|at| *at > Instant::now());
            if early.is_none()
                && let Some(news) = self.hub.past(self.listener.after)
            {
                self.listener.after = news.position;
                self.told = Some(Instant::now());
                if self.is_about_us(&news) && !self.is_still_signed_in().await {
                    return None;
                }
                return Some(message(&news));
            }
            if self.beat <= Instant::now() {
                self.beat = Instant::now() + BEAT;
                return match self.is_still_signed_in().await {
                    true => Some(Bytes::from_static(b"event: beat\ndata:\n\n")),
                    false => None,
                };
            }
            let wake = early.unwrap_or(self.beat).min(self.beat);
            tokio::select! {
                changed = self.state.changed(), if early.is_none() => changed.ok()?,
                () = tokio::time::sleep_until(wake) => {}
                () = self.hub.stopping().cancelled() => return None,
            }
        }
    }

    /// Whether what happened may have ended the session.
    fn is_about_us(&self, news: &News) -> bool {
        let Some(touched) = &news.touched else {
            return true;
        };
        let Listener { session, user, .. } = &self.listener;
        touched.contains(&format!("session:{session}")) || touched.contains(&format!("user:{user}"))
    }

    /// Where the database does not answer, the session is taken for open: nothing of what is said here is a secret.
    async fn is_still_signed_in(&self) -> bool {
        // Seldom asked: an open page does not keep the room for it.
        let open = Box::pin(self.commands.still_open(self.listener.session)).await;
        !matches!(open, Ok(None))
    }
}

fn message(news: &News) -> Bytes {
    let touched = match &news.touched {
        Some(touched) => touched
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(" "),
        None => "*".to_owned(),
    };
    format!("id: {}\ndata: {touched}\n\n", news.position).into()
}

/// The least time between two messages to a page.
const BETWEEN: Duration = Duration::from_millis(250);

/// How often a page hears that it still hears.
const BEAT: Duration = Duration::from_secs(15);
