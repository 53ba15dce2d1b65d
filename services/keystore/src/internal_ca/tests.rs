//! The internal CA: made once, opened with its own key alone, and for services only.

use std::os::unix::fs::PermissionsExt;

use time::macros::datetime;

use super::*;
use crate::kek::KekSources;

const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

struct Installation {
    _folder: tempfile::TempDir,
    layout: Layout,
    kek: Keks,
}

fn installation() -> Installation {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::under(folder.path());
    let sources = KekSources::file(layout.kek());
    Kek::make_if_missing(&sources.current).unwrap();
    let kek = Keks::read(&sources).unwrap();
    Installation {
        _folder: folder,
        layout,
        kek,
    }
}

#[test]
fn a_ca_is_made_once_and_opens_with_its_own_key_alone() {
    let here = installation();
    let first = InternalCa::make_if_missing(&here.layout, &here.kek, NOW).unwrap();
    let again = InternalCa::make_if_missing(&here.layout, &here.kek, NOW).unwrap();
    assert_eq!(first.certificate, again.certificate);
    assert!(first.certificate.is_ca && first.certificate.self_signed);

    let stranger = installation();
    let refused = InternalCa::open(&here.layout, &stranger.kek).unwrap_err();
    assert!(
        matches!(refused, InternalCaError::Open(EnvelopeError::Open)),
        "{refused}"
    );
}

#[test]
fn a_leaf_says_who_it_is_for_thirty_days() {
    let here = installation();
    let ca = InternalCa::make_if_missing(&here.layout, &here.kek, NOW).unwrap();
    ca.write_identity(&here.layout, "acme-agent", NOW).unwrap();
    let text = fs::read_to_string(here.layout.leaf("acme-agent")).unwrap();
    let chain = pki::parse_pem_chain(&text).unwrap();
    assert_eq!(pki::chain::check_order(&chain), Ok(()));
    assert_eq!(chain[0].dns_names, ["acme-agent", "localhost"]);
    assert_eq!(chain[0].not_after, NOW + Duration::days(30));
    let at = chain[0]
        .der
        .windows(27)
        .position(|w| w == b"spiffe://chancery/acme-agen");
    assert!(at.is_some());
    let key = here.layout.leaf_key("acme-agent");
    assert_eq!(
        fs::metadata(key).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

#[test]
fn only_a_service_gets_a_leaf() {
    let here = installation();
    let ca = InternalCa::make_if_missing(&here.layout, &here.kek, NOW).unwrap();
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    for no in ["", "a.b", "gateway/../keystore", "Gateway", "a b"] {
        let refused = ca.issue(no, key.spki_der(), NOW);
        assert!(matches!(refused, Err(InternalCaError::Name(_))), "{no:?}");
    }
}

#[test]
fn the_key_is_never_plain_in_the_data_folder() {
    let here = installation();
    let ca = InternalCa::make_if_missing(&here.layout, &here.kek, NOW).unwrap();
    let sealed = fs::read(here.layout.sealed_ca_key()).unwrap();
    let plain = envelope::open(&here.kek.current, &label(), &sealed).unwrap();
    let secret = &plain[plain.len() / 2..plain.len() / 2 + 16];
    assert!(!sealed.windows(16).any(|w| w == secret));
    assert_eq!(format!("{ca:?}"), "InternalCa");
}

#[test]
fn its_key_goes_over_to_a_new_key_encryption_key_once() {
    let here = installation();
    let ca = InternalCa::make_if_missing(&here.layout, &here.kek, NOW).unwrap();
    let new = installation().kek.current;
    let both = Keks {
        current: new.clone(),
        previous: Some(here.kek.current.clone()),
    };
    assert!(InternalCa::rewrap(&here.layout, &both, &new).unwrap());
    assert!(!InternalCa::rewrap(&here.layout, &both, &new).unwrap());
    let opened = InternalCa::open(&here.layout, &new.into()).unwrap();
    assert_eq!(opened.certificate, ca.certificate);
    InternalCa::open(&here.layout, &here.kek).unwrap_err();
    let mode = fs::metadata(here.layout.sealed_ca_key()).unwrap();
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);
}
