//! Which nats-server is started: one that is new enough for the log.

use std::{
    env, fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::Command,
};

/// The oldest that will do: it knows `Nats-Expected-Last-Subject-Sequence-Subject` and `sync_interval: always` is trusted.
const OLDEST: (u32, u32) = (2, 12);

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// The one that was asked for does not run.
    #[error("cannot run {path}")]
    Run {
        /// What `--nats-server` named.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It is too old, or something else.
    #[error("{path} is {found}; Chancery needs nats-server {}.{} or later", OLDEST.0, OLDEST.1)]
    TooOld {
        /// What was tried.
        path: PathBuf,
        /// What it says it is.
        found: String,
    },
    /// Nothing was found at all.
    #[error(
        "no nats-server {}.{} or later was found (looked at: {looked}). Give one with --nats-server PATH, \
         put one on PATH, or run `make tools` in Chancery's source folder", OLDEST.0, OLDEST.1
    )]
    None {
        /// Where it was looked for, with what was found there.
        looked: String,
    },
}

/// The nats-server to start: the given one, else one on PATH, else one that `make tools` got.
pub fn find(given: Option<&Path>) -> Result<PathBuf, FindError> {
    if let Some(path) = given {
        return check(path);
    }
    let mut looked = vec!["PATH".to_owned()];
    for candidate in on_path("nats-server").chain(tools("nats-server")) {
        match check(&candidate) {
            Ok(path) => return Ok(path),
            Err(FindError::Run { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            Err(error) => looked.push(error.to_string()),
        }
    }
    Err(FindError::None {
        looked: looked.join("; "),
    })
}

/// A tool that `make tools` got, or one on PATH: for the test CA.
pub fn find_tool(name: &str) -> Option<PathBuf> {
    tools(name).chain(on_path(name)).find(|path| path.is_file())
}

fn on_path(name: &str) -> impl Iterator<Item = PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file());
    found.into_iter()
}

/// `CHANCERY_TOOLS`, then `.tools/bin` beside the executable or the working folder, and above them, where it
/// [is trusted](is_trusted).
fn tools(name: &str) -> impl Iterator<Item = PathBuf> {
    let given = env::var_os("CHANCERY_TOOLS").map(PathBuf::from);
    let starts = [env::current_dir().ok(), env::current_exe().ok()];
    let above = starts.into_iter().flatten().flat_map(|start| {
        let folders = start
            .ancestors()
            .map(|folder| folder.join(".tools/bin"))
            .collect::<Vec<_>>();
        folders.into_iter()
    });
    let given = given.into_iter().map(move |folder| folder.join(name));
    let above = above.map(move |folder| folder.join(name));
    given
        .chain(above.filter(|path| is_trusted(path)))
        .filter(|path| path.is_file())
}

/// Whether the program, its `bin` and that one's `.tools` are ours, root's or our executable's owner's: /tmp is
/// above many a working folder, and anybody may put a `.tools` there.
fn is_trusted(program: &Path) -> bool {
    let mut owners = vec![0, rustix::process::geteuid().as_raw()];
    let executable = env::current_exe().and_then(fs::metadata);
    owners.extend(executable.map(|file| file.uid()));
    program.ancestors().take(3).all(|path| {
        let (Ok(itself), Ok(target)) = (fs::symlink_metadata(path), fs::metadata(path)) else {
            return false;
        };
        let ours = [&itself, &target].map(|file| owners.contains(&file.uid()));
        let everybody_writes = target.mode() & 0o002 != 0;
        ours == [true; 2] && !everybody_writes
    })
}

fn check(path: &Path) -> Result<PathBuf, FindError> {
    let said = Command::new(path)
        .arg("--version")
        .env_remove(keystore::kek::ENVIRONMENT)
        .env_remove(keystore::kek::PREVIOUS_ENVIRONMENT)
        .output()
        .map_err(|source| FindError::Run {
            path: path.to_owned(),
            source,
        })?;
    let said = String::from_utf8_lossy(&said.stdout).trim().to_owned();
    match version(&said) {
        Some(found) if found >= OLDEST => Ok(path.to_owned()),
        _ => Err(FindError::TooOld {
            path: path.to_owned(),
            found: said,
        }),
    }
}

/// Major and minor of "nats-server: v2.15.1".
fn version(said: &str) -> Option<(u32, u32)> {
    let mut numbers = said.rsplit_once('v')?.1.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(version("nats-server: v2.15.1"), Some((2, 15)));
        assert!(version("nats-server: v2.9.25").unwrap() < OLDEST);
        assert_eq!(version("something else"), None);
    }

    #[test]
    fn a_folder_that_everybody_writes_to_gives_us_no_program() {
        let folder = tempfile::tempdir().unwrap();
        let bin = folder.path().join(".tools/bin");
        fs::create_dir_all(&bin).unwrap();
        let program = bin.join("nats-server");
        fs::write(&program, "").unwrap();
        assert!(is_trusted(&program));
        fs::set_permissions(&bin, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(!is_trusted(&program));
    }
}
