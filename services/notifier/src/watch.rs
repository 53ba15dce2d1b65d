//! What the notifier keeps an eye on: certificates, automations, its own channels, the projection's tables, and the log.
//!
//! The [`follow`]er writes a row for each from the log, and marks it as due in [`deadline`]; the
//! [`worker`] takes what is due, has it judged ([`certificate`], [`automation`], [`trouble`], [`tables`], [`mod@log`]: pure, with the time
//! passed in), and raises or clears alerts. A judgement also says when to look again though nothing
//! happens: so an alert comes although whoever should have acted is dead.

pub mod automation;
pub mod certificate;
pub mod deadline;
pub mod follow;
pub mod foreign;
pub mod key;
pub mod log;
pub mod tables;
pub mod trouble;
pub mod worker;

use api::notifier::v1::{MessageKind, Severity};
use time::OffsetDateTime;
use uuid::Uuid;

/// Text that came in with a certificate, or from a CA, as a row holds it: PostgreSQL's can hold no NUL.
fn held(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// The same as far as an index takes it, which is far more than names have.
fn indexed(text: &str) -> String {
    let mut held = held(text);
    held.truncate(held.floor_char_boundary(MAX_INDEXED));
    held
}

/// In octets: PostgreSQL takes 2,704 an entry.
const MAX_INDEXED: usize = 1_000;

/// What an alert may be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Watched {
    /// A certificate.
    Certificate,
    /// An automated certificate.
    Automation,
    /// A channel of our own.
    Channel,
    /// The projection's tables.
    Tables,
    /// The event log.
    Log,
}

impl Watched {
    /// The name of its aggregate.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Certificate => foreign::CERTIFICATE,
            Self::Automation => foreign::AUTOMATION,
            Self::Channel => "channel",
            Self::Tables => foreign::TABLES,
            Self::Log => foreign::SEAL,
        }
    }

    /// From the name of its aggregate.
    pub fn parse(text: &str) -> Option<Self> {
        [
            Self::Certificate,
            Self::Automation,
            Self::Channel,
            Self::Tables,
            Self::Log,
        ]
        .into_iter()
        .find(|watched| watched.as_str() == text)
    }
}

/// What stands with something watched, at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What people call it.
    pub name: String,
    /// The alert that is up; at most one, the worst, so that nobody hears of one thing twice.
    pub up: Option<Up>,
    /// When to look again, though nothing happens.
    pub next: Option<OffsetDateTime>,
    /// What has become of it, for an alert that is over: one sentence.
    pub over: String,
}

/// An alert that is up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Up {
    /// What it is about.
    pub kind: MessageKind,
    /// How much it wants somebody.
    pub severity: Severity,
    /// One sentence: what is wrong.
    pub message: String,
    /// One sentence: what to do.
    pub advice: String,
    /// Until when.
    pub deadline: Option<OffsetDateTime>,
    /// Since when it is so.
    pub since: OffsetDateTime,
    /// The event that it comes from.
    pub cause: Option<Uuid>,
}

/// The name of something whose event with a name has not been seen.
pub const NAMELESS: &str = "a certificate";
