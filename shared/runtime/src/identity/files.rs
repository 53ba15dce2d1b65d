//! An identity on disk: read whole, replaced whole.

use std::{
    fs, io,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::IdentityError;
use crate::Layout;

/// The three files of an identity, as they are.
pub(super) struct Files {
    /// The internal CA, PEM.
    pub(super) ca: Vec<u8>,
    /// Leaf and CA, PEM.
    pub(super) leaf: Vec<u8>,
    /// PKCS#8, PEM.
    pub(super) key: Zeroizing<Vec<u8>>,
}

/// Reads what is in place.
pub(super) fn read(layout: &Layout, name: &str) -> Result<Files, IdentityError> {
    Ok(Files {
        ca: read_file(layout.ca_certificate())?,
        leaf: read_file(layout.leaf(name))?,
        key: Zeroizing::new(read_file(layout.leaf_key(name))?),
    })
}

/// Reads the certificate that a [`replace`] did not get to put in place, if there is one.
pub(super) fn read_unfinished(layout: &Layout, name: &str) -> Option<Vec<u8>> {
    fs::read(next(&layout.leaf(name))).ok()
}

/// Puts that certificate in place.
pub(super) fn finish(layout: &Layout, name: &str) -> Result<(), IdentityError> {
    rename(&layout.leaf(name))
}

/// Replaces key and certificate, so that a crash at any point leaves a pair that can be read.
pub(super) fn replace(
    layout: &Layout,
    name: &str,
    leaf: &[u8],
    key: &[u8],
) -> Result<(), IdentityError> {
    let (leaf_path, key_path) = (layout.leaf(name), layout.leaf_key(name));
    // Step 1: both beside the old ones. A crash after this leaves the old pair in place.
    write(&next(&leaf_path), leaf)?;
    write(&next(&key_path), key)?;
    // Step 2: the key. A crash after this leaves a key without its certificate, which is found beside it.
    rename(&key_path)?;
    // Step 3: the certificate.
    rename(&leaf_path)
}

fn read_file(path: PathBuf) -> Result<Vec<u8>, IdentityError> {
    fs::read(&path).map_err(|source| IdentityError::Read { path, source })
}

fn write(path: &Path, content: &[u8]) -> Result<(), IdentityError> {
    let write = || -> io::Result<()> {
        // One that a crash left behind would keep its mode.
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(content)?;
        file.sync_all()
    };
    write().map_err(|source| IdentityError::Write {
        path: path.into(),
        source,
    })
}

fn rename(path: &Path) -> Result<(), IdentityError> {
    let rename = || -> io::Result<()> {
        fs::rename(next(path), path)?;
        match path.parent() {
            Some(folder) => fs::File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    };
    rename().map_err(|source| IdentityError::Write {
        path: path.into(),
        source,
    })
}

/// Where a file waits to replace another.
fn next(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".next");
    name.into()
}
