//! A service's own database: SQLite, or a schema of a PostgreSQL, by one setting. Both keep what was committed, and
//! answer alike.
//!
//! A [`Home`] says where it is, opens it and runs its migrations. Beside it a service may have more, in numbered
//! [`places`]; and what is thrown away is written to a [`scratch`] file, whatever the rest is kept in.
//!
//! What is the same on both, so that a service need not ask where its rows are:
//! - [`begin_write`]: who reads and then writes has the database to himself until he commits.
//! - [`begin_read`]: who reads several times sees one moment.
//! - Whole tables can be [copied](copy), also from one kind to the other, from databases that are [`Frozen`] together.
//! - Text is compared and sorted octet by octet ([`octets`]), so that pages and keysets are the same.

pub mod copy;
mod error;
mod frozen;
mod home;
mod migrator;
pub mod places;
mod postgresql;
pub mod scratch;
mod sqlite;
mod transaction;

pub use self::{
    error::DatabaseError,
    frozen::{Frozen, Moment},
    home::Home,
    postgresql::{ServerUrl, ServerUrlError, octets},
    transaction::{begin_read, begin_write},
};
