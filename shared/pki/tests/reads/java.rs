//! Key stores of Java's keytool: JKS, and its PKCS#12.

use pki::{
    KeyAlgorithm,
    import::{self, ImportError},
};

use crate::{
    desk::Desk,
    identity::{Holds, Identity, certificates, error},
};

fn keytool(desk: &Desk, line: &str) {
    desk.ask("keytool", &line.split(' ').collect::<Vec<_>>());
}

/// Java makes the key and a certificate for it.
fn generate(desk: &Desk, alias: &str, algorithm: &str, store: &str) {
    keytool(
        desk,
        &format!(
            "-genkeypair -alias {alias} -dname CN={alias}.example -keyalg {algorithm} -storepass hunter2 {store}"
        ),
    );
}

#[test]
fn keys_of_every_algorithm_that_java_makes() {
    for (algorithm, options) in [
        (KeyAlgorithm::Rsa2048, "RSA -keysize 2048"),
        (KeyAlgorithm::Rsa3072, "RSA -keysize 3072"),
        (KeyAlgorithm::Rsa4096, "RSA -keysize 4096"),
        (KeyAlgorithm::EcdsaP256, "EC -groupname secp256r1"),
        (KeyAlgorithm::EcdsaP384, "EC -groupname secp384r1"),
        (KeyAlgorithm::EcdsaP521, "EC -groupname secp521r1"),
        (KeyAlgorithm::Ed25519, "Ed25519"),
    ] {
        let desk = Desk::new();
        for (kind, format, file) in [
            ("JKS", "JKS", "store.jks"),
            ("PKCS12", "PKCS#12", "store.p12"),
        ] {
            generate(
                &desk,
                "one",
                options,
                &format!("-storetype {kind} -keystore {file}"),
            );
            let file = desk.read(file);
            let contents = import::read(&file, Some("hunter2")).unwrap();
            assert_eq!(contents.format, format);
            let [key] = &contents.keys[..] else {
                panic!("{contents:?}")
            };
            let [certificate] = &contents.certificates[..] else {
                panic!("{contents:?}")
            };
            assert_eq!(key.algorithm(), algorithm);
            assert_eq!(key.spki_der(), certificate.spki_der, "{algorithm} {format}");
            assert_eq!(certificate.common_name, "one.example");
            assert_eq!(error(&file, None), ImportError::PassphraseNeeded);
            assert_eq!(error(&file, Some("hunter1")), ImportError::WrongPassphrase);
            assert_eq!(error(&file, Some("")), ImportError::WrongPassphrase);
        }
    }
}

#[test]
fn keys_of_openssl_that_go_through_java() {
    for algorithm in KeyAlgorithm::ALL {
        let identity = Identity::new(algorithm);
        identity.openssl("pkcs12 -export -in leaf.pem -inkey key.pem -certfile ca.pem -name Laden -passout pass:hunter2 -out both.p12");
        for (kind, format) in [("JKS", "JKS"), ("PKCS12", "PKCS#12")] {
            let file = format!("java.{kind}");
            keytool(
                &identity.desk,
                &format!(
                    "-importkeystore -srckeystore both.p12 -srcstoretype PKCS12 -srcstorepass hunter2 -destkeystore {file} -deststoretype {kind} -deststorepass hunter2"
                ),
            );
            identity.assert_locked(&file, "hunter2", format, Holds::KeyAndChain);
        }
        if algorithm != KeyAlgorithm::Rsa2048 {
            continue;
        }
        // With the ciphers of Java 8 and before.
        keytool(
            &identity.desk,
            "-importkeystore -srckeystore both.p12 -srcstoretype PKCS12 -srcstorepass hunter2 -destkeystore old.p12 -deststoretype PKCS12 -deststorepass hunter2 -J-Dkeystore.pkcs12.legacy",
        );
        identity.assert_locked("old.p12", "hunter2", "PKCS#12", Holds::KeyAndChain);
    }
}

#[test]
fn several_keys_and_trusted_certificates_in_one_store() {
    let identity = Identity::new(KeyAlgorithm::Rsa2048);
    let desk = &identity.desk;
    for (kind, file) in [("JKS", "store.jks"), ("PKCS12", "store.p12")] {
        let store = format!("-storetype {kind} -keystore {file}");
        for alias in ["one", "two", "three"] {
            generate(desk, alias, "EC -groupname secp256r1", &store);
        }
        for name in ["leaf", "ca"] {
            keytool(
                desk,
                &format!(
                    "-importcert -noprompt -alias {name} -file {name}.pem -storepass hunter2 {store}"
                ),
            );
        }
        let contents = import::read(&desk.read(file), Some("hunter2")).unwrap();
        assert_eq!(
            (contents.keys.len(), contents.certificates.len()),
            (3, 5),
            "{kind}"
        );
        for name in ["leaf.der", "ca.der"] {
            assert!(
                certificates(&contents).contains(&&desk.read(name)[..]),
                "{kind} {name}"
            );
        }
    }
}

#[test]
fn stores_of_trusted_certificates() {
    let identity = Identity::new(KeyAlgorithm::EcdsaP256);
    let import = |name: &str, store: &str| {
        keytool(
            &identity.desk,
            &format!(
                "-importcert -noprompt -alias {name} -file {name}.pem -storepass hunter2 {store}"
            ),
        );
    };
    for name in ["leaf", "ca"] {
        import(name, "-storetype JKS -keystore trust.jks");
        import(name, "-storetype PKCS12 -keystore trust.p12");
        import(
            name,
            "-storetype PKCS12 -keystore open.p12 -J-Dkeystore.pkcs12.certProtectionAlgorithm=NONE -J-Dkeystore.pkcs12.macAlgorithm=NONE",
        );
    }
    identity.assert_locked("trust.p12", "hunter2", "PKCS#12", Holds::Chain);
    identity.assert_read("open.p12", None, "PKCS#12", Holds::Chain);
    // Java shows certificates in a JKS without its passphrase; a wrong one is wrong all the same.
    identity.assert_read("trust.jks", None, "JKS", Holds::Chain);
    identity.assert_read("trust.jks", Some("hunter2"), "JKS", Holds::Chain);
    let jks = identity.desk.read("trust.jks");
    assert_eq!(error(&jks, Some("hunter3")), ImportError::WrongPassphrase);
}

#[test]
fn a_key_with_a_passphrase_of_its_own_is_told_apart() {
    let desk = Desk::new();
    generate(
        &desk,
        "one",
        "EC -groupname secp256r1",
        "-keypass another -storetype JKS -keystore store.jks",
    );
    let file = desk.read("store.jks");
    assert_eq!(
        error(&file, Some("hunter2")),
        ImportError::KeyHasOwnPassphrase
    );
    assert_eq!(error(&file, Some("another")), ImportError::WrongPassphrase);
    keytool(
        &desk,
        "-keypasswd -alias one -keypass another -new hunter2 -storepass hunter2 -storetype JKS -keystore store.jks",
    );
    assert_eq!(
        import::read(&desk.read("store.jks"), Some("hunter2"))
            .unwrap()
            .keys
            .len(),
        1
    );
}

#[test]
fn passphrases_beyond_ascii() {
    // In JKS alone: for PKCS#12 Java takes ASCII only.
    let desk = Desk::new();
    let passphrase = "Schlüssel-€";
    desk.write("passphrase", passphrase);
    keytool(
        &desk,
        "-J-Dfile.encoding=UTF-8 -genkeypair -alias one -dname CN=one.example -keyalg EC -storetype JKS -keystore store.jks -storepass:file passphrase -keypass:file passphrase",
    );
    let file = desk.read("store.jks");
    assert_eq!(import::read(&file, Some(passphrase)).unwrap().keys.len(), 1);
    assert_eq!(
        error(&file, Some("Schluessel-€")),
        ImportError::WrongPassphrase
    );
}

#[test]
fn what_is_not_for_us_is_passed_over_or_refused() {
    let desk = Desk::new();
    let store = "-storetype PKCS12 -keystore store.p12";
    keytool(
        &desk,
        &format!("-genseckey -alias secret -keyalg AES -keysize 256 -storepass hunter2 {store}"),
    );
    let found = error(&desk.read("store.p12"), Some("hunter2"));
    assert_eq!(found.reason(), "NOTHING_TO_IMPORT");
    generate(&desk, "one", "EC -groupname secp256r1", store);
    assert_eq!(
        import::read(&desk.read("store.p12"), Some("hunter2"))
            .unwrap()
            .keys
            .len(),
        1
    );

    generate(
        &desk,
        "one",
        "EC -groupname secp256r1",
        "-storetype JCEKS -keystore store.jceks",
    );
    let found = error(&desk.read("store.jceks"), Some("hunter2"));
    assert_eq!(found.reason(), "FORMAT_UNSUPPORTED");
    assert!(found.to_string().contains("-importkeystore"), "{found}");

    generate(
        &desk,
        "one",
        "DSA -keysize 2048",
        "-storetype JKS -keystore dsa.jks",
    );
    let found = error(&desk.read("dsa.jks"), Some("hunter2"));
    assert_eq!(
        found,
        ImportError::UnsupportedKey {
            what: "a DSA key".into()
        }
    );
}
