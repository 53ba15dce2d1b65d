//! Why a database cannot be used.

use std::{io, path::PathBuf};

use sea_orm::DbErr;
use thiserror::Error;

/// The database cannot be used.
#[derive(Debug, Error)]
pub enum DatabaseError {
    /// Its folder cannot be made.
    #[error("cannot make the folder {path}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It cannot be opened, or does not have the settings that keep it safe.
    #[error("cannot open the database at {at}")]
    Open {
        /// The file, or the server and the schema.
        at: String,
        /// Why.
        #[source]
        source: DbErr,
    },
    /// The places beside it cannot be looked at, or one of them not be removed.
    #[error("cannot clear the places of databases in {path}")]
    Place {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The same, where places are schemas.
    #[error("cannot use the places of databases at {at}")]
    Schemas {
        /// The server and the schema beside which they are.
        at: String,
        /// Why.
        #[source]
        source: DbErr,
    },
    /// Its tables cannot be brought up to date.
    #[error("cannot migrate the database at {at}")]
    Migrate {
        /// The file, or the server and the schema.
        at: String,
        /// Why.
        #[source]
        source: DbErr,
    },
    /// Not all of it was copied here.
    #[error("only a part was copied to the database at {at}: remove it, and copy again")]
    HalfCopied {
        /// The file, or the server and the schema.
        at: String,
    },
}
