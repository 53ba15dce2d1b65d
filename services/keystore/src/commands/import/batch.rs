//! The files as what is in them, each thing once.

use std::collections::{BTreeMap, HashMap, HashSet};

use pki::{
    Certificate, PrivateKey,
    import::{self, Contents, ImportError},
};
use tokio::task::spawn_blocking;

use super::{File, Outcome};
use crate::{
    commands::{CommandError, Commands},
    refusal::Refusal,
};

/// All files, and what is in those that are taken in.
#[derive(Default)]
pub(super) struct Batch {
    /// In their order.
    pub files: Vec<Listed>,
    /// By fingerprint.
    pub certificates: BTreeMap<String, Certificate>,
    /// By the hash of the public half.
    pub keys: BTreeMap<String, PrivateKey>,
}

/// A file, and what is in it by the keys of [`Batch`]; nothing where it is not taken in.
#[derive(Default)]
pub(super) struct Listed {
    pub name: String,
    pub format: String,
    pub certificates: Vec<String>,
    pub keys: Vec<String>,
    /// Why nothing of it is taken in.
    pub not_taken: Option<Outcome>,
}

impl Listed {
    /// What is in it.
    pub(super) fn items(&self) -> impl Iterator<Item = &String> {
        self.certificates.iter().chain(&self.keys)
    }
}

impl Batch {
    fn add(&mut self, name: String, contents: Result<Contents, ImportError>) {
        let listed = match contents {
            Ok(contents) => self.list(contents),
            Err(error) => Listed {
                not_taken: Some(Outcome::NotTaken(error)),
                ..Listed::default()
            },
        };
        self.files.push(Listed { name, ..listed });
    }

    fn list(&mut self, contents: Contents) -> Listed {
        let format = described(&contents);
        let Contents {
            certificates, keys, ..
        } = contents;
        let certificates = certificates
            .into_iter()
            .map(|leaf| (leaf.sha256_fingerprint.clone(), leaf))
            .collect::<Vec<_>>();
        let keys = keys
            .into_iter()
            .map(|key| (key.spki_sha256(), key))
            .collect::<Vec<_>>();
        let fits = room(&self.certificates, &certificates) && room(&self.keys, &keys);
        if !fits {
            let refusal = Refusal::TooManyAtOnce { most: MOST };
            return Listed {
                format,
                not_taken: Some(Outcome::Refused(refusal)),
                ..Listed::default()
            };
        }
        let listed = Listed {
            format,
            certificates: certificates.iter().map(|(name, _)| name.clone()).collect(),
            keys: keys.iter().map(|(name, _)| name.clone()).collect(),
            ..Listed::default()
        };
        self.certificates.extend(certificates);
        self.keys.extend(keys);
        listed
    }

    /// Keeps files back in which something is refused.
    pub(super) fn refuse(&mut self, refused: &HashMap<String, Refusal>) {
        for file in &mut self.files {
            let refusal = file.items().find_map(|item| refused.get(item));
            if let Some(refusal) = refusal {
                file.not_taken = Some(Outcome::Refused(refusal.clone()));
            }
        }
    }

    /// All that is in files that are taken in.
    pub(super) fn going(&self) -> HashSet<String> {
        let files = self.files.iter().filter(|file| file.not_taken.is_none());
        files.flat_map(Listed::items).cloned().collect()
    }
}

/// Whether there is room for these beside those.
fn room<T>(there: &BTreeMap<String, T>, coming: &[(String, T)]) -> bool {
    let new = coming.iter().filter(|(name, _)| !there.contains_key(name));
    there.len() + new.count() <= MOST
}

impl Commands {
    /// Reads all files, one after another: whoever sends many waits, and not the others.
    pub(super) async fn read(&self, files: Vec<File>) -> Result<Batch, CommandError> {
        let mut batch = Batch::default();
        for file in files {
            let read = spawn_blocking(move || {
                let passphrase = file.passphrase.as_ref().map(|text| text.as_str());
                batch.add(file.name, import::read(&file.content, passphrase));
                batch
            });
            batch = read.await.map_err(CommandError::Broken)?;
        }
        Ok(batch)
    }
}

/// "PKCS#12, 1 key and 3 certificates".
fn described(contents: &Contents) -> String {
    let count = |n: usize, one: &str| match n {
        0 => None,
        1 => Some(format!("1 {one}")),
        n => Some(format!("{n} {one}s")),
    };
    let parts = [
        count(contents.keys.len(), "key"),
        count(contents.certificates.len(), "certificate"),
    ];
    let parts = parts.into_iter().flatten().collect::<Vec<_>>();
    format!("{}, {}", contents.format, parts.join(" and "))
}

/// Certificates of one import, and private keys: as many as one file may hold.
const MOST: usize = import::MAX_CERTIFICATES;
