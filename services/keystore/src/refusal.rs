//! What the keystore refuses, and every refusal and failure as a status: the one mapping.

use api::refuse;
use pki::chain::ChainError;
use runtime::failure;
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
    /// More in one import than is taken in at once.
    #[error(
        "with this file the import has more than {most} certificates or private keys: import it by itself"
    )]
    TooManyAtOnce {
        /// How many are taken in.
        most: usize,
    },
    /// The log takes no event of that length.
    #[error("this certificate is too large to be kept: ask its issuer for a smaller one")]
    TooLargeForLog,
    /// The certificate was deleted.
    #[error("this certificate was deleted; restore it first")]
    CertificateDeleted,
    /// The certificate was not deleted.
    #[error("this certificate is not deleted")]
    NotDeleted,
    /// An automation renews the certificate.
    #[error("an automation renews this certificate; cancel the automation first")]
    Managed,
    /// An automation got the certificate, and has it revoked.
    #[error(
        "an automation got this certificate: revoke it at its CA (AcmeService.RevokeCertificate)"
    )]
    RevokedByAutomation,
    /// The certificate was made at the first start.
    #[error("the factory certificate answers while there is no default; it is not deleted")]
    Factory,
    /// The certificate is the default.
    #[error("this certificate is the default; make another one the default first")]
    IsDefault,
    /// The certificate is just being made the default.
    #[error("this certificate is being made the default at this moment; try again")]
    BecomingDefault,
    /// The certificate is just being deleted.
    #[error("this certificate is being deleted at this moment; try again")]
    BeingDeleted,
    /// The certificate is no other's word but its own.
    #[error(
        "a self-signed certificate is never the default: no client trusts it; choose one from a CA"
    )]
    SelfSignedDefault,
    /// The certificate's key is not here.
    #[error("the private key of this certificate is not here; import it first")]
    KeyMissing,
    /// The default is what it is to be.
    #[error("that is so already")]
    DefaultUnchanged,
    /// The name is what it is to be.
    #[error("that is its name already")]
    NameUnchanged,
    /// The chain is what it was.
    #[error("no better chain is known")]
    ChainUnchanged,
    /// The certificate has fewer versions.
    #[error("there is no such version; the newest is {newest}")]
    NoSuchVersion {
        /// The newest.
        newest: u32,
    },
    /// No automation manages it.
    #[error("no automation manages this certificate")]
    AlreadyReleased,
    /// The version was revoked before.
    #[error("this version is revoked already")]
    AlreadyRevoked,
    /// Something needs the key.
    #[error("{by} uses this key; delete that first")]
    KeyInUse {
        /// What.
        by: String,
    },
    /// The key is just being destroyed.
    #[error("this key is being destroyed at this moment")]
    KeyBeingDestroyed,
    /// The key is gone.
    #[error("this key was destroyed")]
    KeyDestroyed,
    /// A key would leave in the clear without that being said.
    #[error(
        "a private key leaves with a passphrase; give one, or say in so many words that it may leave unprotected"
    )]
    PassphraseNeeded,
    /// What is to be given out does not go together.
    #[error("{0}")]
    CannotExport(String),
    /// A certificate has taken the request's name over.
    #[error("a certificate that answers this request has just come; look again")]
    RequestAnswered,
    /// The service has sealed no secret of that name.
    #[error("this service has no secret of that name")]
    NoSuchSecret,
}

impl Refusal {
    /// The code and the stable reason of this refusal: the one place that says so.
    pub fn code(&self) -> (Code, &'static str) {
        match self {
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
            Refusal::TooManyAtOnce { .. } => (Code::InvalidArgument, "TOO_MANY_AT_ONCE"),
            Refusal::TooLargeForLog => (Code::InvalidArgument, "CERTIFICATE_TOO_LARGE"),
            Refusal::CertificateDeleted => (Code::FailedPrecondition, "CERTIFICATE_DELETED"),
            Refusal::NotDeleted => (Code::FailedPrecondition, "NOT_DELETED"),
            Refusal::Managed | Refusal::RevokedByAutomation => {
                (Code::FailedPrecondition, "MANAGED")
            }
            Refusal::Factory => (Code::FailedPrecondition, "FACTORY"),
            Refusal::IsDefault => (Code::FailedPrecondition, "IS_DEFAULT"),
            Refusal::BecomingDefault => (Code::Aborted, "BECOMING_DEFAULT"),
            Refusal::BeingDeleted => (Code::Aborted, "BEING_DELETED"),
            Refusal::SelfSignedDefault => (Code::FailedPrecondition, "SELF_SIGNED_DEFAULT"),
            Refusal::KeyMissing => (Code::FailedPrecondition, "KEY_MISSING"),
            Refusal::DefaultUnchanged => (Code::FailedPrecondition, "DEFAULT_UNCHANGED"),
            Refusal::NameUnchanged => (Code::FailedPrecondition, "NAME_UNCHANGED"),
            Refusal::ChainUnchanged => (Code::FailedPrecondition, "CHAIN_UNCHANGED"),
            Refusal::NoSuchVersion { .. } => (Code::NotFound, "NO_SUCH_VERSION"),
            Refusal::AlreadyReleased => (Code::FailedPrecondition, "ALREADY_RELEASED"),
            Refusal::AlreadyRevoked => (Code::FailedPrecondition, "ALREADY_REVOKED"),
            Refusal::KeyInUse { .. } => (Code::FailedPrecondition, "KEY_IN_USE"),
            Refusal::KeyBeingDestroyed => (Code::Aborted, "KEY_BEING_DESTROYED"),
            Refusal::KeyDestroyed => (Code::NotFound, "KEY_DESTROYED"),
            Refusal::PassphraseNeeded => (Code::FailedPrecondition, "PASSPHRASE_NEEDED"),
            Refusal::CannotExport(_) => (Code::FailedPrecondition, "CANNOT_EXPORT"),
            Refusal::RequestAnswered => (Code::FailedPrecondition, "REQUEST_ANSWERED"),
            Refusal::NoSuchSecret => (Code::NotFound, "NO_SUCH_SECRET"),
        }
    }

    /// The stable reason alone.
    pub fn reason(&self) -> &'static str {
        self.code().1
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let (code, reason) = refusal.code();
        refuse::status(code, reason, refusal.to_string())
    }
}

impl From<CommandError> for Status {
    fn from(error: CommandError) -> Self {
        let (code, reason) = match &error {
            CommandError::Refused(refusal) => return refusal.clone().into(),
            CommandError::RequestIdReused => (Code::AlreadyExists, "REQUEST_ID_REUSED"),
            CommandError::Contended => (Code::Aborted, "CONTENDED"),
            CommandError::Changed(_) => (Code::Aborted, "CHANGED_MEANWHILE"),
            CommandError::Log(log) => failure::of_log(log),
            CommandError::Database(_)
            | CommandError::Vault(VaultError::Database(_))
            | CommandError::Secret(SecretError::Database(_)) => {
                (Code::Unavailable, "DATABASE_FAILED")
            }
            CommandError::Vault(_) => (Code::Internal, "VAULT_FAILED"),
            CommandError::Secret(_) => (Code::Internal, "SECRET_FAILED"),
            CommandError::Unreadable(_) => (Code::Internal, "CERTIFICATE_UNREADABLE"),
            CommandError::Identity(_) => (Code::Internal, "IDENTITY_FAILED"),
            CommandError::Broken(_) => (Code::Internal, "BROKEN_OFF"),
        };
        failure::status(&error, code, reason)
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
