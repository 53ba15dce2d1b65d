//! Every event past a sequence, and then what comes.

use std::time::Duration;

use futures_util::{
    StreamExt as _,
    stream::{self, BoxStream},
};

use crate::{
    envelope::Recorded,
    error::LogError,
    log::EventLog,
    session::{Interruption, Session},
};

impl EventLog {
    /// The events past `after` whose subjects fall under one of `subjects` (all, where there are
    /// none), in order, and then live. Connects again by itself, without gap or repeat; an error
    /// in it is for a message that is not an event, and ends it.
    pub fn tail(
        &self,
        subjects: Vec<String>,
        after: u64,
    ) -> BoxStream<'static, Result<Recorded, LogError>> {
        let tail = Tail {
            log: self.clone(),
            subjects,
            position: after,
            session: None,
        };
        stream::unfold(Some(tail), |tail| async {
            let mut tail = tail?;
            match tail.next().await {
                Ok(recorded) => Some((Ok(recorded), Some(tail))),
                Err(e) => Some((Err(e), None)),
            }
        })
        .boxed()
    }
}

struct Tail {
    log: EventLog,
    subjects: Vec<String>,
    position: u64,
    session: Option<Session>,
}

impl Tail {
    async fn next(&mut self) -> Result<Recorded, LogError> {
        loop {
            let session = match &mut self.session {
                Some(session) => session,
                None => {
                    let session = patiently_open(&self.log, &self.subjects, self.position).await;
                    self.session.insert(session)
                }
            };
            match session.next().await {
                Ok(recorded) => {
                    self.position = recorded.sequence;
                    return Ok(recorded);
                }
                Err(Interruption::Damaged(error)) => return Err(error),
                Err(Interruption::Lost(reason)) => {
                    tracing::debug!(reason, "reading the event log anew");
                    self.session = None;
                }
            }
        }
    }
}

/// Opens a session, however long the log is away.
pub(crate) async fn patiently_open(log: &EventLog, subjects: &[String], after: u64) -> Session {
    let mut pause = FIRST_PAUSE;
    loop {
        match Session::open(log, subjects, after).await {
            Ok(session) => return session,
            Err(error) => tracing::warn!(%error, "cannot read the event log, trying again"),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
