//! A new key-encryption key in the place of the one in use, which stays beside it: what `chancery rotate-kek` does.
//! Rows are sealed anew by the running keystore, as soon as it sees both.

use std::{
    fs::{self, TryLockError},
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use super::{Kek, KekError, KekSource, KekSources, sync_folder, write_new};

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// The id of the key that was in use.
    pub old: String,
    /// The id of the key that takes its place.
    pub new: String,
    /// Where the new one is.
    pub current: PathBuf,
    /// Where the old one is.
    pub previous: PathBuf,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// Only who sets the environment can change it.
    #[error(
        "{0} holds a key-encryption key: set CHANCERY_KEK to a new one (`openssl rand -base64 32`), CHANCERY_PREVIOUS_KEK to the one that is in use, and start the keystore anew"
    )]
    InEnvironment(KekSource),
    /// There is one already that is to go.
    #[error(
        "there is a previous key-encryption key already, {previous}: while rows are sealed with it there is no third one. Once the log has kek.rotated for it, remove that file, and run this again"
    )]
    Unfinished {
        /// The file.
        previous: PathBuf,
    },
    /// Somebody else does the same.
    #[error("the key-encryption key is being rotated at this moment ({0} is locked)")]
    Busy(PathBuf),
    /// A key cannot be read or written.
    #[error(transparent)]
    Kek(#[from] KekError),
}

/// Puts a new key in the place of the one in use, and keeps that one beside it. After a crash at any step the
/// installation is what it was, and this may be run again.
///
/// # Errors
/// [`RotateError`].
pub fn rotate(sources: &KekSources) -> Result<Rotated, RotateError> {
    let [current, previous] = files(sources)?;
    // Where there is none, nothing is made.
    Kek::read(&sources.current)?;
    let mut next = current.as_os_str().to_owned();
    next.push(".next");
    let next = PathBuf::from(next);
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source: io::Error| KekError::Write { path, source }
    };
    // Nobody else goes through these steps at the same time: of two new keys one would be lost.
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&next)
        .map_err(failed(&next))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(RotateError::Busy(next)),
        Err(TryLockError::Error(source)) => return Err(failed(&next)(source).into()),
    }
    let old = Kek::read(&sources.current)?;
    // Step 1: the old one lies in both places. Whoever reads them now goes on with the old one.
    if previous.exists() {
        let before = Kek::read(&KekSource::File(previous.clone()))?;
        // A crash after this step leaves the same key there.
        if before.0 != old.0 {
            // What was just made holds nothing.
            let _ = fs::remove_file(&next);
            return Err(RotateError::Unfinished { previous });
        }
    } else {
        write_new(&previous, old.to_base64().as_bytes()).map_err(failed(&previous))?;
    }
    // Step 2: the new one, whole and on the disk.
    let new = Kek::generate()?;
    let written = (|| {
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        file.set_len(0)?;
        file.write_all(new.to_base64().as_bytes())?;
        file.sync_all()
    })();
    written.map_err(failed(&next))?;
    // Step 3: in its place at once.
    fs::rename(&next, &current)
        .and_then(|()| sync_folder(&current))
        .map_err(failed(&current))?;
    Ok(Rotated {
        old: old.id(),
        new: new.id(),
        current,
        previous,
    })
}

/// Where both are, in files that may be written.
fn files(sources: &KekSources) -> Result<[PathBuf; 2], RotateError> {
    match (&sources.current, &sources.previous) {
        (KekSource::File(current), Some(KekSource::File(previous))) => {
            Ok([current.clone(), previous.clone()])
        }
        (KekSource::File(_), Some(variable)) => Err(RotateError::InEnvironment(variable.clone())),
        (current, _) => Err(RotateError::InEnvironment(current.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kek::Keks;

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> (Self, KekSources) {
            let folder = Self(tempfile::tempdir().unwrap());
            let sources = KekSources::file(folder.0.path().join("kek"));
            Kek::make_if_missing(&sources.current).unwrap();
            (folder, sources)
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn names(&self) -> Vec<String> {
            let files = fs::read_dir(self.0.path()).unwrap();
            let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
            let mut names = names.collect::<Vec<_>>();
            names.sort_unstable();
            names
        }
    }

    #[test]
    fn the_old_one_is_kept_beside_the_new_one_for_its_owner_alone() {
        let (folder, sources) = Folder::new();
        let old = Kek::read(&sources.current).unwrap().id();
        let rotated = rotate(&sources).unwrap();
        assert_eq!(rotated.old, old);
        let both = Keks::read(&sources).unwrap();
        assert_eq!(both.current.id(), rotated.new);
        assert_eq!(both.previous.unwrap().id(), old);
        assert_eq!(folder.names(), ["kek", "kek.previous"]);
        for name in folder.names() {
            let mode = fs::metadata(folder.path(&name)).unwrap().permissions();
            assert_eq!(mode.mode() & 0o777, 0o600, "{name}");
        }
    }

    #[test]
    fn there_are_never_three() {
        let (folder, sources) = Folder::new();
        rotate(&sources).unwrap();
        let before = fs::read(folder.path("kek")).unwrap();
        let refused = rotate(&sources).unwrap_err();
        assert!(
            matches!(refused, RotateError::Unfinished { .. }),
            "{refused}"
        );
        assert_eq!(fs::read(folder.path("kek")).unwrap(), before);
        assert_eq!(folder.names(), ["kek", "kek.previous"]);
    }

    #[test]
    fn what_was_broken_off_is_done_again() {
        let (folder, sources) = Folder::new();
        let old = Kek::read(&sources.current).unwrap().id();
        // After step 1, and half-way through step 2.
        fs::copy(folder.path("kek"), folder.path("kek.previous")).unwrap();
        fs::write(folder.path("kek.next"), "aGFsZiBh").unwrap();
        let rotated = rotate(&sources).unwrap();
        assert_eq!(rotated.old, old);
        assert_eq!(folder.names(), ["kek", "kek.previous"]);
        assert_eq!(Keks::read(&sources).unwrap().previous.unwrap().id(), old);
    }

    #[test]
    fn of_two_at_once_one_is_refused() {
        let (folder, sources) = Folder::new();
        let other = fs::File::create(folder.path("kek.next")).unwrap();
        other.lock().unwrap();
        let before = fs::read(folder.path("kek")).unwrap();
        assert!(matches!(rotate(&sources), Err(RotateError::Busy(_))));
        assert_eq!(fs::read(folder.path("kek")).unwrap(), before);
    }
}
