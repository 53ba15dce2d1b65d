//! Rows of several tables, kept by one follower in one transaction.

use eventlog::{Apply, ApplyError, Recorded};
use sea_orm::DatabaseTransaction;

/// Applies each batch of events to all of them.
pub struct Together(pub Vec<Box<dyn Apply>>);

#[async_trait::async_trait]
impl Apply for Together {
    async fn apply(
        &mut self,
        tx: &DatabaseTransaction,
        events: &[Recorded],
    ) -> Result<(), ApplyError> {
        for rows in &mut self.0 {
            rows.apply(tx, events).await?;
        }
        Ok(())
    }

    async fn committed(&mut self, position: u64, events: &[Recorded]) {
        for rows in &mut self.0 {
            rows.committed(position, events).await;
        }
    }
}
