//! What commands on people and sessions refuse, and every refusal and failure as a status: the one mapping.

use api::refuse;
use runtime::failure;
use tonic::{Code, Status};

use super::CommandError;
use crate::{
    api_token, directory,
    password::{HashError, Unfit},
    session,
};

/// The rules said no; the caller can act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Of the directory.
    #[error(transparent)]
    Directory(#[from] directory::Refusal),
    /// Of sessions.
    #[error(transparent)]
    Session(#[from] session::Refusal),
    /// Of API tokens.
    #[error(transparent)]
    Token(#[from] api_token::Refusal),
    /// Another token has it.
    #[error("another token that opens has this name: choose another one, or revoke that one first")]
    TokenNameTaken,
    /// Its person has not answered.
    #[error("nobody has typed the code yet")]
    LoginPending,
    /// The command line asks too often.
    #[error("asked too soon: wait as long as the answer to BeginLogin said")]
    SlowDown,
    /// Its person does not let it in.
    #[error("this login was denied")]
    LoginDenied,
    /// It waits no more, or never did.
    #[error("this login is over: begin another one")]
    LoginExpired,
    /// More command lines wait than can be.
    #[error("too many command lines wait to be let in: try again in some minutes")]
    TooManyLogins,
    /// Another user has it.
    #[error("another user has this login name")]
    LoginNameTaken,
    /// Another user has it.
    #[error("another user has this e-mail address")]
    EmailTaken,
    /// It never was one, or was used.
    #[error("this link is not known, or was used: ask an administrator for another one")]
    LinkUnknown,
    /// It was one.
    #[error("this link has expired: ask an administrator for another one")]
    LinkExpired,
    /// Somebody else presses the button.
    #[error("this link is being used just now: try again in a minute")]
    LinkInUse,
    /// The password cannot be chosen.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// It is not his.
    #[error("this is not your password")]
    PasswordWrong,
    /// What he signed in with has changed meanwhile.
    #[error("sign in again")]
    SignInAgain,
}

impl Refusal {
    /// The code, and the stable reason.
    pub fn kind(&self) -> (Code, &'static str) {
        use directory::Refusal as D;
        use session::Refusal as S;
        match self {
            Self::Directory(D::AlreadySetUp) => (Code::FailedPrecondition, "ALREADY_SET_UP"),
            Self::Directory(D::UserExists) => (Code::AlreadyExists, "USER_EXISTS"),
            Self::Directory(D::NoSuchUser) => (Code::NotFound, "NO_SUCH_USER"),
            Self::Directory(D::UserDeleted) => (Code::NotFound, "USER_DELETED"),
            Self::Directory(D::UserDisabled) => (Code::FailedPrecondition, "USER_DISABLED"),
            Self::Directory(D::NotDisabled) => (Code::FailedPrecondition, "NOT_DISABLED"),
            Self::Directory(D::RoleUnchanged) => (Code::FailedPrecondition, "ROLE_UNCHANGED"),
            Self::Directory(D::RoleChanged) => (Code::Aborted, "CHANGED_MEANWHILE"),
            Self::Directory(D::LastAdministrator) => {
                (Code::FailedPrecondition, "LAST_ADMINISTRATOR")
            }
            Self::Directory(D::NoPassword) => (Code::FailedPrecondition, "NO_PASSWORD"),
            Self::Directory(D::SecondFactorExists) => {
                (Code::FailedPrecondition, "SECOND_FACTOR_EXISTS")
            }
            Self::Directory(D::NoSecondFactor) => (Code::FailedPrecondition, "NO_SECOND_FACTOR"),
            Self::Session(S::SessionExists) => (Code::AlreadyExists, "SESSION_EXISTS"),
            Self::Session(S::NoSuchSession) => (Code::NotFound, "NO_SUCH_SESSION"),
            Self::Session(S::SessionEnded) => (Code::NotFound, "SESSION_ENDED"),
            Self::Session(S::AlreadySummed) => (Code::AlreadyExists, "ALREADY_SUMMED"),
            Self::Token(api_token::Refusal::TokenExists) => (Code::AlreadyExists, "TOKEN_EXISTS"),
            Self::Token(api_token::Refusal::NoSuchToken) => (Code::NotFound, "NO_SUCH_TOKEN"),
            Self::Token(api_token::Refusal::AlreadyRevoked) => {
                (Code::FailedPrecondition, "ALREADY_REVOKED")
            }
            Self::TokenNameTaken => (Code::AlreadyExists, "NAME_TAKEN"),
            Self::LoginPending => (Code::FailedPrecondition, "LOGIN_PENDING"),
            Self::SlowDown => (Code::ResourceExhausted, "SLOW_DOWN"),
            Self::LoginDenied => (Code::PermissionDenied, "LOGIN_DENIED"),
            Self::LoginExpired => (Code::FailedPrecondition, "LOGIN_EXPIRED"),
            Self::TooManyLogins => (Code::ResourceExhausted, "TOO_MANY_LOGINS"),
            Self::LoginNameTaken => (Code::AlreadyExists, "LOGIN_NAME_TAKEN"),
            Self::EmailTaken => (Code::AlreadyExists, "EMAIL_TAKEN"),
            Self::LinkUnknown => (Code::NotFound, "LINK_UNKNOWN"),
            Self::LinkExpired => (Code::FailedPrecondition, "LINK_EXPIRED"),
            Self::LinkInUse => (Code::Aborted, "LINK_IN_USE"),
            Self::Unfit(Unfit::TooShort) => (Code::InvalidArgument, "PASSWORD_TOO_SHORT"),
            Self::Unfit(Unfit::TooLong) => (Code::InvalidArgument, "PASSWORD_TOO_LONG"),
            Self::Unfit(Unfit::Common) => (Code::InvalidArgument, "PASSWORD_COMMON"),
            Self::Unfit(Unfit::OwnName) => (Code::InvalidArgument, "PASSWORD_OWN_NAME"),
            Self::PasswordWrong => (Code::PermissionDenied, "PASSWORD_WRONG"),
            Self::SignInAgain => (Code::Unauthenticated, "SIGN_IN_AGAIN"),
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
            CommandError::Refused(refusal) => return (*refusal).into(),
            // Said in the gateway's log when it began, and not again for each call.
            CommandError::LogAway => {
                let text = error.to_string();
                return refuse::status(Code::Unavailable, "LOG_UNAVAILABLE", text);
            }
            CommandError::RequestIdReused => (Code::AlreadyExists, "REQUEST_ID_REUSED"),
            CommandError::Contended => (Code::Aborted, "CONTENDED"),
            CommandError::Changed(_) => (Code::Aborted, "CHANGED_MEANWHILE"),
            CommandError::Log(log) => failure::of_log(log),
            CommandError::Behind => (Code::Unavailable, "TABLES_BEHIND"),
            CommandError::Database(_) => (Code::Unavailable, "DATABASE_UNAVAILABLE"),
            CommandError::Hash(HashError::Busy) => (Code::ResourceExhausted, "TOO_MANY_SIGN_INS"),
            CommandError::Hash(HashError::Failed(_) | HashError::BrokeOff(_)) => {
                (Code::Internal, "HASH_FAILED")
            }
            CommandError::Random => (Code::Internal, "NO_RANDOM_NUMBERS"),
            CommandError::SetUpFile(_) => (Code::Unavailable, "SET_UP_FILE_UNREADABLE"),
        };
        failure::status(&error, code, reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_to_do_and_has_a_stable_reason() {
        let status = Status::from(Refusal::from(directory::Refusal::LastAdministrator));
        assert_eq!(status.code(), Code::FailedPrecondition);
        let reason = refuse::reason(&status);
        assert_eq!(reason.as_deref(), Some("LAST_ADMINISTRATOR"));
        assert!(status.message().contains("make another one first"));
    }
}
