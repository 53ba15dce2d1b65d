//! Where key-encryption keys are looked for.

use std::{fmt, fs, path::PathBuf};

use runtime::Layout;

use super::{ENVIRONMENT, PREVIOUS_ENVIRONMENT, sync_folder};
use crate::config::Config;

/// Where a key-encryption key was found, or is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KekSource {
    /// This variable of the environment.
    Environment(&'static str),
    /// A file.
    File(PathBuf),
}

impl fmt::Display for KekSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(variable) => write!(f, "the environment variable {variable}"),
            Self::File(path) => write!(f, "the file {}", path.display()),
        }
    }
}

/// Where both are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KekSources {
    /// The one that is to be used.
    pub current: KekSource,
    /// The one before, where there is one.
    pub previous: Option<KekSource>,
}

impl KekSources {
    /// Of this installation: the environment, else the configured files, else `kek` in the data folder; the previous
    /// one also beside the file of the current one, as `kek.previous`.
    pub fn of(config: &Config, layout: &Layout) -> Self {
        let variable = |name| std::env::var_os(name).map(|_| KekSource::Environment(name));
        let file = || KekSource::File(config.kek_file.clone().unwrap_or_else(|| layout.kek()));
        let current = variable(ENVIRONMENT).unwrap_or_else(file);
        let named = config.previous_kek_file.clone().map(KekSource::File);
        let previous = variable(PREVIOUS_ENVIRONMENT).or(named);
        Self {
            previous: previous.or_else(|| current.beside(PREVIOUS)),
            current,
        }
    }

    /// Of a file, and of the one beside it.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        let current = KekSource::File(path.into());
        Self {
            previous: current.beside(PREVIOUS),
            current,
        }
    }
}

impl KekSource {
    /// A file of that name with something behind it.
    fn beside(&self, ending: &str) -> Option<Self> {
        let Self::File(path) = self else {
            return None;
        };
        let mut beside = path.as_os_str().to_owned();
        beside.push(ending);
        Some(Self::File(beside.into()))
    }

    /// Sees to it that a power cut does not take the key back, before anything is sealed with it. Where a file cannot be
    /// synced, as on a mount that is only read, whoever mounted it has done so.
    pub fn sync(&self) {
        let Self::File(path) = self else {
            return;
        };
        let _ = fs::File::open(path).and_then(|file| file.sync_all());
        let _ = sync_folder(path);
    }

    /// Whether there is something at all.
    pub(super) fn is_there(&self) -> bool {
        match self {
            Self::Environment(variable) => std::env::var_os(variable).is_some(),
            Self::File(path) => path.exists(),
        }
    }
}

/// What is behind a file's name where the one before lies.
const PREVIOUS: &str = ".previous";
