//! Files as what is in them.

use pki::{
    Certificate, PrivateKey,
    import::{self, Contents, ImportError},
};
use tokio::task::spawn_blocking;

use super::File;
use crate::commands::{CommandError, Commands};

/// A file that was read.
pub(super) struct Read {
    pub name: String,
    pub contents: Result<Contents, ImportError>,
}

impl Read {
    /// All certificates of all files.
    pub(super) fn certificates(files: &[Read]) -> impl Iterator<Item = &Certificate> {
        let contents = files.iter().flat_map(|file| &file.contents);
        contents.flat_map(|contents| &contents.certificates)
    }

    /// All private keys of all files.
    pub(super) fn keys(files: &[Read]) -> impl Iterator<Item = &PrivateKey> {
        let contents = files.iter().flat_map(|file| &file.contents);
        contents.flat_map(|contents| &contents.keys)
    }
}

impl Commands {
    /// Reads all files, one after another: whoever sends many waits, and not the others.
    pub(super) async fn read(&self, files: Vec<File>) -> Result<Vec<Read>, CommandError> {
        let mut all = Vec::with_capacity(files.len());
        for file in files {
            let read = spawn_blocking(move || Read {
                contents: import::read(
                    &file.content,
                    file.passphrase.as_ref().map(|text| text.as_str()),
                ),
                name: file.name,
            });
            all.push(read.await.map_err(CommandError::Broken)?);
        }
        Ok(all)
    }
}
