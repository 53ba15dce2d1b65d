//! The bucket in which acme-agent leaves the answers to challenges, and gateways find them.
//!
//! | challenge | key | value |
//! | --- | --- | --- |
//! | HTTP-01 | the token | the key authorization (RFC 8555, section 8.1) |
//! | TLS-ALPN-01 | `tls-alpn-01.` and the server name of the handshake | a [`Proof`]: each gateway makes its own key for it |
//!
//! A token has no dot in it, so that no key is both. A look-up is one get either way, and what a stranger
//! sends is a key only after [`is_token`] or [`tls_alpn_01_key`] has taken it.

use std::net::IpAddr;

/// The NATS key-value bucket.
pub const BUCKET: &str = "chancery_challenges";

/// How long an answer stays: no CA takes longer to look.
pub const LIFE: std::time::Duration = std::time::Duration::from_secs(3_600);

/// Whether this may be a token at all: checked before any look-up, so that a stranger's path is never a key.
pub fn is_token(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    (1..=128).contains(&text.len()) && text.bytes().all(allowed)
}

/// The key under which the proof for a server name is; `None` where it is no server name, so that a
/// stranger's SNI is a key only where it is one name, in lower case, and nothing else.
pub fn tls_alpn_01_key(server_name: &str) -> Option<String> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    let is_label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(allowed);
    let is_name = server_name.len() <= 253 && server_name.split('.').all(is_label);
    is_name.then(|| format!("{TLS_ALPN_01}{}", server_name.to_ascii_lowercase()))
}

/// The server name with which a CA asks for an identifier: the name itself, and for an address its reverse
/// name (RFC 8738, section 6).
pub fn server_name(identifier: &str) -> String {
    match identifier.parse() {
        Ok(IpAddr::V4(address)) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        Ok(IpAddr::V6(address)) => {
            let nibbles = address.octets().into_iter().rev();
            let nibbles = nibbles.map(|octet| format!("{:x}.{:x}.", octet & 15, octet >> 4));
            format!("{}ip6.arpa", nibbles.collect::<String>())
        }
        Err(_) => identifier.to_ascii_lowercase(),
    }
}

/// What proves control over an identifier by TLS-ALPN-01 (RFC 8737, section 3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The host name or address.
    pub identifier: String,
    /// The SHA-256 of the key authorization.
    pub digest: [u8; 32],
}

impl Proof {
    /// As it stands in the bucket: the identifier, a space, and the digest in hexadecimal.
    pub fn to_text(&self) -> String {
        let digest = self.digest.iter().map(|octet| format!("{octet:02x}"));
        format!("{} {}", self.identifier, digest.collect::<String>())
    }

    /// What stands in the bucket; `None` where it is something else.
    pub fn from_text(text: &str) -> Option<Self> {
        let (identifier, hex) = text.split_once(' ')?;
        if hex.len() != 64 || !hex.is_ascii() {
            return None;
        }
        let mut digest = [0; 32];
        for (octet, at) in digest.iter_mut().zip((0..).step_by(2)) {
            *octet = u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()?;
        }
        Some(Self {
            identifier: identifier.to_owned(),
            digest,
        })
    }
}

/// What every key of TLS-ALPN-01 begins with.
const TLS_ALPN_01: &str = "tls-alpn-01.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_base64url_of_bounded_length_is_a_token() {
        assert!(is_token("evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"));
        assert!(is_token(&"a".repeat(128)));
        for no in ["", "a.b", "a/b", "..", "a b", "ä", "a>"] {
            assert!(!is_token(no), "{no:?}");
        }
        assert!(!is_token(&"a".repeat(129)));
    }

    #[test]
    fn only_a_server_name_is_looked_up_and_its_key_is_never_a_token() {
        let key = tls_alpn_01_key("WWW.example.com").unwrap();
        assert_eq!(key, "tls-alpn-01.www.example.com");
        assert!(!is_token(&key));
        let long = format!("{}.example", "a".repeat(64));
        for no in [
            "",
            ".",
            "a..b",
            "a.",
            ".a",
            "*.a",
            "a.>",
            "a b",
            "ä.example",
            &long,
        ] {
            assert_eq!(tls_alpn_01_key(no), None, "{no:?}");
        }
    }

    #[test]
    fn an_address_is_asked_for_by_its_reverse_name() {
        assert_eq!(server_name("Shop.example"), "shop.example");
        assert_eq!(server_name("192.0.2.7"), "7.2.0.192.in-addr.arpa");
        let v6 = server_name("2001:db8::1");
        // RFC 8738, section 6.
        assert_eq!(
            v6,
            "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"
        );
        assert!(tls_alpn_01_key(&v6).is_some());
    }

    #[test]
    fn a_proof_is_read_as_it_was_written() {
        let proof = Proof {
            identifier: "shop.example".into(),
            digest: std::array::from_fn(|n| n as u8 * 8),
        };
        let text = proof.to_text();
        assert_eq!(Proof::from_text(&text), Some(proof));
        for no in [
            "",
            "a",
            "a b",
            &text[1..].replace('8', "g"),
            &format!("{text}0"),
        ] {
            assert_eq!(Proof::from_text(no), None, "{no:?}");
        }
    }
}
