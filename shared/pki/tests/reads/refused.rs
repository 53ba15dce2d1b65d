//! Files that are refused, each with its own reason.

use pki::{KeyAlgorithm, PrivateKey, import::ImportError};

use crate::identity::{Holds, Identity, error};

#[test]
fn keys_that_are_not_supported_are_named() {
    let identity = Identity::new(KeyAlgorithm::EcdsaP256);
    for (generation, name) in [
        (
            "-algorithm RSA -pkeyopt rsa_keygen_bits:1024",
            "an RSA key of 1024 bits",
        ),
        (
            "-algorithm RSA -pkeyopt rsa_keygen_bits:2056",
            "an RSA key of 2056 bits",
        ),
        (
            "-algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048",
            "an RSA key for PSS alone",
        ),
        (
            "-algorithm EC -pkeyopt ec_paramgen_curve:secp256k1",
            "an EC key on secp256k1",
        ),
        (
            "-algorithm EC -pkeyopt ec_paramgen_curve:P-224",
            "an EC key on P-224",
        ),
        (
            "-algorithm EC -pkeyopt ec_paramgen_curve:brainpoolP256r1",
            "an EC key on a Brainpool curve",
        ),
        (
            "-algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit",
            "an EC key on a curve without a name",
        ),
        ("-algorithm ED448", "an Ed448 key"),
        ("-algorithm X25519", "an X25519 key"),
    ] {
        identity.openssl(&format!("genpkey {generation} -out other.pem"));
        identity.openssl("pkcs8 -topk8 -in other.pem -passout pass:hunter2 -out other.locked.pem");
        let what = name.to_owned();
        let expected = ImportError::UnsupportedKey { what };
        assert_eq!(error(&identity.desk.read("other.pem"), None), expected);
        let locked = identity.desk.read("other.locked.pem");
        assert_eq!(error(&locked, Some("hunter2")), expected);
        assert!(expected.to_string().contains("P-521"), "{expected}");
    }
    identity.openssl("genrsa -traditional -out old.pem 1024");
    let what = "an RSA key of 1024 bits".to_owned();
    let old = error(&identity.desk.read("old.pem"), None);
    assert_eq!(old, ImportError::UnsupportedKey { what });
}

#[test]
fn files_without_certificates_and_keys_say_what_they_are() {
    let identity = Identity::new(KeyAlgorithm::EcdsaP256);
    identity.openssl("req -in leaf.csr -outform der -out leaf.csr.der");
    identity.desk.write("index.txt", "");
    identity.desk.write(
        "ca.conf",
        "[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\ndefault_md=sha256\ndefault_crl_days=3\n",
    );
    identity.openssl("ca -config ca.conf -gencrl -keyfile ca.key -cert ca.pem -out ca.crl");
    identity.openssl("crl -in ca.crl -outform der -out ca.crl.der");
    identity.openssl("pkey -in key.pem -pubout -out public.pem");
    identity.openssl("ecparam -name prime256v1 -out parameters.pem");
    identity.openssl("crl2pkcs7 -in ca.crl -out crl.p7b");
    identity.openssl("pkcs7 -in crl.p7b -outform der -out crl.p7b.der");
    identity.openssl("genrsa -out rsa.pem 2048");
    identity.openssl("rsa -RSAPublicKey_out -in rsa.pem -outform der -out rsa.public.der");
    for (file, what) in [
        ("leaf.csr", "a certificate request"),
        ("leaf.csr.der", "a certificate request"),
        ("ca.crl", "a certificate revocation list"),
        ("ca.crl.der", "a certificate revocation list"),
        ("public.pem", "a public key"),
        ("spki.der", "a public key"),
        ("rsa.public.der", "a public key or parameters for keys"),
        ("parameters.pem", "parameters for keys"),
        ("crl.p7b", "PKCS#7 without certificates"),
        ("crl.p7b.der", "PKCS#7 without certificates"),
    ] {
        let what = what.to_owned();
        let found = error(&identity.desk.read(file), None);
        assert_eq!(found, ImportError::NothingInIt { what }, "{file}");
    }
}

#[test]
fn what_is_broken_is_said_where_it_is() {
    let identity = Identity::new(KeyAlgorithm::EcdsaP256);
    let text = |name: &str| String::from_utf8(identity.desk.read(name)).unwrap();
    let (key, leaf) = (text("key.pem"), text("leaf.pem"));
    let damaged = |what: &str| ImportError::Damaged { what: what.into() };
    for (file, expected) in [
        (
            leaf.replace("MII", "MI!"),
            damaged("PEM block 1 (CERTIFICATE)"),
        ),
        (
            key.clone() + &leaf.replacen("MII", "MIJ", 1),
            damaged("PEM block 2 (CERTIFICATE)"),
        ),
        (
            key.clone() + leaf.split("-----END").next().unwrap(),
            damaged("PEM block 2 (CERTIFICATE), which has no end,"),
        ),
        (
            leaf.replace("CERTIFICATE", "PRIVATE KEY"),
            damaged("PEM block 1 (PRIVATE KEY)"),
        ),
        (String::new(), ImportError::Empty),
        (" \r\n\t".to_owned(), ImportError::Empty),
        ("words".to_owned(), ImportError::NotRecognised),
        ("x".repeat(1024 * 1024 + 1), ImportError::TooLarge),
    ] {
        assert_eq!(error(file.as_bytes(), None), expected);
    }
    let der = identity.desk.read("leaf.der");
    let longer = [&der[..], b"\0"].concat();
    assert_eq!(error(&longer, None).reason(), "TRAILING_DATA");
    assert_eq!(error(&der[..der.len() - 1], None).reason(), "FILE_DAMAGED");
    assert_eq!(error(&der[1..], None), ImportError::NotRecognised);
    let long = "x".repeat(1_025);
    assert_eq!(error(&der, Some(&long)), ImportError::PassphraseTooLong);
}

#[test]
fn a_key_whose_halves_do_not_fit_together_is_refused() {
    for algorithm in KeyAlgorithm::ALL {
        let (one, other) = (
            PrivateKey::generate(algorithm).unwrap(),
            PrivateKey::generate(algorithm).unwrap(),
        );
        let (mut der, theirs) = (one.pkcs8_der().to_vec(), other.pkcs8_der());
        match algorithm {
            // The prime number in the middle.
            _ if algorithm.is_rsa() => {
                let middle = der.len() / 2;
                der[middle..middle + 40].copy_from_slice(&theirs[middle..middle + 40]);
            }
            // Version 1 has no public key: version 2, with that of another key (RFC 8410, section 7).
            KeyAlgorithm::Ed25519 => {
                let public = &other.spki_der()[12..];
                der[1] += 35;
                der[4] = 1;
                der.extend_from_slice(&[0x81, 0x21, 0]);
                der.extend_from_slice(public);
            }
            // The public key stands at the end.
            _ => {
                let at = der.len() - 60;
                der[at..].copy_from_slice(&theirs[at..]);
            }
        }
        let what = "the private key".to_owned();
        assert_eq!(
            error(&der, None),
            ImportError::Damaged { what },
            "{algorithm}"
        );
    }
}

#[test]
fn encryption_that_is_not_read_is_named() {
    let identity = Identity::new(KeyAlgorithm::EcdsaP256);
    identity.openssl("pkcs8 -topk8 -in key.pem -v1 PBE-SHA1-RC4-128 -provider default -provider legacy -passout pass:hunter2 -out locked.pem");
    let what = "RC4 (128 bits)".to_owned();
    let found = error(&identity.desk.read("locked.pem"), Some("hunter2"));
    assert_eq!(found, ImportError::UnsupportedEncryption { what });
    identity.openssl("cms -encrypt -in key.pem -outform der -out message leaf.pem");
    let found = error(&identity.desk.read("message"), None);
    assert_eq!(found.reason(), "NOTHING_TO_IMPORT");
}

#[test]
fn an_ed25519_key_of_version_2_is_read() {
    let identity = Identity::new(KeyAlgorithm::Ed25519);
    identity.openssl("pkcs8 -topk8 -nocrypt -in key.pem -outform der -out key.der");
    let mut der = identity.desk.read("key.der");
    let spki = identity.desk.read("spki.der");
    der[1] += 35;
    der[4] = 1;
    der.extend_from_slice(&[0x81, 0x21, 0]);
    der.extend_from_slice(&spki[12..]);
    identity.desk.write("v2.der", der);
    identity.assert_read("v2.der", None, "PKCS#8", Holds::Key);
}
