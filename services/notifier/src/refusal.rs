//! What this service refuses, and every refusal and failure as a status: the one mapping.

use api::refuse;
use runtime::failure;
use tonic::{Code, Status};

use crate::commands::CommandError;

/// The rules said no; the caller can act on it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The channel's id is taken.
    #[error("there is a channel with this id already")]
    ChannelExists,
    /// It never was, or was deleted.
    #[error("there is no such channel")]
    NoSuchChannel,
    /// Another channel is called so.
    #[error("another channel is called {0:?} already")]
    NameTaken(String),
    /// A channel of one kind cannot become one of the other.
    #[error("a channel keeps its kind: make another one for the other kind")]
    OtherKind,
    /// There are as many as there may be.
    #[error("there are {MOST_CHANNELS} channels already, which is as many as there may be")]
    TooManyChannels,
    /// The other side did not take the test message.
    #[error("the test message was not taken: {0}")]
    NotTaken(String),
}

impl Refusal {
    /// The code, and the stable reason.
    pub fn kind(&self) -> (Code, &'static str) {
        match self {
            Self::ChannelExists => (Code::AlreadyExists, "CHANNEL_EXISTS"),
            Self::NoSuchChannel => (Code::NotFound, "NO_SUCH_CHANNEL"),
            Self::NameTaken(_) => (Code::AlreadyExists, "NAME_TAKEN"),
            Self::OtherKind => (Code::FailedPrecondition, "OTHER_KIND"),
            Self::TooManyChannels => (Code::ResourceExhausted, "TOO_MANY_CHANNELS"),
            Self::NotTaken(_) => (Code::FailedPrecondition, "NOT_TAKEN"),
        }
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let (code, reason) = refusal.kind();
        refuse::status(code, reason, refusal.to_string())
    }
}

impl From<CommandError> for Status {
    fn from(error: CommandError) -> Self {
        let (code, reason) = match &error {
            CommandError::Refused(refusal) => return refusal.clone().into(),
            CommandError::Keystore(_) => (Code::Unavailable, "KEYSTORE_UNAVAILABLE"),
            CommandError::RequestIdReused => (Code::AlreadyExists, "REQUEST_ID_REUSED"),
            CommandError::Contended => (Code::Aborted, "CONTENDED"),
            CommandError::Changed(_) => (Code::Aborted, "CHANGED_MEANWHILE"),
            CommandError::Log(log) => failure::of_log(log),
            CommandError::Database(_) => (Code::Unavailable, "DATABASE_UNAVAILABLE"),
        };
        failure::status(&error, code, reason)
    }
}

/// Each is told on its own: enough for every team, few enough to be served at once.
pub const MOST_CHANNELS: usize = 100;
