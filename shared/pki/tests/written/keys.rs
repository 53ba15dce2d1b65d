//! Private keys alone: PKCS#8 as DER and as PEM, plain and encrypted.

use pki::{
    KeyAlgorithm, PrivateKey,
    export::{ExportError, Protection, key_der, key_pem},
};

use crate::desk::Desk;

#[test]
fn openssl_and_gnutls_read_keys_of_every_algorithm() {
    let desk = Desk::new();
    for algorithm in KeyAlgorithm::ALL {
        let key = PrivateKey::generate(algorithm).unwrap();
        let secret = "fünf Pferde 🐎";
        desk.write("plain.der", key_der(&key, Protection::Unprotected).unwrap());
        desk.write("plain.pem", key_pem(&key, Protection::Unprotected).unwrap());
        let protection = Protection::Passphrase(secret);
        desk.write("secret.der", key_der(&key, protection).unwrap());
        desk.write("secret.pem", key_pem(&key, protection).unwrap());
        let password = format!("pass:{secret}");
        for (form, file) in [
            ("der", "plain.der"),
            ("pem", "plain.pem"),
            ("der", "secret.der"),
            ("pem", "secret.pem"),
        ] {
            let read = ["-inform", form, "-in", file, "-passin", &password];
            let write = ["-pubout", "-outform", "der", "-out", "public.der"];
            desk.ask("openssl", &[&["pkey"], &read[..], &write].concat());
            assert_eq!(
                desk.read("public.der"),
                key.spki_der(),
                "{algorithm} {file}"
            );

            let read = ["--infile", file, "--outder", "--outfile", "gnutls.der"];
            let form: &[&str] = if form == "der" { &["--inder"] } else { &[] };
            let password = ["--password", secret];
            let mut arguments = [&["--pubkey-info", "--load-privkey", file][..], form].concat();
            if file.starts_with("secret") {
                arguments.extend(password);
            }
            arguments.extend(&read[2..]);
            desk.ask("certtool", &arguments);
            assert_eq!(
                desk.read("gnutls.der"),
                key.spki_der(),
                "{algorithm} {file}"
            );
        }
        desk.ask_in_vain(
            "openssl",
            &["pkey", "-in", "secret.pem", "-passin", "pass:wrong"],
        );
    }
}

#[test]
fn the_empty_passphrase_protects_no_key() {
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let refused = key_der(&key, Protection::Passphrase("")).err();
    assert_eq!(refused, Some(ExportError::EmptyPassphrase));
    let refused = key_pem(&key, Protection::Passphrase("")).err();
    assert_eq!(refused, Some(ExportError::EmptyPassphrase));
}
