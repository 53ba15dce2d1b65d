//! Why a question is not answered, and what that is in gRPC: the one mapping.

use std::sync::Arc;

use api::refuse::{self, Violations};
use runtime::failure;
use sea_orm::DbErr;
use tonic::{Code, Status};

use crate::follow::told;
use crate::{
    moments::MomentError, rebuild::RebuildError, seal::SealError, skipped, verify::VerifyError,
};

/// Why a question is not answered.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The request does not hold together.
    #[error("the request is not valid")]
    Invalid(Violations),
    /// There is no such thing.
    #[error("there is no {what} {id:?}")]
    NotFound {
        /// What was looked for.
        what: &'static str,
        /// By what.
        id: String,
    },
    /// The tables do not hold the event yet that the question waits for.
    #[error("the tables are at {position} of the log and not yet at {wanted}; ask again")]
    NotYetProjected {
        /// The position that was asked for.
        wanted: u64,
        /// The position of the tables.
        position: u64,
    },
    /// The follower met an event that it cannot apply, or a log that has changed.
    #[error(
        "the tables stay at {position} of the log: the projection has stopped, and its log says why"
    )]
    Stopped {
        /// The position of the tables.
        position: u64,
    },
    /// The tables of a moment are being made.
    #[error(
        "the tables as of {sequence} of the log are being made, and are at {position}; ask again"
    )]
    NotYetMade {
        /// The moment.
        sequence: u64,
        /// How far they are.
        position: u64,
    },
    /// The tables of a moment cannot be made.
    #[error("the tables of that moment cannot be made")]
    Moment(#[source] Arc<MomentError>),
    /// Only the present is kept here.
    #[error("nothing is known of the past here")]
    NoPast,
    /// No event stands in the way of the tables.
    #[error("the tables have not stopped at any event: there is nothing to pass over")]
    NotStopped,
    /// Another event does.
    #[error("the tables have stopped at event {0}, and not at that one")]
    StoppedElsewhere(u64),
    /// The rules of passing over.
    #[error(transparent)]
    Skip(#[from] skipped::Refusal),
    /// The service is going down.
    #[error("the projection is stopping; ask again")]
    Closing,
    /// A row cannot be read.
    #[error("a row of the table {table} cannot be read: rebuild the tables")]
    Damaged {
        /// The table.
        table: &'static str,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database did not answer.
    #[error("the database did not answer")]
    Database(#[from] DbErr),
    /// No checkpoint was signed yet.
    #[error(
        "no checkpoint of this log was signed yet: `chancery events checkpoint sign` does it now"
    )]
    NothingSealed,
    /// The event is past the checkpoint.
    #[error("event {sequence} came after the checkpoint, which is over the first {size}")]
    NotSealedYet {
        /// Which event.
        sequence: u64,
        /// The checkpoint's size.
        size: u64,
    },
    /// The log was not sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl From<Violations> for Refusal {
    fn from(violations: Violations) -> Self {
        Self::Invalid(violations)
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.to_string();
        let (code, reason) = match refusal {
            Refusal::Invalid(violations) => return violations.into_status(),
            Refusal::NotFound { .. } => (Code::NotFound, "NOT_FOUND"),
            Refusal::NotYetProjected { .. } => (Code::DeadlineExceeded, "NOT_YET_PROJECTED"),
            Refusal::Stopped { .. } => (Code::FailedPrecondition, "PROJECTION_STOPPED"),
            Refusal::Closing => (Code::Unavailable, "STOPPING"),
            Refusal::NotYetMade { .. } => (Code::DeadlineExceeded, "MOMENT_NOT_MADE"),
            Refusal::Moment(source) => {
                return failure::status(&*source, Code::Internal, "MOMENT_FAILED");
            }
            Refusal::NoPast => (Code::Unimplemented, "NO_PAST"),
            Refusal::NotStopped => (Code::FailedPrecondition, "NOT_STOPPED"),
            Refusal::StoppedElsewhere(_) => (Code::FailedPrecondition, "STOPPED_ELSEWHERE"),
            Refusal::Skip(skipped::Refusal::Already(_) | skipped::Refusal::SaysSo) => {
                (Code::AlreadyExists, "ALREADY_SKIPPED")
            }
            Refusal::Damaged { table, source } => {
                tracing::error!(table, error = %source, "a row cannot be read");
                (Code::DataLoss, "ROW_DAMAGED")
            }
            Refusal::NothingSealed => (Code::NotFound, "NO_CHECKPOINT"),
            Refusal::NotSealedYet { .. } => (Code::FailedPrecondition, "NOT_SEALED_YET"),
            Refusal::Seal(error) => {
                let (code, reason) = of_seal(&error);
                return failure::status(&error, code, reason);
            }
            Refusal::Database(source) => {
                tracing::error!(error = %source, "the database did not answer");
                (Code::Internal, "DATABASE_FAILED")
            }
        };
        refuse::status(code, reason, message)
    }
}

fn of_seal(error: &SealError) -> (Code, &'static str) {
    match error {
        SealError::Tree(_) => (Code::Internal, "DATABASE_FAILED"),
        SealError::Empty => (Code::FailedPrecondition, "LOG_EMPTY"),
        SealError::Keystore(_) => (Code::Unavailable, "KEYSTORE_UNAVAILABLE"),
        SealError::Log(error) => failure::of_log(error),
        SealError::Unacknowledged(_) => (Code::Unavailable, "LOG_UNAVAILABLE"),
        SealError::Contended => (Code::Aborted, "CONTENDED"),
    }
}

/// Why tables were not made anew.
pub fn of_rebuild(error: &RebuildError) -> Status {
    let (code, reason) = match error {
        RebuildError::Replay(_) => (Code::FailedPrecondition, "REPLAY_FAILED"),
        RebuildError::Log(_) => (Code::Unavailable, "LOG_UNAVAILABLE"),
        RebuildError::Store(_) | RebuildError::Database(_) => (Code::Internal, "DATABASE_FAILED"),
        RebuildError::Elsewhere => (Code::Aborted, "REBUILT_ELSEWHERE"),
        RebuildError::Stopping => (Code::Unavailable, "STOPPING"),
    };
    refuse::status(code, reason, told(error))
}

/// Why tables were not compared.
pub fn of_verify(error: &VerifyError) -> Status {
    let (code, reason) = match error {
        VerifyError::Replay(_) => (Code::FailedPrecondition, "REPLAY_FAILED"),
        VerifyError::Log(_) => (Code::Unavailable, "LOG_UNAVAILABLE"),
        VerifyError::Database(_) => (Code::Internal, "DATABASE_FAILED"),
    };
    refuse::status(code, reason, told(error))
}
