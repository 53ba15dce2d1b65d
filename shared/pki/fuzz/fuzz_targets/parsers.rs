//! Every parser of what strangers send, each reached by itself: for the fuzz targets here, and for
//! `tests/corpus.rs`, which runs the seeds without a fuzzer.

#![allow(dead_code, reason = "each target takes its own parser")]

use pki::{Certificate, chain, csr, import, parse_pem_chain, pem};

/// What parses a file, with or without a passphrase.
pub type Parser = fn(&[u8], Option<&str>);

/// The passphrase of the seeds.
pub const PASSPHRASE: &str = "test-passphrase";

/// By the names of the targets, which are those of the folders in `corpus`.
pub const PARSERS: [(&str, Parser); 8] = [
    ("import", import),
    ("pem", pem),
    ("pkcs12", pkcs12),
    ("pkcs7", pkcs7),
    ("pkcs8", pkcs8),
    ("jks", jks),
    ("certificate", certificate),
    ("csr", csr),
];

/// Parses it without a passphrase, with the empty one, with the seeds' and with another.
pub fn with_every_passphrase(parser: Parser, file: &[u8]) {
    for passphrase in [None, Some(""), Some(PASSPHRASE), Some("another")] {
        parser(file, passphrase);
    }
}

/// Whatever form it has.
pub fn import(file: &[u8], passphrase: Option<&str>) {
    if let Ok(contents) = import::read(file, passphrase) {
        let _ = chain::check_order(&contents.certificates);
    }
}

/// As text, of which the readers of CAs' answers see the same.
pub fn pem(file: &[u8], passphrase: Option<&str>) {
    let text = String::from_utf8_lossy(file);
    let _ = parse_pem_chain(&text);
    let text = format!("-----BEGIN {text}\n-----END {text}");
    let _ = import::read(text.as_bytes(), passphrase);
}

/// As a PKCS#12 file, even where it does not look like one.
pub fn pkcs12(file: &[u8], passphrase: Option<&str>) {
    block("PKCS12", file, passphrase);
}

/// As PKCS#7.
pub fn pkcs7(file: &[u8], passphrase: Option<&str>) {
    block("PKCS7", file, passphrase);
}

/// As a private key: PKCS#8, in the clear and encrypted, PKCS#1 and SEC1.
pub fn pkcs8(file: &[u8], passphrase: Option<&str>) {
    block("PRIVATE KEY", file, passphrase);
}

/// As a Java key store.
pub fn jks(file: &[u8], passphrase: Option<&str>) {
    let mut store = vec![0xfe, 0xed, 0xfe, 0xed];
    store.extend_from_slice(file.get(4..).unwrap_or_default());
    let _ = import::read(&store, passphrase);
}

/// As one certificate in DER.
pub fn certificate(file: &[u8], _: Option<&str>) {
    let _ = Certificate::parse(file);
}

/// As a certificate request in DER.
pub fn csr(file: &[u8], _: Option<&str>) {
    let _ = csr::public_key(file);
}

/// In a PEM block, whose label alone says what it is.
fn block(label: &str, der: &[u8], passphrase: Option<&str>) {
    let text = pem::certificate(der).replace("CERTIFICATE", label);
    let _ = import::read(text.as_bytes(), passphrase);
}
