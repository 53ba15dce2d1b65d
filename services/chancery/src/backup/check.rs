//! A backup is read whole before anything is written: what is missing, damaged or does not fit together is found then.

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use database::copy::{Digest, Table};
use eventlog::proof::{
    Stored, line,
    tree::{self, Tree},
};
use sea_orm::Value;

use super::{
    BackupError,
    file::{Head, Line, Reader},
    parts::Part,
    take::KEPT_FILES,
};

/// A backup that is whole.
#[derive(Debug)]
pub struct Checked {
    /// What it is.
    pub head: Head,
    /// How many events there are.
    pub events: u64,
    /// The root of the tree over them.
    pub root: String,
    /// Where each follower of the log is.
    pub reached: Vec<Reached>,
    /// How many rows there are.
    pub rows: u64,
}

/// Where a follower is.
#[derive(Debug)]
pub struct Reached {
    /// Whose.
    pub service: String,
    /// Its name.
    pub follower: String,
    /// The last event that its rows know.
    pub sequence: u64,
    /// The hash of that event.
    pub hash: Vec<u8>,
}

/// What is in a backup, piece by piece; each may refuse.
pub trait Take {
    /// A file of the folder of identities.
    fn file(&mut self, name: &str, content: &[u8]) -> Result<(), BackupError> {
        let _ = (name, content);
        Ok(())
    }

    /// An event.
    fn event(&mut self, event: Stored) -> Result<(), BackupError> {
        let _ = event;
        Ok(())
    }

    /// The last event was the last.
    fn log(&mut self) -> Result<(), BackupError> {
        Ok(())
    }

    /// A database begins.
    async fn database(&mut self, part: Part, migrations: Vec<String>) -> Result<(), BackupError> {
        let _ = (part, migrations);
        Ok(())
    }

    /// Some rows of a table in it.
    async fn rows(&mut self, table: &Table, rows: Vec<Vec<Value>>) -> Result<(), BackupError> {
        let _ = (table, rows);
        Ok(())
    }
}

/// Nothing is taken: the backup is only looked through.
pub struct Look;

impl Take for Look {}

/// Reads all of it, and gives each piece to who takes it.
pub async fn read(path: &Path, take: &mut impl Take) -> Result<Checked, BackupError> {
    let (mut reader, head) = Reader::open(path)?;
    let mut checked = Checked {
        head,
        events: 0,
        root: String::new(),
        reached: Vec::new(),
        rows: 0,
    };
    let mut tree = Tree::default();
    let mut files = 0;
    let mut part: Option<Part> = None;
    while let Some(next) = reader.next()? {
        match next {
            Line::Backup(_) => return Err(reader.not_whole("it begins twice")),
            Line::File { name, base64 } => {
                let content = STANDARD.decode(base64).ok();
                // A name from a file is no path to write to.
                let content = content.filter(|_| KEPT_FILES.contains(&name.as_str()));
                let content = content
                    .ok_or_else(|| reader.not_whole(format!("{name:?} is no file of a backup")))?;
                take.file(&name, &content)?;
                files += 1;
            }
            Line::Event(text) => {
                let event = line::read(text.get()).map(|(event, _)| event);
                let event = event.map_err(|error| {
                    reader.not_whole(format!("event {}: {error}", tree.size() + 1))
                })?;
                if event.sequence != tree.size() + 1 {
                    return Err(reader.not_whole(format!("event {} is missing", tree.size() + 1)));
                }
                tree.push(event.leaf());
                take.event(event)?;
            }
            Line::Log { events, root } => {
                if events != tree.size() || root != tree::hex(&tree.root()) {
                    return Err(reader.not_whole("its events are not those that were in the log"));
                }
                take.log()?;
                (checked.events, checked.root) = (events, root);
            }
            Line::Database {
                service,
                migrations,
            } => {
                let found = Part::named(&service);
                let found = found
                    .ok_or_else(|| reader.not_whole(format!("there is no service {service:?}")))?;
                known(&reader, found, &migrations)?;
                take.database(found, migrations).await?;
                part = Some(found);
            }
            Line::Table(table) => {
                let part = part.ok_or_else(|| reader.not_whole("a table of nobody"))?;
                checked.rows += rows(&mut reader, part, &table, take, &mut checked.reached).await?;
            }
            Line::Row(_) | Line::Whole(_) | Line::End { .. } => {
                return Err(reader.not_whole("a row of no table"));
            }
        }
    }
    if checked.root.is_empty() || files < 2 {
        return Err(reader.not_whole("the log or the internal CA is missing"));
    }
    let ahead = checked
        .reached
        .iter()
        .find(|reached| reached.sequence > checked.events);
    match ahead {
        Some(ahead) => Err(BackupError::Behind {
            service: ahead.service.clone(),
            follower: ahead.follower.clone(),
            reached: ahead.sequence,
            last: checked.events,
        }),
        None => Ok(checked),
    }
}

/// The rows of one table, and how many there are.
async fn rows(
    reader: &mut Reader,
    part: Part,
    table: &Table,
    take: &mut impl Take,
    reached: &mut Vec<Reached>,
) -> Result<u64, BackupError> {
    let mut digest = Digest::new(table);
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        match reader.next()? {
            Some(Line::Row(row)) => {
                let row = table.of_json(row);
                let row = row
                    .ok_or_else(|| reader.not_whole(format!("a row is none of {}", table.name)))?;
                digest.row(&row);
                reached.extend(checkpoint(part, table, &row));
                batch.push(row);
                if batch.len() == BATCH {
                    take.rows(table, std::mem::take(&mut batch)).await?;
                }
            }
            Some(Line::Whole(content)) => {
                take.rows(table, batch).await?;
                return match digest.end() == content {
                    true => Ok(content.rows),
                    false => Err(reader.not_whole(format!(
                        "the rows of {} of {} are not those that were there",
                        table.name, part.service
                    ))),
                };
            }
            _ => return Err(reader.not_whole(format!("the table {} breaks off", table.name))),
        }
    }
}

/// A row that says how far a follower is.
fn checkpoint(part: Part, table: &Table, row: &[Value]) -> Option<Reached> {
    if table.name != "follower_checkpoint" {
        return None;
    }
    let value = |name: &str| {
        let at = table
            .columns
            .iter()
            .position(|column| column.name == name)?;
        row.get(at)
    };
    match (value("follower")?, value("sequence")?, value("hash")?) {
        (
            Value::String(Some(follower)),
            Value::BigInt(Some(sequence)),
            Value::Bytes(Some(hash)),
        ) => Some(Reached {
            service: part.service.to_owned(),
            follower: follower.to_string(),
            sequence: u64::try_from(*sequence).unwrap_or_default(),
            hash: hash.to_vec(),
        }),
        _ => None,
    }
}

/// A later version may have made tables that this one does not know.
fn known(reader: &Reader, part: Part, migrations: &[String]) -> Result<(), BackupError> {
    let ours = (part.migrations)();
    let unknown = migrations
        .iter()
        .find(|name| !ours.iter().any(|one| one.name() == name.as_str()));
    match unknown {
        None => Ok(()),
        Some(name) => Err(reader.not_whole(format!(
            "the database of {} is of a later version of chancery ({name}): use that one",
            part.service
        ))),
    }
}

const BATCH: usize = 1_000;
