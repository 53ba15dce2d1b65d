//! Keys, PKCS#12 and PKCS#7 of GnuTLS' certtool.

use pki::{
    KeyAlgorithm,
    import::{self, ImportError},
};

use crate::{
    desk::Desk,
    identity::{Holds, Identity},
};

fn certtool(desk: &Desk, line: &str) {
    desk.ask("certtool", &line.split(' ').collect::<Vec<_>>());
}

#[test]
fn keys_that_certtool_makes() {
    let desk = Desk::new();
    for (algorithm, options) in [
        (KeyAlgorithm::Rsa2048, "rsa --bits 2048"),
        (KeyAlgorithm::Rsa3072, "rsa --bits 3072"),
        (KeyAlgorithm::Rsa4096, "rsa --bits 4096"),
        (KeyAlgorithm::EcdsaP256, "ecdsa --curve secp256r1"),
        (KeyAlgorithm::EcdsaP384, "ecdsa --curve secp384r1"),
        (KeyAlgorithm::EcdsaP521, "ecdsa --curve secp521r1"),
        (KeyAlgorithm::Ed25519, "ed25519"),
    ] {
        // With a description as text before it.
        for more in [
            "",
            " --pkcs8 --empty-password",
            " --no-text",
            " --pkcs8 --password hunter2",
        ] {
            certtool(
                &desk,
                &format!("--generate-privkey --key-type {options}{more} --outfile key.pem"),
            );
            let passphrase = match more.contains("--empty") {
                true => "",
                false => "hunter2",
            };
            let contents = import::read(&desk.read("key.pem"), Some(passphrase));
            let contents = contents.unwrap_or_else(|error| panic!("{options}{more}: {error}"));
            assert_eq!(contents.keys[0].algorithm(), algorithm);
        }
    }
}

#[test]
fn keys_that_certtool_encrypts() {
    for algorithm in KeyAlgorithm::ALL {
        let identity = Identity::new(algorithm);
        // All ciphers with one key: each takes 600,000 iterations, of GnuTLS and of us.
        let ciphers: &[&str] = match algorithm {
            KeyAlgorithm::EcdsaP256 => &["aes-128", "aes-192", "3des", "3des-pkcs12", "rc2-40"],
            _ => &["aes-256"],
        };
        for cipher in ciphers {
            for (form, file, format) in [
                ("", "locked.pem", "PEM"),
                ("--outder ", "locked.der", "encrypted PKCS#8"),
            ] {
                certtool(
                    &identity.desk,
                    &format!(
                        "--to-p8 --load-privkey key.pem --password hunter2 --pkcs-cipher {cipher} {form}--outfile {file}"
                    ),
                );
                identity.assert_locked(file, "hunter2", format, Holds::Key);
            }
        }
    }
}

#[test]
fn pkcs12_of_every_algorithm() {
    for algorithm in KeyAlgorithm::ALL {
        let identity = Identity::new(algorithm);
        // PEM where DER is not asked for. The old ciphers with one key, for they take long.
        let modern = ("--pkcs-cipher aes-256", "PEM");
        let old = ("--pkcs-cipher 3des-pkcs12 --outder", "PKCS#12");
        let ways = match algorithm {
            KeyAlgorithm::Rsa2048 => vec![modern, old],
            _ => vec![modern],
        };
        for (how, format) in ways {
            certtool(
                &identity.desk,
                &format!(
                    "--to-p12 --load-privkey key.pem --load-certificate leaf.pem --load-ca-certificate ca.pem --p12-name Laden --password hunter2 --outfile both {how}"
                ),
            );
            identity.assert_locked("both", "hunter2", format, Holds::KeyAndChain);
        }
    }
}

#[test]
fn pkcs12_without_a_passphrase_in_both_its_forms() {
    let identity = Identity::new(KeyAlgorithm::EcdsaP384);
    let desk = &identity.desk;
    let export = "--to-p12 --load-privkey key.pem --load-certificate leaf.pem --load-ca-certificate ca.pem --p12-name Laden --outder --outfile both.p12";
    let read = |passphrase| import::read(&desk.read("both.p12"), passphrase);
    for (how, opens) in [
        ("--pkcs-cipher aes-256 --empty-password", true),
        ("--pkcs-cipher aes-256 --null-password", true),
        ("--pkcs-cipher 3des-pkcs12 --empty-password", true),
        // The old derivation tells the two forms apart, and there is not time for both with 600,000 iterations.
        ("--pkcs-cipher 3des-pkcs12 --null-password", false),
    ] {
        println!("{how}");
        certtool(desk, &format!("{export} {how}"));
        match opens {
            true => identity.assert_read("both.p12", Some(""), "PKCS#12", Holds::KeyAndChain),
            false => assert_eq!(read(Some("")).err(), Some(ImportError::WrongPassphrase)),
        }
        // Not tried when nobody said so, for it takes that long.
        assert_eq!(read(None).err(), Some(ImportError::PassphraseNeeded));
    }
}

#[test]
fn pkcs7_of_certificates() {
    let identity = Identity::new(KeyAlgorithm::Rsa2048);
    let desk = &identity.desk;
    for (form, format) in [("", "PEM"), ("--outder ", "PKCS#7")] {
        certtool(
            desk,
            &format!("--p7-generate --load-certificate chain.pem {form}--outfile chain.p7b"),
        );
        identity.assert_read("chain.p7b", None, format, Holds::Chain);
    }
}
