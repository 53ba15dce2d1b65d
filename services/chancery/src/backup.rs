//! `chancery backup` and `chancery restore`: one file with the event log, every table that is not made from it, and
//! the internal CA; never the key-encryption key, nor any other key that is not sealed with it.
//!
//! [`take`] writes it while everything runs, [`restore`] reads it ([`check`] before anything is touched). [`mod@file`] is
//! how it is written, [`stream`] how the log comes to lie where its server looks for it, [`parts`] whose databases there
//! are.

pub mod check;
pub mod file;
pub mod parts;
pub mod restore;
pub mod stream;
pub mod take;

use std::{io, path::PathBuf};

use database::DatabaseError;
use runtime::config::ConfigError;
use sea_orm::DbErr;

use crate::{
    init::InitError,
    up::{lock::LockError, nats::NatsError, nats_server::FindError},
};

/// Why there is no backup, or nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The configuration is not right.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Something runs on the folder.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The folder cannot be made ready.
    #[error(transparent)]
    Init(#[from] InitError),
    /// There is no nats-server.
    #[error(transparent)]
    FindNats(#[from] FindError),
    /// The event log's server does not run.
    #[error(transparent)]
    Nats(#[from] NatsError),
    /// The identity that reads the log is not there.
    #[error("this folder has no identities: run it where chancery init was run")]
    Identity(#[source] runtime::StartError),
    /// The log cannot be opened.
    #[error("cannot open the event log: is chancery running?")]
    OpenLog(#[source] runtime::LogOpenError),
    /// It does not answer.
    #[error("the event log does not answer")]
    Log(#[from] eventlog::LogError),
    /// A database cannot be opened.
    #[error("cannot use the database of {service}")]
    Database {
        /// Whose.
        service: &'static str,
        /// Why.
        #[source]
        source: DatabaseError,
    },
    /// Its rows cannot be read or written.
    #[error("the database of {service} did not do what it was told")]
    Rows {
        /// Whose.
        service: &'static str,
        /// Why.
        #[source]
        source: DbErr,
    },
    /// It was taken under another key-encryption key.
    #[error(
        "nothing in this backup opens with the key-encryption key {given}: it was taken under another one, as before that was rotated. Put the key of that time into {current}, or leave this one there and put that one into {previous}: then all is sealed anew"
    )]
    OtherKek {
        /// The ids of the keys that are there.
        given: String,
        /// Where the current one is.
        current: String,
        /// Where the one before is looked for.
        previous: String,
        /// What says so.
        #[source]
        source: keystore::internal_ca::InternalCaError,
    },
    /// A file cannot be read or written.
    #[error("cannot use {path}")]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The file is no backup, or not a whole one.
    #[error("{path} is not a whole backup: {reason}")]
    NotWhole {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// What was to be written is there already.
    #[error("{0}")]
    InTheWay(String),
    /// The log ends before what a database says that it has seen.
    #[error(
        "the log in this backup is behind the database of {service}: it ends at event {last}, and the rows of {follower} are as of \
         event {reached}. Nothing was restored: what those rows say would not be in the log"
    )]
    Behind {
        /// Whose.
        service: String,
        /// Who follows the log.
        follower: String,
        /// Its checkpoint.
        reached: u64,
        /// The log's last event.
        last: u64,
    },
    /// What was written is not what is read again.
    #[error("{0}")]
    Differs(String),
}

pub(crate) fn of_file(path: &std::path::Path) -> impl FnOnce(io::Error) -> BackupError + use<> {
    let path = path.to_owned();
    move |source| BackupError::File { path, source }
}
