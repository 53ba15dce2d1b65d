//! Reading the files of an import, within the limits that the keystore has for them.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use api::keystore::v1::{FileOutcome, FileVerdict, ImportFile};
use bytes::Bytes;
use zeroize::Zeroizing;

use super::super::ClientError;

/// A file to take in, or why it cannot even be read.
pub type Reading = Result<ImportFile, Box<FileVerdict>>;

/// Reads each file, "-" from stdin. One that cannot be taken refuses itself, not its neighbours.
///
/// # Errors
/// Where they are too many, or too much in all: then nothing of it is taken in.
pub fn read(paths: &[PathBuf]) -> Result<Vec<Reading>, ClientError> {
    let dashes = paths.iter().filter(|path| is_stdin(path)).count();
    if dashes > 1 {
        let what = "stdin can be read once: \"-\" may be there once".into();
        return Err(ClientError::Usage { what });
    }
    if paths.len() > MOST_FILES {
        return Err(ClientError::Input {
            what: format!(
                "{} files are too many: at most {MOST_FILES} are taken in at once; import them in parts",
                paths.len()
            ),
        });
    }
    let readings = paths.iter().map(|path| read_one(path)).collect::<Vec<_>>();
    let octets = readings.iter().flatten().map(|file| file.content.len());
    if octets.sum::<usize>() > MOST_OCTETS {
        return Err(ClientError::Input {
            what: "the files are too large together: at most 10 MiB are taken in at once; import them in parts".into(),
        });
    }
    Ok(readings)
}

/// Whether it stands for stdin.
pub fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

fn read_one(path: &Path) -> Reading {
    let name = match is_stdin(path) {
        true => "stdin".to_owned(),
        false => short(path),
    };
    let refused = |reason: &str, message: String| {
        Box::new(FileVerdict {
            name: name.clone(),
            outcome: FileOutcome::Refused.into(),
            reason: reason.into(),
            message,
            ..FileVerdict::default()
        })
    };
    if path.is_dir() {
        return Err(refused(
            "IS_FOLDER",
            format!(
                "it is a folder: name the files in it, for example {}/*.pem",
                path.display()
            ),
        ));
    }
    let content = match is_stdin(path) {
        true => bounded(io::stdin()),
        false => File::open(path).and_then(bounded),
    };
    let content =
        content.map_err(|error| refused("UNREADABLE", format!("it cannot be read: {error}")))?;
    if content.len() > LONGEST_FILE {
        let message = "the file is too large: at most 1 MiB is read; split it".into();
        return Err(refused("FILE_TOO_LARGE", message));
    }
    Ok(ImportFile {
        name,
        // Wiped when the last command that carries it is dropped.
        content: Bytes::from_owner(content),
        passphrase: None,
    })
}

/// As much of it as shows that it is too long.
fn bounded(from: impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    // With room for all of it from the start: growing would leave copies of a private key behind.
    let mut octets = Zeroizing::new(Vec::with_capacity(LONGEST_FILE + 1));
    from.take(LONGEST_FILE as u64 + 1)
        .read_to_end(&mut octets)?;
    Ok(octets)
}

/// The path as it was typed, or the file's own name where that is longer than a verdict's name.
fn short(path: &Path) -> String {
    let whole = path.display().to_string();
    if whole.chars().count() <= LONGEST_NAME {
        return whole;
    }
    let own = path.file_name().unwrap_or_default().to_string_lossy();
    own.chars().take(LONGEST_NAME).collect()
}

const MOST_FILES: usize = 100;
const LONGEST_FILE: usize = 1 << 20;
const MOST_OCTETS: usize = 10 << 20;
const LONGEST_NAME: usize = 255;

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_that_cannot_be_taken_refuses_itself_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("good.pem"), "good").unwrap();
        fs::write(path("longest.der"), vec![0; LONGEST_FILE]).unwrap();
        fs::write(path("too-long.der"), vec![0; LONGEST_FILE + 1]).unwrap();
        fs::create_dir(path("folder")).unwrap();
        let names = [
            "good.pem",
            "longest.der",
            "too-long.der",
            "folder",
            "missing",
        ];
        let readings = read(&names.map(path)).unwrap();

        let good = readings[0].as_ref().unwrap();
        assert_eq!(good.content, "good");
        assert_eq!(good.name, path("good.pem").display().to_string());
        assert_eq!(readings[1].as_ref().unwrap().content.len(), LONGEST_FILE);
        let reasons = readings[2..].iter().map(|reading| {
            let verdict = reading.as_ref().unwrap_err();
            assert_eq!(verdict.outcome(), FileOutcome::Refused);
            verdict.reason.as_str()
        });
        assert_eq!(
            reasons.collect::<Vec<_>>(),
            ["FILE_TOO_LARGE", "IS_FOLDER", "UNREADABLE"]
        );
        let hint = &readings[3].as_ref().unwrap_err().message;
        assert!(hint.contains("folder/*.pem"), "{hint}");
    }

    #[test]
    fn too_many_files_or_too_much_in_all_are_refused_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let big = folder.path().join("big");
        fs::write(&big, vec![0; LONGEST_FILE]).unwrap();
        assert_eq!(read(&vec![big.clone(); 10]).unwrap().len(), 10);
        let error = read(&vec![big; 11]).unwrap_err().to_string();
        assert!(error.contains("10 MiB"), "{error}");

        let small = folder.path().join("small");
        fs::write(&small, "x").unwrap();
        assert_eq!(read(&vec![small.clone(); 100]).unwrap().len(), 100);
        let error = read(&vec![small; 101]).unwrap_err().to_string();
        assert!(error.contains("at most 100"), "{error}");
        let twice = read(&["-".into(), "-".into()]).unwrap_err();
        assert!(matches!(twice, ClientError::Usage { .. }));
    }

    #[test]
    fn a_long_path_is_called_by_its_file() {
        let long = Path::new("/").join("x".repeat(300)).join("shop.pem");
        assert_eq!(short(&long), "shop.pem");
        assert_eq!(short(Path::new("a/shop.pem")), "a/shop.pem");
    }
}
