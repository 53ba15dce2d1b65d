//! One writer for many commands: what they want written at the same time is one commit.
//!
//! A commit waits for the disk, and SQLite has one writer at a time; so the commands of a moment share one
//! wait instead of queueing up for it. Each still learns what became of its own part.

use std::{future::Future, pin::Pin};

use runtime::database;
use sea_orm::{DatabaseConnection, DatabaseTransaction, DbErr};
use tokio::sync::{mpsc, oneshot};

/// Writes in turn. Cheap to clone; it ends with its last clone.
#[derive(Debug, Clone)]
pub struct Writer {
    queue: mpsc::Sender<Box<dyn Write>>,
}

/// What [`Writer::write`] is given makes of a transaction.
pub type Written<'a, T> = Pin<Box<dyn Future<Output = Result<T, DbErr>> + Send + 'a>>;

impl Writer {
    /// A writer of this database; needs a tokio runtime.
    pub fn new(database: DatabaseConnection) -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE);
        tokio::spawn(run(database, jobs));
        Self { queue }
    }

    /// Has this written, and returns once it is committed. It shares its transaction with others, so it
    /// looks before it writes, and an error is for a database that fails, not for a rule that says no.
    ///
    /// # Errors
    /// What the database says, also where it said so to another's part of the same transaction.
    pub async fn write<T, F>(&self, work: F) -> Result<T, DbErr>
    where
        T: Send + 'static,
        F: for<'a> FnOnce(&'a DatabaseTransaction) -> Written<'a, T> + Send + 'static,
    {
        let (done, answer) = oneshot::channel();
        let part = Part {
            work: Some(work),
            outcome: None,
            done,
        };
        let gone = || DbErr::Custom("the writer has stopped".into());
        self.queue.send(Box::new(part)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

/// A part of a transaction.
#[async_trait::async_trait]
trait Write: Send {
    async fn run(&mut self, tx: &DatabaseTransaction) -> Result<(), DbErr>;

    /// Tells who asked for it what became of the transaction.
    fn finish(self: Box<Self>, committed: Result<(), DbErr>);
}

struct Part<T, F> {
    work: Option<F>,
    outcome: Option<T>,
    done: oneshot::Sender<Result<T, DbErr>>,
}

#[async_trait::async_trait]
impl<T, F> Write for Part<T, F>
where
    T: Send + 'static,
    F: for<'a> FnOnce(&'a DatabaseTransaction) -> Written<'a, T> + Send + 'static,
{
    async fn run(&mut self, tx: &DatabaseTransaction) -> Result<(), DbErr> {
        if let Some(work) = self.work.take() {
            self.outcome = Some(work(tx).await?);
        }
        Ok(())
    }

    fn finish(self: Box<Self>, committed: Result<(), DbErr>) {
        let Self { outcome, done, .. } = *self;
        let unfinished = || DbErr::Custom("the writer did not get that far".into());
        let outcome = committed.and_then(|()| outcome.ok_or_else(unfinished));
        // Who asked may have gone.
        let _ = done.send(outcome);
    }
}

async fn run(database: DatabaseConnection, mut jobs: mpsc::Receiver<Box<dyn Write>>) {
    let mut parts = Vec::with_capacity(AT_ONCE);
    while jobs.recv_many(&mut parts, AT_ONCE).await > 0 {
        let committed = commit(&database, &mut parts).await;
        for part in parts.drain(..) {
            part.finish(match &committed {
                Ok(()) => Ok(()),
                Err(error) => Err(DbErr::Custom(error.to_string())),
            });
        }
    }
}

async fn commit(database: &DatabaseConnection, parts: &mut [Box<dyn Write>]) -> Result<(), DbErr> {
    let tx = database::begin_write(database).await?;
    for part in parts {
        part.run(&tx).await?;
    }
    tx.commit().await
}

const QUEUE: usize = 256;

/// Parts of one transaction: it ends before others have waited long.
const AT_ONCE: usize = 64;
