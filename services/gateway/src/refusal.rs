//! Why the gateway itself refuses a call, and the one mapping to a gRPC status.
//!
//! What a service refuses passes through as the service said it.

use std::time::Duration;

use api::{
    metadata::{IDEMPOTENCY_KEY, MAX_REQUEST_ID, UNCHANGED_SINCE},
    options::v1::Role,
    refuse,
};
use tonic::{Code, Status};

/// A call that the gateway does not pass on, or cannot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is none, or it declares no role: from outside that is the same.
    #[error("there is no such method")]
    MethodUnknown,
    /// No bearer token came with the call.
    #[error(
        "sign in first: the call needs the header \"authorization: Bearer <token>\" (chancery login)"
    )]
    TokenRequired,
    /// The token opens nothing.
    #[error(
        "this token is not known here, or has ended: sign in with another one (chancery login)"
    )]
    TokenUnknown,
    /// The gateway cannot read what it knows tokens by.
    #[error("the gateway cannot check tokens now: its log says why")]
    TokensUnreadable,
    /// The caller's role is too small.
    #[error("this needs the role {}, and you have {}", name(.needed), name(.has))]
    RoleRequired {
        /// What the method declares.
        needed: Role,
        /// What the caller has.
        has: Role,
    },
    /// The method is not for callers who are held to some certificates.
    #[error(
        "this token is held to the certificates of {held_to}, and the method is not: use a token without a \
         certificate filter"
    )]
    OutsideOfFilter {
        /// As a token has it.
        held_to: String,
    },
    /// The token may do the rest, and not that.
    #[error(
        "this token may not export private keys: use one that was made with key:export \
         (chancery tokens create --key-export)"
    )]
    KeyExportNotAllowed,
    /// The person has not shown his password for a while.
    #[error("show your password again: private keys are exported within 15 minutes of it")]
    SignInAgain,
    /// The address calls too often without a token.
    #[error("too many calls from your address without a token: try again in a moment")]
    TooOften,
    /// The request id cannot be one.
    #[error(
        "{IDEMPOTENCY_KEY} must be given once, as 1 to {MAX_REQUEST_ID} printable ASCII characters"
    )]
    RequestIdInvalid,
    /// The position that was read cannot be one.
    #[error("{UNCHANGED_SINCE} must be a position of the log: a whole number")]
    PositionInvalid,
    /// The deadline cannot be read.
    #[error("grpc-timeout must be 1 to 8 digits and one of H, M, S, m, u, n")]
    TimeoutInvalid,
    /// The caller, or all callers together, have as many open calls as there may be.
    #[error("too many calls at once: let some of yours end first, or try again soon")]
    TooManyCalls,
    /// The body is longer than the gateway takes.
    #[error("the request is longer than {limit} bytes")]
    RequestTooLarge {
        /// Bytes.
        limit: usize,
    },
    /// The caller's deadline, or the gateway's, has passed.
    #[error(
        "no answer within {after:?}; a command may still be taken: repeat it with the same {IDEMPOTENCY_KEY}"
    )]
    DeadlineExceeded {
        /// How long was waited.
        after: Duration,
    },
    /// The service that owns the method does not answer.
    #[error(
        "the {service} does not answer: it is starting, or down (its log says why); \
         try again soon, a command with the same {IDEMPOTENCY_KEY}"
    )]
    ServiceUnavailable {
        /// Its name.
        service: &'static str,
    },
    /// The answer broke off.
    #[error(
        "the {service} broke off its answer: ask again, a command with the same {IDEMPOTENCY_KEY}"
    )]
    AnswerBrokenOff {
        /// The service's name.
        service: &'static str,
    },
    /// The gateway stops: what streams has to end.
    #[error("the gateway is stopping: connect again")]
    Stopping,
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Status {
        let (code, reason) = match &refusal {
            Refusal::MethodUnknown => (Code::Unimplemented, "METHOD_UNKNOWN"),
            Refusal::TokenRequired => (Code::Unauthenticated, "TOKEN_REQUIRED"),
            Refusal::TokenUnknown => (Code::Unauthenticated, "TOKEN_UNKNOWN"),
            Refusal::TokensUnreadable => (Code::Unavailable, "TOKENS_UNREADABLE"),
            Refusal::RoleRequired { .. } => (Code::PermissionDenied, "ROLE_REQUIRED"),
            Refusal::OutsideOfFilter { .. } => (Code::PermissionDenied, "OUTSIDE_OF_FILTER"),
            Refusal::KeyExportNotAllowed => (Code::PermissionDenied, "KEY_EXPORT_NOT_ALLOWED"),
            Refusal::SignInAgain => (Code::Unauthenticated, "SIGN_IN_AGAIN"),
            Refusal::TooOften => (Code::ResourceExhausted, "TOO_OFTEN"),
            Refusal::PositionInvalid => (Code::InvalidArgument, "POSITION_INVALID"),
            Refusal::RequestIdInvalid => (Code::InvalidArgument, "REQUEST_ID_INVALID"),
            Refusal::TimeoutInvalid => (Code::InvalidArgument, "TIMEOUT_INVALID"),
            Refusal::TooManyCalls => (Code::ResourceExhausted, "TOO_MANY_CALLS"),
            Refusal::RequestTooLarge { .. } => (Code::ResourceExhausted, "REQUEST_TOO_LARGE"),
            Refusal::DeadlineExceeded { .. } => (Code::DeadlineExceeded, "DEADLINE_EXCEEDED"),
            Refusal::ServiceUnavailable { .. } => (Code::Unavailable, "SERVICE_UNAVAILABLE"),
            Refusal::AnswerBrokenOff { .. } => (Code::Unavailable, "ANSWER_BROKEN_OFF"),
            Refusal::Stopping => (Code::Unavailable, "STOPPING"),
        };
        refuse::status(code, reason, refusal.to_string())
    }
}

/// A role as people write it.
fn name(role: &Role) -> &'static str {
    match role {
        Role::Unspecified => "none",
        Role::Viewer => "viewer",
        Role::Operator => "operator",
        Role::Admin => "admin",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_to_do_and_has_a_stable_reason() {
        let status = Status::from(Refusal::RoleRequired {
            needed: Role::Admin,
            has: Role::Viewer,
        });
        assert_eq!(status.code(), Code::PermissionDenied);
        assert_eq!(refuse::reason(&status).as_deref(), Some("ROLE_REQUIRED"));
        assert_eq!(
            status.message(),
            "this needs the role admin, and you have viewer"
        );
    }
}
