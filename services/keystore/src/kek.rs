//! The key-encryption key: the one secret that is not in the database, and opens all that are. While it is
//! [rotated](mod@rotate) there are two.

mod rotate;
mod sources;

use std::{
    fmt, fs,
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

pub use self::{
    rotate::{RotateError, Rotated, rotate},
    sources::{KekSource, KekSources},
};

/// The environment variable that goes before any file.
pub const ENVIRONMENT: &str = "CHANCERY_KEK";

/// Likewise, for the one before.
pub const PREVIOUS_ENVIRONMENT: &str = "CHANCERY_PREVIOUS_KEK";

/// 32 random bytes. Wiped; its `Debug` says nothing.
#[derive(Clone)]
pub struct Kek(Zeroizing<Vec<u8>>);

/// The key-encryption keys of an installation: the one that is to be used, and, while it is rotated, the one before.
#[derive(Clone)]
pub struct Keks {
    /// The one that is to be used.
    pub current: Kek,
    /// The one before: it opens, and seals nothing new.
    pub previous: Option<Kek>,
}

/// Why there is no key-encryption key.
#[derive(Debug, thiserror::Error)]
pub enum KekError {
    /// The file cannot be read.
    #[error("cannot read the key-encryption key at {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write the key-encryption key to {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Others on this machine may read it.
    #[error(
        "others may read the key-encryption key at {path}; allow it to its owner alone: chmod 600 {path}"
    )]
    Exposed {
        /// The file.
        path: PathBuf,
    },
    /// Not 32 bytes in base64.
    #[error("{source} does not hold a key-encryption key: 32 random bytes in base64, as from `openssl rand -base64 32`", source = .0)]
    Malformed(KekSource),
    /// It was not rotated.
    #[error(
        "{previous} holds the same key-encryption key as {current}: put the one that was used before there, or remove it; if `chancery rotate-kek` was broken off, run it again"
    )]
    Same {
        /// Where the previous one is to be.
        previous: KekSource,
        /// Where the current one is.
        current: KekSource,
    },
    /// The machine gave no random numbers.
    #[error("the machine gave no random numbers")]
    Random,
}

impl Kek {
    /// Reads the key of this installation.
    ///
    /// # Errors
    /// [`KekError`], where it is not there, not a key, or readable by others.
    pub fn read(source: &KekSource) -> Result<Self, KekError> {
        let malformed = || KekError::Malformed(source.clone());
        let text = match source {
            KekSource::Environment(variable) => {
                let value = std::env::var(variable).map_err(|_| malformed())?;
                Zeroizing::new(value)
            }
            KekSource::File(path) => read_private(path)?,
        };
        Self::from_base64(&text).ok_or_else(malformed)
    }

    /// Makes the file of a new key (0600) where there is none yet; `true` where it did.
    /// A key in the environment is never made.
    ///
    /// # Errors
    /// [`KekError::Write`], [`KekError::Random`].
    pub fn make_if_missing(source: &KekSource) -> Result<bool, KekError> {
        let KekSource::File(path) = source else {
            return Ok(false);
        };
        if path.exists() {
            return Ok(false);
        }
        let made = Self::generate()?;
        let written = write_new(path, made.to_base64().as_bytes());
        written.map_err(|source| KekError::Write {
            path: path.clone(),
            source,
        })?;
        Ok(true)
    }

    fn generate() -> Result<Self, KekError> {
        let mut octets = Zeroizing::new(vec![0; LENGTH]);
        aws_lc_rs::rand::fill(&mut octets).map_err(|_| KekError::Random)?;
        Ok(Self(octets))
    }

    /// 16 hex digits that tell one key from another, and nothing about it.
    pub fn id(&self) -> String {
        let labelled = [b"chancery/kek-id/".as_slice(), &self.0].concat();
        let labelled = Zeroizing::new(labelled);
        pki::fingerprint::hex(&digest(&SHA256, &labelled).as_ref()[..8])
    }

    pub(crate) fn octets(&self) -> &[u8] {
        &self.0
    }

    /// As it stands in a file.
    fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(self.0.as_slice()) + "\n")
    }

    fn from_base64(text: &str) -> Option<Self> {
        let octets = Zeroizing::new(STANDARD.decode(text.trim()).ok()?);
        (octets.len() == LENGTH).then_some(Self(octets))
    }
}

impl fmt::Debug for Kek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kek")
    }
}

impl Keks {
    /// Reads the keys of this installation.
    ///
    /// # Errors
    /// [`KekError`]; it is no error that there is no previous one.
    pub fn read(sources: &KekSources) -> Result<Self, KekError> {
        let current = Kek::read(&sources.current)?;
        let previous = sources.previous.as_ref().filter(|source| source.is_there());
        let Some(source) = previous else {
            return Ok(current.into());
        };
        let previous = Kek::read(source)?;
        if previous.0 == current.0 {
            return Err(KekError::Same {
                previous: source.clone(),
                current: sources.current.clone(),
            });
        }
        Ok(Self {
            current,
            previous: Some(previous),
        })
    }

    /// Both, or the one.
    pub fn each(&self) -> impl Iterator<Item = &Kek> {
        [Some(&self.current), self.previous.as_ref()]
            .into_iter()
            .flatten()
    }
}

impl From<Kek> for Keks {
    fn from(current: Kek) -> Self {
        Self {
            current,
            previous: None,
        }
    }
}

impl fmt::Debug for Keks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keks")
    }
}

fn read_private(path: &Path) -> Result<Zeroizing<String>, KekError> {
    let failed = |source| KekError::Read {
        path: path.into(),
        source,
    };
    let mode = fs::metadata(path).map_err(failed)?.permissions().mode();
    // Whoever else may read it can open every key: an owner's group or the world.
    if mode & 0o077 != 0 {
        return Err(KekError::Exposed { path: path.into() });
    }
    fs::read_to_string(path).map(Zeroizing::new).map_err(failed)
}

/// Writes beside, syncs, and links: the file is there whole or not at all, and an existing one stays.
fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    // One that a crash left behind may be half a key, of which nothing was sealed.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)?;
    file.write_all(content)?;
    // Keys are sealed with it from now on: it must not be lost in a power cut.
    file.sync_all()?;
    // Not a rename, which would replace a key that another `init` has made meanwhile.
    fs::hard_link(&beside, path)?;
    fs::remove_file(&beside)?;
    sync_folder(path)
}

/// What was made, linked or renamed in the folder of this file lasts from now on.
fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        // A bare name has an empty parent: the current folder.
        Some(folder) if folder.as_os_str().is_empty() => fs::File::open(".")?.sync_all(),
        Some(folder) => fs::File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

const LENGTH: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn file_in(folder: &tempfile::TempDir) -> KekSource {
        KekSource::File(folder.path().join("kek"))
    }

    #[test]
    fn a_key_is_made_once_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let source = file_in(&folder);
        assert!(Kek::make_if_missing(&source).unwrap());
        let first = Kek::read(&source).unwrap();
        assert!(!Kek::make_if_missing(&source).unwrap());
        assert_eq!(Kek::read(&source).unwrap().id(), first.id());
        let mode = fs::metadata(folder.path().join("kek"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn half_a_key_that_a_crash_left_is_not_taken_for_one() {
        let folder = tempfile::tempdir().unwrap();
        let source = file_in(&folder);
        fs::write(folder.path().join("kek.new"), "aGFsZiBh").unwrap();
        assert!(Kek::make_if_missing(&source).unwrap());
        Kek::read(&source).unwrap();
        let files = fs::read_dir(folder.path()).unwrap();
        let names = files.map(|file| file.unwrap().file_name());
        assert_eq!(names.collect::<Vec<_>>(), ["kek"]);
    }

    #[test]
    fn a_key_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kek");
        write_new(&path, b"first").unwrap();
        let refused = write_new(&path, b"second").unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"first");
    }

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let source = file_in(&folder);
        Kek::make_if_missing(&source).unwrap();
        let readable = fs::Permissions::from_mode(0o640);
        fs::set_permissions(folder.path().join("kek"), readable).unwrap();
        assert!(matches!(Kek::read(&source), Err(KekError::Exposed { .. })));
    }

    #[test]
    fn what_is_no_key_is_refused_with_what_would_be_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kek");
        write_new(&path, b"c2hvcnQ=\n").unwrap();
        let refused = Kek::read(&KekSource::File(path)).unwrap_err();
        assert!(
            refused.to_string().contains("openssl rand -base64 32"),
            "{refused}"
        );
        assert!(matches!(
            Kek::read(&file_in(&tempfile::tempdir().unwrap())),
            Err(KekError::Read { .. })
        ));
    }

    #[test]
    fn there_may_be_a_previous_one_which_is_another() {
        let folder = tempfile::tempdir().unwrap();
        let sources = KekSources::file(folder.path().join("kek"));
        Kek::make_if_missing(&sources.current).unwrap();
        assert!(Keks::read(&sources).unwrap().previous.is_none());

        let previous = sources.previous.clone().unwrap();
        assert_eq!(
            previous,
            KekSource::File(folder.path().join("kek.previous"))
        );
        Kek::make_if_missing(&previous).unwrap();
        let both = Keks::read(&sources).unwrap();
        let ids = both.each().map(Kek::id).collect::<Vec<_>>();
        assert_eq!(ids.len(), 2);
        assert_ne!(ids[0], ids[1]);

        fs::copy(
            folder.path().join("kek"),
            folder.path().join("kek.previous"),
        )
        .unwrap();
        let refused = Keks::read(&sources).unwrap_err();
        assert!(matches!(refused, KekError::Same { .. }), "{refused}");
    }

    #[test]
    fn a_key_says_nothing_of_itself() {
        let kek = Kek(Zeroizing::new(vec![7; LENGTH]));
        assert_eq!(format!("{kek:?}"), "Kek");
        assert_eq!(kek.id().len(), 16);
    }
}
