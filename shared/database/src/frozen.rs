//! A database that stands still for a moment, so that several can be copied as of the same one.

use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, Statement,
};

use crate::{DatabaseError, Home, begin_read, begin_write, copy, postgresql::Purpose};

/// Nobody else writes as long as this is there.
pub struct Frozen {
    at: String,
    database: DatabaseConnection,
    turn: DatabaseTransaction,
}

/// What a database held when it was frozen, however it is written to since.
pub struct Moment {
    /// The transaction that sees it.
    pub reader: DatabaseTransaction,
    database: DatabaseConnection,
    /// Others wait as long as it is there.
    turn: Option<DatabaseTransaction>,
}

impl Home {
    /// Whether there is a database; looking makes none.
    ///
    /// # Errors
    /// What the database says.
    pub async fn is_there(&self) -> Result<bool, DatabaseError> {
        let Some(schema) = self.schema() else {
            return Ok(self.path().is_some_and(std::path::Path::exists));
        };
        let database = self.connect(1).await?;
        let look = Statement::from_string(
            DbBackend::Postgres,
            format!(
                "SELECT 1 FROM pg_namespace WHERE nspname = '{}'",
                schema.name
            ),
        );
        let found = database.query_one_raw(look).await;
        let closed = database.close().await;
        let found = found.and_then(|found| closed.map(|()| found));
        Ok(found.map_err(|source| self.not_open(source))?.is_some())
    }

    /// Waits for its turn to write, and keeps it.
    ///
    /// # Errors
    /// What the database says, also where its turn did not come within 10 s.
    pub async fn freeze(&self) -> Result<Frozen, DatabaseError> {
        let database = self.connect_for(Purpose::Copy, 2).await?;
        let turn = turn(&database)
            .await
            .map_err(|source| self.not_open(source))?;
        Ok(Frozen {
            at: self.to_string(),
            database,
            turn,
        })
    }
}

/// On PostgreSQL also of those who write in one statement, and take no turn.
async fn turn(database: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let turn = begin_write(database).await?;
    if turn.get_database_backend() == DbBackend::Postgres {
        for table in copy::tables(&turn).await? {
            let lock = format!("LOCK TABLE \"{}\" IN SHARE MODE", table.name);
            turn.execute_unprepared(&lock).await?;
        }
    }
    Ok(turn)
}

impl Frozen {
    /// Lets others write again, and still sees what was there before.
    ///
    /// # Errors
    /// What the database says.
    pub async fn thaw(self) -> Result<Moment, DatabaseError> {
        let at = self.at.clone();
        let mut moment = self.keep().await?;
        if let Some(turn) = moment.turn.take() {
            turn.rollback()
                .await
                .map_err(|source| DatabaseError::Open { at, source })?;
        }
        Ok(moment)
    }

    /// The same, and nobody writes before it is closed.
    ///
    /// # Errors
    /// Likewise.
    pub async fn keep(self) -> Result<Moment, DatabaseError> {
        let Self { at, database, turn } = self;
        let seen = async {
            let reader = begin_read(&database).await?;
            // What it sees is settled by its first look.
            copy::migrations(&reader).await?;
            Ok(reader)
        };
        let reader = seen
            .await
            .map_err(|source| DatabaseError::Open { at, source })?;
        Ok(Moment {
            reader,
            database,
            turn: Some(turn),
        })
    }
}

impl Moment {
    /// Lets go of it.
    ///
    /// # Errors
    /// What the database says.
    pub async fn close(self) -> Result<(), DbErr> {
        self.reader.rollback().await?;
        if let Some(turn) = self.turn {
            turn.rollback().await?;
        }
        self.database.close().await
    }
}
