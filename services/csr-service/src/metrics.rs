//! What waits.

use runtime::metrics::{Collect, CollectError, queue};
use sea_orm::DatabaseConnection;

use crate::reactions::owed;

/// What waits in the service's tables.
pub struct Waiting {
    /// The service's name.
    pub service: &'static str,
    /// Where the tables are.
    pub database: DatabaseConnection,
}

#[async_trait::async_trait]
impl Collect for Waiting {
    async fn refresh(&self) -> Result<(), CollectError> {
        let owed = owed::count(&self.database).await?;
        queue(self.service, "fulfilments", owed);
        Ok(())
    }
}
