//! Events as they lie in the log, from one position to another: also what no reader of events could read.

use futures_util::{
    StreamExt as _,
    stream::{self, BoxStream},
};

use crate::{
    error::LogError,
    log::EventLog,
    proof::Stored,
    read,
    session::{Interruption, Session},
    tail,
};

impl EventLog {
    /// What is stored at a sequence, as the leader has it; `None` where nothing is.
    ///
    /// # Errors
    /// [`LogError::Unavailable`] where nobody answers in time.
    pub async fn stored_at(&self, sequence: u64) -> Result<Option<Stored>, LogError> {
        let message = read::message_at(self.context(), sequence).await?;
        Ok(message.map(|m| Stored::of(m.sequence, m.time, &m.subject, &m.headers, m.payload)))
    }

    /// What is stored past `after` and up to `through`, in order, with whatever gaps there are; then it ends. Connects
    /// again by itself.
    pub fn stored(&self, after: u64, through: u64) -> BoxStream<'static, Stored> {
        let walk = Walk {
            log: self.clone(),
            position: after,
            through,
            session: None,
        };
        stream::unfold(
            walk,
            |mut walk| async move { Some((walk.next().await?, walk)) },
        )
        .boxed()
    }
}

struct Walk {
    log: EventLog,
    position: u64,
    through: u64,
    session: Option<Session>,
}

impl Walk {
    async fn next(&mut self) -> Option<Stored> {
        while self.position < self.through {
            let session = match &mut self.session {
                Some(session) => session,
                None => {
                    if !self.is_more().await {
                        return None;
                    }
                    let session = tail::patiently_open(&self.log, &[], self.position).await;
                    self.session.insert(session)
                }
            };
            match session.next_stored().await {
                Ok((stored, behind)) => {
                    self.position = match behind {
                        // The last that was to come may be missing.
                        0 => self.through,
                        _ => stored.sequence,
                    };
                    return (stored.sequence <= self.through).then_some(stored);
                }
                Err(Interruption::Damaged(_) | Interruption::Lost(_)) => self.session = None,
            }
        }
        None
    }

    /// Whether the log has anything past the position. Where nobody answers, it is waited for.
    async fn is_more(&self) -> bool {
        match self.log.last_sequence().await {
            Ok(last) => last > self.position,
            Err(_) => true,
        }
    }
}
