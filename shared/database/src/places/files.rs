//! Places that are SQLite files: "projection.3.sqlite" beside "projection.sqlite".

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::DatabaseError;

/// The file of a place.
pub(super) fn file(own: &Path, service: &str, place: u64) -> PathBuf {
    own.with_file_name(format!("{service}.{place}.sqlite"))
}

/// The file stays, and so does its name.
pub(super) async fn settle(own: &Path, file: &Path) -> Result<(), DatabaseError> {
    for path in [file, folder(own)] {
        let synced = tokio::fs::File::open(path).await;
        let synced = match synced {
            Ok(file) => file.sync_all().await,
            Err(error) => Err(error),
        };
        synced.map_err(|source| failed(path, source))?;
    }
    Ok(())
}

pub(super) fn all(own: &Path, service: &str) -> Result<Vec<u64>, DatabaseError> {
    let folder = folder(own);
    let failed = |source| failed(folder, source);
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        all.extend(name.to_str().and_then(|name| number(service, name)));
    }
    all.sort_unstable();
    Ok(all)
}

pub(super) fn remove(file: &Path) -> Result<(), DatabaseError> {
    // The database itself last: while it is there, the place is found again.
    for beside in ["-wal", "-shm", ""] {
        let path = PathBuf::from(format!("{}{beside}", file.display()));
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed(&path, error));
            }
            _ => {}
        }
    }
    Ok(())
}

fn folder(own: &Path) -> &Path {
    own.parent().unwrap_or(Path::new("."))
}

fn number(service: &str, name: &str) -> Option<u64> {
    let number = name.strip_prefix(service)?.strip_prefix('.')?;
    number.strip_suffix(".sqlite")?.parse().ok()
}

fn failed(path: &Path, source: io::Error) -> DatabaseError {
    DatabaseError::Place {
        path: path.to_path_buf(),
        source,
    }
}
