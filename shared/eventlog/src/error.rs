//! How the log fails.

use crate::aggregate::{DecodeError, EncodeError};

type Source = Box<dyn std::error::Error + Send + Sync>;

/// The log did not do what was asked of it.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The server does not answer, or not in time. Whether an append was stored is not known:
    /// repeating the command with the same request id finds out.
    #[error("the event log does not answer")]
    Unavailable(#[source] Source),
    /// No space: the stream is at its limit, or close to it and this is a person's command.
    #[error("the event log has no space left for this")]
    Full,
    /// What the log holds cannot be: a sequence that went backwards, an event without its headers.
    #[error("the event log is damaged: {0}")]
    Damaged(String),
    /// An event that cannot be read by this version.
    #[error("cannot read event {sequence} of the log")]
    Decode {
        /// The event's sequence in the stream.
        sequence: u64,
        /// Why not.
        #[source]
        source: DecodeError,
    },
    /// An event that cannot be written; nothing was stored.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The aggregate's id cannot be part of a subject.
    #[error("{0:?} cannot be an id: letters, digits, '-' and '_' only, at most 100")]
    InvalidId(String),
    /// A header's value cannot be written: it has a line break, or the time has no RFC 3339 form.
    #[error("the value of the header {0} cannot be written")]
    InvalidHeader(&'static str),
    /// The event is longer than the server takes; nothing was stored, and nothing will be.
    #[error("the event is longer than the event log takes")]
    TooLarge(#[source] Source),
    /// The server refused the request, for example for want of a right.
    #[error("the event log refused the request")]
    Refused(#[source] Source),
}
