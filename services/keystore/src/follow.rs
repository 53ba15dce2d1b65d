//! The keystore's own follower of the log: what is [served](crate::serving), from what chains are
//! [linked](crate::linking), and which [claims](crate::claims) have their event.

mod confirm;

use std::time::Duration;

use api::{keystore::v1, x509};
use eventlog::{
    Aggregate, Apply, ApplyError, EventLog, Follower, LogError, Recorded, checkpoint, subject,
};
use sea_orm::{DatabaseConnection, DatabaseTransaction, DbErr};
use tokio::sync::watch;
use uuid::Uuid;

use crate::{
    certificate,
    events::{CertificateEvent, KeyEvent, TlsEvent},
    key, linking,
    request::{self, RequestEvent},
    serving, tls,
};

/// How far the tables have followed. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Progress {
    database: DatabaseConnection,
    /// Tells that the rows have moved on, in this process.
    position: watch::Sender<u64>,
}

impl Progress {
    /// That of this database.
    pub fn new(database: DatabaseConnection) -> Self {
        Self {
            database,
            position: watch::Sender::new(0),
        }
    }

    /// What keeps the tables: to be run beside the service.
    pub fn follower(&self, log: EventLog) -> (Follower, Tables) {
        let kinds = [
            certificate::State::NAME,
            key::State::NAME,
            tls::State::NAME,
            request::State::NAME,
        ];
        let follower = Follower {
            name: NAME.into(),
            subjects: kinds.map(subject::of_kind).into(),
            log,
            database: self.database.clone(),
        };
        let tables = Tables {
            position: self.position.clone(),
        };
        (follower, tables)
    }

    /// Hears of each move.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.position.subscribe()
    }

    /// Returns once the tables have every event up to this position.
    ///
    /// # Errors
    /// What the database says.
    pub async fn caught_up(&self, position: u64) -> Result<(), DbErr> {
        let mut moved = self.position.subscribe();
        // What changed no row is passed over, and kept later; what another replica has written is kept.
        while *moved.borrow_and_update() < position
            && checkpoint::checkpoint(&self.database, NAME).await?.sequence < position
        {
            let _ = tokio::time::timeout(LOOK_AGAIN, moved.changed()).await;
        }
        Ok(())
    }
}

/// Writes the rows.
#[derive(Debug)]
pub struct Tables {
    position: watch::Sender<u64>,
}

/// An event as one of those that are followed, and where it comes from.
pub enum Followed {
    /// `certificate`
    Certificate(Uuid, Box<CertificateEvent>),
    /// `key`
    Key(Uuid, KeyEvent),
    /// `tls`
    Tls(TlsEvent),
    /// `request`
    Request(Uuid, Box<RequestEvent>),
}

/// A certificate that was imported. Many come one right after another, and are written in one go.
pub struct Imported<'a> {
    /// Its event as the log has it.
    pub recorded: &'a Recorded,
    /// The certificate's id.
    pub id: Uuid,
    /// The certificate itself.
    pub leaf: x509::v1::Certificate,
    /// All else that the event says.
    pub event: v1::CertificateImported,
}

impl<'a> Imported<'a> {
    fn new(
        recorded: &'a Recorded,
        id: Uuid,
        mut event: v1::CertificateImported,
    ) -> Result<Self, ApplyError> {
        let missing = || ApplyError::event(recorded, Missing("certificate"));
        Ok(Self {
            recorded,
            id,
            leaf: event.certificate.take().ok_or_else(missing)?,
            event,
        })
    }
}

/// An event lacks what makes it one.
#[derive(Debug, thiserror::Error)]
#[error("the event has no {0}")]
pub struct Missing(pub &'static str);

#[async_trait::async_trait]
impl Apply for Tables {
    async fn apply(
        &mut self,
        tx: &DatabaseTransaction,
        events: &[Recorded],
    ) -> Result<(), ApplyError> {
        let mut run = Vec::new();
        for recorded in events {
            let event = read(recorded).map_err(|error| ApplyError::event(recorded, error))?;
            let event = match event {
                Followed::Certificate(id, event) => match *event {
                    CertificateEvent::Imported(event) => {
                        run.push(Imported::new(recorded, id, event)?);
                        continue;
                    }
                    event => Followed::Certificate(id, Box::new(event)),
                },
                event => event,
            };
            apply_run(tx, &mut run).await?;
            confirm::apply(tx, recorded, &event).await?;
            linking::apply(tx, recorded, &event).await?;
            serving::apply(tx, recorded, event).await?;
        }
        apply_run(tx, &mut run).await
    }

    async fn committed(&mut self, position: u64, _: &[Recorded]) {
        self.position.send_replace(position);
    }
}

/// Writes what these change; there is none any more then.
async fn apply_run(
    tx: &DatabaseTransaction,
    run: &mut Vec<Imported<'_>>,
) -> Result<(), ApplyError> {
    if run.is_empty() {
        return Ok(());
    }
    let run = std::mem::take(run);
    confirm::imported(tx, &run).await?;
    linking::imported(tx, &run).await?;
    serving::imported(tx, run).await
}

/// Why an event is not one of ours.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Id(#[from] uuid::Error),
    #[error("no such kind of event is followed")]
    Kind,
}

fn read(recorded: &Recorded) -> Result<Followed, Unreadable> {
    let id = || recorded.id.parse::<Uuid>();
    match recorded.aggregate.as_str() {
        certificate::State::NAME => Ok(Followed::Certificate(id()?, Box::new(recorded.decode()?))),
        key::State::NAME => Ok(Followed::Key(id()?, recorded.decode()?)),
        tls::State::NAME => Ok(Followed::Tls(recorded.decode()?)),
        request::State::NAME => Ok(Followed::Request(id()?, Box::new(recorded.decode()?))),
        _ => Err(Unreadable::Kind),
    }
}

/// Another replica may have written the rows, of which nobody tells this one.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// The follower's name.
const NAME: &str = "certificates";
