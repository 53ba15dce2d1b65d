//! JKS and PKCS#12, read by Java's keytool.

use std::thread;

use pki::{
    KeyAlgorithm,
    export::{Contents, Encryption, ExportError, jks, pkcs12},
};
use time::macros::datetime;

use crate::{
    desk::Desk,
    identity::{FRIENDLY_NAME, Identity},
};

/// Copies the store into one of Java's own, which takes the key out of it, and reads that with openssl.
fn assert_java_reads(file: &[u8], kind: &str, passphrase: &str, identity: &Identity) {
    let desk = Desk::new();
    desk.write("a.store", file);
    let from = [
        "-srckeystore",
        "a.store",
        "-srcstoretype",
        kind,
        "-srcstorepass",
        passphrase,
    ];
    let to = [
        "-destkeystore",
        "b.p12",
        "-deststoretype",
        "PKCS12",
        "-deststorepass",
        "sesame",
    ];
    let options = ["-importkeystore", "-noprompt"];
    let text = desk.ask("keytool", &[&options[..], &from, &to].concat());
    assert!(text.contains("1 entries successfully imported"), "{text}");

    let read = [
        "pkcs12",
        "-in",
        "b.p12",
        "-passin",
        "pass:sesame",
        "-nodes",
        "-out",
        "b.pem",
    ];
    desk.ask("openssl", &read);
    let public = [
        "pkey",
        "-in",
        "b.pem",
        "-pubout",
        "-outform",
        "der",
        "-out",
        "public.der",
    ];
    desk.ask("openssl", &public);
    assert_eq!(desk.read("public.der"), identity.key.spki_der());
    // Between the certificates, openssl writes the friendly name in an encoding of its own.
    let text = desk.read("b.pem");
    let text = String::from_utf8_lossy(&text);
    assert_eq!(pki::parse_pem_chain(&text).unwrap(), identity.chain());
}

#[test]
fn java_reads_key_and_chain_of_every_algorithm() {
    let now = datetime!(2026-06-01 00:00 UTC);
    thread::scope(|scope| {
        for algorithm in KeyAlgorithm::ALL {
            scope.spawn(move || {
                let identity = Identity::new(algorithm);
                // With characters that Java keeps in two.
                let passphrase = "fünf € und 🐎";
                let file = jks(identity.contents(), passphrase, now).unwrap();
                assert_java_reads(&file, "JKS", passphrase, &identity);
                for encryption in [Encryption::Modern, Encryption::Legacy] {
                    let file = pkcs12(identity.contents(), "open sesame", encryption).unwrap();
                    assert_java_reads(&file, "PKCS12", "open sesame", &identity);
                }
            });
        }
    });
}

fn listed(file: &[u8], kind: &str) -> String {
    let desk = Desk::new();
    desk.write("a.store", file);
    let list = ["-list", "-v", "-keystore", "a.store", "-storetype", kind];
    desk.ask(
        "keytool",
        &[&list[..], &["-storepass", "open sesame"]].concat(),
    )
}

#[test]
fn java_finds_the_friendly_name_and_the_chain() {
    let identity = Identity::new(KeyAlgorithm::EcdsaP256);
    let now = datetime!(2026-06-01 00:00 UTC);
    let modern = pkcs12(identity.contents(), "open sesame", Encryption::Modern).unwrap();
    for (file, kind) in [
        (jks(identity.contents(), "open sesame", now).unwrap(), "JKS"),
        (modern, "PKCS12"),
    ] {
        let text = listed(&file, kind);
        let alias = format!("Alias name: {}", FRIENDLY_NAME.to_lowercase());
        for expected in [&alias, "Entry type: PrivateKeyEntry", "chain length: 3"] {
            assert!(text.contains(expected), "{expected} in {kind}: {text}");
        }
        if kind == "JKS" {
            assert!(text.contains("Creation date: Jun 1, 2026"), "{text}");
        }
    }
}

#[test]
fn java_trusts_every_certificate_of_a_store_without_a_key() {
    let identity = Identity::new(KeyAlgorithm::EcdsaP256);
    let now = datetime!(2026-06-01 00:00 UTC);
    let contents = identity.certificates_alone();
    for (file, kind) in [
        (jks(contents, "open sesame", now).unwrap(), "JKS"),
        (
            pkcs12(contents, "open sesame", Encryption::Modern).unwrap(),
            "PKCS12",
        ),
        (
            pkcs12(contents, "open sesame", Encryption::Legacy).unwrap(),
            "PKCS12",
        ),
    ] {
        let text = listed(&file, kind);
        assert_eq!(
            text.matches("Entry type: trustedCertEntry").count(),
            3,
            "{kind}: {text}"
        );
        assert!(
            text.contains("issuer 2: root") && text.contains("issuer 1: middle"),
            "{text}"
        );
    }
}

#[test]
fn a_java_store_is_refused_where_java_would_not_take_it() {
    let identity = Identity::new(KeyAlgorithm::EcdsaP256);
    let now = datetime!(2026-06-01 00:00 UTC);
    let short = jks(identity.contents(), "12345", now).err();
    assert_eq!(short, Some(ExportError::ShortPassphrase { min: 6 }));
    let alone = Contents {
        certificate: None,
        ..identity.contents()
    };
    let alone = jks(alone, "123456", now).err();
    assert_eq!(alone, Some(ExportError::KeyWithoutCertificate));
}
