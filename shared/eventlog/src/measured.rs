//! What is counted of the log, by the `metrics` crate: nothing, where nobody has installed a recorder.

use std::time::Duration;

use crate::{error::LogError, publish::Answer};

/// Appends, by what the log said: `stored`, `conflict`, `unanswered`, `refused`.
pub const APPENDS: &str = "chancery_log_appends_total";

/// How long the log took to answer an append, in seconds.
pub const APPEND_SECONDS: &str = "chancery_log_append_seconds";

pub(crate) fn append(service: &str, took: Duration, answer: &Result<Answer, LogError>) {
    let answer = match answer {
        Ok(Answer::Stored(_)) => "stored",
        // A cluster's word for what one server calls a conflict: the event is there.
        Ok(Answer::Conflict | Answer::Duplicate) => "conflict",
        Ok(Answer::None(_)) => "unanswered",
        Err(_) => "refused",
    };
    let service = service.to_owned();
    metrics::counter!(APPENDS, "service" => service.clone(), "answer" => answer).increment(1);
    metrics::histogram!(APPEND_SECONDS, "service" => service).record(took);
}
