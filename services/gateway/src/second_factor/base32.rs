//! Base32 (RFC 4648, section 6), without padding: what people copy by hand.

/// The text of these octets, in upper case.
pub fn encode(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len().div_ceil(5) * 8);
    for five in octets.chunks(5) {
        let mut bits = [0; 8];
        bits[3..3 + five.len()].copy_from_slice(five);
        let bits = u64::from_be_bytes(bits);
        let letters = (five.len() * 8).div_ceil(5);
        for n in 0..letters {
            let index = (bits >> (35 - 5 * n)) & 31;
            text.push(char::from(ALPHABET[index as usize]));
        }
    }
    text
}

/// What a person typed, as it was shown: upper case, without what stands between the letters. `None` where
/// there are other characters in it, or not exactly so many.
pub fn normalised(typed: &str, letters: usize) -> Option<String> {
    let mut text = String::with_capacity(letters);
    for character in typed.chars().filter(|c| !matches!(c, ' ' | '-')) {
        let character = character.to_ascii_uppercase();
        if text.len() == letters || !ALPHABET.contains(&u8::try_from(character).ok()?) {
            return None;
        }
        text.push(character);
    }
    (text.len() == letters).then_some(text)
}

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4648, section 10.
    #[test]
    fn the_text_is_that_of_the_rfc() {
        for (octets, text) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(encode(octets.as_bytes()), text);
        }
    }

    #[test]
    fn what_people_type_is_read_as_it_was_meant() {
        assert_eq!(normalised("mzxw-6ytb ", 8).as_deref(), Some("MZXW6YTB"));
        for other in ["MZXW6YT", "MZXW6YTBA", "MZXW6YT1", "MZXW6YTß", ""] {
            assert_eq!(normalised(other, 8), None, "{other}");
        }
    }
}
