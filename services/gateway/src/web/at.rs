//! A page shows what its person did just before: he is sent on to it with the position of the log that his
//! command answered, and it waits for the tables to be there.

use std::time::Duration;

use api::projection::v1::ListRequest;
use serde::Deserialize;
use tonic::Request;

use super::{desk::Desk, visitor::SignedIn};

/// The position in a page's query (`at=…`), and what was done (`done=…`).
#[derive(Debug, Clone, Default, Deserialize)]
pub struct At {
    #[serde(default)]
    at: Option<u64>,
    /// What was done, as a word that the page knows.
    #[serde(default)]
    pub done: Option<String>,
}

impl At {
    /// Waits a moment for the tables. What to say where they are not there yet.
    pub async fn reached(&self, desk: &Desk, person: &SignedIn) -> Option<&'static str> {
        let at_least = self.at?;
        let mut question = Request::new(ListRequest {
            page_size: 1,
            at_least,
            ..ListRequest::default()
        });
        question.set_timeout(PATIENCE);
        // A page that cannot ask says so itself, in each of its parts.
        match desk.queries(person).list_servers(question).await {
            Err(status) if status.code() == tonic::Code::DeadlineExceeded => Some(LATE),
            _ => None,
        }
    }
}

/// Where a command leads: to this page, as of the command.
pub fn after(path: &str, position: u64, done: &str) -> String {
    let joint = if path.contains('?') { '&' } else { '?' };
    format!("{path}{joint}at={position}&done={done}")
}

const PATIENCE: Duration = Duration::from_secs(2);
const LATE: &str = "Saved. This list catches up in a moment.";
