//! What this service refuses, and every refusal and failure as a status: the one mapping.

use api::refuse;
use runtime::failure;
use tonic::{Code, Status};

use crate::commands::CommandError;

/// The rules said no; the caller can act on it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The request's id is taken.
    #[error("there is a certificate request with this id already")]
    RequestExists,
    /// The request never was.
    #[error("there is no such certificate request")]
    NoSuchRequest,
    /// The request was deleted.
    #[error("this certificate request was deleted")]
    RequestDeleted,
    /// Its certificate is here.
    #[error("a certificate has answered this request already")]
    AlreadyFulfilled,
    /// The certificate is not here.
    #[error("there is no such certificate here")]
    NoSuchCertificate,
    /// The caller is held to other certificates.
    #[error("{0:?} is not among the certificates that your token is held to")]
    OutsideOfFilter(String),
    /// A key may be that of certificates that are not the caller's affair.
    #[error(
        "a token that is held to some certificates cannot choose a key that is here: let a new one be made"
    )]
    KeyOutsideOfFilter,
    /// The certificate was deleted.
    #[error("this certificate was deleted; restore it first")]
    CertificateDeleted,
}

impl Refusal {
    /// The code, and the stable reason.
    pub fn kind(&self) -> (Code, &'static str) {
        match self {
            Self::RequestExists => (Code::AlreadyExists, "REQUEST_EXISTS"),
            Self::NoSuchRequest => (Code::NotFound, "NO_SUCH_REQUEST"),
            Self::RequestDeleted => (Code::NotFound, "REQUEST_DELETED"),
            Self::AlreadyFulfilled => (Code::FailedPrecondition, "ALREADY_FULFILLED"),
            Self::NoSuchCertificate => (Code::NotFound, "NO_SUCH_CERTIFICATE"),
            Self::OutsideOfFilter(_) | Self::KeyOutsideOfFilter => {
                (Code::PermissionDenied, "OUTSIDE_OF_FILTER")
            }
            Self::CertificateDeleted => (Code::FailedPrecondition, "CERTIFICATE_DELETED"),
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
            CommandError::Keystore(keystore) => match keystore.answered() {
                Some(status) => return status,
                None => (Code::Unavailable, "KEYSTORE_UNAVAILABLE"),
            },
            CommandError::RequestIdReused => (Code::AlreadyExists, "REQUEST_ID_REUSED"),
            CommandError::Contended => (Code::Aborted, "CONTENDED"),
            CommandError::Changed(_) => (Code::Aborted, "CHANGED_MEANWHILE"),
            CommandError::Log(log) => failure::of_log(log),
            CommandError::Behind => (Code::Unavailable, "TABLES_BEHIND"),
            CommandError::Database(_) => (Code::Unavailable, "DATABASE_UNAVAILABLE"),
            CommandError::Unreadable(_) => (Code::Internal, "CERTIFICATE_UNREADABLE"),
            CommandError::Egress(_) => (Code::Internal, "EGRESS_FAILED"),
        };
        failure::status(&error, code, reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keystore::KeystoreError;

    #[test]
    fn what_the_keystore_refuses_comes_out_as_it_was_said() {
        let said = refuse::status(Code::AlreadyExists, "NAME_TAKEN", "another has this name");
        let status = Status::from(CommandError::Keystore(KeystoreError::from(said)));
        assert_eq!(status.code(), Code::AlreadyExists);
        assert_eq!(refuse::reason(&status).as_deref(), Some("NAME_TAKEN"));
        assert_eq!(status.message(), "another has this name");
    }

    #[test]
    fn a_field_that_the_keystore_finds_wrong_is_still_named() {
        let mut wrong = refuse::Violations::new();
        wrong.add("friendly_name", "it is empty");
        let status = Status::from(CommandError::Keystore(wrong.into_status().into()));
        assert_eq!(refuse::violations(&status)[0].field, "friendly_name");
    }

    #[test]
    fn a_keystore_that_does_not_answer_is_said_to_be_away() {
        let broken = Status::unavailable("tcp connect error");
        let status = Status::from(CommandError::Keystore(KeystoreError::from(broken)));
        assert_eq!(status.code(), Code::Unavailable);
        let reason = refuse::reason(&status);
        assert_eq!(reason.as_deref(), Some("KEYSTORE_UNAVAILABLE"));
        assert!(!status.message().contains("tcp"));
    }
}
