//! Where the database of one service is.

use std::{
    fs,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, DbErr};
use sea_orm_migration::MigrationTrait;

use crate::{
    DatabaseError, ServerUrl, copy,
    migrator::Migrator,
    places::Places,
    postgresql::{self, Purpose, Schema},
    sqlite,
};

/// The database of one service, and those beside it. Making it touches nothing.
#[derive(Debug, Clone)]
pub struct Home {
    service: &'static str,
    at: At,
    failed: fn(&'static str),
}

#[derive(Debug, Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "a service has one or two of them"
)]
pub(crate) enum At {
    /// A file.
    Sqlite(PathBuf),
    /// A schema.
    Postgresql(Schema),
}

/// How much of another database has to be in one that is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Copied {
    Whole,
    InPart,
}

impl Home {
    /// A file of its own, in this folder.
    pub fn sqlite(service: &'static str, folder: impl Into<PathBuf>) -> Self {
        let at = At::Sqlite(folder.into().join(format!("{service}.sqlite")));
        Self {
            service,
            at,
            failed: |_| {},
        }
    }

    /// A schema of its own, on this server.
    pub fn postgresql(service: &'static str, url: &ServerUrl) -> Self {
        let at = At::Postgresql(Schema::of(service, url));
        Self {
            service,
            at,
            failed: |_| {},
        }
    }

    /// The same; `failed` hears of each statement that fails.
    pub fn watched(self, failed: fn(&'static str)) -> Self {
        Self { failed, ..self }
    }

    /// Opens the database, makes it where there is none, and runs the migrations that are still to run.
    ///
    /// # Errors
    /// See [`DatabaseError`].
    pub async fn open(
        &self,
        migrations: Vec<Box<dyn MigrationTrait>>,
    ) -> Result<DatabaseConnection, DatabaseError> {
        self.open_as(Copied::Whole, migrations).await
    }

    /// The same for who copies rows to it: up to [`copy::finish`] nobody else can open it.
    ///
    /// # Errors
    /// See [`DatabaseError`].
    pub async fn open_to_copy(
        &self,
        migrations: Vec<Box<dyn MigrationTrait>>,
    ) -> Result<DatabaseConnection, DatabaseError> {
        // Marked before it has a table that it could be started with.
        let bare = self.open_as(Copied::Whole, Vec::new()).await?;
        let marked = copy::begin(&bare).await;
        marked.map_err(|source| self.not_open(source))?;
        bare.close().await.map_err(|source| self.not_open(source))?;
        self.open_as(Copied::InPart, migrations).await
    }

    async fn open_as(
        &self,
        copied: Copied,
        migrations: Vec<Box<dyn MigrationTrait>>,
    ) -> Result<DatabaseConnection, DatabaseError> {
        let migrations = Migrator::new(migrations);
        match &self.at {
            At::Sqlite(path) => {
                if let Some(folder) = path.parent() {
                    let mut ours = fs::DirBuilder::new();
                    // Sealed keys, hashes of tokens, addresses of people: nobody else's to read.
                    let made = ours.recursive(true).mode(0o700).create(folder);
                    made.map_err(|source| DatabaseError::Folder {
                        path: folder.into(),
                        source,
                    })?;
                }
                let database = self.connect(MAX_CONNECTIONS).await?;
                self.refuse_other_than(copied, &database).await?;
                migrations
                    .up(&database)
                    .await
                    .map_err(|source| self.not_migrated(source))?;
                Ok(database)
            }
            At::Postgresql(schema) => {
                // One connection, whose lock keeps other replicas from doing the same.
                let one = self.connect(1).await?;
                self.refuse_other_than(copied, &one).await?;
                let migrated = migrate(&one, schema, &migrations).await;
                migrated.map_err(|source| self.not_migrated(source))?;
                one.close()
                    .await
                    .map_err(|source| self.not_migrated(source))?;
                self.connect(MAX_CONNECTIONS).await
            }
        }
    }

    /// One more connection, alone, for who writes all the time: what it has in its cache stays good, and no
    /// reader keeps it waiting for a connection. The database must have been opened before.
    ///
    /// # Errors
    /// See [`DatabaseError::Open`].
    pub async fn writer(&self) -> Result<DatabaseConnection, DatabaseError> {
        self.connect(1).await
    }

    /// Further databases beside it.
    pub fn places(&self) -> Places {
        Places::new(self.clone())
    }

    /// Whose it is.
    pub(crate) fn service(&self) -> &'static str {
        self.service
    }

    pub(crate) fn at(&self) -> &At {
        &self.at
    }

    pub(crate) fn path(&self) -> Option<&Path> {
        match &self.at {
            At::Sqlite(path) => Some(path),
            At::Postgresql(_) => None,
        }
    }

    pub(crate) fn schema(&self) -> Option<&Schema> {
        match &self.at {
            At::Sqlite(_) => None,
            At::Postgresql(schema) => Some(schema),
        }
    }

    pub(crate) fn not_open(&self, source: DbErr) -> DatabaseError {
        DatabaseError::Open {
            at: self.at.to_string(),
            source,
        }
    }

    pub(crate) async fn connect(
        &self,
        connections: u32,
    ) -> Result<DatabaseConnection, DatabaseError> {
        self.connect_for(Purpose::Keep, connections).await
    }

    pub(crate) async fn connect_for(
        &self,
        purpose: Purpose,
        connections: u32,
    ) -> Result<DatabaseConnection, DatabaseError> {
        let options = match &self.at {
            At::Sqlite(path) => sqlite::options(path),
            At::Postgresql(schema) => schema.options(purpose),
        };
        self.connect_with(options, connections, &self.at).await
    }

    /// Connects to what is at a place of this home's.
    pub(crate) async fn connect_with(
        &self,
        mut options: ConnectOptions,
        connections: u32,
        at: &At,
    ) -> Result<DatabaseConnection, DatabaseError> {
        options.max_connections(connections).sqlx_logging(false);
        let database = Database::connect(options).await;
        let mut database = database.map_err(|source| DatabaseError::Open {
            at: at.to_string(),
            source,
        })?;
        if matches!(at, At::Postgresql(_)) {
            let safe = postgresql::check(&database).await;
            safe.map_err(|source| DatabaseError::Open {
                at: at.to_string(),
                source,
            })?;
        }
        let (service, failed) = (self.service, self.failed);
        database.set_metric_callback(move |statement| {
            if statement.failed {
                failed(service);
            }
        });
        Ok(database)
    }

    /// Refuses a database with a part of what another has to all but who copies.
    async fn refuse_other_than(
        &self,
        copied: Copied,
        database: &DatabaseConnection,
    ) -> Result<(), DatabaseError> {
        let marked = copy::is_marked(database).await;
        let marked = marked.map_err(|source| self.not_open(source))?;
        match marked && copied == Copied::Whole {
            true => Err(DatabaseError::HalfCopied {
                at: self.at.to_string(),
            }),
            false => Ok(()),
        }
    }

    fn not_migrated(&self, source: DbErr) -> DatabaseError {
        DatabaseError::Migrate {
            at: self.at.to_string(),
            source,
        }
    }
}

async fn migrate(
    one: &DatabaseConnection,
    schema: &Schema,
    migrations: &Migrator,
) -> Result<(), DbErr> {
    // Another replica's migrations may take a while.
    one.execute_unprepared("SET lock_timeout = '5min'").await?;
    let lock = format!("SELECT pg_advisory_lock({})", schema.lock());
    one.execute_unprepared(&lock).await?;
    // Who may not make schemas may have been given one.
    let there = format!(
        "SELECT 1 FROM pg_namespace WHERE nspname = '{}'",
        schema.name
    );
    if one.execute_unprepared(&there).await?.rows_affected() == 0 {
        one.execute_unprepared(&format!("CREATE SCHEMA {}", schema.name))
            .await?;
    }
    migrations.up(one).await?;
    postgresql::octets(one).await
}

/// Where it is, without a password.
impl std::fmt::Display for Home {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.at.fmt(f)
    }
}

impl std::fmt::Display for At {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(path) => path.display().fmt(f),
            Self::Postgresql(schema) => schema.fmt(f),
        }
    }
}

/// SQLite has one writer at a time; more connections only help readers.
pub(crate) const MAX_CONNECTIONS: u32 = 8;
