//! Several files in one: ZIP, with names that any system can unpack.

use std::{
    collections::HashSet,
    io::{Cursor, Write},
};

use time::OffsetDateTime;
use zeroize::Zeroizing;
use zip::{CompressionMethod, DateTime, ZipWriter, write::SimpleFileOptions};

use super::{ExportError, Octets, Part};
use crate::names::turns_text;

/// A ZIP file in the making. What is in it is stored as it is: keys and certificates hardly get smaller.
#[derive(Default)]
pub struct Archive {
    files: Vec<(String, Octets)>,
    /// In small letters: there are systems that tell no others apart.
    taken: HashSet<String>,
}

impl Archive {
    /// Adds the files of one thing, named after it; with a number where a name is taken.
    pub fn add(&mut self, friendly_name: &str, parts: Vec<Part>) {
        let stem = stem(friendly_name);
        let mut stems = (1..).map(|n: u32| match n {
            1 => stem.clone(),
            n => format!("{stem} ({n})"),
        });
        let free = stems.find(|stem| {
            let mut names = parts.iter().map(|part| name(stem, &part.suffix));
            !names.any(|name| self.taken.contains(&name.to_lowercase()))
        });
        // The numbers do not end before the names do.
        let stem = free.unwrap_or(stem);
        for part in parts {
            let name = name(&stem, &part.suffix);
            self.taken.insert(name.to_lowercase());
            self.files.push((name, part.content));
        }
    }

    /// The ZIP file; its files have this time.
    ///
    /// # Errors
    /// [`ExportError::Nothing`] without files, [`ExportError::TooLarge`] beyond what ZIP can hold.
    pub fn finish(self, now: OffsetDateTime) -> Result<Octets, ExportError> {
        if self.files.is_empty() {
            return Err(ExportError::Nothing);
        }
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .unix_permissions(0o600)
            .last_modified_time(date_time(now));
        // In its whole length, so that no half copies of keys stay behind as it grows.
        let lengths = self
            .files
            .iter()
            .map(|(name, content)| 2 * name.len() + content.len());
        let length = lengths.map(|length| length + HEADERS).sum::<usize>() + HEADERS;
        let mut octets = Zeroizing::new(Vec::with_capacity(length));
        let mut writer = ZipWriter::new(Cursor::new(&mut *octets));
        for (name, content) in &self.files {
            writer
                .start_file(name, options)
                .and_then(|()| Ok(writer.write_all(content)?))
                .map_err(|_| ExportError::TooLarge)?;
        }
        writer.finish().map_err(|_| ExportError::TooLarge)?;
        Ok(octets)
    }
}

/// A file's name that is safe on any system: "www.example.com.p12".
pub fn file_name(friendly_name: &str, suffix: &str) -> String {
    name(&stem(friendly_name), suffix)
}

fn name(stem: &str, suffix: &str) -> String {
    format!("{stem}.{suffix}")
}

/// The friendly name without what a path, a shell or Windows would take for something else.
fn stem(friendly_name: &str) -> String {
    let safe = |c: char| match c {
        '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' | '%' => '_',
        c if c.is_control() || turns_text(c) => '_',
        c => c,
    };
    let mut stem = String::new();
    for c in friendly_name.chars().map(safe) {
        if stem.len() + c.len_utf8() > LONGEST_STEM {
            break;
        }
        stem.push(c);
    }
    let stem = stem
        .trim_start_matches(['.', '-', ' '])
        .trim_end_matches(['.', ' ']);
    // Windows means a device by these, whatever comes behind a dot.
    let first = stem
        .split('.')
        .next()
        .unwrap_or_default()
        .trim_end()
        .to_uppercase();
    let is_device = DEVICES.contains(&first.as_str())
        || ["COM", "LPT"].iter().any(|port| {
            let number = first.strip_prefix(port);
            number.is_some_and(|number| number.chars().count() == 1)
        });
    match stem {
        "" => "certificate".to_owned(),
        stem if is_device => format!("_{stem}"),
        stem => stem.to_owned(),
    }
}

/// ZIP has no year before 1980.
fn date_time(time: OffsetDateTime) -> DateTime {
    let time = time.to_offset(time::UtcOffset::UTC);
    let year = u16::try_from(time.year()).unwrap_or(0);
    let (hour, minute, second) = time.to_hms();
    let month = u8::from(time.month());
    DateTime::from_date_and_time(year, month, time.day(), hour, minute, second).unwrap_or_default()
}

/// In octets; with any suffix and number behind it, it fits into the 255 of most file systems.
const LONGEST_STEM: usize = 180;

const DEVICES: [&str; 4] = ["CON", "PRN", "AUX", "NUL"];

/// At most what ZIP writes about a file in its two places, besides its name.
const HEADERS: usize = 192;
