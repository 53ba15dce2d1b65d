//! What can go wrong between the command line and the gateway, and which exit status it ends with.

use std::{error::Error as _, io, path::PathBuf};

use api::{acme::v1::Failure, refuse};
use tonic::{Code, Status};

use super::{credentials::CredentialsError, trust::Fingerprint};
use crate::exit::Exit;

/// Why a command of the client did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody is signed in, or the credentials cannot be read.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The URL is not one of a gateway.
    #[error(
        "{url:?} is not the address of a gateway: it looks like https://chancery.example.com:8443"
    )]
    Url {
        /// What was given.
        url: String,
    },
    /// The gateway does not answer.
    #[error("cannot reach {url}: is `chancery up` running there, and is the address right?")]
    Unreachable {
        /// The gateway.
        url: String,
        /// What the network said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The gateway answers, but a service behind it does not, or the connection broke.
    #[error("{url} cannot answer now: {}", unavailable(status))]
    Unavailable {
        /// The gateway.
        url: String,
        /// What it said.
        status: Box<Status>,
    },
    /// No root vouches for the gateway's certificate.
    #[error(
        "the certificate of {url} is not trusted ({why}).\n\
         Its fingerprint is {seen}. Compare it with the one that `chancery up` shows on that machine; if they are the same:\n  \
         chancery login {url} --fingerprint {seen} < TOKEN-FILE"
    )]
    Untrusted {
        /// The gateway.
        url: String,
        /// Its certificate's fingerprint.
        seen: Fingerprint,
        /// In the verifier's words.
        why: String,
    },
    /// The gateway's certificate is not the pinned one.
    #[error(
        "the certificate of {url} is not the one that was pinned: expected {pinned}, but it shows {seen}.\n\
         If its certificate was changed on purpose, sign in again: chancery login {url} --fingerprint {seen}\n\
         If not, somebody may stand between you and it: nothing was sent"
    )]
    NotPinned {
        /// The gateway.
        url: String,
        /// What was expected.
        pinned: Fingerprint,
        /// What it shows.
        seen: Fingerprint,
    },
    /// The verifier itself could not be made.
    #[error("the system's trusted roots cannot be used")]
    Roots(#[source] rustls::Error),
    /// The gateway refused.
    #[error("{}", refusal(.0))]
    Refused(Box<Status>),
    /// The order at the CA failed.
    #[error("{}", failure(.0))]
    Order(Box<Failure>),
    /// It is not finished; nothing has failed.
    #[error("{what} is still under way after {seconds} s; look again with: {look}")]
    StillUnderWay {
        /// What is.
        what: String,
        /// How long was waited.
        seconds: u64,
        /// The command that shows it.
        look: String,
    },
    /// A file or stdin cannot be read.
    #[error("cannot read {what}")]
    Read {
        /// The file, or stdin.
        what: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// What was read is not what it should be.
    #[error("{what}")]
    Input {
        /// What is wrong, and what would be right.
        what: String,
    },
    /// The command line, or where it was typed, leaves something open that has to be said.
    #[error("{what}")]
    Usage {
        /// What is missing or does not go together, and what would be right.
        what: String,
    },
    /// The answer was shown, and not everything that was asked for is done.
    #[error("{what}")]
    NotDone {
        /// What is not.
        what: String,
    },
    /// A file cannot be written.
    #[error("cannot write {}", path.display())]
    Save {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The answer cannot be written to stdout.
    #[error("cannot write the answer")]
    Write(#[source] io::Error),
    /// The answer is not what this version understands.
    #[error("the gateway's answer cannot be shown: is it a newer version than this one?")]
    Answer(#[source] serde_json::Error),
}

impl ClientError {
    /// The exit status that tells scripts what kind of end this is.
    pub fn exit(&self) -> Exit {
        match self {
            ClientError::Url { .. } | ClientError::Usage { .. } => Exit::Usage,
            ClientError::Unreachable { .. } | ClientError::Unavailable { .. } => Exit::Unreachable,
            // Whoever reads our output has had enough of it.
            ClientError::Write(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
            ClientError::Credentials(_)
            | ClientError::Untrusted { .. }
            | ClientError::NotPinned { .. }
            | ClientError::Roots(_)
            | ClientError::Refused(_)
            | ClientError::Order(_)
            | ClientError::StillUnderWay { .. }
            | ClientError::Read { .. }
            | ClientError::Input { .. }
            | ClientError::NotDone { .. }
            | ClientError::Save { .. }
            | ClientError::Write(_)
            | ClientError::Answer(_) => Exit::Refused,
        }
    }

    /// Whether the gateway knows nothing under the name or id that it was asked for.
    pub fn is_not_found(&self) -> bool {
        matches!(self, ClientError::Refused(status) if status.code() == Code::NotFound)
    }

    /// What a call's status means for the person at the terminal.
    pub fn from_status(url: &str, status: Status) -> Self {
        match status.code() {
            // Cancelled by the time limit: nobody else cancels a call of ours.
            Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => {}
            _ if is_lost(&status) => {}
            _ => return ClientError::Refused(Box::new(status)),
        }
        ClientError::Unavailable {
            url: url.to_owned(),
            status: Box::new(status),
        }
    }

    /// Reading this file failed.
    pub fn reading(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let what = path.into().display().to_string();
        move |source| ClientError::Read { what, source }
    }
}

/// Whether the answer was lost on its way, or a service behind the gateway is not there: asking again may help.
pub fn is_lost(status: &Status) -> bool {
    // A status with a source was made on our side, of a broken connection; its code says little.
    status.code() == Code::Unavailable
        || (status.source().is_some() && status.code() != Code::Cancelled)
}

fn unavailable(status: &Status) -> &str {
    match status.code() {
        Code::Cancelled | Code::DeadlineExceeded => "it takes too long",
        _ if status.source().is_some() => "the connection broke",
        _ => status.message(),
    }
}

/// The refusal, one line for each field that is wrong.
fn refusal(status: &Status) -> String {
    let violations = refuse::violations(status);
    if let [only] = &violations[..]
        && only.description == status.message()
    {
        return format!("{}: {}", only.field, only.description);
    }
    let mut lines = vec![match refuse::reason(status) {
        Some(reason) if violations.is_empty() => format!("{} ({reason})", status.message()),
        _ => status.message().to_owned(),
    }];
    lines.extend(
        violations
            .iter()
            .map(|v| format!("  {}: {}", v.field, v.description)),
    );
    if lines[0].is_empty() {
        lines[0] = format!(
            "the gateway refused and does not say why ({})",
            status.code()
        );
    }
    lines.join("\n")
}

/// Message, the CA's own words, advice.
pub fn failure(failure: &Failure) -> String {
    let mut lines = vec![format!("{} ({})", failure.message, failure.reason)];
    if let Some(problem) = &failure.problem {
        lines.push(format!(
            "  the CA says: {} ({})",
            problem.detail, problem.r#type
        ));
        let each = problem.subproblems.iter();
        lines.extend(
            each.map(|sub| format!("    {}: {} ({})", sub.identifier, sub.detail, sub.r#type)),
        );
    }
    if !failure.advice.is_empty() {
        lines.push(format!("  what to do: {}", failure.advice));
    }
    lines.join("\n")
}
