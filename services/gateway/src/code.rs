//! Secrets of 256 random bits that somebody holds as a text, and of which we keep the SHA-256: the codes of links,
//! the cookies of sessions, and what stands behind the prefix of a [token](crate::tokens).

use std::fmt;

use aws_lc_rs::{digest::SHA256, error::Unspecified};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

/// What somebody holds. Secret: `Debug` prints the type's name only.
#[derive(Clone)]
pub struct Code(SecretString);

/// What a code is known by.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CodeDigest([u8; 32]);

impl Code {
    /// A fresh one.
    ///
    /// # Errors
    /// When the machine gives no random numbers.
    pub fn generate() -> Result<Code, Unspecified> {
        let mut bits = [0; 32];
        aws_lc_rs::rand::fill(&mut bits)?;
        Ok(Code(URL_SAFE_NO_PAD.encode(bits).into()))
    }

    /// 43 characters of base64url. Secret.
    pub fn text(&self) -> &str {
        self.0.expose_secret()
    }

    /// What is kept of it.
    pub fn digest(&self) -> CodeDigest {
        CodeDigest::hash(self.text())
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code")
    }
}

impl CodeDigest {
    /// Of what somebody presents; `None`: it has not a code's form, and nothing is hashed.
    pub fn of(text: &str) -> Option<CodeDigest> {
        is_code(text).then(|| CodeDigest::hash(text))
    }

    /// Of a text that is known to be a secret of this kind.
    pub(crate) fn hash(text: &str) -> CodeDigest {
        let mut digest = [0; 32];
        digest.copy_from_slice(aws_lc_rs::digest::digest(&SHA256, text.as_bytes()).as_ref());
        CodeDigest(digest)
    }

    /// Its 32 octets.
    pub(crate) fn octets(&self) -> &[u8] {
        &self.0
    }

    /// As a column has it.
    pub fn to_vec(self) -> Vec<u8> {
        self.0.to_vec()
    }

    /// As it stands in a file: 64 hexadecimal digits, lower case.
    pub fn to_hex(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// From a file.
    pub fn from_hex(text: &str) -> Option<CodeDigest> {
        if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let mut digest = [0; 32];
        for (byte, at) in digest.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
        }
        Some(CodeDigest(digest))
    }

    /// Whether they are the same, in a time that does not tell how far they are.
    pub fn is(&self, other: &CodeDigest) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for CodeDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeDigest")
    }
}

/// Whether a text has a code's form.
pub(crate) fn is_code(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    text.len() == LENGTH && text.bytes().all(allowed)
}

/// 256 bits in base64url without padding.
const LENGTH: usize = 43;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_silent_and_known_by_its_digest() {
        let code = Code::generate().unwrap();
        assert_eq!(CodeDigest::of(code.text()), Some(code.digest()));
        assert_ne!(Code::generate().unwrap().digest(), code.digest());
        assert_eq!(format!("{code:?} {:?}", code.digest()), "Code CodeDigest");
        for hostile in [
            "",
            "a",
            &"ä".repeat(22),
            &code.text()[1..],
            &"A".repeat(100_000),
        ] {
            assert_eq!(CodeDigest::of(hostile), None, "{hostile:?}");
        }
    }
}
