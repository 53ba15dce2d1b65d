//! PKCS#12, read by openssl, GnuTLS and NSS; by Java in its own module.

use pki::{
    Certificate, KeyAlgorithm,
    export::{Contents, Encryption, pkcs12},
    parse_pem_chain,
};

use crate::{
    desk::Desk,
    identity::{FRIENDLY_NAME, Identity},
};

const ENCRYPTIONS: [Encryption; 2] = [Encryption::Modern, Encryption::Legacy];

/// The empty one, one of words, and, with one kind of key, one that three encodings of text would write differently.
fn passphrases(algorithm: KeyAlgorithm) -> &'static [&'static str] {
    match algorithm {
        KeyAlgorithm::EcdsaP256 => &["", "open sesame", "fünf € und 🐎"],
        _ => &["", "open sesame"],
    }
}

#[test]
fn openssl_reads_key_and_chain_of_every_algorithm() {
    let desk = Desk::new();
    for (algorithm, identity) in Identity::of_every_algorithm() {
        for encryption in ENCRYPTIONS {
            for &passphrase in passphrases(algorithm) {
                let file = pkcs12(identity.contents(), passphrase, encryption).unwrap();
                desk.write("a.p12", file);
                let label = format!("{algorithm} {encryption:?} {passphrase:?}");
                assert_eq!(certificates(&desk, passphrase), identity.chain(), "{label}");
                assert_eq!(
                    public_key(&desk, passphrase),
                    identity.key.spki_der(),
                    "{label}"
                );
                desk.ask_in_vain(
                    "openssl",
                    &["pkcs12", "-in", "a.p12", "-passin", "pass:wrong", "-nodes"],
                );
            }
        }
    }
}

fn certificates(desk: &Desk, passphrase: &str) -> Vec<Certificate> {
    let password = format!("pass:{passphrase}");
    let read = ["pkcs12", "-in", "a.p12", "-nokeys", "-passin", &password];
    parse_pem_chain(&desk.ask("openssl", &read)).unwrap()
}

fn public_key(desk: &Desk, passphrase: &str) -> Vec<u8> {
    let password = format!("pass:{passphrase}");
    let read = [
        "pkcs12", "-in", "a.p12", "-nocerts", "-nodes", "-passin", &password,
    ];
    desk.ask("openssl", &[&read[..], &["-out", "key.pem"]].concat());
    let public = [
        "pkey",
        "-in",
        "key.pem",
        "-pubout",
        "-outform",
        "der",
        "-out",
        "public.der",
    ];
    desk.ask("openssl", &public);
    desk.read("public.der")
}

#[test]
fn openssl_finds_the_name_and_the_algorithms() {
    let desk = Desk::new();
    let identity = Identity::new(KeyAlgorithm::EcdsaP256);
    for (encryption, expected) in [
        (
            Encryption::Modern,
            ["AES-256-CBC", "hmacWithSHA256", "MAC: sha256"],
        ),
        (
            Encryption::Legacy,
            ["3-KeyTripleDES-CBC", "Shrouded Keybag", "MAC: sha1"],
        ),
    ] {
        let contents = Contents {
            friendly_name: "shop",
            ..identity.contents()
        };
        desk.write("a.p12", pkcs12(contents, "sesame", encryption).unwrap());
        let info = [
            "pkcs12",
            "-in",
            "a.p12",
            "-info",
            "-nodes",
            "-passin",
            "pass:sesame",
        ];
        let text = desk.ask("openssl", &info);
        for expected in expected {
            assert!(text.contains(expected), "{expected} in {text}");
        }
        // Of the key and of its certificate, tied to each other.
        assert_eq!(text.matches("friendlyName: shop").count(), 2, "{text}");
        let mut ids = text.lines().filter(|line| line.contains("localKeyID:"));
        assert_eq!(ids.next(), ids.next(), "{text}");
    }
}

#[test]
fn openssl_reads_any_part_alone() {
    let desk = Desk::new();
    let identity = Identity::new(KeyAlgorithm::EcdsaP256);
    let whole = identity.contents();
    let part = |contents| {
        desk.write(
            "a.p12",
            pkcs12(contents, "sesame", Encryption::Modern).unwrap(),
        );
    };
    part(identity.certificates_alone());
    assert_eq!(certificates(&desk, "sesame"), identity.chain());
    part(Contents {
        certificate: None,
        ..identity.certificates_alone()
    });
    assert_eq!(certificates(&desk, "sesame"), identity.issuers);
    part(Contents {
        issuers: &[],
        ..whole
    });
    assert_eq!(certificates(&desk, "sesame"), identity.chain()[..1]);
    assert_eq!(public_key(&desk, "sesame"), identity.key.spki_der());
    part(Contents {
        issuers: &[],
        certificate: None,
        ..whole
    });
    assert_eq!(public_key(&desk, "sesame"), identity.key.spki_der());
}

#[test]
fn gnutls_reads_key_and_chain_of_every_algorithm() {
    let desk = Desk::new();
    for (algorithm, identity) in Identity::of_every_algorithm() {
        for encryption in ENCRYPTIONS {
            for &passphrase in passphrases(algorithm) {
                let file = pkcs12(identity.contents(), passphrase, encryption).unwrap();
                desk.write("a.p12", file);
                let read = ["--p12-info", "--inder", "--infile", "a.p12"];
                let password: &[&str] = match passphrase {
                    "" => &["--empty-password"],
                    passphrase => &["--password", passphrase],
                };
                let text = desk.ask("certtool", &[&read[..], password].concat());
                let label = format!("{algorithm} {encryption:?} {passphrase:?}");
                assert_eq!(
                    text.matches("-----BEGIN CERTIFICATE").count(),
                    3,
                    "{label} {text}"
                );
                assert_eq!(
                    text.matches("PRIVATE KEY-----").count(),
                    2,
                    "{label} {text}"
                );
                assert!(text.contains(FRIENDLY_NAME), "{label} {text}");
            }
        }
    }
}

#[test]
fn nss_imports_key_and_chain_of_every_algorithm_that_it_knows() {
    let desk = Desk::new();
    for (algorithm, identity) in Identity::of_every_algorithm() {
        if algorithm == KeyAlgorithm::Ed25519 {
            continue;
        }
        for encryption in ENCRYPTIONS {
            for &passphrase in passphrases(algorithm) {
                let label = format!("{algorithm} {encryption:?} {passphrase:?}");
                desk.write(
                    "a.p12",
                    pkcs12(identity.contents(), passphrase, encryption).unwrap(),
                );
                let database = Desk::new();
                let at = format!("sql:{}", database.folder().display());
                desk.ask("certutil", &["-N", "-d", &at, "--empty-password"]);
                let import = ["-i", "a.p12", "-d", &at, "-K", "", "-W", passphrase];
                desk.ask("pk12util", &import);
                let keys = desk.ask("certutil", &["-K", "-d", &at]);
                assert!(keys.contains(FRIENDLY_NAME), "{label}: {keys}");
                let chain = desk.ask("certutil", &["-L", "-a", "-d", &at, "-n", FRIENDLY_NAME]);
                assert_eq!(
                    parse_pem_chain(&chain).unwrap(),
                    identity.chain()[..1],
                    "{label}"
                );
                let list = desk.ask("certutil", &["-L", "-d", &at]);
                assert_eq!(list.matches("Root").count(), 1, "{label}: {list}");
            }
        }
    }
}
