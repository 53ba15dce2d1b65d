//! One for all pages of a gateway: follows the projection's new events, and keeps what the last of them touched.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use api::projection::v1::{
    ListRequest, WatchEventsRequest, query_service_client::QueryServiceClient,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Status, transport::Channel};
use tracing::{debug, info};
use uuid::Uuid;

use super::touched;
use crate::{
    backoff::Backoff,
    follow::{Progress, Rows},
    places::{Place, Places},
};

/// What happened lately. Cheap to clone; clones share it.
#[derive(Clone)]
pub struct Hub {
    ring: Arc<Mutex<Ring>>,
    state: watch::Sender<State>,
    places: Places<Uuid>,
    stopping: CancellationToken,
}

/// How far the hub is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct State {
    /// The last event.
    pub position: u64,
    /// The projection says more when there is more.
    pub following: bool,
}

/// What happened past a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// Up to this position.
    pub position: u64,
    /// What was touched; `None`: too much, or too long ago, to be told one by one.
    pub touched: Option<BTreeSet<String>>,
}

#[derive(Default)]
struct Ring {
    /// All that came after this position is here.
    base: u64,
    position: u64,
    last: VecDeque<(u64, Box<str>)>,
}

impl Hub {
    /// Follows nothing yet.
    pub fn new(stopping: CancellationToken) -> Hub {
        Hub {
            ring: Arc::default(),
            state: watch::Sender::default(),
            places: Places::new("pages with live updates at once", MOST, MOST_EACH),
            stopping,
        }
    }

    /// Follows the projection until the gateway stops. `rows`: what people, their sessions and their tokens are asked of.
    pub async fn follow(&self, projection: Channel, rows: &Progress) {
        let mut projection =
            QueryServiceClient::new(projection).max_decoding_message_size(LONGEST_EVENT);
        let mut backoff = Backoff::new();
        let work = async {
            loop {
                let ended = self.session(&mut projection, rows, &mut backoff).await;
                self.state.send_modify(|state| state.following = false);
                debug!(
                    code = ?ended.code(),
                    reason = ended.message(),
                    "the projection does not feed live updates"
                );
                tokio::time::sleep(backoff.wait()).await;
            }
        };
        let stopping = self.stopping.clone();
        stopping.run_until_cancelled(work).await;
    }

    async fn session(
        &self,
        projection: &mut QueryServiceClient<Channel>,
        rows: &Progress,
        backoff: &mut Backoff,
    ) -> Status {
        let mut question = Request::new(ListRequest {
            page_size: 1,
            ..ListRequest::default()
        });
        question.set_timeout(PATIENCE);
        let position = match projection.list_events(question).await {
            Ok(answer) => answer.into_inner().position,
            Err(status) => return status,
        };
        let after_sequence = self.ring().begin(position);
        let watch = WatchEventsRequest {
            after_sequence,
            ..WatchEventsRequest::default()
        };
        let mut events = match projection.watch_events(watch).await {
            Ok(events) => events.into_inner(),
            Err(status) => return status,
        };
        info!(position = after_sequence, "live updates follow the log");
        self.state.send_replace(State {
            position: after_sequence,
            following: true,
        });
        loop {
            let event = match events.message().await {
                Ok(Some(event)) => event,
                Ok(None) => return Status::unavailable("the projection ended the session"),
                Err(status) => return status,
            };
            backoff.reset();
            // These are in tables of our own.
            if Rows::KINDS.contains(&&*event.aggregate) {
                let reached = rows.reaches(event.sequence);
                let _late = tokio::time::timeout(PATIENCE, reached).await;
            }
            self.ring().push(event.sequence, touched::by(&event));
            self.state
                .send_modify(|state| state.position = event.sequence);
        }
    }

    /// How far it is.
    pub fn position(&self) -> u64 {
        self.state.borrow().position
    }

    /// Tells when there is more.
    pub fn watch(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// What happened past this position; `None`: nothing.
    pub fn past(&self, position: u64) -> Option<News> {
        self.ring().past(position)
    }

    /// A place for one more page of this person.
    pub fn place(&self, user: Uuid) -> Option<Place<Uuid>> {
        self.places.take(user)
    }

    /// Cancelled when pages are to go elsewhere.
    pub fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ring {
    /// Where to go on, while the tables are at `position`.
    fn begin(&mut self, position: u64) -> u64 {
        // The first time; or another log, as after a restore.
        if self.position == 0 || position < self.position {
            *self = Ring {
                base: position,
                position,
                last: VecDeque::new(),
            };
        }
        self.position
    }

    fn push(&mut self, sequence: u64, touched: Box<str>) {
        if self.last.len() == KEPT
            && let Some((oldest, _)) = self.last.pop_front()
        {
            self.base = oldest;
        }
        self.position = sequence;
        self.last.push_back((sequence, touched));
    }

    fn past(&self, position: u64) -> Option<News> {
        if position == self.position {
            return None;
        }
        let told = || {
            let begin = self.last.partition_point(|(at, _)| *at <= position);
            let mut all = BTreeSet::new();
            for (_, touched) in self.last.range(begin..) {
                all.extend(touched.split(' ').map(str::to_owned));
                if all.len() > MOST_TOLD {
                    return None;
                }
            }
            Some(all)
        };
        // Who is ahead of us comes from another gateway, or from another log.
        let is_here = (self.base..self.position).contains(&position);
        Some(News {
            position: self.position,
            touched: is_here.then(told).flatten(),
        })
    }
}

/// Pages at once, of all and of one person. A browser shares 64 requests among all its pages of one address.
const MOST: usize = 2_000;
const MOST_EACH: usize = 50;

/// How many events a page may be behind.
const KEPT: usize = 2_048;

/// More than that is "all".
const MOST_TOLD: usize = 64;

const PATIENCE: Duration = Duration::from_secs(2);

/// An event with a long chain in it.
const LONGEST_EVENT: usize = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(at: u64, events: impl IntoIterator<Item = (u64, &'static str)>) -> Ring {
        let mut ring = Ring::default();
        ring.begin(at);
        for (sequence, touched) in events {
            ring.push(sequence, touched.into());
        }
        ring
    }

    fn told(ring: &Ring, position: u64) -> Option<Vec<String>> {
        let news = ring.past(position).unwrap();
        assert_eq!(news.position, ring.position);
        news.touched.map(|all| all.into_iter().collect())
    }

    #[test]
    fn a_page_hears_of_all_that_it_has_not_seen() {
        let ring = ring(10, [(11, "a:1 b:2"), (12, "c:3"), (13, "a:1")]);
        assert_eq!(told(&ring, 10).unwrap(), ["a:1", "b:2", "c:3"]);
        assert_eq!(told(&ring, 11).unwrap(), ["a:1", "c:3"]);
        assert_eq!(told(&ring, 12).unwrap(), ["a:1"]);
        assert_eq!(ring.past(13), None);
    }

    #[test]
    fn whoever_was_away_for_too_long_is_told_to_look_at_all() {
        let events = (11..11 + KEPT as u64 + 1).map(|sequence| (sequence, "a:1"));
        let ring = ring(10, events);
        assert_eq!(told(&ring, 10), None, "the first event is gone");
        assert_eq!(told(&ring, 11).unwrap(), ["a:1"]);
        assert_eq!(told(&ring, 1), None);
        assert_eq!(told(&ring, u64::MAX), None, "of another log");
    }

    #[test]
    fn much_at_once_is_all() {
        let mut ring = ring(0, []);
        for n in 1..=MOST_TOLD as u64 + 1 {
            ring.push(n, format!("certificate:{n}").into());
        }
        assert_eq!(told(&ring, 0), None);
        assert_eq!(told(&ring, 1).unwrap().len(), MOST_TOLD);
    }

    #[test]
    fn a_log_that_went_back_begins_anew() {
        let mut ring = ring(10, [(11, "a:1")]);
        assert_eq!(ring.begin(11), 11);
        assert_eq!(
            ring.begin(20),
            11,
            "what came meanwhile is still to be heard of"
        );
        assert_eq!(ring.begin(5), 5);
        assert_eq!(told(&ring, 11), None);
    }
}
