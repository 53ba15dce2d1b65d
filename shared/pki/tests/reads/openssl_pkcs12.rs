//! PKCS#12 of openssl.

use pki::KeyAlgorithm;

use crate::identity::{Holds, Identity};

#[test]
fn of_every_algorithm_modern_and_legacy() {
    for algorithm in KeyAlgorithm::ALL {
        let identity = Identity::new(algorithm);
        for age in ["", "-legacy "] {
            identity.openssl(&format!(
                "pkcs12 -export {age}-in leaf.pem -inkey key.pem -certfile ca.pem -name Laden -passout pass:hunter2 -out both.p12"
            ));
            identity.assert_locked("both.p12", "hunter2", "PKCS#12", Holds::KeyAndChain);
        }
    }
}

#[test]
fn keys_alone_and_certificates_alone() {
    let identity = Identity::new(KeyAlgorithm::EcdsaP256);
    for age in ["", "-legacy "] {
        identity.openssl(&format!(
            "pkcs12 -export {age}-nokeys -in chain.pem -passout pass:hunter2 -out certificates.p12"
        ));
        identity.assert_locked("certificates.p12", "hunter2", "PKCS#12", Holds::Chain);
        identity.openssl(&format!(
            "pkcs12 -export {age}-nocerts -inkey key.pem -passout pass:hunter2 -out key.p12"
        ));
        identity.assert_locked("key.p12", "hunter2", "PKCS#12", Holds::Key);
    }
}

#[test]
fn the_empty_passphrase_is_found_out() {
    let identity = Identity::new(KeyAlgorithm::EcdsaP256);
    for how in ["", "-legacy ", "-nomac ", "-legacy -nomac "] {
        identity.openssl(&format!(
            "pkcs12 -export {how}-in leaf.pem -inkey key.pem -passout pass: -out empty.p12"
        ));
        identity.assert_read("empty.p12", Some(""), "PKCS#12", Holds::KeyAndLeaf);
        identity.assert_read("empty.p12", None, "PKCS#12", Holds::KeyAndLeaf);
    }
}

#[test]
fn what_is_in_the_clear_needs_no_passphrase() {
    let identity = Identity::new(KeyAlgorithm::Ed25519);
    for how in ["", "-nomac "] {
        identity.openssl(&format!(
            "pkcs12 -export {how}-keypbe NONE -certpbe NONE -in leaf.pem -inkey key.pem -passout pass:hunter2 -out clear.p12"
        ));
        identity.assert_read("clear.p12", None, "PKCS#12", Holds::KeyAndLeaf);
        identity.assert_read("clear.p12", Some("hunter2"), "PKCS#12", Holds::KeyAndLeaf);
        identity.openssl(&format!(
            "pkcs12 -export {how}-certpbe NONE -in leaf.pem -inkey key.pem -passout pass:hunter2 -out half.p12"
        ));
        identity.assert_locked("half.p12", "hunter2", "PKCS#12", Holds::KeyAndLeaf);
    }
}

#[test]
fn every_scheme_and_digest() {
    let identity = Identity::new(KeyAlgorithm::EcdsaP256);
    for how in [
        "-nomac",
        "-macalg sha1",
        "-macalg sha384",
        "-macalg sha512",
        // Not checked; what is encrypted tells.
        "-macalg sha224",
        "-iter 1",
        "-iter 100000",
        "-noiter",
        "-keypbe aes-128-cbc -certpbe aes-192-cbc",
        "-keypbe des-ede3-cbc -certpbe des-ede3-cbc",
        "-keypbe PBE-SHA1-2DES -certpbe PBE-SHA1-3DES",
        "-legacy -keypbe PBE-SHA1-RC2-128 -certpbe PBE-SHA1-RC2-40",
    ] {
        println!("{how}");
        identity.openssl(&format!(
            "pkcs12 -export {how} -in leaf.pem -inkey key.pem -passout pass:hunter2 -out both.p12"
        ));
        identity.assert_locked("both.p12", "hunter2", "PKCS#12", Holds::KeyAndLeaf);
    }
}

#[test]
fn in_pem_as_gnutls_wraps_it() {
    let identity = Identity::new(KeyAlgorithm::EcdsaP256);
    identity
        .openssl("pkcs12 -export -in leaf.pem -inkey key.pem -passout pass:hunter2 -out both.p12");
    identity.openssl("base64 -in both.p12 -out both.base64");
    let base64 = identity.desk.read("both.base64");
    let begin = b"-----BEGIN PKCS12-----\n";
    let file = [&begin[..], &base64, b"-----END PKCS12-----\n"].concat();
    identity.desk.write("both.pem", file);
    identity.assert_locked("both.pem", "hunter2", "PEM", Holds::KeyAndLeaf);
    identity.assert_locked("both.base64", "hunter2", "PKCS#12", Holds::KeyAndLeaf);
}
