//! The events as they are stored: through the gateway, or from a file that `events export` wrote.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::Path,
};

use api::projection::v1::{CheckpointSigned, ExportEventsRequest, StoredEvent};
use eventlog::proof::{Hash, Note, NoteKey, Stored, line};
use tonic::Streaming;

use crate::client::{ClientError, Connection, error};

/// An event, or that there is none any more; with its leaf, where that was recorded.
#[derive(Debug)]
pub enum Entry {
    /// It is there.
    Event(Stored, Option<Hash>),
    /// It is not, and this is what it was.
    Missing(u64, Option<Hash>),
}

/// Calls `each` with every event of the log past `after`, up to `through` (0: all that there are).
pub async fn from_gateway(
    connection: &Connection,
    after: u64,
    through: u64,
    mut each: impl FnMut(Entry) -> Result<(), ClientError>,
) -> Result<(), ClientError> {
    let mut request = ExportEventsRequest {
        after_sequence: after,
        through_sequence: through,
        at_least: 0,
    };
    let mut stream: Option<Streaming<_>> = None;
    let mut failures = 0;
    loop {
        let next = async {
            let open = match &mut stream {
                Some(open) => open,
                None => {
                    let answer = connection.proofs().export_events(request).await?;
                    stream.insert(answer.into_inner())
                }
            };
            open.message().await
        };
        match next.await {
            Ok(None) => return Ok(()),
            Ok(Some(some)) => {
                failures = 0;
                for event in some.events {
                    request.after_sequence = event.sequence;
                    each(entry(event)?)?;
                }
            }
            Err(status) if error::is_lost(&status) && failures < FAILURES => {
                stream = None;
                failures += 1;
                tokio::time::sleep(PAUSE).await;
            }
            Err(status) => return Err(connection.explain(status)),
        }
    }
}

/// Calls `each` with every event of a file; "-" is stdin.
pub fn from_file(
    path: &Path,
    mut each: impl FnMut(Entry) -> Result<(), ClientError>,
) -> Result<(), ClientError> {
    let mut lines: Box<dyn BufRead> = match path == Path::new("-") {
        true => Box::new(io::stdin().lock()),
        false => Box::new(BufReader::new(
            File::open(path).map_err(ClientError::reading(path))?,
        )),
    };
    let (mut text, mut number) = (String::new(), 0);
    loop {
        text.clear();
        number += 1;
        let read = lines.read_line(&mut text);
        if read.map_err(ClientError::reading(path))? == 0 {
            return Ok(());
        }
        let (event, leaf) = line::read(&text).map_err(|error| ClientError::Input {
            what: format!("{}, line {number}: {error}", path.display()),
        })?;
        each(Entry::Event(event, leaf))?;
    }
}

/// An event of an answer.
pub fn entry(event: StoredEvent) -> Result<Entry, ClientError> {
    let leaf = <[u8; 32]>::try_from(&*event.leaf_hash).ok();
    if event.missing {
        return Ok(Entry::Missing(event.sequence, leaf));
    }
    let time = event.time.and_then(|time| {
        let seconds = time.seconds.checked_mul(1_000_000_000)?;
        seconds.checked_add(time.nanos.into())
    });
    let headers = event.headers.into_iter();
    let stored = Stored {
        sequence: event.sequence,
        time: time.ok_or_else(|| ClientError::Input {
            what: format!("the gateway says of event {} no time", event.sequence),
        })?,
        subject: event.subject,
        headers: headers.map(|field| (field.name, field.value)).collect(),
        body: event.body,
    };
    Ok(Entry::Event(stored, leaf))
}

/// The checkpoint in an event of the seal, where it is one; its key, too, as the log says it.
pub fn checkpoint_in(event: &Stored) -> Option<(Option<Note>, Option<NoteKey>)> {
    let parts = eventlog::subject::parse(&event.subject)?;
    if (parts.aggregate, parts.event) != ("seal", "checkpoint-signed") {
        return None;
    }
    let signed = serde_json::from_slice::<CheckpointSigned>(&event.body).ok();
    let note = signed
        .as_ref()
        .and_then(|signed| Note::parse(&signed.note).ok());
    let key = signed.and_then(|signed| NoteKey::parse(&signed.verifier_key).ok());
    Some((note, key))
}

/// How often in a row a broken connection is made again.
const FAILURES: u32 = 5;
const PAUSE: std::time::Duration = std::time::Duration::from_millis(500);
