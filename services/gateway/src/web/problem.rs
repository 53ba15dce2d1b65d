//! What a person sees when there is no page: what he can do about it, and nothing of what is behind.

use std::error::Error;

use askama::Template;
use axum::{
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
    response::{Html, IntoResponse, Response},
};
use time::OffsetDateTime;
use tracing::error;

use super::{wording, wrong::sentence};
use crate::{
    commands::{CommandError, Refusal},
    directory::Refusal as Directory,
    password::HashError,
    second_factor::factor::FactorError,
    session::Refusal as Session,
    sign_in::{SignInError, tries::NotNow},
};

/// When a try may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotYet {
    until: OffsetDateTime,
    now: OffsetDateTime,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// There is none at this path.
    #[error("no such page")]
    NotFound,
    /// The page is not asked for in this way.
    #[error("method not allowed")]
    MethodNotAllowed,
    /// The form is of another browser, or another time; or another site sent it.
    #[error("the form is not one of this browser's")]
    Stale,
    /// The form cannot be read.
    #[error("the form cannot be read")]
    Unreadable,
    /// It is longer than any form of ours.
    #[error("the form is too long")]
    TooLong,
    /// It is no form.
    #[error("not a form")]
    NotAForm,
    /// It did not come in time.
    #[error("the form came too slowly")]
    TooSlow,
    /// The rules said no.
    #[error("refused: {0}")]
    Refused(String),
    /// It is not for this person.
    #[error("not allowed: {0}")]
    NotAllowed(String),
    /// What is needed for it is not there now.
    #[error("the event log is away")]
    Away,
    /// There were too many wrong tries.
    #[error("too many tries")]
    TooManyTries(NotYet),
    /// There is too much to do.
    #[error("too busy")]
    Busy,
    /// Something that is needed does not work: the log says what.
    #[error("{doing} failed")]
    Broken {
        /// What was being done.
        doing: &'static str,
        /// Why it was not.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Refused(refusal) => match refusal {
                Refusal::SignInAgain
                | Refusal::Directory(Directory::SecondFactorExists | Directory::NoSecondFactor) => {
                    Self::Stale
                }
                Refusal::Session(Session::NoSuchSession | Session::SessionEnded) => Self::NotFound,
                refusal => Self::Refused(refusal.to_string()),
            },
            CommandError::LogAway => Self::Away,
            CommandError::Hash(HashError::Busy) | CommandError::Contended => Self::Busy,
            error => Self::broken("a command")(error),
        }
    }
}

impl From<FactorError> for Problem {
    fn from(error: FactorError) -> Self {
        match error {
            FactorError::Command(error) => error.into(),
            error => Self::broken("a second factor")(error),
        }
    }
}

impl From<SignInError> for Problem {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Command(error) => error.into(),
            SignInError::Factor(error) => error.into(),
            SignInError::NotNow(NotNow::Until { until, now }) => {
                Self::TooManyTries(NotYet { until, now })
            }
            SignInError::NotNow(error) => Self::broken("counting tries")(error),
        }
    }
}

/// What the door for calls says to a page.
impl From<tonic::Status> for Problem {
    fn from(status: tonic::Status) -> Self {
        match status.code() {
            tonic::Code::NotFound => Self::NotFound,
            tonic::Code::PermissionDenied => Self::NotAllowed(status.message().to_owned()),
            tonic::Code::FailedPrecondition => Self::Refused(status.message().to_owned()),
            tonic::Code::Unavailable => Self::Away,
            tonic::Code::ResourceExhausted => Self::Busy,
            _ => Self::broken("a call")(status),
        }
    }
}

impl From<sea_orm::DbErr> for Problem {
    fn from(error: sea_orm::DbErr) -> Self {
        CommandError::from(error).into()
    }
}

impl Problem {
    /// What was being done did not work.
    pub fn broken<E: Error + Send + Sync + 'static>(
        doing: &'static str,
    ) -> impl FnOnce(E) -> Problem {
        move |source| Problem::Broken {
            doing,
            source: Box::new(source),
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Problem::NotFound => StatusCode::NOT_FOUND,
            Problem::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Problem::Stale | Problem::NotAllowed(_) => StatusCode::FORBIDDEN,
            Problem::Refused(_) => StatusCode::CONFLICT,
            Problem::Unreadable => StatusCode::BAD_REQUEST,
            Problem::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Problem::NotAForm => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Problem::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Problem::TooManyTries(_) => StatusCode::TOO_MANY_REQUESTS,
            Problem::Busy | Problem::Away => StatusCode::SERVICE_UNAVAILABLE,
            Problem::Broken { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The heading, and what to do.
    fn words(&self) -> (&'static str, String) {
        match self {
            Problem::NotFound => ("There is no such page", "The address may be mistyped, or the page has moved.".into()),
            Problem::MethodNotAllowed => ("That does not work here", "This page cannot be asked for in that way.".into()),
            Problem::Stale => (
                "This form is out of date",
                "It was opened before you signed in or out, or it did not come from here. Nothing was changed. \
                 Open the page again, and send it from there."
                    .into(),
            ),
            Problem::Unreadable => ("This form cannot be read", "Something is missing in it. Nothing was changed. Open the page again, and send it from there.".into()),
            Problem::TooLong => ("That is too long", "Nothing here needs a form as long as that. Nothing was changed.".into()),
            Problem::NotAForm => ("That is not a form", "This page takes what its own form sends, and nothing else.".into()),
            Problem::TooSlow => ("That took too long", "The form did not arrive in time. Nothing was changed. Try again.".into()),
            Problem::Refused(why) | Problem::NotAllowed(why) => ("That cannot be done", sentence(why)),
            Problem::Away => ("Not now", "Chancery is starting, or cannot reach its event log. Certificates are served all the same. Try again in a moment.".into()),
            Problem::TooManyTries(NotYet { until, now }) => (
                "Too many tries",
                format!(
                    "Try again {}, at {} UTC. A browser that you have signed in with before does not have to wait for others.",
                    in_words(*until - *now),
                    wording::clock(*until),
                ),
            ),
            Problem::Busy => ("Too busy", "There is too much to do right now. Try again in a moment.".into()),
            Problem::Broken { .. } => ("Something broke on our side", "Nothing more is known to you or us than what the log says. Try again in a moment.".into()),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        // Only what broke stands in the log: a stranger must not be able to fill it.
        let reference = matches!(self, Problem::Broken { .. }).then(reference);
        if let (Problem::Broken { doing, source }, Some(reference)) = (&self, &reference) {
            let cause: &dyn Error = &**source;
            error!(reference, doing, error = cause, "a page broke");
        }
        let (heading, advice) = self.words();
        let page = Page {
            heading,
            advice,
            reference,
        };
        // A template without loops and filters of its own cannot fail.
        let mut response = (status, Html(page.render().unwrap_or_default())).into_response();
        let field = match &self {
            Problem::MethodNotAllowed => {
                Some((header::ALLOW, HeaderValue::from_static("GET, HEAD, POST")))
            }
            Problem::TooManyTries(NotYet { until, now }) => {
                let seconds = (*until - *now).whole_seconds().max(1);
                Some((header::RETRY_AFTER, HeaderValue::from(seconds)))
            }
            Problem::Busy | Problem::Away => {
                Some((header::RETRY_AFTER, HeaderValue::from_static("5")))
            }
            _ => None,
        };
        response.headers_mut().extend(field);
        response
    }
}

#[derive(Template)]
#[template(path = "problem.html")]
struct Page {
    heading: &'static str,
    advice: String,
    reference: Option<String>,
}

/// By which a person and the log mean the same: it says nothing.
fn reference() -> String {
    let mut octets = [0; 4];
    // Without random bits it is the same for all, which the time in the log makes up for.
    let _ = aws_lc_rs::rand::fill(&mut octets);
    octets.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn in_words(wait: time::Duration) -> String {
    match wait.whole_seconds().max(1) {
        1 => "in a second".into(),
        seconds @ 2..=90 => format!("in {seconds} seconds"),
        seconds => format!("in {} minutes", (seconds + 59) / 60),
    }
}
