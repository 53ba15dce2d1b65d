//! Parsers get what strangers send: whatever it is, they answer.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use pki::{Certificate, DnsName, EmailAddress, FriendlyName, PrivateKey, csr};
use proptest::prelude::*;

fn certificate() -> Vec<u8> {
    let key = PrivateKey::generate(pki::KeyAlgorithm::EcdsaP256).unwrap();
    let names = pki::SubjectAltNames::parse(&["a.example".into()], &["192.0.2.7".into()]).unwrap();
    let from = time::macros::datetime!(2026-01-02 03:04:05 UTC);
    let subject = pki::Subject::default();
    pki::self_signed::build(&key, &subject, &names, from, from + time::Duration::DAY).unwrap()
}

proptest! {
    #[test]
    fn on_octets(octets in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = Certificate::parse(&octets);
        let _ = PrivateKey::from_pkcs8_der(&octets);
        let _ = csr::public_key(&octets);
    }

    #[test]
    fn on_a_certificate_with_flipped_octets(flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut der = certificate();
        for (at, octet) in flips {
            let at = at.index(der.len());
            der[at] = octet;
        }
        if let Ok(read) = Certificate::parse(&der) {
            let _ = (read.subject_fields(), read.ca_issuers_url());
            let chain = [read.clone(), read];
            let _ = pki::chain::check_order(&chain);
            let path = pki::chain::build(&chain[0], &chain, chain[0].not_before);
            let _ = path.missing_issuer(&chain[0]);
        }
    }

    #[test]
    fn on_text(text in "\\PC{0,300}") {
        let _ = FriendlyName::try_from(text.as_str());
        let _ = EmailAddress::try_from(text.as_str());
        let _ = pki::parse_pem_chain(&text);
        if let Ok(name) = DnsName::try_from(text.as_str()) {
            // What was parsed once is parsed to itself.
            let shown = name.to_unicode();
            prop_assert_eq!(DnsName::try_from(shown.as_str()), Ok(name.clone()));
            prop_assert_eq!(DnsName::try_from(name.as_str()), Ok(name));
        }
    }

    #[test]
    fn on_host_names(text in "(\\*\\.)?[a-z0-9äß_-]{1,20}(\\.[A-Z0-9é-]{1,10}){0,4}\\.?") {
        if let Ok(name) = DnsName::try_from(text.as_str()) {
            prop_assert!(name.is_ascii() && name.len() <= 253 && !name.ends_with('.'));
            prop_assert_eq!(DnsName::try_from(name.as_str()), Ok(name));
        }
    }
}
