//! What a stream and its server must be like, so that an acknowledged event is never lost.

/// Why the log was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Stream or server would lose events; each reason says what is wrong and what would be right.
    #[error("the event log is not safe: {}", .0.join("; "))]
    Unsafe(Vec<String>),
    /// There is no stream: `chancery init` makes it.
    #[error("there is no event log on this server yet; `chancery init` makes it")]
    Missing,
    /// The server does not answer.
    #[error("the event log does not answer")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}
