//! The bucket in which acme-agent leaves the answers to challenges, and gateways find them.

/// The NATS key-value bucket. A key is a token, its value the key authorization (RFC 8555, section 8.1).
pub const BUCKET: &str = "chancery_challenges";

/// How long an answer stays: no CA takes longer to look.
pub const LIFE: std::time::Duration = std::time::Duration::from_secs(3_600);

/// Whether this may be a token at all: checked before any look-up, so that a stranger's path is never a key.
pub fn is_token(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    (1..=128).contains(&text.len()) && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::is_token;

    #[test]
    fn only_base64url_of_bounded_length_is_a_token() {
        assert!(is_token("evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"));
        assert!(is_token(&"a".repeat(128)));
        for no in ["", "a.b", "a/b", "..", "a b", "ä", "a>"] {
            assert!(!is_token(no), "{no:?}");
        }
        assert!(!is_token(&"a".repeat(129)));
    }
}
