//! Import: files of certificates and private keys, each with a verdict of its own.
//!
//! All files are read first, into one [batch]. Then what they hold is taken in, each thing once: it is [claimed](claim),
//! and what is refused then keeps the rest of its file back; the [keys] are appended, and the [certificates] with the
//! chains that can be built for them. A [verdict](verdicts) says of each file what became of it.

mod batch;
mod certificates;
mod claim;
mod keys;
mod verdicts;

use std::collections::HashSet;

use eventlog::Origin;
use pki::KeyAlgorithm;
use uuid::Uuid;
use zeroize::Zeroizing;

pub use self::certificates::Imported as ImportedCertificate;
use self::verdicts::Taken;
use super::{CommandError, Commands};
use crate::{claims, refusal::Refusal};

/// A file to take in.
#[derive(Clone)]
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
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It was taken in; something in it is new.
    Imported,
    /// It was taken in; nothing in it is new.
    AlreadyHere,
    /// It cannot be read.
    NotTaken(pki::import::ImportError),
    /// It was read, and not taken in.
    Refused(Refusal),
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
        let claim::Prepared {
            mut batch,
            incoming,
            claimed,
        } = self.prepare_import(origin, files).await?;
        // Step 3: what is refused keeps the rest of its file back.
        let planned = self.plan(&incoming, claimed).await?;
        batch.refuse(&planned.refused);
        // Step 4: append, each on its own. The keys first: an event without its key cannot exist.
        let going = batch.going();
        let keys = self.import_keys(origin, &incoming, &going).await?;
        let certificates = self
            .import_certificates(origin, &incoming, planned, &going)
            .await?;
        let mut taken = Taken { keys, certificates };
        // Step 5: what was here before may belong to a new key.
        self.find_certificates(&mut taken, &incoming).await?;
        // Step 6: a CA's certificate may make other chains better.
        let mut position = taken.position();
        if taken.has_new_authority(&incoming.certificates) {
            let own = incoming.certificates.iter().map(|one| one.id);
            self.linked_up_to(position, &own.collect()).await?;
            let last = self.log.last_sequence().await.map_err(CommandError::Log)?;
            position = position.max(last);
        }
        let verdicts = taken.verdicts(batch.files);
        Ok(Imported { verdicts, position })
    }

    /// All of an import that comes before its first event. A crash after this leaves orphans, which a repeat finds its
    /// own, or else the sweep.
    pub(crate) async fn prepare_import(
        &self,
        origin: &Origin,
        files: Vec<File>,
    ) -> Result<claim::Prepared, CommandError> {
        // Step 1: the request id, while the files are read.
        let (claimed, batch) = tokio::join!(self.claim_request(origin), self.read(files));
        claimed?;
        let mut batch = batch?;
        // Step 2: the keys into the vault; and names, fingerprints and the use of keys, of all at once.
        let incoming = self.incoming(&mut batch).await?;
        let claimed = self.claim_all(&incoming).await?;
        Ok(claim::Prepared {
            batch,
            incoming,
            claimed,
        })
    }

    /// The certificates that belong to the keys, by the claims that they have made.
    async fn find_certificates(
        &self,
        taken: &mut Taken,
        incoming: &claim::Incoming,
    ) -> Result<(), CommandError> {
        let spkis = taken.keys.keys().map(String::as_str).collect::<Vec<_>>();
        let users = claims::key_users(&self.database, &spkis).await;
        let not_taken = incoming.certificates.iter().filter(|one| {
            let taken = taken.certificates.get(&one.leaf.sha256_fingerprint);
            !taken.is_some_and(|taken| taken.is_ok())
        });
        let not_taken = not_taken.map(|one| one.id).collect::<HashSet<_>>();
        for used in users.map_err(CommandError::Database)? {
            if let (Some(key), claims::User::Certificate) =
                (taken.keys.get_mut(&used.spki_sha256), used.user)
                && !not_taken.contains(&used.holder)
            {
                key.certificates.push(used.holder);
            }
        }
        Ok(())
    }
}

/// Appends under way for one command.
const AT_ONCE: usize = 32;
