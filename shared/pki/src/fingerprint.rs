//! SHA-256 as hex: the name of a certificate, and of a public key.

use aws_lc_rs::digest::{SHA256, digest};

/// SHA-256 of some octets, lower-case hex.
pub fn sha256_hex(octets: &[u8]) -> String {
    hex(digest(&SHA256, octets).as_ref())
}

/// Lower-case hex, two digits an octet.
pub fn hex(octets: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(octets.len() * 2);
    for octet in octets {
        text.push(char::from(DIGITS[usize::from(octet >> 4)]));
        text.push(char::from(DIGITS[usize::from(octet & 15)]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::sha256_hex;

    #[test]
    fn the_digest_of_nothing_is_the_known_one() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sha256_hex(b""), empty);
    }
}
