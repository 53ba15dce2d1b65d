//! Recovery codes: ten that a person writes down, each good for one sign-in without his device.

use std::fmt;

use aws_lc_rs::{
    digest::{SHA256, digest},
    error::Unspecified,
};
use secrecy::{ExposeSecret, SecretString};

use super::base32;

/// A code. Secret: `Debug` prints the type's name only.
///
/// It has 120 bits: so many that a plain hash keeps it.
pub struct RecoveryCode(SecretString);

/// SHA-256 of a code: what is stored.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RecoveryDigest(pub [u8; 32]);

impl RecoveryCode {
    /// How many a person gets at once.
    pub const COUNT: usize = 10;

    /// A fresh one.
    ///
    /// # Errors
    /// When the machine gives no random bits.
    pub fn generate() -> Result<RecoveryCode, Unspecified> {
        let mut bits = [0; BYTES];
        aws_lc_rs::rand::fill(&mut bits)?;
        Ok(RecoveryCode(base32::encode(&bits).into()))
    }

    /// What a person typed, in whatever case and with whatever between its groups; `None` where it is no code.
    pub fn typed(text: &str) -> Option<RecoveryCode> {
        base32::normalised(text, LETTERS).map(|text| RecoveryCode(text.into()))
    }

    /// In groups of six, as it is shown.
    pub fn text(&self) -> String {
        let text = self.0.expose_secret();
        let groups = (0..LETTERS).step_by(GROUP).map(|at| &text[at..at + GROUP]);
        groups.collect::<Vec<_>>().join("-")
    }

    /// What is stored.
    pub fn digest(&self) -> RecoveryDigest {
        let mut octets = [0; 32];
        octets.copy_from_slice(digest(&SHA256, self.0.expose_secret().as_bytes()).as_ref());
        RecoveryDigest(octets)
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode")
    }
}

impl fmt::Debug for RecoveryDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryDigest")
    }
}

const BYTES: usize = 15;
const LETTERS: usize = 24;
const GROUP: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_known_again_however_it_is_typed() {
        let code = RecoveryCode::generate().unwrap();
        let shown = code.text();
        assert_eq!(shown.len(), LETTERS + 3, "{shown}");
        for typed in [shown.clone(), shown.to_lowercase(), shown.replace('-', " ")] {
            let typed = RecoveryCode::typed(&typed).unwrap();
            assert_eq!(typed.digest(), code.digest());
        }
        assert!(RecoveryCode::typed(&shown[1..]).is_none());
        assert_ne!(RecoveryCode::generate().unwrap().text(), shown);
        assert_eq!(
            format!("{code:?} {:?}", code.digest()),
            "RecoveryCode RecoveryDigest"
        );
    }
}
