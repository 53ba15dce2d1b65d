//! A backup as a file: lines of JSON, packed by gzip, so that `zcat` shows what is in it.

use std::{
    fs::{self, File, OpenOptions},
    io::{BufRead as _, BufReader, BufWriter, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use database::copy::{Content, Table};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{BackupError, of_file};

/// One line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Line {
    /// The first.
    Backup(Head),
    /// A file of the folder of identities.
    File {
        /// Its name there: "ca.pem".
        name: String,
        /// What is in it.
        base64: String,
    },
    /// An event, as `chancery events export` writes it. All events come before all databases.
    Event(Box<RawValue>),
    /// There are no more events.
    Log {
        /// How many there are, which is the last one's sequence.
        events: u64,
        /// The root of the tree over them, in hex.
        root: String,
    },
    /// The database of a service begins.
    Database {
        /// Whose.
        service: String,
        /// What made its tables.
        migrations: Vec<String>,
    },
    /// One of its tables begins.
    Table(Table),
    /// A row of it.
    Row(Vec<serde_json::Value>),
    /// The table is whole.
    Whole(Content),
    /// The last line: all is whole.
    End {
        /// How many lines came before.
        lines: u64,
    },
}

/// What the file is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Head {
    /// Which form of file: [`FORM`].
    pub form: u32,
    /// Which version of the program wrote it.
    pub chancery: String,
    /// When, RFC 3339.
    pub taken: String,
}

/// The form that this version writes and reads.
pub const FORM: u32 = 1;

/// Writes a backup: the file is there once it is whole.
pub struct Writer {
    path: PathBuf,
    beside: PathBuf,
    out: GzEncoder<BufWriter<File>>,
    lines: u64,
}

impl Writer {
    /// Begins; never in place of a file that is there.
    pub fn create(path: &Path) -> Result<Self, BackupError> {
        if path.exists() {
            return Err(BackupError::InTheWay(format!(
                "{} is there already: a backup takes the place of no file",
                path.display()
            )));
        }
        let mut beside = path.as_os_str().to_owned();
        beside.push(".unfinished");
        let beside = PathBuf::from(beside);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let file = options.open(&beside).map_err(of_file(&beside))?;
        Ok(Self {
            path: path.to_owned(),
            beside,
            out: GzEncoder::new(BufWriter::new(file), Compression::fast()),
            lines: 0,
        })
    }

    /// One more line.
    pub fn line(&mut self, line: &Line) -> Result<(), BackupError> {
        let written = serde_json::to_writer(&mut self.out, line).map_err(std::io::Error::from);
        let written = written.and_then(|()| self.out.write_all(b"\n"));
        written.map_err(of_file(&self.beside))?;
        self.lines += 1;
        Ok(())
    }

    /// The file is whole, and stays. Answers how large it is.
    pub fn finish(mut self) -> Result<u64, BackupError> {
        let lines = self.lines;
        self.line(&Line::End { lines })?;
        let Self {
            path, beside, out, ..
        } = self;
        let synced = out
            .finish()
            .and_then(|file| file.into_inner().map_err(|error| error.into_error()));
        let length = synced.and_then(|file| file.sync_all().and_then(|()| file.metadata()));
        let length = length.map_err(of_file(&beside))?.len();
        fs::rename(&beside, &path).map_err(of_file(&path))?;
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(of_file(folder))?;
        Ok(length)
    }
}

/// Reads a backup, line by line.
pub struct Reader {
    path: PathBuf,
    input: BufReader<GzDecoder<BufReader<File>>>,
    text: String,
    lines: u64,
}

impl Reader {
    /// Begins, and reads what the file is.
    pub fn open(path: &Path) -> Result<(Self, Head), BackupError> {
        let file = File::open(path).map_err(of_file(path))?;
        let mut this = Self {
            path: path.to_owned(),
            input: BufReader::new(GzDecoder::new(BufReader::new(file))),
            text: String::new(),
            lines: 0,
        };
        match this.next()? {
            Some(Line::Backup(head)) if head.form == FORM => Ok((this, head)),
            Some(Line::Backup(head)) => Err(this.not_whole(format!(
                "it is of form {}, written by chancery {}; this one reads form {FORM}",
                head.form, head.chancery
            ))),
            _ => Err(this.not_whole("it does not begin as one")),
        }
    }

    /// The next line; `None` after the last one.
    pub fn next(&mut self) -> Result<Option<Line>, BackupError> {
        self.text.clear();
        let read = self.input.read_line(&mut self.text);
        match read {
            Ok(0) => return Err(self.not_whole("it breaks off")),
            Ok(_) => {}
            Err(error) => return Err(self.not_whole(format!("it cannot be unpacked ({error})"))),
        }
        let line = serde_json::from_str(&self.text);
        let line = line.map_err(|error| {
            self.not_whole(format!("line {} cannot be read ({error})", self.lines + 1))
        })?;
        match line {
            Line::End { lines } if lines == self.lines => Ok(None),
            Line::End { .. } => Err(self.not_whole("lines are missing")),
            line => {
                self.lines += 1;
                Ok(Some(line))
            }
        }
    }

    /// What is wrong with it.
    pub fn not_whole(&self, reason: impl Into<String>) -> BackupError {
        BackupError::NotWhole {
            path: self.path.clone(),
            reason: reason.into(),
        }
    }
}
