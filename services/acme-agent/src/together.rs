//! Rows of several tables that follow from the events of automations: kept by one follower, in one transaction.

use std::sync::Arc;

use eventlog::{Aggregate, Apply, ApplyError, Recorded};
use sea_orm::{DatabaseTransaction, DbErr};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::{automation::Automation, events::AutomationEvent};

/// An event of an automation.
pub struct Heard<'a> {
    /// The automation.
    pub automation: Uuid,
    /// What happened.
    pub event: AutomationEvent,
    /// The event as the log has it.
    pub recorded: &'a Recorded,
}

/// The rows of a table.
#[async_trait::async_trait]
pub trait Rows: Send {
    /// Writes what a batch of events changes.
    ///
    /// # Errors
    /// What the database says.
    async fn hear(&mut self, tx: &DatabaseTransaction, heard: &[Heard<'_>]) -> Result<(), DbErr>;

    /// Who is told when there may be new ones.
    fn changed(&self) -> &[Arc<Notify>];
}

/// All of them hear each batch of events, which is read once.
pub struct Together(pub Vec<Box<dyn Rows>>);

#[async_trait::async_trait]
impl Apply for Together {
    async fn apply(
        &mut self,
        tx: &DatabaseTransaction,
        events: &[Recorded],
    ) -> Result<(), ApplyError> {
        let ours = events.iter().filter(|e| e.aggregate == Automation::NAME);
        let heard = ours.map(read).collect::<Result<Vec<_>, _>>()?;
        for rows in &mut self.0 {
            rows.hear(tx, &heard).await?;
        }
        Ok(())
    }

    async fn committed(&mut self, _: u64, _: &[Recorded]) {
        // Also without events of ours: then another replica may have written the rows, and be gone.
        for changed in self.0.iter().flat_map(|rows| rows.changed()) {
            changed.notify_one();
        }
    }
}

fn read(recorded: &Recorded) -> Result<Heard<'_>, ApplyError> {
    let event = recorded.decode::<AutomationEvent>();
    let event = event.map_err(|e| ApplyError::event(recorded, e))?;
    let automation = Uuid::parse_str(&recorded.id);
    let automation = automation.map_err(|e| ApplyError::event(recorded, e))?;
    Ok(Heard {
        automation,
        event,
        recorded,
    })
}
