//! Verdicts, in words.

use api::keystore::v1::{
    FileOutcome, ImportedCertificate, ImportedItem, ImportedKey, imported_item::Item,
};

use super::{
    super::{algorithm, wrong::sentence},
    outcome::Outcome,
};

/// What became of all files.
pub struct Results {
    /// "5 files"
    pub heading: String,
    /// "3 imported · 1 needs a passphrase · 1 refused"
    pub counts: String,
    /// A line for each file.
    pub lines: Vec<Line>,
    /// What misses to the chains, each once.
    pub missing: Vec<Missing>,
    /// The certificates that are new here: "select=…&select=…"; empty where there are none.
    pub new: String,
    /// The first certificate with its key, to go on with.
    pub open: Option<Thing>,
}

/// What became of one file.
pub struct Line {
    /// Its name.
    pub name: String,
    /// How long it is.
    pub size: String,
    /// "Imported", and how that looks.
    pub look: Look,
    /// What it was, and what is to be known of it.
    pub about: String,
    /// What was in it.
    pub things: Vec<Thing>,
    /// How much more was in it than is listed.
    pub more: usize,
    /// Itself, for the second try.
    pub field: String,
    /// A passphrase can be typed for it.
    pub locked: bool,
    /// A passphrase was wrong.
    pub wrong: Option<String>,
}

/// A word with its icon and colours.
pub struct Look {
    /// What people read.
    pub word: &'static str,
    /// The icon of the sprite.
    pub icon: &'static str,
    /// The icon's colours.
    pub tint: &'static str,
    /// The word's.
    pub tone: &'static str,
}

/// A certificate or a key.
pub struct Thing {
    /// Its page.
    pub href: String,
    /// What it is called.
    pub name: String,
    /// What it matched.
    pub about: String,
    /// What misses to its chain.
    pub missing: Option<Missing>,
}

/// An issuer that is not here.
#[derive(Clone, PartialEq, Eq)]
pub struct Missing {
    /// Its name.
    pub issuer: String,
    /// Where it is said to be had; empty where that is not known.
    pub url: String,
}

impl Results {
    /// Of these.
    pub fn of(outcomes: Vec<Outcome>) -> Results {
        let count = |wanted: &[FileOutcome]| {
            let among = |outcome: &&Outcome| wanted.contains(&outcome.verdict.outcome());
            outcomes.iter().filter(among).count()
        };
        let counts = [
            (count(&[FileOutcome::Imported]), "imported", "imported"),
            (
                count(&[FileOutcome::AlreadyHere]),
                "already here",
                "already here",
            ),
            (
                count(&[FileOutcome::PassphraseNeeded]),
                "needs a passphrase",
                "need a passphrase",
            ),
            (
                count(&[FileOutcome::Refused, FileOutcome::Unspecified]),
                "refused",
                "refused",
            ),
        ];
        let counts = counts.into_iter().filter(|(n, ..)| *n > 0);
        let counts =
            counts.map(|(n, one, more)| format!("{n} {}", if n == 1 { one } else { more }));
        let counts = counts.collect::<Vec<_>>().join(" · ");
        let mut missing = Vec::new();
        for certificate in outcomes.iter().flat_map(Outcome::certificates) {
            missing.extend(self::missing(certificate).filter(|one| !missing.contains(one)));
        }
        let certificates = || outcomes.iter().flat_map(Outcome::certificates);
        let new = certificates().filter(|certificate| !certificate.already_here);
        let new = new.map(|certificate| format!("select={}", certificate.certificate_id));
        let open = certificates().find(|certificate| !certificate.key_id.is_empty());
        Results {
            heading: match outcomes.len() {
                1 => "1 file".to_owned(),
                n => format!("{n} files"),
            },
            counts,
            missing,
            new: new.collect::<Vec<_>>().join("&"),
            open: open.map(thing_of_certificate),
            lines: outcomes.into_iter().map(Line::of).collect(),
        }
    }
}

impl Line {
    fn of(outcome: Outcome) -> Line {
        let verdict = &outcome.verdict;
        let things = verdict.items.iter().filter_map(thing);
        let locked = outcome.file().is_some();
        Line {
            name: verdict.name.clone(),
            size: size(outcome.length),
            look: look(verdict.outcome()),
            about: about(&outcome, locked),
            things: things.take(MOST_LISTED).collect(),
            more: verdict.items.len().saturating_sub(MOST_LISTED),
            field: outcome.field(),
            locked,
            wrong: outcome.tried.then(|| sentence(&verdict.message)),
        }
    }
}

fn look(outcome: FileOutcome) -> Look {
    let look = |word, icon, tint, tone| Look {
        word,
        icon,
        tint,
        tone,
    };
    match outcome {
        FileOutcome::Imported => look("Imported", "check", "ok", "w-ok"),
        FileOutcome::AlreadyHere => look("Already here", "check", "", ""),
        FileOutcome::PassphraseNeeded => look("Passphrase needed", "lock", "warn", "w-warn"),
        FileOutcome::Refused | FileOutcome::Unspecified => look("Refused", "x", "bad", "w-bad"),
    }
}

fn about(outcome: &Outcome, locked: bool) -> String {
    let verdict = &outcome.verdict;
    let format = match verdict.format.as_str() {
        "" => String::new(),
        format => format!("{}. ", format.trim_end_matches('.')),
    };
    match verdict.outcome() {
        FileOutcome::Imported => {
            let here = verdict.items.iter().filter(|item| is_here_already(item));
            match here.count() {
                0 => format,
                here => format!(
                    "{format}{} new, {here} already here. Nothing was duplicated.",
                    verdict.items.len() - here
                ),
            }
        }
        FileOutcome::AlreadyHere => format!("{format}Nothing was duplicated."),
        FileOutcome::PassphraseNeeded if locked => {
            format!("{format}This file is locked. The passphrase is used once and not kept.")
        }
        FileOutcome::PassphraseNeeded => {
            format!("{format}This file is locked. Choose it again above, with its passphrase.")
        }
        FileOutcome::Refused | FileOutcome::Unspecified => {
            format!("{} Nothing of it was stored.", sentence(&verdict.message))
        }
    }
}

fn is_here_already(item: &ImportedItem) -> bool {
    match &item.item {
        Some(Item::Certificate(certificate)) => certificate.already_here,
        Some(Item::Key(key)) => key.already_here,
        None => false,
    }
}

fn thing(item: &ImportedItem) -> Option<Thing> {
    match item.item.as_ref()? {
        Item::Certificate(certificate) => Some(thing_of_certificate(certificate)),
        Item::Key(key) => Some(thing_of_key(key)),
    }
}

fn thing_of_certificate(certificate: &ImportedCertificate) -> Thing {
    let mut about = vec!["Certificate."];
    match (certificate.restored, certificate.already_here) {
        (true, _) => about.push("It had been deleted, and is here again."),
        (false, true) => about.push("It was here already."),
        (false, false) => {}
    }
    match (
        certificate.request_id.is_empty(),
        certificate.key_id.is_empty(),
    ) {
        (false, false) => about.push("Answers your request of this name, and matches its key."),
        (false, true) => about.push("Answers your request of this name."),
        (true, false) => about.push("Its private key is here."),
        (true, true) => {}
    }
    Thing {
        href: format!("/certificates/{}", certificate.certificate_id),
        name: certificate.friendly_name.clone(),
        about: about.join(" "),
        missing: missing(certificate),
    }
}

fn thing_of_key(key: &ImportedKey) -> Thing {
    let fits = match key.certificate_ids.len() {
        0 => "This key fits none of your certificates. Stored under Keys.".to_owned(),
        1 => "Private key. Fits 1 certificate.".to_owned(),
        n => format!("Private key. Fits {n} certificates."),
    };
    Thing {
        href: format!("/keys/{}", key.key_id),
        name: algorithm::word(key.algorithm()).to_owned(),
        about: match key.already_here {
            true => format!("{fits} It was here already."),
            false => fits,
        },
        missing: None,
    }
}

fn missing(certificate: &ImportedCertificate) -> Option<Missing> {
    // Whoever made the certificate wrote the address: it is a link only where a browser goes to it as a page.
    let url = &certificate.missing_issuer_url;
    let is_web = url.starts_with("http://") || url.starts_with("https://");
    (!certificate.chain_complete).then(|| Missing {
        issuer: certificate.missing_issuer.clone(),
        url: if is_web { url.clone() } else { String::new() },
    })
}

fn size(octets: usize) -> String {
    match octets {
        0..1_000 => format!("{octets} B"),
        1_000..1_000_000 => format!("{} KB", octets.div_ceil(1_000)),
        _ => format!("{}.{} MB", octets / 1_000_000, octets / 100_000 % 10),
    }
}

/// Of one file.
const MOST_LISTED: usize = 12;

#[cfg(test)]
mod tests {
    use api::keystore::v1::{FileVerdict, ImportFile};

    use super::*;

    fn outcome(outcome: FileOutcome, items: Vec<Item>) -> Outcome {
        let items = items
            .into_iter()
            .map(|item| ImportedItem { item: Some(item) });
        let verdict = FileVerdict {
            name: "shop.pem".into(),
            outcome: outcome.into(),
            message: "the file is protected".into(),
            items: items.collect(),
            ..FileVerdict::default()
        };
        let file = ImportFile {
            name: "shop.pem".into(),
            content: vec![1; 1_800].into(),
            passphrase: None,
        };
        Outcome::new(file, verdict)
    }

    fn certificate(id: &str, url: &str) -> Item {
        Item::Certificate(ImportedCertificate {
            certificate_id: id.into(),
            friendly_name: "shop".into(),
            missing_issuer: "CN=Root".into(),
            missing_issuer_url: url.into(),
            ..ImportedCertificate::default()
        })
    }

    #[test]
    fn files_are_counted_by_what_became_of_them() {
        let results = Results::of(vec![
            outcome(FileOutcome::Imported, vec![certificate("1", "")]),
            outcome(FileOutcome::Imported, vec![certificate("2", "")]),
            outcome(FileOutcome::PassphraseNeeded, vec![]),
            outcome(FileOutcome::Refused, vec![]),
        ]);
        assert_eq!(results.heading, "4 files");
        let counts = "2 imported · 1 needs a passphrase · 1 refused";
        assert_eq!(results.counts, counts);
        assert_eq!(results.new, "select=1&select=2");
        assert_eq!(results.missing.len(), 1, "each once");
        assert_eq!(results.lines[0].size, "2 KB");
    }

    #[test]
    fn an_address_in_a_certificate_is_a_link_only_to_the_web() {
        for (url, shown) in [
            ("http://ca.example/root.der", true),
            ("javascript:alert(1)", false),
            ("ldap://ca.example/", false),
        ] {
            let results = Results::of(vec![outcome(
                FileOutcome::Imported,
                vec![certificate("1", url)],
            )]);
            assert_eq!(!results.missing[0].url.is_empty(), shown, "{url}");
        }
    }
}
