//! A real database with the tables in it.

use std::time::Duration;

use databases::Databases;
use eventlog::{Apply, ApplyError, Recorded};
use projection::{
    follow::Projector, grpc::Questions, position::Position, served::Served, skipped::Skipped,
    tables::migration,
};
use runtime::Clock;
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement, TransactionTrait};
use tempfile::TempDir;

/// The tables in a folder of their own.
pub struct Tables {
    pub database: DatabaseConnection,
    pub position: Position,
    _databases: Databases,
    _folder: TempDir,
}

impl Tables {
    pub async fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let databases = Databases::wanted(folder.path());
        let home = databases.home("projection");
        let database = home.open(Vec::new()).await.unwrap();
        migration::make(&database).await.unwrap();
        migration::index(&database).await.unwrap();
        Self {
            database,
            position: Position::at(0),
            _databases: databases,
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
        let mut projector = Projector::new(self.position.clone(), Skipped::default());
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
        Questions::new(self.served(), None, clock.clone(), patience)
    }

    /// As the service serves them.
    pub fn served(&self) -> Served {
        Served::new(self.database.clone(), self.position.clone())
    }

    /// Every row of every table, as text.
    pub async fn dump(&self) -> Vec<String> {
        dump(&self.database).await
    }

    pub fn statement(&self, sql: &str) -> Statement {
        Statement::from_string(self.database.get_database_backend(), sql)
    }
}

/// Every row of every table of this database, as text.
pub async fn dump(database: &DatabaseConnection) -> Vec<String> {
    let mut all = Vec::new();
    for table in TABLES {
        let select = format!("SELECT * FROM {table}");
        let select = Statement::from_string(database.get_database_backend(), select);
        let rows = database.query_all_raw(select).await.unwrap();
        let mut rows = rows
            .iter()
            .map(|row| format!("{table} {:?}", values(row)))
            .collect::<Vec<_>>();
        rows.sort();
        all.extend(rows);
    }
    all
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
        let small = || {
            row.try_get_by_index::<Option<i32>>(at)
                .map(|v| format!("{v:?}"))
        };
        let truth = || {
            row.try_get_by_index::<Option<bool>>(at)
                // As SQLite has it.
                .map(|v| format!("{:?}", v.map(i64::from)))
        };
        let json = || {
            row.try_get_by_index::<Option<serde_json::Value>>(at)
                .map(|v| format!("{v:?}"))
        };
        let text = text.or_else(|_| number()).or_else(|_| bytes());
        let text = text.or_else(|_| small()).or_else(|_| truth());
        text.or_else(|_| json()).unwrap()
    };
    (0..row.column_names().len()).map(value).collect()
}

const TABLES: [&str; 22] = [
    "certificate",
    "certificate_name",
    "certificate_version",
    "certificate_issuer",
    "certificate_gram",
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
    "tally",
];
