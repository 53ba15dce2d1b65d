//! What failed, as a status: the caller is told the reason, and our own log the causes.

use std::error::Error;

use eventlog::LogError;
use tonic::{Code, Status};

/// The code and the stable reason of what the event log did not do.
pub fn of_log(error: &LogError) -> (Code, &'static str) {
    match error {
        LogError::Unavailable(_) => (Code::Unavailable, "LOG_UNAVAILABLE"),
        LogError::Full => (Code::ResourceExhausted, "LOG_FULL"),
        LogError::Damaged(_) | LogError::Decode { .. } => (Code::Internal, "LOG_DAMAGED"),
        LogError::TooLarge(_) => (Code::InvalidArgument, "EVENT_TOO_LARGE"),
        LogError::Encode(_)
        | LogError::InvalidId(_)
        | LogError::InvalidHeader(_)
        | LogError::Refused(_) => (Code::Internal, "LOG_REFUSED"),
    }
}

/// The status of a command that failed. The causes are for our own log: they may name what a caller has no
/// business with.
pub fn status(error: &(dyn Error + 'static), code: Code, reason: &'static str) -> Status {
    // Not the caller's doing: whoever looks after this service must see the causes.
    if matches!(code, Code::Internal | Code::Unavailable) {
        tracing::error!(error, reason, "a command failed");
    }
    api::refuse::status(code, reason, error.to_string())
}
