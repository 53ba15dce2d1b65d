//! The file in which nats-server keeps a stream, read and written by somebody who has the disk in his hands, and knows
//! how the server tells a record that was damaged by chance from one that was not.

use std::{
    fs,
    path::{Path, PathBuf},
};

use aws_lc_rs::digest::{SHA256, digest};
use highway::{HighwayHash, HighwayHasher, Key};

/// One message of the stream, as its file has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its sequence.
    pub sequence: u64,
    /// When it was stored: nanoseconds since 1970.
    pub time: u64,
    /// Its subject.
    pub subject: String,
    /// Its headers, as they are sent.
    pub headers: Vec<u8>,
    /// Its body.
    pub body: Vec<u8>,
}

/// The log's messages. No server may run on the folder.
pub fn read(data: &Path) -> Vec<Record> {
    let file = fs::read(block(data)).expect("the stream's file is read");
    let mut rest = file.as_slice();
    let mut records = Vec::new();
    while !rest.is_empty() {
        let head = number(rest, 0, 4) as usize;
        let (record, after) = rest.split_at(head & !HAS_HEADERS);
        let subject_end = HEAD + number(record, 20, 2) as usize;
        let (content, sum) = record.split_at(record.len() - SUM);
        let mut headers = &content[subject_end..subject_end];
        let mut body = &content[subject_end..];
        if head & HAS_HEADERS != 0 {
            let length = number(content, subject_end, 4) as usize;
            (headers, body) = content[subject_end + 4..].split_at(length);
        }
        let read = Record {
            sequence: number(record, 4, 8),
            time: number(record, 12, 8),
            subject: String::from_utf8(content[HEAD..subject_end].to_vec()).expect("a subject"),
            headers: headers.to_vec(),
            body: body.to_vec(),
        };
        assert_eq!(checksum(&read), sum, "we know how the server does it");
        records.push(read);
        rest = after;
    }
    records
}

/// Writes them in place of what is there, each with its checksum, so that the server takes them for its own.
pub fn write(data: &Path, records: &[Record]) {
    let mut file = Vec::new();
    for record in records {
        let headers = record.headers.len();
        let length = HEAD + record.subject.len() + 4 + headers + record.body.len() + SUM;
        file.extend(
            u32::try_from(length | HAS_HEADERS)
                .expect("short")
                .to_le_bytes(),
        );
        file.extend(record.sequence.to_le_bytes());
        file.extend(record.time.to_le_bytes());
        file.extend(
            u16::try_from(record.subject.len())
                .expect("short")
                .to_le_bytes(),
        );
        file.extend(record.subject.as_bytes());
        file.extend(u32::try_from(headers).expect("short").to_le_bytes());
        file.extend(&record.headers);
        file.extend(&record.body);
        file.extend(checksum(record));
    }
    let block = block(data);
    fs::write(&block, file).expect("the stream's file is written");
    // What the server remembers of the file: without it, it looks.
    let remembered = block.with_file_name("index.db");
    fs::remove_file(remembered).expect("the server has stopped");
}

/// The one file that a short log has.
fn block(data: &Path) -> PathBuf {
    let stream = eventlog::subject::STREAM;
    let folder = data.join(format!(
        "nats/store/jetstream/CHANCERY/streams/{stream}/msgs"
    ));
    let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let files = entries.map(|entry| entry.expect("a file").path());
    let blocks = files.filter(|path| path.extension().is_some_and(|e| e == "blk"));
    let blocks = blocks.collect::<Vec<_>>();
    let [block] = blocks.as_slice() else {
        panic!("a short log has one file: {blocks:?}");
    };
    block.clone()
}

fn checksum(record: &Record) -> [u8; SUM] {
    let name = format!("{}-1", eventlog::subject::STREAM);
    let key = digest(&SHA256, name.as_bytes());
    let part = |at: usize| number(key.as_ref(), at, 8);
    let mut hash = HighwayHasher::new(Key([part(0), part(8), part(16), part(24)]));
    hash.append(&record.sequence.to_le_bytes());
    hash.append(&record.time.to_le_bytes());
    hash.append(record.subject.as_bytes());
    hash.append(&record.headers);
    hash.append(&record.body);
    hash.finalize64().to_le_bytes()
}

/// A number of that many octets, the lowest first.
fn number(octets: &[u8], at: usize, length: usize) -> u64 {
    let octets = octets[at..at + length].iter().rev();
    octets.fold(0, |number, octet| number << 8 | u64::from(*octet))
}

const HEAD: usize = 22;
const SUM: usize = 8;
const HAS_HEADERS: usize = 1 << 31;
