//! Certificates as PEM, DER and PKCS#7.

use pki::{
    Certificate, KeyAlgorithm, PrivateKey,
    export::{Contents, ExportError, Protection, der_parts, pem, pem_parts, pkcs7_der, pkcs7_pem},
    parse_pem_chain,
};

use crate::{desk::Desk, identity::Identity};

fn sorted(mut chain: Vec<Certificate>) -> Vec<Certificate> {
    chain.sort_by(|a, b| a.sha256_fingerprint.cmp(&b.sha256_fingerprint));
    chain
}

#[test]
fn openssl_gnutls_and_java_read_pkcs7() {
    let desk = Desk::new();
    let identity = Identity::new(KeyAlgorithm::EcdsaP256);
    let chain = identity.chain();
    desk.write("chain.p7b", pkcs7_der(&chain).unwrap());
    desk.write("chain.pem", pkcs7_pem(&chain).unwrap());
    let print = |form: &str, file: &str| {
        desk.ask(
            "openssl",
            &["pkcs7", "-inform", form, "-in", file, "-print_certs"],
        )
    };
    for text in [print("der", "chain.p7b"), print("pem", "chain.pem")] {
        assert_eq!(
            sorted(parse_pem_chain(&text).unwrap()),
            sorted(chain.clone())
        );
    }
    let text = desk.ask(
        "certtool",
        &["--p7-info", "--inder", "--infile", "chain.p7b"],
    );
    assert!(text.contains("Number of certificates: 3"), "{text}");
    let text = desk.ask("keytool", &["-printcert", "-rfc", "-file", "chain.p7b"]);
    assert_eq!(text.matches("-----BEGIN CERTIFICATE").count(), 3, "{text}");
}

#[test]
fn pkcs7_is_the_same_for_any_order_and_holds_each_certificate_once() {
    let mut chain = Identity::new(KeyAlgorithm::EcdsaP256).chain();
    let der = pkcs7_der(&chain).unwrap();
    chain.reverse();
    chain.push(chain[0].clone());
    assert_eq!(pkcs7_der(&chain).unwrap(), der);
    assert_eq!(pkcs7_der([]).err(), Some(ExportError::Nothing));
}

#[test]
fn openssl_reads_one_pem_file_and_each_part_of_it() {
    let desk = Desk::new();
    let identity = Identity::new(KeyAlgorithm::EcdsaP384);
    let all = pem(identity.contents(), Protection::Passphrase("sesame")).unwrap();
    let text = std::str::from_utf8(&all).unwrap();
    assert_eq!(parse_pem_chain(text).unwrap(), identity.chain());
    desk.write("all.pem", &all);
    desk.ask("openssl", &["verify", "-CAfile", "all.pem", "all.pem"]);
    let key = [
        "pkey",
        "-in",
        "all.pem",
        "-passin",
        "pass:sesame",
        "-pubout",
        "-outform",
        "der",
    ];
    desk.ask("openssl", &[&key[..], &["-out", "public.der"]].concat());
    assert_eq!(desk.read("public.der"), identity.key.spki_der());

    let parts = pem_parts(identity.contents(), Protection::Unprotected).unwrap();
    let suffixes = parts
        .iter()
        .map(|part| part.suffix.as_str())
        .collect::<Vec<_>>();
    assert_eq!(suffixes, ["cert.pem", "chain.pem", "key.pem"]);
    let chain = std::str::from_utf8(&parts[1].content).unwrap();
    assert_eq!(parse_pem_chain(chain).unwrap(), identity.issuers);
}

#[test]
fn each_thing_in_der_is_a_file_of_its_own() {
    let identity = Identity::new(KeyAlgorithm::Ed25519);
    let parts = der_parts(identity.contents(), Protection::Unprotected).unwrap();
    let suffixes = parts
        .iter()
        .map(|part| part.suffix.as_str())
        .collect::<Vec<_>>();
    assert_eq!(suffixes, ["cer", "issuer-1.cer", "issuer-2.cer", "key.p8"]);
    for (part, certificate) in parts.iter().zip(identity.chain()) {
        assert_eq!(*part.content, certificate.der);
    }
    assert_eq!(parts[3].content.as_slice(), identity.key.pkcs8_der());
}

#[test]
fn a_key_leaves_with_no_certificate_but_its_own() {
    let identity = Identity::new(KeyAlgorithm::EcdsaP256);
    let other = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let mixed = Contents {
        key: Some(&other),
        ..identity.contents()
    };
    let nothing = Contents {
        certificate: None,
        issuers: &[],
        ..identity.certificates_alone()
    };
    for (contents, reason) in [
        (mixed, ExportError::KeyMismatch),
        (nothing, ExportError::Nothing),
    ] {
        let protection = Protection::Passphrase("sesame");
        let encryption = pki::export::Encryption::Modern;
        assert_eq!(pem(contents, protection).err(), Some(reason));
        assert_eq!(der_parts(contents, protection).err(), Some(reason));
        let pkcs12 = pki::export::pkcs12(contents, "sesame", encryption);
        assert_eq!(pkcs12.err(), Some(reason));
        let jks = pki::export::jks(contents, "sesame", time::OffsetDateTime::UNIX_EPOCH);
        assert_eq!(jks.err(), Some(reason));
    }
}
