//! The command line as a client of the public API, and nothing more: what it can do, any program with a token can.
//!
//! [`credentials`] say which gateway and who; [`connection`] opens TLS to it as [`trust`] says; then one file
//! for each noun. Answers go to stdout ([`answer`]), everything else to stderr.

pub mod acme;
pub mod answer;
pub mod certs;
pub mod connection;
pub mod credentials;
pub mod error;
pub mod events;
pub mod list;
pub mod login;
pub mod trust;
pub mod whoami;

pub use self::{connection::Connection, error::ClientError};
