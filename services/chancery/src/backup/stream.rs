//! The log as nats-server keeps it in files. No request to a server gives an event the time at which it was stored, which
//! is part of what the tree over the log proves; so events are laid where the server finds them at its next start.
//!
//! This is the form of NATS 2.12 (`server/filestore.go`): servers read what earlier ones wrote. Whoever restores reads
//! all of it through the server afterwards, and compares.
//!
//! A record: its length (u32, the highest bit set where there are headers), sequence (u64), time (i64), length of the
//! subject (u16), the subject, length of the headers (u32), headers, body, and a checksum (u64). Numbers have their lowest
//! octet first.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write as _},
    path::{Path, PathBuf},
};

use aws_lc_rs::digest::{SHA256, digest};
use eventlog::{proof::Stored, subject::STREAM};
use highway::{HighwayHash as _, HighwayHasher, Key};

/// Writes the messages of an empty stream, in blocks as the server has them.
pub struct Blocks {
    folder: PathBuf,
    number: u32,
    key: Key,
    out: BufWriter<File>,
    written: usize,
}

impl Blocks {
    /// Into this store, in which a server has made the stream. None may run on it.
    pub fn create(store: &Path) -> io::Result<Self> {
        let folder = store.join(format!("jetstream/CHANCERY/streams/{STREAM}/msgs"));
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            // What the server remembers of what it has: without it, it looks.
            if path.extension().is_some_and(|end| end == "blk") || path.ends_with("index.db") {
                fs::remove_file(path)?;
            }
        }
        Ok(Self {
            out: block(&folder, 1)?,
            key: key(1),
            number: 1,
            written: 0,
            folder,
        })
    }

    /// One more message.
    pub fn write(&mut self, event: &Stored) -> io::Result<()> {
        if self.written > BLOCK {
            self.sync()?;
            self.number += 1;
            self.out = block(&self.folder, self.number)?;
            (self.key, self.written) = (key(self.number), 0);
        }
        let record = record(event, &self.key)?;
        self.written += record.len();
        self.out.write_all(&record)
    }

    /// All is on the disk.
    pub fn finish(mut self) -> io::Result<()> {
        self.sync()?;
        File::open(&self.folder)?.sync_all()
    }

    fn sync(&mut self) -> io::Result<()> {
        self.out.flush()?;
        self.out.get_ref().sync_all()
    }
}

fn block(folder: &Path, number: u32) -> io::Result<BufWriter<File>> {
    Ok(BufWriter::new(File::create_new(
        folder.join(format!("{number}.blk")),
    )?))
}

fn record(event: &Stored, key: &Key) -> io::Result<Vec<u8>> {
    let headers = headers(&event.headers);
    let length = HEAD + event.subject.len() + 4 + headers.len() + event.body.len() + SUM;
    let too_long = |_| io::Error::new(io::ErrorKind::InvalidData, "an event that is too long");
    let word = |length: usize| u32::try_from(length).map_err(too_long);
    let subject = u16::try_from(event.subject.len()).map_err(too_long)?;
    let mut record = Vec::with_capacity(length);
    record.extend((word(length)? | HAS_HEADERS).to_le_bytes());
    record.extend(event.sequence.to_le_bytes());
    record.extend(event.time.to_le_bytes());
    record.extend(subject.to_le_bytes());
    record.extend(event.subject.as_bytes());
    record.extend(word(headers.len())?.to_le_bytes());
    record.extend(&headers);
    record.extend(&event.body[..]);
    let mut hash = HighwayHasher::new(*key);
    hash.append(&event.sequence.to_le_bytes());
    hash.append(&event.time.to_le_bytes());
    hash.append(event.subject.as_bytes());
    hash.append(&headers);
    hash.append(&event.body);
    record.extend(hash.finalize64().to_le_bytes());
    Ok(record)
}

/// As they are sent.
fn headers(fields: &[(String, String)]) -> Vec<u8> {
    let mut text = "NATS/1.0\r\n".to_owned();
    for (name, value) in fields {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    text.into_bytes()
}

/// What the records of a block are hashed with.
fn key(number: u32) -> Key {
    let hash = digest(&SHA256, format!("{STREAM}-{number}").as_bytes());
    let mut parts = [0; 4];
    for (part, octets) in parts.iter_mut().zip(hash.as_ref().chunks_exact(8)) {
        *part = octets
            .iter()
            .rev()
            .fold(0, |number, octet| number << 8 | u64::from(*octet));
    }
    Key(parts)
}

/// As large as the server's own are.
const BLOCK: usize = 4 << 20;
const HEAD: usize = 22;
const SUM: usize = 8;
const HAS_HEADERS: u32 = 1 << 31;
