//! The command line as a client of the public API, and nothing more: what it can do, any program with a token can.
//!
//! [`credentials`] say which gateway and who; [`connection`] opens TLS to it as [`trust`] says; then one file
//! for each noun, and for what nouns share: [`subject`] and [`key_choice`] of something new, [`import`], [`deletion`],
//! [`passphrase`]s, how a [`renewal`] goes. A command has [`settled`] when it ends. Answers go to stdout ([`answer`]) or into files ([`save`]), everything else to stderr; [`terminal`] asks.

pub mod acme;
pub mod answer;
pub mod as_of;
pub mod certs;
pub mod connection;
pub mod credentials;
pub mod deletion;
pub mod error;
pub mod events;
pub mod import;
pub mod key_choice;
pub mod keys;
pub mod list;
pub mod login;
pub mod names;
pub mod notify;
pub mod passphrase;
pub mod projection;
pub mod renewal;
pub mod requests;
pub mod save;
pub mod settled;
pub mod subject;
pub mod terminal;
pub mod tokens;
pub mod trust;
pub mod users;
pub mod whoami;

pub use self::{connection::Connection, error::ClientError};
