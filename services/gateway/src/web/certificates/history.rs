//! What happened to a certificate, newest first: also to its key, its request and its automation.

use api::projection::v1::ListRequest;

use crate::web::{
    desk::Desk,
    event_words::{Told, tell},
    parts::{Away, Moment},
    visitor::SignedIn,
};

/// What happened, or that it cannot be told now.
pub struct History {
    pub lines: Vec<Line>,
    /// There is more than these.
    pub is_longer: bool,
    pub away: Option<Away>,
}

/// One event.
pub struct Line {
    pub told: Told,
    pub at: Moment,
}

impl History {
    /// Of the certificate with this id.
    pub async fn of(desk: &Desk, person: &SignedIn, id: &str) -> History {
        let asked = ListRequest {
            filter: format!("certificate=\"{id}\""),
            page_size: SHOWN,
            ..ListRequest::default()
        };
        let answer = match desk.queries(person).list_events(asked).await {
            Ok(answer) => answer.into_inner(),
            Err(status) => {
                return History {
                    lines: Vec::new(),
                    is_longer: false,
                    away: Some(status.into()),
                };
            }
        };
        let told = tell(desk, &answer.events).await.into_iter();
        let lines = told.map(|told| Line {
            at: Moment::new(told.at),
            told,
        });
        History {
            lines: lines.collect(),
            is_longer: !answer.next_page_token.is_empty(),
            away: None,
        }
    }
}

/// So many are shown; the audit log has all.
const SHOWN: u32 = 40;
