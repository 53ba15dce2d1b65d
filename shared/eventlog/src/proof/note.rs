//! A tree's head as a signed note: C2SP signed-note, tlog-checkpoint and tlog-cosignature.

use std::fmt;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::tree::{self, Hash};

/// What a checkpoint says: the root of a log's tree at a size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Which log it is, for all time.
    pub origin: String,
    /// How many events it has.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

/// A head with signatures under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What it says.
    pub head: Head,
    /// The same as it was signed; another program may have written lines of its own under ours.
    text: String,
    signatures: Vec<Signature>,
}

/// One line under a note.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Signature {
    name: String,
    key_id: [u8; 4],
    octets: Vec<u8>,
}

/// A public key that notes are verified with: of a log, or of a witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteKey {
    name: String,
    kind: Kind,
    public: [u8; 32],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It signs the note.
    Ed25519 = 1,
    /// It signs the note and the time: a witness's.
    Cosignature = 4,
}

/// The text is not a note, or not a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Not a note.
    #[error("this is not a checkpoint as C2SP's tlog-checkpoint describes it")]
    NotANote,
    /// Not a key.
    #[error("this is not a verifier key: it looks like name+01234567+AbCd…")]
    NotAKey,
    /// Not a name.
    #[error(
        "a log's name has 1 to 200 printable characters of ASCII, and neither a space nor a plus"
    )]
    NotAName,
}

impl Head {
    /// As it is signed.
    pub fn text(&self) -> String {
        let root = STANDARD.encode(self.root);
        format!("{}\n{}\n{root}\n", self.origin, self.size)
    }

    /// With the log's own signature.
    ///
    /// # Errors
    /// [`NoteError::NotAName`] for an origin that cannot be a key's name.
    pub fn sign(&self, key: &Ed25519KeyPair) -> Result<(Note, NoteKey), NoteError> {
        let signer = NoteKey::of(&self.origin, key)?;
        let text = self.text();
        let signature = Signature {
            name: signer.name.clone(),
            key_id: signer.id(),
            octets: key.sign(text.as_bytes()).as_ref().to_vec(),
        };
        let note = Note {
            head: self.clone(),
            text,
            signatures: vec![signature],
        };
        Ok((note, signer))
    }
}

impl Note {
    /// Reads one.
    ///
    /// # Errors
    /// [`NoteError::NotANote`].
    pub fn parse(note: &str) -> Result<Self, NoteError> {
        let not_a_note = || NoteError::NotANote;
        if note.len() > LONGEST {
            return Err(NoteError::NotANote);
        }
        let (text, lines) = note.rsplit_once("\n\n").ok_or_else(not_a_note)?;
        let signatures = lines.strip_suffix('\n').ok_or_else(not_a_note)?;
        let signatures = signatures.split('\n').map(Signature::parse);
        let signatures = signatures.collect::<Option<Vec<_>>>();
        let text = format!("{text}\n");
        let mut lines = text.lines();
        let (origin, size, root) = (lines.next(), lines.next(), lines.next());
        let origin = origin.filter(|origin| is_name(origin));
        let size = size.filter(|size| is_number(size));
        let root = root.and_then(|root| STANDARD.decode(root).ok());
        let head = Head {
            origin: origin.ok_or_else(not_a_note)?.to_owned(),
            size: size
                .and_then(|size| size.parse().ok())
                .ok_or_else(not_a_note)?,
            root: root
                .and_then(|root| root.try_into().ok())
                .ok_or_else(not_a_note)?,
        };
        Ok(Self {
            head,
            text,
            signatures: signatures.ok_or_else(not_a_note)?,
        })
    }

    /// Whether this key signed it.
    pub fn is_signed_by(&self, key: &NoteKey) -> bool {
        let mut own = self.signatures.iter().filter(|line| line.is_of(key));
        own.any(|line| key.signed(&self.text, &line.octets))
    }

    /// Adds the lines of another copy of this note that one of these keys signed, and that are not here; says whose.
    pub fn take_signatures(&mut self, from: &Note, keys: &[NoteKey]) -> Vec<String> {
        let mut taken = Vec::new();
        if from.text != self.text {
            return taken;
        }
        for line in &from.signatures {
            let good = |key: &&NoteKey| line.is_of(key) && key.signed(&self.text, &line.octets);
            let here = self.signatures.iter().any(|own| own.is_by_the_same(line));
            if let (Some(key), false) = (keys.iter().find(good), here) {
                taken.push(key.name.clone());
                self.signatures.push(line.clone());
            }
        }
        taken
    }

    /// The signature line of that name, without a line's end.
    pub fn line_of(&self, name: &str) -> Option<String> {
        let line = self.signatures.iter().find(|line| line.name == name)?;
        Some(line.to_string())
    }

    /// With one more line, as [`line_of`](Self::line_of) gave it.
    ///
    /// # Errors
    /// [`NoteError::NotANote`] where it is no such line.
    pub fn with_line(mut self, line: &str) -> Result<Self, NoteError> {
        let line = Signature::parse(line).ok_or(NoteError::NotANote)?;
        self.signatures.push(line);
        Ok(self)
    }

    /// The names of the keys that signed, so they say.
    pub fn signers(&self) -> impl Iterator<Item = &str> {
        self.signatures.iter().map(|line| line.name.as_str())
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures
            .iter()
            .try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl Signature {
    fn parse(line: &str) -> Option<Self> {
        let (name, signature) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
        let octets = STANDARD.decode(signature).ok()?;
        let (key_id, octets) = octets.split_first_chunk::<4>()?;
        (is_name(name) && !octets.is_empty()).then(|| Self {
            name: name.to_owned(),
            key_id: *key_id,
            octets: octets.to_vec(),
        })
    }

    fn is_of(&self, key: &NoteKey) -> bool {
        self.name == key.name && self.key_id == key.id()
    }

    fn is_by_the_same(&self, other: &Self) -> bool {
        self.name == other.name && self.key_id == other.key_id
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let octets = [&self.key_id, self.octets.as_slice()].concat();
        write!(f, "\u{2014} {} {}", self.name, STANDARD.encode(octets))
    }
}

impl NoteKey {
    /// A log's key, which is named as its origin.
    ///
    /// # Errors
    /// [`NoteError::NotAName`].
    pub fn of(origin: &str, key: &Ed25519KeyPair) -> Result<Self, NoteError> {
        let public = key.public_key().as_ref().try_into();
        Ok(Self {
            name: Some(origin)
                .filter(|name| is_name(name))
                .ok_or(NoteError::NotAName)?
                .to_owned(),
            kind: Kind::Ed25519,
            public: public.map_err(|_| NoteError::NotAKey)?,
        })
    }

    /// Reads "name+01234567+AbCd…".
    ///
    /// # Errors
    /// [`NoteError::NotAKey`].
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let key = || -> Option<Self> {
            let mut parts = text.trim().splitn(3, '+');
            let (name, id, key) = (parts.next()?, parts.next()?, parts.next()?);
            let octets = STANDARD.decode(key).ok()?;
            let (kind, public) = octets.split_first()?;
            let key = Self {
                name: Some(name).filter(|name| is_name(name))?.to_owned(),
                kind: match kind {
                    1 => Kind::Ed25519,
                    4 => Kind::Cosignature,
                    _ => return None,
                },
                public: public.try_into().ok()?,
            };
            (hex(key.id()) == id).then_some(key)
        };
        key().ok_or(NoteError::NotAKey)
    }

    /// Whose it is; of a log, its origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn octets(&self) -> Vec<u8> {
        [&[self.kind as u8], self.public.as_slice()].concat()
    }

    fn id(&self) -> [u8; 4] {
        let named = [self.name.as_bytes(), b"\n", &self.octets()].concat();
        let [a, b, c, d, ..] = tree::sha256(&named);
        [a, b, c, d]
    }

    fn signed(&self, text: &str, signature: &[u8]) -> bool {
        let key = UnparsedPublicKey::new(&ED25519, &self.public);
        match self.kind {
            Kind::Ed25519 => key.verify(text.as_bytes(), signature).is_ok(),
            Kind::Cosignature => {
                let Some((time, signature)) = signature.split_first_chunk::<8>() else {
                    return false;
                };
                let time = u64::from_be_bytes(*time);
                let signed = format!("cosignature/v1\ntime {time}\n{text}");
                key.verify(signed.as_bytes(), signature).is_ok()
            }
        }
    }
}

impl fmt::Display for NoteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = STANDARD.encode(self.octets());
        write!(f, "{}+{}+{key}", self.name, hex(self.id()))
    }
}

/// Whether this can be the name of a key, and a log's origin.
pub fn is_name(text: &str) -> bool {
    let printable = |b: u8| b.is_ascii_graphic() && b != b'+';
    (1..=200).contains(&text.len()) && text.bytes().all(printable)
}

/// A decimal number in the one way to write it.
fn is_number(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_digit())
        && (text == "0" || !text.starts_with('0'))
}

fn hex(id: [u8; 4]) -> String {
    format!("{:08x}", u32::from_be_bytes(id))
}

/// A note with a signature of each of very many witnesses.
const LONGEST: usize = 1 << 20;

#[cfg(test)]
mod tests;
