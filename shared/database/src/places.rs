//! Further databases of a service, each in a numbered place: tables are made anew in one while those in another are
//! served, and what is served no more is removed whole. Which one is served is the service's to remember.
//!
//! A place is a file beside the service's own, or a schema beside it. Replicas that share a PostgreSQL share the
//! schemas: a place that any of them has open is not removed.

mod files;
mod schemas;

use sea_orm::DatabaseConnection;

use crate::{
    DatabaseError, Home,
    home::{At, MAX_CONNECTIONS},
    postgresql::Purpose,
    scratch, sqlite,
};

/// The places of one service. Making it touches nothing.
#[derive(Debug, Clone)]
pub struct Places {
    home: Home,
}

impl Places {
    pub(crate) fn new(home: Home) -> Self {
        Self { home }
    }

    /// The database at a place, for readers.
    ///
    /// # Errors
    /// [`DatabaseError::Open`].
    pub async fn open(&self, place: u64) -> Result<DatabaseConnection, DatabaseError> {
        self.connect(place, MAX_CONNECTIONS).await
    }

    /// One connection to it, alone, for who writes all the time.
    ///
    /// # Errors
    /// Likewise.
    pub async fn writer(&self, place: u64) -> Result<DatabaseConnection, DatabaseError> {
        self.connect(place, 1).await
    }

    /// A place that was empty, later than `after` and than all that there are, with one connection for who fills it
    /// and throws it away where that fails: until it was [settled](Self::settle) nothing of it would stand a crash.
    ///
    /// # Errors
    /// Likewise, and what [`all`](Self::all) may fail with.
    pub async fn builder(&self, after: u64) -> Result<(u64, DatabaseConnection), DatabaseError> {
        let mut place = self.all().await?.into_iter().max().unwrap_or(0).max(after) + 1;
        match self.home.at() {
            At::Sqlite(own) => {
                let path = files::file(own, self.home.service(), place);
                let builder = scratch::writer(&path).await;
                let builder = builder.map_err(|source| DatabaseError::Open {
                    at: path.display().to_string(),
                    source,
                })?;
                Ok((place, builder))
            }
            At::Postgresql(own) => {
                // Another replica may have begun with the same number.
                while !schemas::make(&self.home, own, place).await? {
                    place += 1;
                }
                let schema = schemas::schema(own, place);
                let at = At::Postgresql(schema.clone());
                let builder = self
                    .home
                    .connect_with(schema.options(Purpose::Build), 1, &at)
                    .await?;
                Ok((place, builder))
            }
        }
    }

    /// What a builder wrote stays. Its connection must be closed.
    ///
    /// # Errors
    /// [`DatabaseError::Place`].
    pub async fn settle(&self, place: u64) -> Result<(), DatabaseError> {
        match self.home.at() {
            At::Sqlite(own) => {
                files::settle(own, &files::file(own, self.home.service(), place)).await
            }
            // Whatever is committed after it, on any connection that waits for the disk, is behind it in the server's log.
            At::Postgresql(_) => Ok(()),
        }
    }

    /// The places where there is something, in order.
    ///
    /// # Errors
    /// [`DatabaseError::Place`], [`DatabaseError::Schemas`].
    pub async fn all(&self) -> Result<Vec<u64>, DatabaseError> {
        match self.home.at() {
            At::Sqlite(own) => files::all(own, self.home.service()),
            At::Postgresql(own) => schemas::all(&self.home, own).await,
        }
    }

    /// Removes what is there. Nobody in this process may have it open any more; where another one has, it stays, and is
    /// for that one to remove.
    ///
    /// # Errors
    /// Likewise.
    pub async fn remove(&self, place: u64) -> Result<(), DatabaseError> {
        match self.home.at() {
            At::Sqlite(own) => files::remove(&files::file(own, self.home.service(), place)),
            At::Postgresql(own) => schemas::remove(&self.home, own, place).await,
        }
    }

    async fn connect(
        &self,
        place: u64,
        connections: u32,
    ) -> Result<DatabaseConnection, DatabaseError> {
        let at = match self.home.at() {
            At::Sqlite(own) => At::Sqlite(files::file(own, self.home.service(), place)),
            At::Postgresql(own) => At::Postgresql(schemas::schema(own, place)),
        };
        let options = match &at {
            At::Sqlite(path) => sqlite::options(path),
            At::Postgresql(schema) => schema.options(Purpose::Hold),
        };
        self.home.connect_with(options, connections, &at).await
    }
}
