//! The tables from which questions are answered now: others, once they were made anew.

use sea_orm::DatabaseConnection;
use tokio::sync::watch;

use crate::position::Position;

/// The database that is served, and how far it is. Clones share both.
#[derive(Debug, Clone)]
pub struct Served {
    database: watch::Sender<DatabaseConnection>,
    position: Position,
}

impl Served {
    /// At first this one, which is as of `position`.
    pub fn new(database: DatabaseConnection, position: Position) -> Self {
        Self {
            database: watch::Sender::new(database),
            position,
        }
    }

    /// Where to ask. Taken after [`position`](Self::position) was waited for, it holds what was waited for; and it
    /// answers for a while after others are served.
    pub fn database(&self) -> DatabaseConnection {
        self.database.borrow().clone()
    }

    /// How far it is.
    pub fn position(&self) -> &Position {
        &self.position
    }

    /// From now on this one, which is not behind the one before.
    pub fn serve(&self, database: DatabaseConnection) {
        self.database.send_replace(database);
    }
}
