//! Session tickets (RFC 8446, section 4.6.1; RFC 5077), so that a client that comes back needs no full handshake.
//!
//! A resumed session goes on under the certificate of its first handshake. So a ticket is good only while that very
//! certificate would answer again: its hash is sealed with the ticket, and what was replaced, removed, outranked or has
//! run out resumes nothing. The keys are this process's own, and rotate.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    digest::{SHA256, digest},
    error::Unspecified,
    rand,
};
use runtime::Clock;
use rustls::{pki_types::CertificateDer, server::ProducesTickets};
use time::OffsetDateTime;
use zeroize::Zeroizing;

/// Makes tickets and takes them back. Clones share the keys.
#[derive(Clone)]
pub struct Tickets {
    clock: Clock,
    keys: Arc<RwLock<Keys>>,
}

/// The tickets that are good for one certificate.
pub struct CertificateTickets {
    tickets: Tickets,
    leaf_sha256: aws_lc_rs::digest::Digest,
}

struct Keys {
    since: OffsetDateTime,
    current: RandomizedNonceKey,
    /// Opens what it sealed, and seals nothing.
    previous: Option<RandomizedNonceKey>,
}

impl Tickets {
    /// With fresh keys.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn new(clock: Clock) -> Result<Tickets, Unspecified> {
        let keys = Keys {
            since: clock.now(),
            current: fresh_key()?,
            previous: None,
        };
        Ok(Tickets {
            clock,
            keys: Arc::new(RwLock::new(keys)),
        })
    }

    /// Those of a handshake that this certificate answers.
    pub fn of(&self, leaf: &CertificateDer<'_>) -> CertificateTickets {
        CertificateTickets {
            tickets: self.clone(),
            leaf_sha256: digest(&SHA256, leaf),
        }
    }

    /// Does something with the keys of now.
    fn with_keys<T>(&self, work: impl FnOnce(&Keys) -> Option<T>) -> Option<T> {
        let now = self.clock.now();
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        if now - keys.since < ROTATION {
            return work(&keys);
        }
        drop(keys);
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        // Nobody else may have been faster.
        if now - keys.since >= ROTATION {
            let before = std::mem::replace(&mut keys.current, fresh_key().ok()?);
            // What was sealed longer ago than a rotation has ended by now.
            keys.previous = (now - keys.since < 2 * ROTATION).then_some(before);
            keys.since = now;
        }
        work(&keys)
    }
}

impl ProducesTickets for CertificateTickets {
    fn enabled(&self) -> bool {
        true
    }

    /// In seconds. For so long at least the key is there that a ticket was sealed with.
    fn lifetime(&self) -> u32 {
        ROTATION.as_secs() as u32
    }

    /// Nonce, sealed session, tag.
    fn encrypt(&self, session: &[u8]) -> Option<Vec<u8>> {
        let aad = Aad::from(&self.leaf_sha256);
        self.tickets.with_keys(|keys| {
            let mut sealed = session.to_vec();
            let nonce = keys.current.seal_in_place_append_tag(aad, &mut sealed);
            Some([&nonce.ok()?.as_ref()[..], &sealed].concat())
        })
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = ticket.split_first_chunk::<NONCE_LEN>()?;
        let open = |key: &RandomizedNonceKey| {
            let mut session = sealed.to_vec();
            let nonce = Nonce::assume_unique_for_key(*nonce);
            let aad = Aad::from(&self.leaf_sha256);
            let length = key.open_in_place(nonce, aad, &mut session).ok()?.len();
            session.truncate(length);
            Some(session)
        };
        self.tickets
            .with_keys(|keys| open(&keys.current).or_else(|| keys.previous.as_ref().and_then(open)))
    }
}

impl fmt::Debug for CertificateTickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CertificateTickets")
    }
}

fn fresh_key() -> Result<RandomizedNonceKey, Unspecified> {
    let mut key = Zeroizing::new([0; 32]);
    rand::fill(&mut *key)?;
    RandomizedNonceKey::new(&AES_256_GCM, &*key)
}

/// How long a key seals. It opens for as long again.
const ROTATION: Duration = Duration::from_secs(6 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(text: &str) -> CertificateDer<'_> {
        text.as_bytes().into()
    }

    #[test]
    fn a_ticket_is_good_for_its_certificate_alone_and_on_its_gateway_alone() {
        let tickets = Tickets::new(Clock::system()).unwrap();
        let sealed = tickets.of(&leaf("shop")).encrypt(b"session").unwrap();
        let opened = |tickets: &Tickets, name| tickets.of(&leaf(name)).decrypt(&sealed);
        assert_eq!(opened(&tickets, "shop").as_deref(), Some(&b"session"[..]));
        assert_eq!(opened(&tickets, "renewed shop"), None);
        let another = Tickets::new(Clock::system()).unwrap();
        assert_eq!(opened(&another, "shop"), None);
    }

    #[test]
    fn keys_rotate_and_what_they_sealed_ends_with_them() {
        let clock = Clock::manual(OffsetDateTime::UNIX_EPOCH);
        let tickets = Tickets::new(clock.clone()).unwrap();
        let shop = tickets.of(&leaf("shop"));
        let first = shop.encrypt(b"first").unwrap();
        clock.advance(ROTATION);
        let second = shop.encrypt(b"second").unwrap();
        assert_eq!(shop.decrypt(&first).unwrap(), b"first");
        clock.advance(ROTATION);
        assert_eq!(shop.decrypt(&first), None);
        assert_eq!(shop.decrypt(&second).unwrap(), b"second");
        // Nobody came for a long time: then there is nothing to keep of the key before.
        clock.advance(2 * ROTATION);
        assert_eq!(shop.decrypt(&second), None);
    }

    #[test]
    fn nonsense_is_no_ticket() {
        let shop = Tickets::new(Clock::system()).unwrap().of(&leaf("shop"));
        for nonsense in [&b""[..], b"short", &[0; 12], &[0; 1000]] {
            assert_eq!(shop.decrypt(nonsense), None);
        }
    }
}
