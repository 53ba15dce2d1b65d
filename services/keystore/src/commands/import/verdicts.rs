//! What became of the files.

use std::collections::{HashMap, HashSet};

use super::{ImportedCertificate, ImportedKey, Item, Outcome, Verdict, batch::Listed, claim::Leaf};
use crate::refusal::Refusal;

/// What became of the things in the files.
pub(super) struct Taken {
    /// By fingerprint.
    pub certificates: HashMap<String, Result<ImportedCertificate, Refusal>>,
    /// By the hash of the public half.
    pub keys: HashMap<String, ImportedKey>,
}

impl Taken {
    /// Where the log has the last event that came of it; 0 where nothing new came.
    pub(super) fn position(&self) -> u64 {
        let certificates = self.certificates.values().flatten();
        let positions = certificates.map(|certificate| certificate.position);
        let positions = positions.chain(self.keys.values().map(|key| key.position));
        positions.max().unwrap_or_default()
    }

    /// Whether a CA's certificate has come that was not here.
    pub(super) fn has_new_authority(&self, leaves: &[Leaf]) -> bool {
        let authorities = leaves.iter().filter(|one| one.leaf.is_ca);
        let taken = authorities.map(|one| self.certificates.get(&one.leaf.sha256_fingerprint));
        let mut taken = taken.flatten().flatten();
        taken.any(|taken| !taken.already_here)
    }

    /// One for each file. What two files have is new in the first of them alone.
    pub(super) fn verdicts(&self, files: Vec<Listed>) -> Vec<Verdict> {
        let mut told = HashSet::new();
        let verdicts = files.into_iter().map(|file| {
            let (outcome, items) = match &file.not_taken {
                Some(outcome) => (outcome.clone(), Vec::new()),
                None => match self.items(&file, &mut told) {
                    Ok(items) if items.iter().any(Item::is_new) => (Outcome::Imported, items),
                    Ok(items) => (Outcome::AlreadyHere, items),
                    Err(refusal) => (Outcome::Refused(refusal), Vec::new()),
                },
            };
            Verdict {
                name: file.name,
                format: file.format,
                outcome,
                items,
            }
        });
        verdicts.collect()
    }

    fn items(&self, file: &Listed, told: &mut HashSet<String>) -> Result<Vec<Item>, Refusal> {
        let mut items = Vec::with_capacity(file.certificates.len() + file.keys.len());
        for fingerprint in &file.certificates {
            if let Some(taken) = self.certificates.get(fingerprint) {
                items.push(Item::Certificate(taken.clone()?));
            }
        }
        let keys = file.keys.iter().filter_map(|spki| self.keys.get(spki));
        items.extend(keys.cloned().map(Item::Key));
        for (item, name) in items.iter_mut().zip(file.items()) {
            if !told.insert(name.clone()) {
                item.was_here();
            }
        }
        Ok(items)
    }
}

impl Item {
    fn is_new(&self) -> bool {
        match self {
            Self::Certificate(certificate) => !certificate.already_here,
            Self::Key(key) => !key.already_here,
        }
    }

    fn was_here(&mut self) {
        match self {
            Self::Certificate(certificate) => {
                certificate.already_here = true;
                certificate.restored = false;
            }
            Self::Key(key) => key.already_here = true,
        }
    }
}
