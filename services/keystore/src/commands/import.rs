//! Import: files of certificates and private keys, each with a verdict of its own.
//!
//! All files are [read] first. Then what they hold is taken in, each thing once: the keys, and the
//! certificates with the chains that can be built for them. A verdict says of each file what became of it.

mod certificates;
mod keys;
mod read;

use std::collections::HashMap;

use eventlog::Origin;
use pki::KeyAlgorithm;
use uuid::Uuid;
use zeroize::Zeroizing;

pub use self::certificates::Imported as ImportedCertificate;
use self::read::Read;
use super::{CommandError, Commands};
use crate::claims;

/// A file to take in.
pub struct File {
    /// What the person calls it.
    pub name: String,
    /// What is in it.
    pub content: Zeroizing<Vec<u8>>,
    /// For what is encrypted in it.
    pub passphrase: Option<Zeroizing<String>>,
}

/// What became of all files.
#[derive(Debug)]
pub struct Imported {
    /// In the order of the files.
    pub verdicts: Vec<Verdict>,
    /// Where the log has the last event that came of it; 0 where nothing new came.
    pub position: u64,
}

/// What became of one file.
#[derive(Debug)]
pub struct Verdict {
    /// What the person calls it.
    pub name: String,
    /// What it was read as, for people.
    pub format: String,
    /// What became of it.
    pub outcome: Outcome,
    /// What was in it.
    pub items: Vec<Item>,
}

/// What became of one file.
#[derive(Debug)]
pub enum Outcome {
    /// It was taken in; something in it is new.
    Imported,
    /// It was taken in; nothing in it is new.
    AlreadyHere,
    /// It was not taken in.
    NotTaken(pki::import::ImportError),
}

/// One thing in a file.
#[derive(Debug, Clone)]
pub enum Item {
    /// A certificate.
    Certificate(ImportedCertificate),
    /// A private key.
    Key(ImportedKey),
}

/// A private key that was in a file.
#[derive(Debug, Clone)]
pub struct ImportedKey {
    /// Its id.
    pub key_id: Uuid,
    /// What it is.
    pub algorithm: KeyAlgorithm,
    /// SHA-256 of its public half, hex.
    pub spki_sha256: String,
    /// It was here before.
    pub already_here: bool,
    /// The certificates that belong to it.
    pub certificates: Vec<Uuid>,
    position: u64,
}

impl Item {
    fn is_new(&self) -> bool {
        match self {
            Self::Certificate(certificate) => !certificate.already_here,
            Self::Key(key) => !key.already_here,
        }
    }
}

impl Commands {
    /// Takes in files.
    ///
    /// # Errors
    /// See [`CommandError`]; a file that cannot be taken in is no error, and has its verdict.
    pub async fn import(
        &self,
        origin: &Origin,
        files: Vec<File>,
    ) -> Result<Imported, CommandError> {
        self.claim_request(origin).await?;
        let files = self.read(files).await?;
        // Step 1: the keys, so that certificates find theirs.
        let mut keys = self.take_in_keys(origin, &files).await?;
        // Step 2: the certificates.
        let certificates = self.take_in_certificates(origin, &files).await?;
        // Step 3: what was here before may belong to a new key.
        self.find_certificates(&mut keys).await?;
        // Step 4: a CA's certificate may make other chains better.
        let mut position = 0;
        for certificate in certificates.values() {
            position = position.max(certificate.position);
        }
        for key in keys.values() {
            position = position.max(key.position);
        }
        if new_authority(&files, &certificates) {
            let own = certificates.values().map(|one| one.certificate_id);
            self.linked_up_to(position, &own.collect()).await?;
            let last = self.log.last_sequence().await.map_err(CommandError::Log)?;
            position = position.max(last);
        }
        let verdicts = files
            .into_iter()
            .map(|file| verdict(file, &certificates, &keys))
            .collect();
        Ok(Imported { verdicts, position })
    }

    /// The certificates that belong to the keys, by the claims that they have made.
    async fn find_certificates(
        &self,
        keys: &mut HashMap<String, ImportedKey>,
    ) -> Result<(), CommandError> {
        let spkis = keys.keys().map(String::as_str).collect::<Vec<_>>();
        let users = claims::key_users(&self.database, &spkis).await;
        for used in users.map_err(CommandError::Database)? {
            if let (Some(key), claims::User::Certificate) =
                (keys.get_mut(&used.spki_sha256), used.user)
            {
                key.certificates.push(used.holder);
            }
        }
        Ok(())
    }
}

/// Whether a CA's certificate has come that was not here.
fn new_authority(files: &[Read], taken: &HashMap<String, ImportedCertificate>) -> bool {
    Read::certificates(files)
        .filter(|leaf| leaf.is_ca)
        .filter_map(|leaf| taken.get(&leaf.sha256_fingerprint))
        .any(|taken| !taken.already_here)
}

fn verdict(
    file: Read,
    certificates: &HashMap<String, ImportedCertificate>,
    keys: &HashMap<String, ImportedKey>,
) -> Verdict {
    let contents = match file.contents {
        Ok(contents) => contents,
        Err(error) => {
            return Verdict {
                name: file.name,
                format: String::new(),
                outcome: Outcome::NotTaken(error),
                items: Vec::new(),
            };
        }
    };
    let leaves = contents.certificates.iter();
    let leaves = leaves.filter_map(|leaf| certificates.get(&leaf.sha256_fingerprint));
    let private = contents.keys.iter();
    let private = private.filter_map(|key| keys.get(&key.spki_sha256()));
    let items = leaves.cloned().map(Item::Certificate);
    let items = items.chain(private.cloned().map(Item::Key));
    let items = items.collect::<Vec<_>>();
    let outcome = match items.iter().any(Item::is_new) {
        true => Outcome::Imported,
        false => Outcome::AlreadyHere,
    };
    Verdict {
        format: described(&contents),
        name: file.name,
        outcome,
        items,
    }
}

/// "PKCS#12, 1 key and 3 certificates".
fn described(contents: &pki::import::Contents) -> String {
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

/// Appends under way for one command.
const AT_ONCE: usize = 32;
