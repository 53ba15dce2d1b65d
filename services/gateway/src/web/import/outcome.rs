//! A file and its verdict, as the page keeps them until a passphrase is typed.
//!
//! A browser does not fill in a choice of files again, and nobody should have to choose them twice. So the page has
//! in it what is still locked, and what became of the others; it goes back with the passphrase. It goes to nobody but
//! the browser that has just sent it, in an answer that no browser stores (`no-store`), and comes back under the form's
//! token. Nothing waits here for somebody who does not come back, and any gateway can take the second try.

use api::keystore::v1::{
    FileOutcome, FileVerdict, ImportFile, ImportedCertificate, ImportedItem, imported_item::Item,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use prost::Message;

/// What became of a file.
pub struct Outcome {
    /// What was said of it.
    pub verdict: FileVerdict,
    /// How long the file is.
    pub length: usize,
    /// A passphrase was tried, and did not open it.
    pub tried: bool,
    /// The file, while it is locked; empty: it is too long to be kept.
    locked: Bytes,
}

impl Outcome {
    /// Of a file that was just sent.
    pub fn new(file: ImportFile, verdict: FileVerdict) -> Outcome {
        let tried = file.passphrase.is_some();
        let length = file.content.len();
        let keep = needs_passphrase(&verdict) && length <= LONGEST_KEPT;
        Outcome {
            length,
            tried: tried && needs_passphrase(&verdict),
            locked: if keep { file.content } else { Bytes::new() },
            verdict,
        }
    }

    /// As a field of the page.
    pub fn field(&self) -> String {
        let verdict = STANDARD.encode(self.verdict.encode_to_vec());
        let locked = STANDARD.encode(&self.locked);
        format!("{}.{verdict}.{locked}", self.length)
    }

    /// From a field of the page.
    pub fn read(field: &str) -> Option<Outcome> {
        let mut texts = field.splitn(3, '.');
        let length = texts.next()?.parse().ok()?;
        let verdict = STANDARD.decode(texts.next()?).ok()?;
        let locked = STANDARD.decode(texts.next()?).ok()?;
        Some(Outcome {
            verdict: FileVerdict::decode(&*verdict).ok()?,
            length,
            tried: false,
            locked: locked.into(),
        })
    }

    /// It was sent again, with a passphrase.
    pub fn tried_again(&mut self, verdict: FileVerdict) {
        self.tried = needs_passphrase(&verdict);
        if !self.tried {
            self.locked.clear();
        }
        self.verdict = verdict;
    }

    /// Whether a passphrase is still needed.
    pub fn is_locked(&self) -> bool {
        needs_passphrase(&self.verdict)
    }

    /// The file, where it is locked and was kept.
    pub fn file(&self) -> Option<ImportFile> {
        (!self.locked.is_empty()).then(|| ImportFile {
            name: self.verdict.name.clone(),
            content: self.locked.clone(),
            passphrase: None,
        })
    }

    /// The certificates that were in it.
    pub fn certificates(&self) -> impl Iterator<Item = &ImportedCertificate> {
        let items = self.verdict.items.iter();
        items.filter_map(|ImportedItem { item }| match item {
            Some(Item::Certificate(certificate)) => Some(certificate),
            Some(Item::Key(_)) | None => None,
        })
    }

    /// The same, to be brought up to date.
    pub fn certificates_mut(&mut self) -> impl Iterator<Item = &mut ImportedCertificate> {
        let items = self.verdict.items.iter_mut();
        items.filter_map(|ImportedItem { item }| match item {
            Some(Item::Certificate(certificate)) => Some(certificate),
            Some(Item::Key(_)) | None => None,
        })
    }
}

fn needs_passphrase(verdict: &FileVerdict) -> bool {
    verdict.outcome() == FileOutcome::PassphraseNeeded
}

/// Key stores have a few KiB. What is longer is chosen again.
const LONGEST_KEPT: usize = 256 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(outcome: FileOutcome) -> FileVerdict {
        FileVerdict {
            name: "shop.p12".into(),
            outcome: outcome.into(),
            ..FileVerdict::default()
        }
    }

    fn sent(content: Vec<u8>) -> ImportFile {
        ImportFile {
            name: "shop.p12".into(),
            content: content.into(),
            passphrase: None,
        }
    }

    #[test]
    fn what_is_locked_comes_back_as_it_went() {
        let file = sent(vec![0, 255, b'.', b'"']);
        let outcome = Outcome::new(file.clone(), verdict(FileOutcome::PassphraseNeeded));
        let again = Outcome::read(&outcome.field()).unwrap();
        assert_eq!(again.file(), Some(file));
        assert!(again.is_locked());
        assert_eq!((again.length, again.tried), (4, false));
    }

    #[test]
    fn what_is_not_locked_is_not_kept() {
        let file = sent(b"a private key".to_vec());
        for outcome in [
            FileOutcome::Imported,
            FileOutcome::AlreadyHere,
            FileOutcome::Refused,
        ] {
            let outcome = Outcome::new(file.clone(), verdict(outcome));
            assert_eq!(Outcome::read(&outcome.field()).unwrap().file(), None);
        }
        let long = sent(vec![0; LONGEST_KEPT + 1]);
        let outcome = Outcome::new(long, verdict(FileOutcome::PassphraseNeeded));
        assert!(outcome.is_locked() && outcome.file().is_none());
    }

    #[test]
    fn once_it_is_open_it_is_kept_no_longer() {
        let file = sent(b"locked".to_vec());
        let mut outcome = Outcome::new(file, verdict(FileOutcome::PassphraseNeeded));
        outcome.tried_again(verdict(FileOutcome::PassphraseNeeded));
        assert!(outcome.tried && outcome.file().is_some());
        outcome.tried_again(verdict(FileOutcome::Imported));
        assert!(!outcome.tried && outcome.file().is_none());
    }

    #[test]
    fn another_text_is_not_read() {
        for text in ["", "1", "1.", "x..", "1.!.", "1..!"] {
            assert!(Outcome::read(text).is_none(), "{text:?}");
        }
    }
}
