//! PKCS#12 of NSS, which Firefox and Thunderbird write: with indefinite lengths, and 600,000 iterations for each part.

use pki::KeyAlgorithm;

use crate::identity::{Holds, Identity};

/// Those of which NSS keeps keys.
const ALGORITHMS: [KeyAlgorithm; 6] = [
    KeyAlgorithm::Rsa2048,
    KeyAlgorithm::Rsa3072,
    KeyAlgorithm::Rsa4096,
    KeyAlgorithm::EcdsaP256,
    KeyAlgorithm::EcdsaP384,
    KeyAlgorithm::EcdsaP521,
];

impl Identity {
    /// An NSS database that holds the key and the chain under the name "Laden".
    fn in_nss(algorithm: KeyAlgorithm) -> Self {
        let identity = Self::new(algorithm);
        identity.openssl("pkcs12 -export -in leaf.pem -inkey key.pem -certfile ca.pem -name Laden -passout pass:from -out from.p12");
        identity.nss("certutil -N -d sql:. --empty-password");
        identity.nss("pk12util -i from.p12 -d sql:. -W from");
        identity
    }

    fn nss(&self, line: &str) {
        let (tool, arguments) = line.split_once(' ').unwrap();
        let arguments: Vec<&str> = arguments.split(' ').collect();
        self.desk.ask(tool, &arguments);
    }
}

#[test]
fn pkcs12_of_every_algorithm() {
    for algorithm in ALGORITHMS {
        let identity = Identity::in_nss(algorithm);
        identity.nss("pk12util -o out.p12 -n Laden -d sql:. -W hunter2");
        identity.assert_locked("out.p12", "hunter2", "PKCS#12", Holds::KeyAndChain);
    }
}

#[test]
fn pkcs12_with_the_ciphers_of_before() {
    let identity = Identity::in_nss(KeyAlgorithm::Rsa2048);
    for ciphers in [
        vec![
            "-c",
            "PKCS #12 V2 PBE With SHA-1 And 3KEY Triple DES-CBC",
            "-C",
            "PKCS #12 V2 PBE With SHA-1 And 40 Bit RC2 CBC",
        ],
        vec!["-c", "AES-256-CBC", "-C", "AES-256-CBC"],
        vec!["-c", "AES-128-CBC", "-C", "none"],
    ] {
        println!("{ciphers:?}");
        let rest = [
            "-o", "out.p12", "-n", "Laden", "-d", "sql:.", "-W", "hunter2",
        ];
        identity
            .desk
            .ask("pk12util", &[&rest[..], &ciphers].concat());
        identity.assert_locked("out.p12", "hunter2", "PKCS#12", Holds::KeyAndChain);
    }
}

#[test]
fn pkcs12_with_the_empty_passphrase() {
    let identity = Identity::in_nss(KeyAlgorithm::EcdsaP256);
    identity.desk.ask(
        "pk12util",
        &["-o", "out.p12", "-n", "Laden", "-d", "sql:.", "-W", ""],
    );
    identity.assert_read("out.p12", Some(""), "PKCS#12", Holds::KeyAndChain);
}

#[test]
fn certificates_in_pem_and_der() {
    let identity = Identity::in_nss(KeyAlgorithm::EcdsaP521);
    for (flag, format) in [("-a", "PEM"), ("-r", "DER")] {
        identity.nss(&format!("certutil -L -n Laden {flag} -o leaf.out -d sql:."));
        identity.assert_read("leaf.out", None, format, Holds::Leaf);
    }
}
