//! What the keystore refuses, and every refusal and failure as a status: the one mapping.

use api::refuse;
use eventlog::LogError;
use pki::chain::ChainError;
use tonic::{Code, Status};

use crate::{commands::CommandError, secrets::SecretError, vault::VaultError};

/// The rules said no; the caller can act on it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The key's id is taken.
    #[error("there is a key with this id already")]
    KeyExists,
    /// The key is not here.
    #[error("there is no such key here")]
    NoSuchKey,
    /// The certificate's id is taken.
    #[error("there is a certificate with this id already")]
    CertificateExists,
    /// This very certificate is a version of it already.
    #[error("this certificate is here already, as version {version}")]
    AlreadyHere {
        /// Which version.
        version: u32,
    },
    /// The certificate is not here.
    #[error("there is no such certificate here")]
    NoSuchCertificate,
    /// The certificate is renewed by another automation, or by none.
    #[error("the certificate belongs to another automation, or to none")]
    OtherAutomation,
    /// Another certificate has the name.
    #[error("another certificate is named \"{name}\"; choose another name")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// The certificate's public key is another.
    #[error("the certificate was issued for another key than this one")]
    KeyMismatch,
    /// The chain is not one.
    #[error("the chain is not in order: {0}")]
    Chain(ChainError),
    /// Another command is adding the same certificate in another place.
    #[error("this certificate is being added in another place at this moment; try again")]
    BeingAdded,
    /// The service has sealed no secret of that name.
    #[error("this service has no secret of that name")]
    NoSuchSecret,
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let (code, reason) = match &refusal {
            Refusal::KeyExists => (Code::AlreadyExists, "KEY_EXISTS"),
            Refusal::NoSuchKey => (Code::NotFound, "NO_SUCH_KEY"),
            Refusal::CertificateExists => (Code::AlreadyExists, "CERTIFICATE_EXISTS"),
            Refusal::AlreadyHere { .. } => (Code::AlreadyExists, "ALREADY_HERE"),
            Refusal::NoSuchCertificate => (Code::NotFound, "NO_SUCH_CERTIFICATE"),
            Refusal::OtherAutomation => (Code::FailedPrecondition, "OTHER_AUTOMATION"),
            Refusal::NameTaken { .. } => (Code::AlreadyExists, "NAME_TAKEN"),
            Refusal::KeyMismatch => (Code::FailedPrecondition, "KEY_MISMATCH"),
            Refusal::Chain(_) => (Code::InvalidArgument, "CHAIN_NOT_IN_ORDER"),
            Refusal::BeingAdded => (Code::Aborted, "BEING_ADDED"),
            Refusal::NoSuchSecret => (Code::NotFound, "NO_SUCH_SECRET"),
        };
        refuse::status(code, reason, refusal.to_string())
    }
}

impl From<CommandError> for Status {
    fn from(error: CommandError) -> Self {
        let (code, reason) = match &error {
            CommandError::Refused(refusal) => return refusal.clone().into(),
            CommandError::RequestIdReused => (Code::AlreadyExists, "REQUEST_ID_REUSED"),
            CommandError::Contended => (Code::Aborted, "CONTENDED"),
            CommandError::Log(log) => of_log(log),
            CommandError::Database(_)
            | CommandError::Vault(VaultError::Database(_))
            | CommandError::Secret(SecretError::Database(_)) => {
                (Code::Unavailable, "DATABASE_FAILED")
            }
            CommandError::Vault(_) => (Code::Internal, "VAULT_FAILED"),
            CommandError::Secret(_) => (Code::Internal, "SECRET_FAILED"),
            CommandError::Unreadable(_) => (Code::Internal, "CERTIFICATE_UNREADABLE"),
            CommandError::Identity(_) => (Code::Internal, "IDENTITY_FAILED"),
        };
        // Not the caller's doing: whoever looks after this service must see the causes.
        if matches!(code, Code::Internal | Code::Unavailable) {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                reason,
                "a command failed"
            );
        }
        // The causes are for our own log: they may name what a caller has no business with.
        refuse::status(code, reason, error.to_string())
    }
}

fn of_log(error: &LogError) -> (Code, &'static str) {
    match error {
        LogError::Unavailable(_) => (Code::Unavailable, "LOG_UNAVAILABLE"),
        LogError::Full => (Code::ResourceExhausted, "LOG_FULL"),
        LogError::Damaged(_) | LogError::Decode { .. } => (Code::Internal, "LOG_DAMAGED"),
        LogError::Encode(_)
        | LogError::InvalidId(_)
        | LogError::InvalidHeader(_)
        | LogError::Refused(_) => (Code::Internal, "LOG_REFUSED"),
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::DbErr;

    use super::*;

    #[test]
    fn a_database_that_does_not_answer_may_do_so_later_wherever_it_was_asked() {
        let busy = || DbErr::Custom("database is locked".into());
        for error in [
            CommandError::Database(busy()),
            CommandError::Vault(VaultError::Database(busy())),
            CommandError::Secret(SecretError::Database(busy())),
        ] {
            let status = Status::from(error);
            assert_eq!(status.code(), Code::Unavailable);
            assert_eq!(refuse::reason(&status).as_deref(), Some("DATABASE_FAILED"));
        }
    }
}
