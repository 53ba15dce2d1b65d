//! Databases for tests. With `CHANCERY_TEST_DATABASE=postgresql` they are a PostgreSQL's, which is started for the
//! test and ends with it; otherwise SQLite files.

#![allow(clippy::expect_used)] // A panic is how a test fails.

mod cluster;
mod postgresql;

use std::{
    env,
    path::{Path, PathBuf},
};

use database::Home;

pub use postgresql::Postgresql;

/// What services keep their rows in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file each.
    Sqlite,
    /// A schema each.
    Postgresql,
}

impl Kind {
    /// What `CHANCERY_TEST_DATABASE` asks for.
    ///
    /// # Panics
    /// Where that is neither of them.
    pub fn wanted() -> Self {
        match env::var("CHANCERY_TEST_DATABASE").as_deref() {
            Err(_) | Ok("sqlite") => Self::Sqlite,
            Ok("postgresql") => Self::Postgresql,
            Ok(other) => {
                panic!("CHANCERY_TEST_DATABASE is {other:?}, and must be sqlite or postgresql")
            }
        }
    }
}

/// The databases of one test.
#[derive(Debug)]
pub struct Databases {
    folder: PathBuf,
    server: Option<Postgresql>,
}

impl Databases {
    /// Of the kind that is wanted; files are in this folder.
    pub fn wanted(folder: impl Into<PathBuf>) -> Self {
        Self::of(Kind::wanted(), folder)
    }

    /// Of this kind.
    pub fn of(kind: Kind, folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            server: (kind == Kind::Postgresql).then(Postgresql::start),
        }
    }

    /// Where a service's is.
    pub fn home(&self, service: &'static str) -> Home {
        match &self.server {
            None => Home::sqlite(service, &self.folder),
            Some(server) => Home::postgresql(service, &server.url()),
        }
    }

    /// The server, where there is one.
    pub fn server(&self) -> Option<&Postgresql> {
        self.server.as_ref()
    }
}

/// A program: on PATH, else where `make tools` puts it.
///
/// # Panics
/// Where there is none.
fn program(name: &str) -> PathBuf {
    let tools = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../.tools/bin"));
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path)
        .chain([tools.to_path_buf()])
        .map(|folder| folder.join(name))
        .find(|file| file.is_file());
    let found =
        found.unwrap_or_else(|| panic!("there is no {name} here: `tools/fetch databases` gets it"));
    // Links lead to where its libraries and tables are.
    found.canonicalize().expect("a program that is there")
}
