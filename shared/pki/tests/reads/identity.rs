//! A key and its certificate, made by openssl, and what is expected wherever they are found again.

use pki::{
    KeyAlgorithm,
    import::{self, Contents, ImportError},
};

use crate::desk::Desk;

/// A desk with `key.pem`, `leaf.pem` (signed by the next), `ca.pem`, and both in `chain.pem`.
pub struct Identity {
    pub desk: Desk,
    pub algorithm: KeyAlgorithm,
    spki: Vec<u8>,
    leaf: Vec<u8>,
    ca: Vec<u8>,
}

/// What a file is expected to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    Key,
    Leaf,
    KeyAndLeaf,
    /// In any order.
    Chain,
    /// In any order.
    KeyAndChain,
}

impl Identity {
    pub fn new(algorithm: KeyAlgorithm) -> Self {
        let desk = Desk::new();
        let run = |line: &str| desk.ask("openssl", &line.split(' ').collect::<Vec<_>>());
        run(&format!("genpkey {} -out key.pem", generation(algorithm)));
        run(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -subj /CN=Test-CA -days 30 -out ca.pem",
        );
        run("req -new -key key.pem -subj /CN=leaf.example -out leaf.csr");
        run("x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -set_serial 7 -days 20 -out leaf.pem");
        run("pkey -in key.pem -pubout -outform der -out spki.der");
        run("x509 -in leaf.pem -outform der -out leaf.der");
        run("x509 -in ca.pem -outform der -out ca.der");
        let chain = [desk.read("leaf.pem"), desk.read("ca.pem")].concat();
        desk.write("chain.pem", chain);
        Self {
            algorithm,
            spki: desk.read("spki.der"),
            leaf: desk.read("leaf.der"),
            ca: desk.read("ca.der"),
            desk,
        }
    }

    /// What openssl does with these arguments.
    pub fn openssl(&self, line: &str) {
        let arguments: Vec<&str> = line.split(' ').collect();
        self.desk.ask("openssl", &arguments);
    }

    /// Reads a file of the desk, which holds so much.
    #[track_caller]
    pub fn assert_read(&self, file: &str, passphrase: Option<&str>, format: &str, holds: Holds) {
        let what = format!("{file} of {} with {passphrase:?}", self.algorithm);
        let octets = self.desk.read(file);
        let contents = import::read(&octets, passphrase);
        let contents = contents.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(contents.format, format, "{what}");
        let keys: Vec<&[u8]> = contents.keys.iter().map(|key| key.spki_der()).collect();
        let expected: &[&[u8]] = match holds {
            Holds::Leaf | Holds::Chain => &[],
            Holds::Key | Holds::KeyAndLeaf | Holds::KeyAndChain => &[&self.spki],
        };
        assert_eq!(keys, expected, "{what}");
        for key in &contents.keys {
            assert_eq!(key.algorithm(), self.algorithm, "{what}");
        }
        let mut certificates = certificates(&contents);
        certificates.sort_by_key(|der| *der != self.leaf);
        let expected: &[&[u8]] = match holds {
            Holds::Key => &[],
            Holds::Leaf | Holds::KeyAndLeaf => &[&self.leaf],
            Holds::Chain | Holds::KeyAndChain => &[&self.leaf, &self.ca],
        };
        assert_eq!(certificates, expected, "{what}");
    }

    /// Reads a file of the desk, which only the passphrase opens.
    #[track_caller]
    pub fn assert_locked(&self, file: &str, passphrase: &str, format: &str, holds: Holds) {
        self.assert_read(file, Some(passphrase), format, holds);
        let octets = self.desk.read(file);
        assert_eq!(error(&octets, None), ImportError::PassphraseNeeded);
        for wrong in ["", "Hunter2"] {
            assert_eq!(error(&octets, Some(wrong)), ImportError::WrongPassphrase);
        }
    }
}

/// The certificates of a file, DER.
pub fn certificates(contents: &Contents) -> Vec<&[u8]> {
    contents.certificates.iter().map(|c| &c.der[..]).collect()
}

/// The refusal of a file.
#[track_caller]
pub fn error(file: &[u8], passphrase: Option<&str>) -> ImportError {
    match import::read(file, passphrase) {
        Err(error) => error,
        Ok(contents) => panic!("{contents:?}"),
    }
}

fn generation(algorithm: KeyAlgorithm) -> &'static str {
    match algorithm {
        KeyAlgorithm::Rsa2048 => "-algorithm RSA -pkeyopt rsa_keygen_bits:2048",
        KeyAlgorithm::Rsa3072 => "-algorithm RSA -pkeyopt rsa_keygen_bits:3072",
        KeyAlgorithm::Rsa4096 => "-algorithm RSA -pkeyopt rsa_keygen_bits:4096",
        KeyAlgorithm::EcdsaP256 => "-algorithm EC -pkeyopt ec_paramgen_curve:P-256",
        KeyAlgorithm::EcdsaP384 => "-algorithm EC -pkeyopt ec_paramgen_curve:P-384",
        KeyAlgorithm::EcdsaP521 => "-algorithm EC -pkeyopt ec_paramgen_curve:P-521",
        KeyAlgorithm::Ed25519 => "-algorithm ED25519",
    }
}
