//! Further databases of a service, each in a numbered place: tables are made anew in one while those in another are
//! served, and what is served no more is removed whole. Which one is served is the service's to remember.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use sea_orm::DatabaseConnection;

use super::{DatabaseError, MAX_CONNECTIONS, connect, scratch};

/// The places of one service. Making it touches nothing.
#[derive(Debug, Clone)]
pub struct Places {
    service: &'static str,
    folder: PathBuf,
}

impl Places {
    /// Of this service, in this folder.
    pub fn new(service: &'static str, folder: impl Into<PathBuf>) -> Self {
        Self {
            service,
            folder: folder.into(),
        }
    }

    /// The database at a place, for readers; an empty one, where there is none.
    ///
    /// # Errors
    /// [`DatabaseError::Open`].
    pub async fn open(&self, place: u64) -> Result<DatabaseConnection, DatabaseError> {
        connect(self.service, &self.file(place), MAX_CONNECTIONS).await
    }

    /// One connection to it, alone, for who writes all the time.
    ///
    /// # Errors
    /// Likewise.
    pub async fn writer(&self, place: u64) -> Result<DatabaseConnection, DatabaseError> {
        connect(self.service, &self.file(place), 1).await
    }

    /// One connection to an empty place, for who fills it and throws it away where that fails: until it was
    /// [settled](Self::settle) nothing of it would stand a crash.
    ///
    /// # Errors
    /// Likewise.
    pub async fn builder(&self, place: u64) -> Result<DatabaseConnection, DatabaseError> {
        let path = self.file(place);
        let builder = scratch::writer(&path).await;
        builder.map_err(|source| DatabaseError::Open { path, source })
    }

    /// What a builder wrote stays. Its connection must be closed.
    ///
    /// # Errors
    /// [`DatabaseError::Place`].
    pub async fn settle(&self, place: u64) -> Result<(), DatabaseError> {
        for path in [self.file(place), self.folder.clone()] {
            let synced = tokio::fs::File::open(&path).await;
            let synced = match synced {
                Ok(file) => file.sync_all().await,
                Err(error) => Err(error),
            };
            synced.map_err(|source| place_failed(&path, source))?;
        }
        Ok(())
    }

    /// The places where there is something, in order.
    ///
    /// # Errors
    /// [`DatabaseError::Place`].
    pub async fn all(&self) -> Result<Vec<u64>, DatabaseError> {
        let failed = |source| place_failed(&self.folder, source);
        let mut all = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            all.extend(name.to_str().and_then(|name| self.number(name)));
        }
        all.sort_unstable();
        Ok(all)
    }

    /// Removes what is there. Nobody may have it open any more.
    ///
    /// # Errors
    /// [`DatabaseError::Place`].
    pub async fn remove(&self, place: u64) -> Result<(), DatabaseError> {
        let file = self.file(place);
        // The database itself last: while it is there, the place is found again.
        for beside in ["-wal", "-shm", ""] {
            let path = PathBuf::from(format!("{}{beside}", file.display()));
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(place_failed(&path, error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn file(&self, place: u64) -> PathBuf {
        self.folder.join(format!("{}.{place}.sqlite", self.service))
    }

    fn number(&self, name: &str) -> Option<u64> {
        let number = name.strip_prefix(self.service)?.strip_prefix('.')?;
        number.strip_suffix(".sqlite")?.parse().ok()
    }
}

fn place_failed(path: &Path, source: io::Error) -> DatabaseError {
    DatabaseError::Place {
        path: path.to_path_buf(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::ConnectionTrait as _;

    use super::*;

    #[tokio::test]
    async fn a_place_is_there_from_its_first_use_until_it_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places::new("rows", folder.path());
        fs::write(folder.path().join("rows.sqlite"), "").unwrap();
        fs::write(folder.path().join("other.3.sqlite"), "").unwrap();
        for place in [2, 10] {
            let builder = places.builder(place).await.unwrap();
            let table = "CREATE TABLE t (n integer)";
            builder.execute_unprepared(table).await.unwrap();
            builder.close().await.unwrap();
            places.settle(place).await.unwrap();
            let writer = places.writer(place).await.unwrap();
            let row = "INSERT INTO t VALUES (1)";
            writer.execute_unprepared(row).await.unwrap();
            writer.close().await.unwrap();
        }
        assert_eq!(places.all().await.unwrap(), [2, 10]);
        places.remove(2).await.unwrap();
        places.remove(2).await.unwrap();
        assert_eq!(places.all().await.unwrap(), [10]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    }
}
