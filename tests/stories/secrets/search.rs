//! What must not be found, and looking for it in every spelling.

use aho_corasick::AhoCorasick;
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};

/// What somebody must not find.
pub struct Secret {
    /// For the failure's text.
    pub what: String,
    /// As it is.
    octets: Vec<u8>,
    /// Written in some way, without line ends and spaces.
    spellings: Vec<Vec<u8>>,
}

/// Where it is searched.
pub struct Haystack {
    as_it_is: Vec<u8>,
    /// Without line ends and spaces: PEM breaks what it holds.
    unbroken: Vec<u8>,
}

impl From<Vec<u8>> for Haystack {
    fn from(as_it_is: Vec<u8>) -> Self {
        let unbroken = as_it_is
            .iter()
            .copied()
            .filter(|octet| !octet.is_ascii_whitespace())
            .collect();
        Self { as_it_is, unbroken }
    }
}

impl Secret {
    /// A secret that is a text: as it is, and as its octets might be written.
    pub fn text(what: &str, text: &str) -> Self {
        Self::bytes(what, text.as_bytes())
    }

    /// The private part of a PKCS#8 key: what comes before its public key, which everybody may know.
    pub fn private_key(what: &str, pkcs8: &[u8]) -> Self {
        const SCALAR: &[u8] = &[0x02, 0x01, 0x01, 0x04];
        // ECPrivateKey (RFC 5915): version 1, then the scalar as an octet string.
        let at = pkcs8
            .windows(SCALAR.len())
            .position(|window| window == SCALAR);
        let at = at.unwrap_or_else(|| panic!("{what} is no elliptic-curve key")) + SCALAR.len();
        let length = usize::from(pkcs8[at]);
        Self::bytes(what, &pkcs8[at + 1..at + 1 + length])
    }

    /// Octets, and every way in which they might be written: hexadecimal, base64 at any place of a longer text, JSON.
    pub fn bytes(what: &str, octets: &[u8]) -> Self {
        assert!(
            octets.len() >= 16,
            "{what} has only {} octets",
            octets.len()
        );
        let hex = octets
            .iter()
            .map(|octet| format!("{octet:02x}"))
            .collect::<String>();
        let list = octets.iter().map(u8::to_string).collect::<Vec<_>>();
        let mut spellings = vec![
            hex.to_uppercase().into_bytes(),
            hex.into_bytes(),
            list.join(",").into_bytes(),
        ];
        for skipped in 0..3 {
            // Whole groups of three, so that what stands before and after does not matter.
            let inner = &octets[skipped..];
            let inner = &inner[..inner.len() / 3 * 3];
            spellings.push(STANDARD.encode(inner).into_bytes());
            spellings.push(URL_SAFE_NO_PAD.encode(inner).into_bytes());
        }
        spellings.sort();
        spellings.dedup();
        Self {
            what: what.to_owned(),
            octets: octets.to_vec(),
            spellings,
        }
    }
}

/// Looks for many at once.
pub struct Search<'a> {
    secrets: &'a [Secret],
    as_they_are: AhoCorasick,
    spelled: AhoCorasick,
    /// Whose each spelling is.
    spellings: Vec<usize>,
}

impl<'a> Search<'a> {
    /// For all of these.
    pub fn of(secrets: &'a [Secret]) -> Self {
        let all = secrets.iter().enumerate();
        let spelled = all.flat_map(|(n, secret)| secret.spellings.iter().map(move |s| (n, s)));
        let (spellings, spelled): (Vec<_>, Vec<_>) = spelled.unzip();
        let automaton = |patterns: Vec<&Vec<u8>>| AhoCorasick::new(patterns).unwrap();
        Self {
            secrets,
            as_they_are: automaton(secrets.iter().map(|secret| &secret.octets).collect()),
            spelled: automaton(spelled),
            spellings,
        }
    }

    /// One that stands there, as it is or in any spelling.
    pub fn found_in(&self, haystack: &Haystack) -> Option<&'a Secret> {
        let as_it_is = self.as_they_are.find(&haystack.as_it_is);
        let as_it_is = as_it_is.map(|found| found.pattern().as_usize());
        let spelled = || {
            let found = self.spelled.find(&haystack.unbroken)?;
            Some(self.spellings[found.pattern().as_usize()])
        };
        as_it_is.or_else(spelled).map(|n| &self.secrets[n])
    }
}
