//! What became of the files, for people.

use api::keystore::v1::{
    FileOutcome, FileVerdict, ImportedCertificate, ImportedItem, ImportedKey, imported_item::Item,
};

use super::super::{answer, certs};

/// A line for each thing in each file.
pub fn table(verdicts: &[FileVerdict]) -> String {
    let rows = verdicts.iter().flat_map(|verdict| {
        let outcome = answer::word(verdict.outcome().as_str_name(), "FILE_OUTCOME_");
        let items = verdict
            .items
            .iter()
            .filter_map(|item| item_row(&verdict.name, item));
        let mut rows = items.collect::<Vec<_>>();
        if rows.is_empty() {
            let about = match verdict.reason.as_str() {
                "" => verdict.message.clone(),
                reason => format!("{} ({reason})", verdict.message),
            };
            let nothing = String::new();
            rows.push([
                verdict.name.clone(),
                outcome,
                verdict.format.clone(),
                nothing.clone(),
                about,
                nothing,
            ]);
        }
        rows
    });
    answer::columns(["file", "verdict", "what", "name", "about", "id"], rows)
}

/// What is still missing, a line each.
pub fn warnings(verdicts: &[FileVerdict]) -> Vec<String> {
    let incomplete = certificates(verdicts).filter(|certificate| !certificate.chain_complete);
    let mut warnings = incomplete
        .map(|certificate| {
            format!(
                "{}: {}",
                answer::visible(&certificate.friendly_name),
                certs::missing(&certificate.missing_issuer, &certificate.missing_issuer_url)
            )
        })
        .collect::<Vec<_>>();
    warnings.dedup();
    warnings
}

/// Every certificate that was in a file that was taken in.
pub fn certificates(verdicts: &[FileVerdict]) -> impl Iterator<Item = &ImportedCertificate> {
    let items = verdicts.iter().flat_map(|verdict| &verdict.items);
    items.filter_map(|item| match &item.item {
        Some(Item::Certificate(certificate)) => Some(certificate),
        Some(Item::Key(_)) | None => None,
    })
}

/// How many files were not taken in.
pub fn left_out(verdicts: &[FileVerdict]) -> usize {
    let left = verdicts.iter().filter(|verdict| match verdict.outcome() {
        FileOutcome::Imported | FileOutcome::AlreadyHere => false,
        FileOutcome::PassphraseNeeded | FileOutcome::Refused | FileOutcome::Unspecified => true,
    });
    left.count()
}

fn item_row(file: &str, item: &ImportedItem) -> Option<[String; 6]> {
    let (verdict, what, name, about, id) = match item.item.as_ref()? {
        Item::Certificate(certificate) => (
            match (certificate.restored, certificate.already_here) {
                (true, _) => "restored",
                (false, true) => "already-here",
                (false, false) => "imported",
            },
            "certificate".to_owned(),
            certificate.friendly_name.clone(),
            about_certificate(certificate),
            certificate.certificate_id.clone(),
        ),
        Item::Key(key) => (
            if key.already_here {
                "already-here"
            } else {
                "imported"
            },
            format!(
                "key {}",
                answer::word(key.algorithm().as_str_name(), "KEY_ALGORITHM_")
            ),
            String::new(),
            about_key(key),
            key.key_id.clone(),
        ),
    };
    Some([file.to_owned(), verdict.to_owned(), what, name, about, id])
}

fn about_certificate(certificate: &ImportedCertificate) -> String {
    let mut about = Vec::new();
    if !certificate.request_id.is_empty() {
        about.push("answers its request");
    }
    if !certificate.key_id.is_empty() {
        about.push("its key is here");
    }
    if !certificate.chain_complete {
        about.push("its chain is not complete");
    }
    about.join(", ")
}

fn about_key(key: &ImportedKey) -> String {
    match key.certificate_ids.len() {
        0 => "fits no certificate here".into(),
        1 => "fits 1 certificate".into(),
        n => format!("fits {n} certificates"),
    }
}

#[cfg(test)]
mod tests {
    use api::x509::v1::KeyAlgorithm;

    use super::*;

    fn shop() -> FileVerdict {
        let certificate = ImportedCertificate {
            certificate_id: "0199-c".into(),
            friendly_name: "shop.example".into(),
            key_id: "0199-k".into(),
            request_id: "0199-r".into(),
            missing_issuer: "CN=Some CA".into(),
            missing_issuer_url: "http://ca.example/ca.der".into(),
            ..ImportedCertificate::default()
        };
        let key = ImportedKey {
            key_id: "0199-k".into(),
            algorithm: KeyAlgorithm::EcdsaP256.into(),
            already_here: true,
            certificate_ids: vec!["0199-c".into()],
            ..ImportedKey::default()
        };
        let items = [Item::Certificate(certificate), Item::Key(key)];
        FileVerdict {
            name: "shop.p12".into(),
            outcome: FileOutcome::Imported.into(),
            items: items.map(|item| ImportedItem { item: Some(item) }).into(),
            ..FileVerdict::default()
        }
    }

    fn locked() -> FileVerdict {
        FileVerdict {
            name: "locked.p12".into(),
            outcome: FileOutcome::PassphraseNeeded.into(),
            reason: "PASSPHRASE_WRONG".into(),
            message: "The passphrase is not the right one.".into(),
            ..FileVerdict::default()
        }
    }

    #[test]
    fn each_file_and_each_thing_in_it_has_a_line() {
        let text = table(&[shop(), locked()]);
        let lines = text
            .lines()
            .map(|line| {
                line.split("  ")
                    .map(str::trim)
                    .filter(|cell| !cell.is_empty())
            })
            .map(Iterator::collect::<Vec<_>>)
            .collect::<Vec<_>>();
        assert_eq!(
            lines,
            [
                vec!["FILE", "VERDICT", "WHAT", "NAME", "ABOUT", "ID"],
                vec![
                    "shop.p12",
                    "imported",
                    "certificate",
                    "shop.example",
                    "answers its request, its key is here, its chain is not complete",
                    "0199-c",
                ],
                vec![
                    "shop.p12",
                    "already-here",
                    "key ecdsa-p256",
                    "-",
                    "fits 1 certificate",
                    "0199-k"
                ],
                vec![
                    "locked.p12",
                    "passphrase-needed",
                    "-",
                    "-",
                    "The passphrase is not the right one. (PASSPHRASE_WRONG)",
                    "-",
                ],
            ]
        );
    }

    #[test]
    fn a_missing_issuer_is_named_with_where_it_can_be_had() {
        let [warning] = &warnings(&[shop(), locked()])[..] else {
            panic!("one certificate's chain is not complete");
        };
        for part in ["shop.example", "CN=Some CA", "http://ca.example/ca.der"] {
            assert!(warning.contains(part), "{warning}");
        }
    }

    #[test]
    fn what_was_not_taken_in_is_counted() {
        assert_eq!(left_out(&[shop(), locked(), FileVerdict::default()]), 2);
    }
}
