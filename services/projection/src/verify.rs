//! Whether the served tables are what the log makes of them: a hash of each table, row by row in the order of their
//! keys, against the same of a replay. Rows are streamed, and events are hashed as they are read.

use std::{path::PathBuf, sync::Arc};

use aws_lc_rs::digest;
use eventlog::{
    EventLog, LogError,
    checkpoint::{Checkpoint, checkpoint as reached},
};
use futures_util::TryStreamExt as _;
use runtime::database::{begin_read, scratch};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbErr, EntityTrait, IdenStatic, Iterable, ModelTrait,
    PrimaryKeyToColumn, QueryOrder, StreamTrait, Value,
};
use tokio::sync::Semaphore;

use crate::{
    follow::{
        FOLLOWER, Rows,
        replay::{Replay, ReplayError},
    },
    skipped::Skipped,
    tables::{
        NUL, NUL_SHOWN, alert, automation, automation_name, certificate, certificate_gram,
        certificate_issuer, certificate_name, certificate_version, channel, checkpoint,
        cosignature, default_certificate, disclosure, dns_provider, event, issuer, key, migration,
        request, request_name, server, tally, tile,
    },
};

/// Compares tables with the log, one comparison at a time. Clones share the turn.
#[derive(Clone)]
pub struct Verifier {
    log: EventLog,
    /// Where the replay is written, and thrown away.
    folder: PathBuf,
    turn: Arc<Semaphore>,
}

/// A table in few bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableHash {
    /// Its name.
    pub table: &'static str,
    /// SHA-256 over its rows in the order of their keys, hex.
    pub sha256: String,
    /// How many there are.
    pub rows: u64,
}

/// What was compared.
#[derive(Debug, Clone)]
pub struct Compared {
    /// Both are as of this event.
    pub position: u64,
    /// The tables that are served.
    pub served: Vec<TableHash>,
    /// The same, from the log.
    pub replayed: Vec<TableHash>,
}

/// They could not be compared.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The log could not be replayed.
    #[error("the log could not be replayed")]
    Replay(#[from] ReplayError),
    /// It did not answer.
    #[error("the log did not answer")]
    Log(#[from] LogError),
    /// The tables cannot be read, or the replay not be written.
    #[error("a database did not do what it was told")]
    Database(#[from] DbErr),
}

impl Verifier {
    /// Replays into a file in this folder.
    pub fn new(log: EventLog, folder: PathBuf) -> Self {
        Self {
            log,
            folder,
            turn: Arc::new(Semaphore::new(1)),
        }
    }

    /// Compares these tables with the log; `shown` hears how far the replay is, and how far it goes.
    ///
    /// # Errors
    /// See [`VerifyError`].
    pub async fn compare(
        &self,
        database: &DatabaseConnection,
        shown: impl Fn(u64, u64) + Send + Sync,
    ) -> Result<Compared, VerifyError> {
        // Never closed.
        let _turn = self.turn.acquire().await;
        let (position, served) = as_they_are(database).await?;
        shown(0, position);
        let file = self.folder.join("verify.sqlite");
        let removed = || {
            // What is not removed now is by the next one, or at the next start.
            let _ = std::fs::remove_file(&file);
        };
        removed();
        let replayed = self.replayed(&file, position, shown).await;
        removed();
        Ok(Compared {
            position,
            served,
            replayed: replayed?,
        })
    }

    async fn replayed(
        &self,
        file: &std::path::Path,
        position: u64,
        shown: impl Fn(u64, u64) + Send + Sync,
    ) -> Result<Vec<TableHash>, VerifyError> {
        let skipped = Skipped::load(&self.log).await?;
        let replay = Replay {
            log: self.log.clone(),
            skipped: skipped.clone(),
            rows: Rows::WithoutEvents,
        };
        let writer = scratch::writer(file).await?;
        migration::make(&writer).await?;
        let mut events = Hashing::<event::Entity>::new();
        let passed = |recorded: &[eventlog::Recorded]| {
            for one in recorded {
                match skipped.has(one) {
                    true => events.row(&event::Model::shown(one)),
                    // The replay has read it.
                    false => {
                        if let Ok(row) = event::Model::of(one) {
                            events.row(&row);
                        }
                    }
                }
            }
            let at = recorded.last().map_or(0, |last| last.sequence);
            shown(at, position);
        };
        replay
            .run(&writer, Checkpoint::default(), position, passed)
            .await?;
        let mut all = without_events(&writer).await?;
        writer.close().await?;
        all.push(events.end());
        Ok(all)
    }
}

/// The tables at one moment, and the event that they are as of.
async fn as_they_are(database: &DatabaseConnection) -> Result<(u64, Vec<TableHash>), DbErr> {
    let tx = begin_read(database).await?;
    let position = reached(&tx, FOLLOWER).await?.sequence;
    let mut all = without_events(&tx).await?;
    all.push(of_table::<event::Entity>(&tx).await?);
    tx.commit().await?;
    Ok((position, all))
}

/// All tables but that of events.
async fn without_events<C>(database: &C) -> Result<Vec<TableHash>, DbErr>
where
    C: ConnectionTrait + StreamTrait,
{
    let mut all = Vec::new();
    macro_rules! each {
        ($($table:ident),+) => {
            $( all.push(of_table::<$table::Entity>(database).await?); )+
        };
    }
    each!(
        certificate,
        certificate_name,
        certificate_version,
        certificate_issuer,
        certificate_gram,
        issuer,
        default_certificate,
        key,
        request,
        request_name,
        server,
        dns_provider,
        automation,
        automation_name,
        channel,
        alert,
        tally,
        tile,
        checkpoint,
        cosignature,
        disclosure
    );
    Ok(all)
}

async fn of_table<E>(database: &(impl ConnectionTrait + StreamTrait)) -> Result<TableHash, DbErr>
where
    E: EntityTrait,
{
    let mut rows = E::find();
    for key in E::PrimaryKey::iter() {
        rows = QueryOrder::order_by_asc(rows, key.into_column());
    }
    let mut hashing = Hashing::<E>::new();
    let mut rows = rows.stream(database).await?;
    while let Some(row) = rows.try_next().await? {
        hashing.row(&row);
    }
    Ok(hashing.end())
}

/// The hash of one table, row after row.
struct Hashing<E: EntityTrait> {
    context: digest::Context,
    rows: u64,
    entity: std::marker::PhantomData<fn() -> E>,
}

impl<E: EntityTrait> Hashing<E> {
    fn new() -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        for column in E::Column::iter() {
            part(&mut context, b'c', column.as_str().as_bytes());
        }
        Self {
            context,
            rows: 0,
            entity: std::marker::PhantomData,
        }
    }

    fn row(&mut self, row: &E::Model) {
        self.rows += 1;
        for column in E::Column::iter() {
            value(&mut self.context, row.get(column));
        }
    }

    fn end(self) -> TableHash {
        TableHash {
            table: E::default().table_name(),
            sha256: hex(self.context.finish().as_ref()),
            rows: self.rows,
        }
    }
}

/// A value as it is hashed: the same whichever database it comes from.
fn value(context: &mut digest::Context, value: Value) {
    match value {
        Value::Bool(Some(truth)) => part(context, b'b', &[u8::from(truth)]),
        Value::Int(Some(number)) => part(context, b'i', &i64::from(number).to_be_bytes()),
        Value::BigInt(Some(number)) => part(context, b'i', &number.to_be_bytes()),
        // As it is written: see [`crate::tables`].
        Value::String(Some(text)) => {
            let text = text.replace(NUL, NUL_SHOWN.encode_utf8(&mut [0; 4]));
            part(context, b't', text.as_bytes());
        }
        Value::Bytes(Some(bytes)) => part(context, b'x', &bytes),
        // Tables have columns of no other type.
        _ => part(context, b'n', &[]),
    }
}

fn part(context: &mut digest::Context, kind: u8, bytes: &[u8]) {
    context.update(&[kind]);
    context.update(&(bytes.len() as u64).to_be_bytes());
    context.update(bytes);
}

/// One hash over all tables.
pub fn over_all(tables: &[TableHash]) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for table in tables {
        part(&mut context, b't', table.table.as_bytes());
        part(&mut context, b't', table.sha256.as_bytes());
        part(&mut context, b'i', &table.rows.to_be_bytes());
    }
    hex(context.finish().as_ref())
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
