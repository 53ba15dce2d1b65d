//! Keys and certificates of openssl: PEM and DER, PKCS#7, PKCS#8, PKCS#1 and SEC1.

use pki::{KeyAlgorithm, import};

use crate::identity::{Holds, Identity, certificates};

#[test]
fn keys_of_every_algorithm_in_the_clear() {
    for algorithm in KeyAlgorithm::ALL {
        let identity = Identity::new(algorithm);
        let read = |file: &str, format: &str| {
            identity.assert_read(file, None, format, Holds::Key);
            // A passphrase that is not needed does not hurt.
            identity.assert_read(file, Some("hunter2"), format, Holds::Key);
        };
        read("key.pem", "PEM");
        identity.openssl("pkcs8 -topk8 -nocrypt -in key.pem -outform der -out key.der");
        read("key.der", "PKCS#8");
        if algorithm.is_rsa() {
            identity.openssl("rsa -in key.pem -traditional -out key.pkcs1.pem");
            identity.openssl("rsa -in key.pem -traditional -outform der -out key.pkcs1.der");
            read("key.pkcs1.pem", "PEM");
            read("key.pkcs1.der", "PKCS#1");
        } else if algorithm != KeyAlgorithm::Ed25519 {
            identity.openssl("ec -in key.pem -out key.sec1.pem");
            identity.openssl("ec -in key.pem -outform der -out key.sec1.der");
            identity.openssl("ec -in key.pem -no_public -out key.half.pem");
            identity.openssl("ec -in key.pem -conv_form compressed -out key.compressed.pem");
            read("key.sec1.pem", "PEM");
            read("key.sec1.der", "SEC1");
            read("key.half.pem", "PEM");
            read("key.compressed.pem", "PEM");
        }
    }
}

#[test]
fn keys_of_every_algorithm_encrypted() {
    for algorithm in KeyAlgorithm::ALL {
        let identity = Identity::new(algorithm);
        identity.openssl("pkcs8 -topk8 -in key.pem -passout pass:hunter2 -out locked.pem");
        identity.assert_locked("locked.pem", "hunter2", "PEM", Holds::Key);
        identity
            .openssl("pkcs8 -topk8 -in key.pem -passout pass:hunter2 -outform der -out locked.der");
        identity.assert_locked("locked.der", "hunter2", "encrypted PKCS#8", Holds::Key);
        let traditional = match algorithm {
            KeyAlgorithm::Ed25519 => continue,
            _ if algorithm.is_rsa() => "rsa -traditional",
            _ => "ec",
        };
        identity.openssl(&format!(
            "{traditional} -in key.pem -aes256 -passout pass:hunter2 -out locked.old.pem"
        ));
        identity.assert_locked("locked.old.pem", "hunter2", "PEM", Holds::Key);
    }
}

#[test]
fn every_scheme_that_openssl_encrypts_keys_with() {
    let identity = Identity::new(KeyAlgorithm::EcdsaP256);
    for scheme in [
        "-v2 aes-128-cbc -v2prf hmacWithSHA1",
        "-v2 aes-192-cbc -v2prf hmacWithSHA384",
        "-v2 aes-256-cbc -v2prf hmacWithSHA512",
        "-v2 aes-256-cbc -iter 600000",
        "-v2 des3",
        "-v2 des -provider default -provider legacy",
        "-scrypt",
        "-scrypt -scrypt_N 8192 -scrypt_p 2",
        "-v1 PBE-SHA1-3DES",
        "-v1 PBE-SHA1-2DES",
        "-v1 PBE-SHA1-RC2-40 -provider default -provider legacy",
        "-v1 PBE-SHA1-RC2-128 -provider default -provider legacy",
        "-v1 PBE-MD5-DES -provider default -provider legacy",
        "-v1 PBE-SHA1-DES -provider default -provider legacy",
    ] {
        println!("{scheme}");
        identity.openssl(&format!(
            "pkcs8 -topk8 -in key.pem {scheme} -passout pass:hunter2 -out locked.pem"
        ));
        identity.assert_locked("locked.pem", "hunter2", "PEM", Holds::Key);
    }
    for cipher in ["aes128", "aes192", "aes256", "des3"] {
        identity.openssl(&format!(
            "ec -in key.pem -{cipher} -passout pass:hunter2 -out locked.pem"
        ));
        identity.assert_locked("locked.pem", "hunter2", "PEM", Holds::Key);
    }
    identity
        .openssl("ec -in key.pem -des -passout pass:hunter2 -out locked.pem -provider default -provider legacy");
    identity.assert_locked("locked.pem", "hunter2", "PEM", Holds::Key);
}

#[test]
fn passphrases_beyond_ascii() {
    let identity = Identity::new(KeyAlgorithm::EcdsaP256);
    let passphrase = "Schlüssel-€-𝄞";
    identity.desk.write("passphrase", passphrase);
    identity.openssl("pkcs8 -topk8 -in key.pem -passout file:passphrase -out locked.pem");
    identity.assert_locked("locked.pem", passphrase, "PEM", Holds::Key);
    identity.openssl(
        "pkcs12 -export -in leaf.pem -inkey key.pem -passout file:passphrase -out both.p12",
    );
    identity.assert_locked("both.p12", passphrase, "PKCS#12", Holds::KeyAndLeaf);
}

#[test]
fn certificates_in_every_form() {
    for algorithm in KeyAlgorithm::ALL {
        let identity = Identity::new(algorithm);
        let read = |file: &str, format: &str, holds: Holds| {
            identity.assert_read(file, None, format, holds);
        };
        read("leaf.pem", "PEM", Holds::Leaf);
        read("leaf.der", "DER", Holds::Leaf);
        read("chain.pem", "PEM", Holds::Chain);
        identity.openssl("x509 -in leaf.pem -text -out text.pem");
        read("text.pem", "PEM", Holds::Leaf);
        identity.openssl("x509 -in leaf.pem -trustout -addtrust serverAuth -out trusted.pem");
        read("trusted.pem", "PEM", Holds::Leaf);
        identity.openssl("crl2pkcs7 -nocrl -certfile chain.pem -out chain.p7b");
        read("chain.p7b", "PEM", Holds::Chain);
        identity.openssl("crl2pkcs7 -nocrl -certfile chain.pem -outform der -out chain.p7b.der");
        read("chain.p7b.der", "PKCS#7", Holds::Chain);
        identity.openssl("pkcs7 -in chain.p7b -print_certs -out printed.pem");
        read("printed.pem", "PEM", Holds::Chain);
    }
}

#[test]
fn the_certificates_of_a_signed_message() {
    let identity = Identity::new(KeyAlgorithm::Rsa2048);
    identity.desk.write("message", "words");
    for (form, format) in [("pem", "PEM"), ("der", "PKCS#7")] {
        identity.openssl(&format!(
            "cms -sign -in message -signer leaf.pem -inkey key.pem -certfile ca.pem -nodetach -outform {form} -out signed"
        ));
        identity.assert_read("signed", None, format, Holds::Chain);
    }
    // With indefinite lengths and the message in pieces.
    identity.openssl(
        "cms -sign -stream -in message -signer leaf.pem -inkey key.pem -certfile ca.pem -nodetach -outform der -out signed",
    );
    identity.assert_read("signed", None, "PKCS#7", Holds::Chain);
}

#[test]
fn pem_however_it_was_put_together() {
    let identity = Identity::new(KeyAlgorithm::EcdsaP384);
    let text = |name: &str| String::from_utf8(identity.desk.read(name)).unwrap();
    identity.openssl("ecparam -name secp384r1 -out parameters.pem");
    identity.openssl("ec -in key.pem -out key.sec1.pem");
    let all = [
        "parameters.pem",
        "key.sec1.pem",
        "leaf.csr",
        "leaf.pem",
        "key.pem",
        "ca.pem",
        "leaf.pem",
    ]
    .map(text)
    .join("Bag Attributes\n    friendlyName: Läden\nsubject=CN = x: y\n\n");
    let mut utf16 = vec![0xff, 0xfe];
    utf16.extend(all.encode_utf16().flat_map(u16::to_le_bytes));
    for file in [
        all.clone().into_bytes(),
        all.replace('\n', "\r\n").into_bytes(),
        all.replace('\n', "\r").into_bytes(),
        format!("\u{feff}{all}").into_bytes(),
        all.lines()
            .map(|line| format!("   {line} \n"))
            .collect::<String>()
            .into_bytes(),
        // As some editors keep them: not 64 characters a line, and no empty line at the end.
        all.trim_end()
            .replace("=\n-----END", "\n-----END")
            .into_bytes(),
        [b"0\x82 text that looks like DER\n", all.as_bytes()].concat(),
        [b"friendlyName: L\xe4den\n", all.as_bytes()].concat(),
        utf16,
    ] {
        identity.desk.write("all.pem", file);
        identity.assert_read("all.pem", None, "PEM", Holds::KeyAndChain);
    }
    // DER as base64 alone, as it is pasted from Windows and from web pages.
    let leaf = text("leaf.pem");
    let base64: String = leaf.lines().filter(|line| !line.starts_with('-')).collect();
    identity.desk.write("leaf.txt", base64);
    identity.assert_read("leaf.txt", None, "DER", Holds::Leaf);
}

#[test]
fn the_order_is_that_of_the_file() {
    let identity = Identity::new(KeyAlgorithm::Ed25519);
    for (first, second) in [("leaf", "ca"), ("ca", "leaf")] {
        let file = [first, second].map(|name| identity.desk.read(&format!("{name}.pem")));
        let contents = import::read(&file.concat(), None).unwrap();
        let expected = [first, second].map(|name| identity.desk.read(&format!("{name}.der")));
        assert_eq!(certificates(&contents), expected);
    }
}
