//! PKCS#12 (RFC 7292), as openssl, Java, NSS, GnuTLS and Windows write it.
//!
//! The crates that read PKCS#12 bound each iteration count and not all of them together, and take DER alone: what
//! NSS writes is refused, and a file whose own passphrase opens a hundred keys of a million iterations takes minutes.

use std::borrow::Cow;

use zeroize::Zeroizing;

use super::{
    ImportError, Reading,
    ber::{Malformed, Values, joined},
    derivation::NoDerivation,
    encryption::Encryption,
    mac::Mac,
    pkcs7::{DATA, ENCRYPTED_DATA, SIGNED_DATA, content_info},
    private_key::{self, no_encryption, parse_encrypted},
    work::Work,
};

/// Reads all certificates and keys, whatever bags they are in.
pub(super) fn read(ber: &[u8], what: &str, reading: &mut Reading<'_>) -> Result<(), ImportError> {
    let pfx = Pfx::parse(ber).map_err(|Malformed| ImportError::damaged(what))?;
    let refused = |error| no_encryption(error, what);
    let parts = parse_parts(&pfx.safe).map_err(refused)?;
    let mut contents = Vec::new();
    for part in &parts {
        match part {
            Part::Clear(octets) => parse_bags(octets, 0, &mut contents).map_err(refused)?,
            Part::Locked(locked) => contents.push(Content::LockedBags(locked)),
        }
    }
    // Step 1: all work that can be seen is weighed before any of it is done.
    let cost = weigh(&contents, &reading.work)?;
    // Step 2: is it the passphrase? In doubt the locks tell.
    let passphrase = Passphrase::test(cost, &pfx, reading)?;
    // Step 3: open the locks one by one; what is in them is charged as it shows.
    let mut opening = Opening {
        passphrase,
        what,
        reading,
    };
    for content in contents {
        opening.take(content)?;
    }
    reading.pass_over("PKCS#12 without certificates and keys");
    Ok(())
}

/// The outermost layer (RFC 7292, section 4).
struct Pfx<'a> {
    /// The octets of the AuthenticatedSafe.
    safe: Cow<'a, [u8]>,
    mac: Option<Mac>,
}

/// Something encrypted.
struct Locked<'a> {
    encryption: Encryption,
    octets: Cow<'a, [u8]>,
}

/// A part of the AuthenticatedSafe (RFC 7292, section 4.1).
enum Part<'a> {
    Clear(Cow<'a, [u8]>),
    Locked(Locked<'a>),
}

/// What stands in the file, in its order.
enum Content<'a> {
    Certificate(Cow<'a, [u8]>),
    Key(&'a [u8]),
    LockedKey(Locked<'a>),
    LockedBags(&'a Locked<'a>),
}

impl<'a> Pfx<'a> {
    fn parse(ber: &'a [u8]) -> Result<Self, Malformed> {
        let mut pfx = Values::of(ber).sequence()?;
        pfx.integer()?;
        let (kind, mut content) = content_info(pfx.whole()?)?;
        let safe = match kind.as_str() {
            DATA => content.octets()?,
            _ => return Err(Malformed),
        };
        let mac = match pfx.is_empty() {
            true => None,
            false => Some(Mac::parse(pfx.sequence()?)?),
        };
        Ok(Self { safe, mac })
    }
}

fn parse_parts(safe: &[u8]) -> Result<Vec<Part<'_>>, NoDerivation> {
    let mut parts = Vec::new();
    let mut infos = Values::of(safe).sequence()?;
    while !infos.is_empty() {
        let (kind, mut content) = content_info(infos.whole()?)?;
        parts.push(match kind.as_str() {
            DATA => Part::Clear(content.octets()?),
            ENCRYPTED_DATA => Part::Locked(parse_encrypted_data(content)?),
            SIGNED_DATA => return Err(Malformed.into()),
            _ => {
                let what = "a public key instead of a passphrase".to_owned();
                return Err(NoDerivation::Unsupported(what));
            }
        });
    }
    Ok(parts)
}

/// EncryptedData (RFC 5652, section 8).
fn parse_encrypted_data(mut content: Values<'_>) -> Result<Locked<'_>, NoDerivation> {
    let mut data = content.sequence()?;
    data.integer()?;
    let mut info = data.sequence()?;
    info.oid()?;
    let encryption = Encryption::of(info.sequence()?)?;
    let octets = joined(&info.context(0).ok_or(Malformed)?)?;
    Ok(Locked { encryption, octets })
}

/// SafeContents (RFC 7292, section 4.2), with those that are nested in it.
fn parse_bags<'a>(
    contents: &'a [u8],
    depth: usize,
    found: &mut Vec<Content<'a>>,
) -> Result<(), NoDerivation> {
    if depth > MAX_NESTED_BAGS {
        return Err(NoDerivation::Malformed);
    }
    let mut bags = Values::of(contents).sequence()?;
    while !bags.is_empty() {
        let mut bag = bags.sequence()?;
        let kind = bag.oid()?;
        let mut value = bag.explicit(0)?;
        match kind.as_str() {
            KEY_BAG => found.push(Content::Key(value.whole()?)),
            SHROUDED_KEY_BAG => {
                let (algorithm, octets) = parse_encrypted(value.whole()?)?;
                let encryption = Encryption::of(algorithm)?;
                found.push(Content::LockedKey(Locked { encryption, octets }));
            }
            CERTIFICATE_BAG => {
                let mut certificate = value.sequence()?;
                if certificate.oid()? == X509_CERTIFICATE {
                    let octets = certificate.explicit(0)?.octets()?;
                    found.push(Content::Certificate(octets));
                }
            }
            SAFE_CONTENTS_BAG => parse_bags(value.whole()?, depth + 1, found)?,
            // Revocation lists, and the secret keys of Java.
            _ => {}
        }
    }
    Ok(())
}

/// The sum of what the locks cost.
fn weigh(contents: &[Content<'_>], work: &Work) -> Result<u64, ImportError> {
    let (mut sum, mut dearest) = (0_u64, 0);
    for content in contents {
        let locked = match content {
            Content::LockedKey(locked) => locked,
            Content::LockedBags(locked) => *locked,
            Content::Certificate(_) | Content::Key(_) => continue,
        };
        let cost = locked.encryption.cost(locked.octets.len());
        (sum, dearest) = (sum.saturating_add(cost), dearest.max(cost));
        if !work.allows(sum, dearest) {
            return Err(locked.encryption.too_much());
        }
    }
    Ok(sum)
}

/// The passphrase that is tried.
struct Passphrase<'p> {
    text: &'p str,
    /// `false`: nobody gave one, and the empty one is tried.
    given: bool,
    /// It fits the MAC, or has opened something.
    proven: bool,
}

impl<'p> Passphrase<'p> {
    /// Tests it on the MAC, where there is one that can be checked.
    fn test(cost: u64, pfx: &Pfx<'_>, reading: &mut Reading<'p>) -> Result<Self, ImportError> {
        let given = reading.passphrase.is_some();
        let text = reading.passphrase.unwrap_or_default();
        let mut proven = false;
        // What nothing is locked in is read without a passphrase, whatever its MAC was made with.
        if given || cost > 0 {
            // An empty passphrase that nobody typed is worth a try, not all the work of a file.
            if !given && cost > CHEAP {
                return Err(ImportError::PassphraseNeeded);
            }
            let fits = match &pfx.mac {
                Some(mac) => mac.fits(text, &pfx.safe, &mut reading.work)?,
                None => None,
            };
            match fits {
                Some(false) if given => return Err(ImportError::WrongPassphrase),
                Some(false) => return Err(ImportError::PassphraseNeeded),
                Some(true) => proven = true,
                None => {}
            }
        }
        Ok(Self {
            text,
            given,
            proven,
        })
    }

    /// Why a lock does not open; `otherwise` where the passphrase has proven good.
    fn does_not_open(&self, otherwise: ImportError) -> ImportError {
        match (self.given, self.proven) {
            (false, _) => ImportError::PassphraseNeeded,
            (true, false) => ImportError::WrongPassphrase,
            (true, true) => otherwise,
        }
    }
}

struct Opening<'o, 'p> {
    passphrase: Passphrase<'p>,
    what: &'o str,
    reading: &'o mut Reading<'p>,
}

impl Opening<'_, '_> {
    fn take(&mut self, content: Content<'_>) -> Result<(), ImportError> {
        match content {
            Content::Certificate(octets) => {
                let what = format!("a certificate of {}", self.what);
                self.reading.certificate(&octets, &what)
            }
            Content::Key(der) => self.key(der),
            Content::LockedKey(locked) => {
                let der = self.open(&locked, ImportError::KeyHasOwnPassphrase)?;
                self.key(&der)
            }
            Content::LockedBags(locked) => {
                let octets = self.open(locked, ImportError::damaged(self.what))?;
                let mut contents = Vec::new();
                parse_bags(&octets, 0, &mut contents)
                    .map_err(|error| no_encryption(error, self.what))?;
                // Bags hold no further encrypted bags: this goes one level down.
                contents.into_iter().try_for_each(|inner| self.take(inner))
            }
        }
    }

    fn key(&mut self, der: &[u8]) -> Result<(), ImportError> {
        let what = format!("a private key of {}", self.what);
        private_key::read(der, &what, self.reading)
    }

    fn open(
        &mut self,
        locked: &Locked<'_>,
        otherwise: ImportError,
    ) -> Result<Zeroizing<Vec<u8>>, ImportError> {
        let (text, work) = (self.passphrase.text, &mut self.reading.work);
        match locked.encryption.decrypt(text, &locked.octets, work) {
            Err(ImportError::WrongPassphrase) => Err(self.passphrase.does_not_open(otherwise)),
            opened => {
                self.passphrase.proven = true;
                opened
            }
        }
    }
}

const KEY_BAG: &str = "1.2.840.113549.1.12.10.1.1";
const SHROUDED_KEY_BAG: &str = "1.2.840.113549.1.12.10.1.2";
const CERTIFICATE_BAG: &str = "1.2.840.113549.1.12.10.1.3";
const SAFE_CONTENTS_BAG: &str = "1.2.840.113549.1.12.10.1.6";
const X509_CERTIFICATE: &str = "1.2.840.113549.1.9.22.1";

/// Writers nest none.
const MAX_NESTED_BAGS: usize = 4;

/// The work of a quarter of a file.
const CHEAP: u64 = Work::FILE / 4;
