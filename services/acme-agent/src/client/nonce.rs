//! Replay nonces (RFC 8555, section 6.5): each answer brings one, each request spends one.

use std::sync::{Mutex, PoisonError};

use http::HeaderMap;

/// The nonces in stock, the freshest last.
#[derive(Default)]
pub(super) struct Nonces(Mutex<Vec<String>>);

impl Nonces {
    /// The freshest one: CAs forget old ones first.
    pub(super) fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// Keeps the nonce of an answer, where it brought one.
    pub(super) fn keep(&self, headers: &HeaderMap) {
        let Some(nonce) = in_headers(headers) else {
            return;
        };
        let mut stock = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if stock.len() == STOCK {
            stock.remove(0);
        }
        stock.push(nonce);
    }
}

/// The nonce of an answer. What is not base64url is none (section 6.5.1).
pub(super) fn in_headers(headers: &HeaderMap) -> Option<String> {
    let nonce = headers.get("replay-nonce")?.to_str().ok()?;
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    let is_nonce = (1..=LONGEST).contains(&nonce.len()) && nonce.bytes().all(allowed);
    is_nonce.then(|| nonce.to_owned())
}

/// More than there are orders at a time is of no use.
const STOCK: usize = 32;

/// CAs' are around 50 characters.
const LONGEST: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(nonce: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("replay-nonce", nonce.parse().unwrap());
        headers
    }

    #[test]
    fn the_freshest_is_spent_first_and_the_oldest_is_forgotten() {
        let nonces = Nonces::default();
        assert_eq!(nonces.take(), None);
        nonces.keep(&HeaderMap::new());
        for none in ["", "not base64url", &"a".repeat(LONGEST + 1)] {
            nonces.keep(&answer(none));
        }
        assert_eq!(nonces.take(), None);
        for n in 0..=STOCK {
            nonces.keep(&answer(&n.to_string()));
        }
        let spent = std::iter::from_fn(|| nonces.take()).collect::<Vec<_>>();
        assert_eq!(spent.len(), STOCK);
        assert_eq!(spent[0], STOCK.to_string());
        assert_eq!(spent[STOCK - 1], "1");
    }
}
