//! A real SQLite file with the tables in it.

use std::time::Duration;

use eventlog::{Apply, ApplyError, Recorded};
use projection::{follow::Projector, grpc::Questions, position::Position, tables::migration};
use runtime::Clock;
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, Statement, TransactionTrait,
};
use sea_orm_migration::{MigrationTrait, MigratorTrait};
use tempfile::TempDir;

struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        migration::all()
    }
}

/// The tables in a folder of their own.
pub struct Tables {
    pub database: DatabaseConnection,
    pub position: Position,
    _folder: TempDir,
}

impl Tables {
    pub async fn empty() -> Self {
        Self::upgraded("").await
    }

    /// The tables in a database where these statements were run before.
    pub async fn upgraded(before: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("projection.sqlite");
        let mut options = ConnectOptions::new(format!("sqlite://{}?mode=rwc", file.display()));
        options
            .max_connections(4)
            .sqlx_logging(false)
            .map_sqlx_sqlite_opts(|options| {
                let options = options
                    .foreign_keys(true)
                    .journal_mode(sea_orm::sqlx::sqlite::SqliteJournalMode::Wal);
                // No power is cut here.
                options.synchronous(sea_orm::sqlx::sqlite::SqliteSynchronous::Off)
            });
        let database = Database::connect(options).await.unwrap();
        database.execute_unprepared(before).await.unwrap();
        Migrator::up(&database, None).await.unwrap();
        Self {
            database,
            position: Position::at(0),
            _folder: folder,
        }
    }

    pub async fn with(events: &[Recorded]) -> Self {
        let tables = Self::empty().await;
        tables.apply(events).await.unwrap();
        tables
    }

    /// Applies one batch, as the follower does.
    pub async fn apply(&self, events: &[Recorded]) -> Result<(), ApplyError> {
        let mut projector = Projector::new(self.position.clone());
        let tx = self.database.begin().await.unwrap();
        projector.apply(&tx, events).await?;
        tx.commit().await.unwrap();
        if let Some(last) = events.last() {
            projector.committed(last.sequence, events).await;
        }
        Ok(())
    }

    /// The service, at this time, which waits for at most 200 ms.
    pub fn questions(&self, clock: &Clock) -> Questions {
        self.patient_questions(clock, Duration::from_millis(200))
    }

    /// The service, which waits for at most `patience`.
    pub fn patient_questions(&self, clock: &Clock, patience: Duration) -> Questions {
        Questions::new(
            self.database.clone(),
            self.position.clone(),
            clock.clone(),
            patience,
        )
    }

    /// Every row of every table but the migrations', as text.
    pub async fn dump(&self) -> Vec<String> {
        let mut all = Vec::new();
        for table in TABLES {
            let rows = self
                .database
                .query_all_raw(self.statement(&format!("SELECT * FROM {table}")))
                .await
                .unwrap();
            let mut rows = rows
                .iter()
                .map(|row| format!("{table} {:?}", values(row)))
                .collect::<Vec<_>>();
            rows.sort();
            all.extend(rows);
        }
        all
    }

    pub fn statement(&self, sql: &str) -> Statement {
        Statement::from_string(self.database.get_database_backend(), sql)
    }
}

/// Columns of any type, as text.
fn values(row: &sea_orm::QueryResult) -> Vec<String> {
    let value = |at: usize| {
        let text = row
            .try_get_by_index::<Option<String>>(at)
            .map(|v| format!("{v:?}"));
        let number = || {
            row.try_get_by_index::<Option<i64>>(at)
                .map(|v| format!("{v:?}"))
        };
        let bytes = || {
            row.try_get_by_index::<Option<Vec<u8>>>(at)
                .map(|v| format!("{v:?}"))
        };
        text.or_else(|_| number()).or_else(|_| bytes()).unwrap()
    };
    (0..row.column_names().len()).map(value).collect()
}

const TABLES: [&str; 20] = [
    "certificate",
    "certificate_name",
    "certificate_version",
    "certificate_issuer",
    "issuer",
    "default_certificate",
    "private_key",
    "request",
    "request_name",
    "acme_server",
    "dns_provider",
    "automation",
    "automation_name",
    "channel",
    "alert",
    "event",
    "tree_tile",
    "checkpoint",
    "cosignature",
    "disclosure",
];
