//! What this service says when it does not do something: the one mapping to gRPC.

use std::collections::HashMap;

use api::{acme::v1::Failure, refuse};
use eventlog::{Changed, LogError};
use sea_orm::DbErr;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::{automation, dns_provider, keystore::KeystoreError, server};

/// The rules said no; the caller can act on it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// Another server has the name.
    #[error("there is a server named {0:?} already; choose another name")]
    ServerNameTaken(String),
    /// The caller is held to other certificates.
    #[error("{0:?} is not among the certificates that your token is held to")]
    OutsideOfFilter(String),
    /// Another automated certificate has the name.
    #[error("there is an automated certificate named {0:?} already; choose another friendly name")]
    NameTaken(String),
    /// No server of that id or name.
    #[error("there is no server {0:?}; register it first")]
    ServerNotFound(String),
    /// No server of that id or name to turn to.
    #[error("there is no server {0:?} to turn to; register it first, or leave it out")]
    FallbackNotFound(String),
    /// The second server is the first.
    #[error("that is the server itself; name another, or leave it out")]
    FallbackIsServer,
    /// Another DNS provider has the name.
    #[error("there is a DNS provider named {0:?} already; choose another name")]
    DnsProviderNameTaken(String),
    /// No DNS provider of that id or name.
    #[error("there is no DNS provider {0:?}; add it first")]
    DnsProviderNotFound(String),
    /// Automations would stand without it.
    #[error("it is used by {}; cancel {}, then remove it", used_by.join(", "), if used_by.len() == 1 { "that" } else { "those" })]
    DnsProviderInUse {
        /// Their friendly names, the first few.
        used_by: Vec<String>,
    },
    /// A record could not be written, seen or taken away.
    #[error("{} {}", .0.message, .0.advice)]
    Dns(Box<Failure>),
    /// Automations would lose their account.
    #[error("automated certificates use this server: {}; cancel them, or request them elsewhere, first", .0.join(", "))]
    ServerInUse(Vec<String>),
    /// The CA has terms, and they were not agreed to.
    #[error("the CA's terms of service must be agreed to; read them at {terms}")]
    TermsNotAgreed {
        /// Their URL.
        terms: String,
    },
    /// The CA wants an external account.
    #[error("the CA binds accounts to one on its web site{}; get an EAB key id and HMAC key there", website.as_ref().map(|w| format!(", {w}")).unwrap_or_default())]
    EabRequired {
        /// The web site, where the CA names it.
        website: Option<String>,
    },
    /// The server does not list the profile.
    #[error("the server has no profile {profile:?}; it has: {}", offered.join(", "))]
    ProfileUnknown {
        /// What was asked for.
        profile: String,
        /// What there is.
        offered: Vec<String>,
    },
    /// The CA said no, or did not answer.
    #[error("{} {}", .0.message, .0.advice)]
    Ca(Box<Failure>),
    /// The rules of a server.
    #[error(transparent)]
    Server(#[from] server::Refusal),
    /// The rules of an automation.
    #[error(transparent)]
    Automation(#[from] automation::Refusal),
    /// The rules of a DNS provider.
    #[error(transparent)]
    DnsProvider(#[from] dns_provider::Refusal),
}

/// Why a command was not done.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The rules said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The request id stands for another command.
    #[error("the request id was used before for another command")]
    RequestIdReused,
    /// Others keep changing the same.
    #[error("others keep changing this at the same time")]
    Contended,
    /// It has changed since the caller read it.
    #[error(transparent)]
    Changed(Changed),
    /// The log did not answer, or is full.
    #[error("the event log did not take the command")]
    Log(#[source] LogError),
    /// The own database.
    #[error("the database did not answer")]
    Database(#[from] DbErr),
    /// The keystore.
    #[error("the keystore did not do its part")]
    Keystore(#[source] KeystoreError),
}

impl CommandError {
    /// Why the log did not take it.
    pub fn from_log<R: Into<Refusal>>(error: eventlog::CommandError<R>) -> Self {
        match error {
            eventlog::CommandError::Refused(refusal) => Self::Refused(refusal.into()),
            eventlog::CommandError::RequestIdReused => Self::RequestIdReused,
            eventlog::CommandError::Contended => Self::Contended,
            eventlog::CommandError::Changed(changed) => Self::Changed(changed),
            eventlog::CommandError::Failed(error) => Self::Log(error),
        }
    }

    /// Whether it is sure that no event was appended.
    pub fn nothing_happened(&self) -> bool {
        match self {
            Self::Refused(_) | Self::Contended | Self::Changed(_) | Self::Keystore(_) => true,
            Self::Log(error) => match error {
                LogError::Unavailable(_) => false,
                LogError::Full
                | LogError::Damaged(_)
                | LogError::Decode { .. }
                | LogError::Encode(_)
                | LogError::InvalidId(_)
                | LogError::InvalidHeader(_)
                | LogError::TooLarge(_)
                | LogError::Refused(_) => true,
            },
            // Then the first request's event is there, or the database cannot be asked anyway.
            Self::RequestIdReused | Self::Database(_) => false,
        }
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        use automation::Refusal as A;
        let (code, reason) = match &refusal {
            Refusal::ServerNameTaken(_)
            | Refusal::NameTaken(_)
            | Refusal::DnsProviderNameTaken(_) => (Code::AlreadyExists, "NAME_TAKEN"),
            Refusal::OutsideOfFilter(_) => (Code::PermissionDenied, "OUTSIDE_OF_FILTER"),
            Refusal::ServerNotFound(_)
            | Refusal::FallbackNotFound(_)
            | Refusal::Server(server::Refusal::NotFound) => (Code::NotFound, "SERVER_NOT_FOUND"),
            Refusal::FallbackIsServer => (Code::FailedPrecondition, "FALLBACK_IS_SERVER"),
            Refusal::DnsProviderNotFound(_)
            | Refusal::DnsProvider(dns_provider::Refusal::NotFound) => {
                (Code::NotFound, "DNS_PROVIDER_NOT_FOUND")
            }
            Refusal::DnsProviderInUse { .. } => (Code::FailedPrecondition, "DNS_PROVIDER_IN_USE"),
            Refusal::DnsProvider(dns_provider::Refusal::AlreadyAdded) => {
                (Code::AlreadyExists, "ALREADY_ADDED")
            }
            Refusal::Dns(failure) => (Code::FailedPrecondition, failure.reason.as_str()),
            Refusal::ServerInUse(_) => (Code::FailedPrecondition, "SERVER_IN_USE"),
            Refusal::Server(server::Refusal::Deactivated) => {
                (Code::FailedPrecondition, "SERVER_DEACTIVATED")
            }
            Refusal::TermsNotAgreed { .. } => (Code::FailedPrecondition, "TERMS_NOT_AGREED"),
            Refusal::EabRequired { .. } => (Code::FailedPrecondition, "EAB_REQUIRED"),
            Refusal::ProfileUnknown { .. } => (Code::FailedPrecondition, "PROFILE_UNKNOWN"),
            Refusal::Ca(failure) => (Code::FailedPrecondition, failure.reason.as_str()),
            Refusal::Server(server::Refusal::AlreadyRegistered) => {
                (Code::AlreadyExists, "ALREADY_REGISTERED")
            }
            Refusal::Automation(refusal) => match refusal {
                A::NotFound => (Code::NotFound, "AUTOMATION_NOT_FOUND"),
                A::AlreadyRequested => (Code::AlreadyExists, "ALREADY_REQUESTED"),
                A::OrderUnderWay => (Code::FailedPrecondition, "ORDER_UNDER_WAY"),
                A::NothingWanted => (Code::FailedPrecondition, "NOTHING_WANTED"),
                A::HeldElsewhere { .. } => (Code::FailedPrecondition, "HELD_ELSEWHERE"),
                A::LeaseLost => (Code::FailedPrecondition, "LEASE_LOST"),
                A::OrderOver => (Code::FailedPrecondition, "ORDER_OVER"),
                A::StepDone => (Code::FailedPrecondition, "STEP_DONE"),
                A::NotDue => (Code::FailedPrecondition, "NOT_DUE"),
                A::NothingNew => (Code::FailedPrecondition, "NOTHING_NEW"),
                A::AlreadyPaused => (Code::FailedPrecondition, "ALREADY_PAUSED"),
                A::NotPaused => (Code::FailedPrecondition, "NOT_PAUSED"),
                A::Cancelled => (Code::FailedPrecondition, "CANCELLED"),
                A::NoSuchVersion => (Code::NotFound, "VERSION_NOT_FOUND"),
                A::AlreadyRevoked => (Code::FailedPrecondition, "ALREADY_REVOKED"),
                A::RevocationUnderWay => (Code::FailedPrecondition, "REVOCATION_UNDER_WAY"),
                A::NoRevocation => (Code::FailedPrecondition, "NO_REVOCATION"),
            },
        };
        // What a CA says is in it, and a status travels in headers, which have their limit.
        let mut message = refusal.to_string();
        message.truncate(message.floor_char_boundary(LONGEST_MESSAGE));
        match refusal.field() {
            None => refuse::status(code, reason, message),
            Some(field) => about_field(code, reason, field, message),
        }
    }
}

impl Refusal {
    /// The field of the request that is to be changed, where it is one.
    fn field(&self) -> Option<&'static str> {
        match self {
            Self::ServerNameTaken(_) | Self::DnsProviderNameTaken(_) => Some("name"),
            Self::NameTaken(_) => Some("friendly_name"),
            Self::OutsideOfFilter(_) => Some("dns_names"),
            Self::ServerNotFound(_) => Some("server"),
            Self::FallbackNotFound(_) | Self::FallbackIsServer => Some("fallback_server"),
            Self::DnsProviderNotFound(_) => Some("dns_provider"),
            Self::TermsNotAgreed { .. } => Some("terms_of_service_agreed"),
            Self::EabRequired { .. } => Some("external_account_binding"),
            Self::ProfileUnknown { .. } => Some("profile"),
            Self::ServerInUse(_)
            | Self::Ca(_)
            | Self::Server(_)
            | Self::Automation(_)
            | Self::DnsProviderInUse { .. }
            | Self::DnsProvider(_)
            | Self::Dns(_) => None,
        }
    }
}

/// The field of a refusal stands in its details as a violation does, so that a form can show it there.
fn about_field(code: Code, reason: &str, field: &str, message: String) -> Status {
    let mut details = ErrorDetails::new();
    details.set_error_info(reason, refuse::DOMAIN, HashMap::new());
    details.add_bad_request_violation(field, &message);
    Status::with_error_details(code, message, details)
}

impl From<CommandError> for Status {
    fn from(error: CommandError) -> Self {
        let (code, reason) = match error {
            CommandError::Refused(refusal) => return refusal.into(),
            CommandError::RequestIdReused => {
                let (code, reason) = (Code::AlreadyExists, "REQUEST_ID_REUSED");
                return refuse::status(code, reason, error.to_string());
            }
            CommandError::Contended => (Code::Aborted, "CONTENDED"),
            CommandError::Changed(_) => (Code::Aborted, "CHANGED_MEANWHILE"),
            CommandError::Log(LogError::Full) => (Code::ResourceExhausted, "LOG_FULL"),
            CommandError::Log(LogError::Unavailable(_)) => (Code::Unavailable, "LOG_UNAVAILABLE"),
            CommandError::Log(LogError::Damaged(_) | LogError::Decode { .. }) => {
                (Code::DataLoss, "LOG_DAMAGED")
            }
            CommandError::Log(
                LogError::Encode(_)
                | LogError::InvalidId(_)
                | LogError::InvalidHeader(_)
                | LogError::TooLarge(_)
                | LogError::Refused(_),
            ) => (Code::Internal, "LOG_REFUSED"),
            CommandError::Database(_) => (Code::Unavailable, "DATABASE_UNAVAILABLE"),
            CommandError::Keystore(_) => (Code::Unavailable, "KEYSTORE_UNAVAILABLE"),
        };
        // The caller is told what happened; which library noticed stands in the log.
        tracing::error!(
            reason,
            error = crate::worker::chain(&error),
            "command failed"
        );
        refuse::status(code, reason, error.to_string())
    }
}

/// In bytes; percent-encoded and twice in the details it still is within 16 KiB.
const LONGEST_MESSAGE: usize = 1_500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ca_s_refusal_keeps_its_reason_and_advice() {
        let failure = Failure {
            reason: "EAB_REFUSED".into(),
            message: "The CA does not accept the binding.".into(),
            advice: "Copy the key once more.".into(),
            ..Failure::default()
        };
        let status = Status::from(Refusal::Ca(Box::new(failure)));
        assert_eq!(status.code(), Code::FailedPrecondition);
        assert_eq!(refuse::reason(&status).as_deref(), Some("EAB_REFUSED"));
        assert!(status.message().ends_with("Copy the key once more."));
    }

    #[test]
    fn a_ca_that_talks_at_length_does_not_break_the_answer() {
        let terms = format!("https://ca.example/{}", "ä".repeat(10_000));
        let status = Status::from(Refusal::TermsNotAgreed { terms });
        assert_eq!(refuse::violations(&status).len(), 1);
        let mut headers = http::HeaderMap::new();
        status.add_header(&mut headers).unwrap();
        let size = headers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len());
        assert!(size.sum::<usize>() < 16 * 1_024);
    }

    #[test]
    fn a_refusal_names_the_field_to_change() {
        let terms = "https://ca.example/terms".into();
        let status = Status::from(Refusal::TermsNotAgreed { terms });
        assert_eq!(refuse::reason(&status).as_deref(), Some("TERMS_NOT_AGREED"));
        assert_eq!(
            refuse::violations(&status)[0].field,
            "terms_of_service_agreed"
        );
    }

    #[test]
    fn a_lost_answer_of_the_log_may_have_been_an_event() {
        let unavailable = CommandError::Log(LogError::Unavailable("timeout".into()));
        assert!(!unavailable.nothing_happened());
        assert!(CommandError::Log(LogError::Full).nothing_happened());
    }
}
