//! What the README's first command shows: everything, with a test CA, up to a first certificate.

use std::time::Duration;

use town::{edge, installation::Installation, wait};

#[tokio::test(flavor = "multi_thread")]
async fn up_with_a_test_ca_ends_on_a_screen_that_keeps_its_word() {
    let folder = tempfile::tempdir().unwrap();
    let mut installation = Installation::new(folder.path(), "");
    installation.start_up_with(&["--test-ca"]);
    let screen = screen(&mut installation).await;

    let leaf = installation.edge.leaf(Some("hello.test")).await.unwrap();
    let leaf = pki::Certificate::parse(&leaf).unwrap();
    assert!(leaf.issuer.contains("Pebble"), "{}", leaf.issuer);
    let roots = std::fs::read_to_string(installation.data.join("test-ca/roots.pem")).unwrap();
    if let Some(verdict) = installation.edge.openssl_verdict("hello.test", &roots) {
        assert!(verdict.contains("Verification: OK"), "{verdict}");
    }
    // The sign-in is copied as it stands.
    let sign_in = screen
        .lines()
        .find(|line| line.contains(" login "))
        .expect("how to sign in");
    assert_eq!(installation.shell(sign_in).status, 0, "{sign_in}");
    let first_step = screen
        .lines()
        .find(|line| line.contains(" acme request "))
        .expect("a first step");
    let requested = installation.shell(first_step);
    assert_eq!(requested.status, 0, "{first_step}: {}", requested.stderr);
    assert_eq!(
        installation
            .shell(&first_step.replace("acme request shop.test", "paint"))
            .status,
        2
    );

    // A second start has the same certificate, and asks for no other.
    assert!(installation.process("up").stop("INT").await.success());
    installation.start_up_with(&["--test-ca"]);
    self::screen(&mut installation).await;
    let again = installation.edge.leaf(Some("hello.test")).await.unwrap();
    assert_eq!(edge::fingerprint(&again), leaf.sha256_fingerprint);
    let shop = installation.edge.leaf(Some("shop.test")).await.unwrap();
    assert!(!pki::Certificate::parse(&shop).unwrap().self_signed);
}

/// What the last start printed, once it is all there.
async fn screen(installation: &mut Installation) -> String {
    wait::within(Duration::from_secs(90), "the screen", async || {
        let log = installation.process("up").log();
        let (_, last) = log.rsplit_once("====")?;
        last.contains("Ctrl-C stops everything")
            .then(|| last.to_owned())
    })
    .await
}
