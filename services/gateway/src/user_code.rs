//! The code that a person types for his command line (RFC 8628, section 6.1): eight letters without vowels, so that
//! they are no words, and none that another is taken for.

use std::fmt;

use aws_lc_rs::error::Unspecified;

/// A code, as it is compared: eight of [`LETTERS`]. It opens nothing by itself, but a stranger shall not guess one.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct UserCode(String);

impl UserCode {
    /// A fresh one, of 34 bits.
    ///
    /// # Errors
    /// When the machine gives no random numbers.
    pub fn generate() -> Result<UserCode, Unspecified> {
        let mut code = String::with_capacity(LENGTH);
        while code.len() < LENGTH {
            let mut bytes = [0; LENGTH];
            aws_lc_rs::rand::fill(&mut bytes)?;
            // What lies past the last whole round of letters would make the first ones likelier.
            let fair = bytes.iter().filter(|byte| usize::from(**byte) < FAIR);
            let letters = fair.map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]));
            code.extend(letters.take(LENGTH - code.len()));
        }
        Ok(UserCode(code))
    }

    /// What a person typed, in upper or lower case, with or without anything between; `None`: it is no code.
    pub fn parse(typed: &str) -> Option<UserCode> {
        if typed.len() > 4 * LENGTH {
            return None;
        }
        let letters = typed.bytes().filter(u8::is_ascii_alphanumeric);
        let letters = letters.map(|letter| letter.to_ascii_uppercase());
        let code = letters.map(char::from).collect::<String>();
        let known = code.bytes().all(|letter| LETTERS.contains(&letter));
        (code.len() == LENGTH && known).then_some(UserCode(code))
    }

    /// As the database has it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// As people read it: "WDJB-MJHT".
impl fmt::Display for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (one, two) = self.0.split_at(LENGTH / 2);
        write!(f, "{one}-{two}")
    }
}

impl fmt::Debug for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserCode")
    }
}

const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const LENGTH: usize = 8;
const FAIR: usize = 256 - 256 % LETTERS.len();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let code = UserCode::generate().unwrap();
        let shown = code.to_string();
        assert_eq!(shown.len(), 9);
        for typed in [
            shown.clone(),
            shown.to_lowercase(),
            shown.replace('-', ""),
            format!(" {} ", shown.replace('-', " ")),
        ] {
            assert_eq!(UserCode::parse(&typed), Some(code.clone()), "{typed}");
        }
        for wrong in [
            "",
            "WDJB",
            "WDJB-MJHTX",
            "WDJA-MJHT",
            "WDJB-MJH1",
            "ÄÖÜB-MJHT",
            &"-".repeat(99),
        ] {
            assert_eq!(UserCode::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn codes_are_all_letters_alike_and_none_twice() {
        let codes = (0..1_000).map(|_| UserCode::generate().unwrap());
        let codes = codes.collect::<std::collections::HashSet<_>>();
        assert_eq!(codes.len(), 1_000);
        let seen = codes.iter().flat_map(|code| code.0.bytes());
        let seen = seen.collect::<std::collections::BTreeSet<_>>();
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), LETTERS);
    }
}
