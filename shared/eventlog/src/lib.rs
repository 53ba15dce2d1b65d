//! The event log: one JetStream stream to which aggregates append and which followers read.
//!
//! A command walks [`EventLog::execute`]: the aggregate's state, a pure `decide`, and an append that
//! names the sequence it builds on ([`append`]). A reader walks [`EventLog::load`] for one aggregate,
//! [`EventLog::tail`] for many, or a [`follow::Follower`] where rows are kept. What the words of an
//! event are on the wire stands in [`subject`] and [`envelope`]; how log and followers stand is seen by
//! [`EventLog::look`]; what a stream must be like to be
//! trusted in [`safety`]; who makes it in [`mod@provision`]; how it is shown that nobody has changed it in [`proof`].
//! This crate knows no domain.

pub mod aggregate;
pub mod append;
mod cache;
pub mod checkpoint;
pub mod envelope;
mod error;
pub mod follow;
#[cfg(feature = "given")]
pub mod given;
pub mod load;
mod log;
pub mod measured;
pub mod proof;
pub mod provision;
mod publish;
mod read;
pub mod request_ledger;
pub mod safety;
mod session;
pub mod space;
mod standing;
mod stored;
pub mod subject;
pub mod tail;
mod trace;
mod wire;

pub use aggregate::{Aggregate, DecodeError, EncodeError, EventBody};
pub use append::{Appended, Changed, CommandError, Executed};
pub use envelope::{Envelope, Origin, Recorded, derive_id};
pub use error::LogError;
pub use follow::{Apply, ApplyError, FollowError, Follower};
pub use load::Loaded;
pub use log::EventLog;
pub use provision::{Bucket, Provision, ProvisionError, provision};
pub use request_ledger::{ClaimError, RequestLedger};
pub use safety::OpenError;
pub use standing::{Look, Standing};

/// What [`events!`] needs at the place where it is used.
#[doc(hidden)]
pub mod expansion {
    pub use serde_json;
}
