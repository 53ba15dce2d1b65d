//! PEM (RFC 7468), written with 64 characters a line.

use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use crate::PrivateKey;

/// A certificate as PEM.
pub fn certificate(der: &[u8]) -> String {
    encode("CERTIFICATE", der)
}

/// A certificate request as PEM.
pub fn certificate_request(der: &[u8]) -> String {
    encode("CERTIFICATE REQUEST", der)
}

/// A private key as PEM, PKCS#8, not encrypted. Secret.
pub fn private_key(key: &PrivateKey) -> Zeroizing<String> {
    Zeroizing::new(encode("PRIVATE KEY", key.pkcs8_der()))
}

pub(crate) fn encode(label: &str, der: &[u8]) -> String {
    // Sized for the whole text, so that a key leaves no half copies behind as it grows.
    let mut text = String::with_capacity(der.len() * 3 / 2 + 2 * label.len() + 64);
    let octets_a_line = 48;
    text.push_str(&format!("-----BEGIN {label}-----\n"));
    for line in der.chunks(octets_a_line) {
        STANDARD.encode_string(line, &mut text);
        text.push('\n');
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}
