//! Identities that renew themselves while everything runs.

use std::{fs, os::unix::fs::PermissionsExt, sync::Arc};

use runtime::{
    Clock, IdentityIssuer, Layout,
    identity::{IssueError, spiffe},
};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use time::macros::datetime;

use crate::{
    authority::{Authority, DAY, shared, start},
    handshakes::knock,
    peers::{Own, Peer, ask},
};

fn noon() -> Clock {
    Clock::manual(datetime!(2026-03-01 12:00 UTC))
}

/// Waits until the file holds another certificate.
async fn until_changed(layout: &Layout, name: &str, old: &[u8]) {
    while fs::read(layout.leaf(name)).unwrap() == old {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_service_has_its_identity_renewed_when_a_third_of_its_life_is_left() {
    let (data, clock) = (tempfile::tempdir().unwrap(), noon());
    let authority = Arc::new(Authority::new(&clock));
    let layout = Layout::under(data.path());
    for name in ["keystore", "projection"] {
        authority.enrol(data.path(), name);
    }
    let keystore = Peer::serve("keystore", data.path(), &clock, authority.clone());
    let projection = start("projection", &shared(data.path(), keystore.address), &clock);
    let (old, old_key) = (
        fs::read(layout.leaf("projection")).unwrap(),
        fs::read(layout.leaf_key("projection")).unwrap(),
    );

    clock.advance(19 * DAY);
    // A call that comes later than any renewal that might have been asked for.
    ask(&projection, "keystore").await.unwrap();
    assert_eq!(keystore.callers().len(), 1);
    assert_eq!(fs::read(layout.leaf("projection")).unwrap(), old);

    clock.advance(2 * DAY);
    until_changed(&layout, "projection", &old).await;
    assert_eq!(keystore.callers().len(), 2);
    assert_ne!(fs::read(layout.leaf_key("projection")).unwrap(), old_key);
    let mode = fs::metadata(layout.leaf_key("projection"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!layout.identity_dir().join("projection.key.next").exists());
}

#[tokio::test]
async fn new_connections_use_the_new_identity_on_both_sides() {
    let (data, clock) = (tempfile::tempdir().unwrap(), noon());
    let authority = Arc::new(Authority::new(&clock));
    for name in ["keystore", "projection"] {
        authority.enrol(data.path(), name);
    }
    let layout = Layout::under(data.path());
    let projection_serves = Peer::serve("projection", data.path(), &clock, authority.clone());
    let first = knock(
        projection_serves.address,
        Some(authority.leaf(Some(&spiffe::id("keystore")))),
    )
    .await
    .unwrap();
    assert_eq!(
        first,
        CertificateDer::from_pem_file(layout.leaf("projection")).unwrap()
    );

    // A new one on disk, as an operator or another replica would put it there.
    authority.enrol(data.path(), "projection");
    let second = CertificateDer::from_pem_file(layout.leaf("projection")).unwrap();
    assert_ne!(first, second);
    loop {
        clock.advance(std::time::Duration::from_secs(31));
        let seen = knock(
            projection_serves.address,
            Some(authority.leaf(Some(&spiffe::id("keystore")))),
        )
        .await
        .unwrap();
        if seen == second {
            break;
        }
        assert_eq!(seen, first);
    }
}

#[tokio::test]
async fn a_second_ca_is_trusted_without_a_restart() {
    let (data, clock) = (tempfile::tempdir().unwrap(), noon());
    let authority = Arc::new(Authority::new(&clock));
    authority.enrol(data.path(), "keystore");
    let keystore = Peer::serve("keystore", data.path(), &clock, authority.clone());
    let next = Authority::new(&clock);
    let knock_as_next = || {
        let leaf = next.leaf(Some(&spiffe::id("gateway")));
        knock(keystore.address, Some(leaf))
    };
    assert!(knock_as_next().await.is_err());

    // As an operator begins to replace the CA: both are trusted, and no leaf has changed yet.
    let both = authority.pem() + &next.pem();
    fs::write(Layout::under(data.path()).ca_certificate(), both).unwrap();
    let trusted = async {
        loop {
            clock.advance(std::time::Duration::from_secs(31));
            if knock_as_next().await.is_ok() {
                return;
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), trusted)
        .await
        .unwrap();
}

#[tokio::test]
async fn services_outlive_their_first_identities() {
    let (data, clock) = (tempfile::tempdir().unwrap(), noon());
    let authority = Arc::new(Authority::new(&clock));
    let layout = Layout::under(data.path());
    for name in ["keystore", "projection"] {
        authority.enrol(data.path(), name);
    }
    let keystore = Peer::serve("keystore", data.path(), &clock, authority.clone());
    let projection = start("projection", &shared(data.path(), keystore.address), &clock);
    for _ in 0..4 {
        let names = ["keystore", "projection"];
        let old = names.map(|name| fs::read(layout.leaf(name)).unwrap());
        clock.advance(21 * DAY);
        for (name, old) in names.iter().zip(&old) {
            until_changed(&layout, name, old).await;
        }
        ask(&projection, "keystore").await.unwrap();
    }
}

#[tokio::test]
async fn the_keystore_renews_its_own() {
    let (data, clock) = (tempfile::tempdir().unwrap(), noon());
    let authority = Arc::new(Authority::new(&clock));
    authority.enrol(data.path(), "keystore");
    let layout = Layout::under(data.path());
    let old = fs::read(layout.leaf("keystore")).unwrap();
    let keystore = start(
        "keystore",
        &shared(data.path(), "127.0.0.1:1".parse().unwrap()),
        &clock,
    );
    // Also when the machine was off until long after the end.
    clock.advance(40 * DAY);
    keystore.rotate_with(Own(authority));
    until_changed(&layout, "keystore", &old).await;
}

struct Impostor(Arc<Authority>, tokio::sync::mpsc::UnboundedSender<()>);

#[async_trait::async_trait]
impl IdentityIssuer for Impostor {
    async fn issue(&self, csr_der: Vec<u8>) -> Result<String, IssueError> {
        let _ = self.1.send(());
        Ok(self.0.certify("gateway", &csr_der))
    }
}

#[tokio::test]
async fn a_certificate_that_does_not_fit_is_not_taken() {
    let (data, clock) = (tempfile::tempdir().unwrap(), noon());
    let authority = Arc::new(Authority::new(&clock));
    authority.enrol(data.path(), "keystore");
    let layout = Layout::under(data.path());
    let old = fs::read(layout.leaf("keystore")).unwrap();
    let keystore = start(
        "keystore",
        &shared(data.path(), "127.0.0.1:1".parse().unwrap()),
        &clock,
    );
    clock.advance(21 * DAY);
    let (sender, mut issued) = tokio::sync::mpsc::unbounded_channel();
    keystore.rotate_with(Impostor(authority, sender));
    issued.recv().await.unwrap();
    // It tries again, so the first attempt has been judged when the second comes.
    clock.advance(DAY);
    issued.recv().await.unwrap();
    assert_eq!(fs::read(layout.leaf("keystore")).unwrap(), old);
}

#[tokio::test]
async fn a_replacement_that_a_crash_cut_short_is_finished() {
    let (data, clock) = (tempfile::tempdir().unwrap(), noon());
    let authority = Arc::new(Authority::new(&clock));
    let layout = Layout::under(data.path());
    authority.enrol(data.path(), "gateway");
    let next = authority.leaf(Some(&spiffe::id("gateway")));
    // After the key was renamed, and before its certificate was.
    fs::write(layout.identity_dir().join("gateway.pem.next"), &next.pem).unwrap();
    fs::write(layout.leaf_key("gateway"), &next.key_pem).unwrap();
    start(
        "gateway",
        &shared(data.path(), "127.0.0.1:1".parse().unwrap()),
        &clock,
    );
    assert_eq!(
        fs::read_to_string(layout.leaf("gateway")).unwrap(),
        next.pem
    );
}
