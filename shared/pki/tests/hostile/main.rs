//! Files made to cost as much as they can: each is answered, for its own reason, and within 64 MiB.
//! The time that each takes is printed, not asserted: `cargo test --release -p pki --test hostile -- --nocapture`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod allocations;
mod build;

use build::{
    certificate, integer, locked_key, octets, oid, pbkdf2, pkcs12, scrypt, sequence, tlv,
    with_names,
};
use pki::{
    KeyAlgorithm, PrivateKey,
    import::{self, MAX_FILE_OCTETS},
    pem,
};
use rustix::time::{ClockId, clock_gettime};

const MIB: usize = 1024 * 1024;

/// One test, for the allocations of all threads are counted together.
#[test]
fn hostile_files_are_answered_within_their_bounds() {
    let mut wrong = Vec::new();
    println!("      CPU        peak  answer");
    for (name, file, expected) in files() {
        assert!(file.len() <= MAX_FILE_OCTETS, "{name}: {}", file.len());
        let mut slowest = 0.0_f64;
        let mut peak = 0;
        let mut answer = "";
        for passphrase in [None, Some(""), Some("hunter2"), Some(&"x".repeat(1_024))] {
            let before = clock_gettime(ClockId::ThreadCPUTime);
            let (result, most) = allocations::peak_during(|| import::read(&file, passphrase));
            let after = clock_gettime(ClockId::ThreadCPUTime);
            let spent = (after.tv_sec - before.tv_sec) as f64 * 1e3
                + (after.tv_nsec - before.tv_nsec) as f64 / 1e6;
            slowest = slowest.max(spent);
            peak = peak.max(most);
            if passphrase == Some("hunter2") {
                answer = result
                    .as_ref()
                    .map_or_else(|error| error.reason(), |_| "read");
            }
        }
        println!(
            "{slowest:6.1} ms {:7.1} MiB  {name}: {answer}",
            peak as f64 / MIB as f64
        );
        if answer != expected || peak > 64 * MIB {
            wrong.push(format!(
                "{name}: {answer} and not {expected}, {peak} octets"
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

type Case = (&'static str, Vec<u8>, &'static str);

fn files() -> Vec<Case> {
    let mut files = locks();
    files.extend(nested());
    files.extend(many());
    files.extend(large());
    files
}

/// Locks that take long to try.
fn locks() -> Vec<Case> {
    let pkcs8 = |derivation: Vec<u8>| locked_key(&derivation);
    let keys = |n: usize, iterations: u64| {
        let key = locked_key(&pbkdf2(iterations));
        let kind = oid(&[1, 2, 840, 113_549, 1, 12, 10, 1, 2]);
        let bag = sequence(&[&kind, &tlv(0xa0, &key)]);
        pkcs12(&vec![&bag[..]; n].concat())
    };
    vec![
        (
            "PKCS#8, all iterations that may be",
            pkcs8(pbkdf2(600_000)),
            "PASSPHRASE_WRONG",
        ),
        (
            "PKCS#8, a million iterations",
            pkcs8(pbkdf2(1_000_000)),
            "TOO_MUCH_WORK",
        ),
        (
            "PKCS#8, 2^31 iterations",
            pkcs8(pbkdf2(1 << 31)),
            "TOO_MUCH_WORK",
        ),
        (
            "PKCS#8, 2^64 iterations",
            pkcs8(pbkdf2(u64::MAX)),
            "TOO_MUCH_WORK",
        ),
        (
            "scrypt, N=2^15, r=8",
            pkcs8(scrypt(1 << 15, 8, 1)),
            "TOO_MUCH_WORK",
        ),
        (
            "scrypt, N=2^14, r=8",
            pkcs8(scrypt(1 << 14, 8, 1)),
            "PASSPHRASE_WRONG",
        ),
        (
            "scrypt, N=2^63",
            pkcs8(scrypt(1 << 63, 8, 1)),
            "TOO_MUCH_WORK",
        ),
        (
            "scrypt, N=2, r=2^16",
            pkcs8(scrypt(2, 1 << 16, 1)),
            "TOO_MUCH_WORK",
        ),
        (
            "scrypt, p=2^30",
            pkcs8(scrypt(2, 1, 1 << 30)),
            "TOO_MUCH_WORK",
        ),
        ("scrypt, N=0", pkcs8(scrypt(0, 8, 1)), "FILE_DAMAGED"),
        ("scrypt, N=3", pkcs8(scrypt(3, 8, 1)), "FILE_DAMAGED"),
        (
            "PKCS#12, one key of 600,000",
            keys(1, 600_000),
            "PASSPHRASE_WRONG",
        ),
        (
            "PKCS#12, four keys of 600,000",
            keys(4, 600_000),
            "PASSPHRASE_WRONG",
        ),
        (
            "PKCS#12, five keys of 600,000",
            keys(5, 600_000),
            "TOO_MUCH_WORK",
        ),
        (
            "PKCS#12, 4,000 keys of 2,048",
            keys(4_000, 2_048),
            "TOO_MUCH_WORK",
        ),
    ]
}

fn nested() -> Vec<Case> {
    let mut bags = Vec::new();
    for _ in 0..5_000 {
        let kind = oid(&[1, 2, 840, 113_549, 1, 12, 10, 1, 6]);
        bags = sequence(&[&kind, &tlv(0xa0, &sequence(&[&bags]))]);
    }
    let mut certificates = sequence(&[]);
    for _ in 0..100_000 {
        certificates = match certificates.len() {
            length if length > MAX_FILE_OCTETS / 4 => break,
            _ => sequence(&[&certificates]),
        };
    }
    let indefinite = [0x30, 0x80].repeat(MAX_FILE_OCTETS / 2);
    let mut closed = [0x30, 0x80].repeat(MAX_FILE_OCTETS / 4);
    closed.extend([0, 0].repeat(MAX_FILE_OCTETS / 4));
    let many = [
        &[0x30, 0x80][..],
        &[0x30, 0x80, 0, 0].repeat(260_000),
        &[0, 0],
    ]
    .concat();
    vec![
        (
            "PKCS#12, 5,000 bags in one another",
            pkcs12(&bags),
            "FILE_DAMAGED",
        ),
        (
            "sequences in one another",
            certificates,
            "FILE_NOT_RECOGNISED",
        ),
        ("indefinite lengths, open", indefinite, "FILE_DAMAGED"),
        ("indefinite lengths, closed", closed, "FILE_DAMAGED"),
        ("260,000 empty sequences", many, "CERTIFICATE_TOO_LARGE"),
    ]
}

/// Many things that each cost little.
fn many() -> Vec<Case> {
    let variants = |der: &[u8], at: usize, n: u32| -> Vec<u8> {
        let one = |n: u32| {
            let mut der = der.to_vec();
            der[at..at + 4].copy_from_slice(&n.to_be_bytes());
            der
        };
        let pems = (0..n).map(|n| pem::certificate(&one(n)));
        let all: Vec<u8> = pems.collect::<String>().into_bytes();
        all[..all.len().min(MAX_FILE_OCTETS)].to_vec()
    };
    let serial_number = 20;
    let p521 = certificate(KeyAlgorithm::EcdsaP521);
    let rsa = certificate(KeyAlgorithm::Rsa4096);
    let key = PrivateKey::generate(KeyAlgorithm::Rsa4096).unwrap();
    let one = pem::private_key(&key);
    let keys = one.repeat(MAX_FILE_OCTETS / one.len());
    vec![
        (
            "1,000 signatures by P-521",
            variants(&p521, serial_number, 1_000),
            "TOO_MANY_CERTIFICATES",
        ),
        (
            "400 signatures by RSA-4096",
            variants(&rsa, serial_number, 400),
            "read",
        ),
        (
            "one certificate 1,000 times",
            pem::certificate(&p521).repeat(1_000).into_bytes(),
            "read",
        ),
        (
            "one RSA-4096 key until the file is full",
            keys.into_bytes(),
            "TOO_MANY_KEYS",
        ),
        (
            "20,000 empty PEM blocks",
            b"-----BEGIN A-----\n-----END A-----\n".repeat(30_000),
            "NOTHING_TO_IMPORT",
        ),
        (
            "PEM that never ends",
            [
                b"-----BEGIN CERTIFICATE-----\n".to_vec(),
                b"A\n".repeat(500_000),
            ]
            .concat(),
            "FILE_DAMAGED",
        ),
        (
            "line ends",
            b"\n-".repeat(MAX_FILE_OCTETS / 2),
            "FILE_NOT_RECOGNISED",
        ),
        (
            "UTF-16",
            [&[0xff, 0xfe][..], &[0, 0x30].repeat(500_000)].concat(),
            "FILE_NOT_RECOGNISED",
        ),
        (
            "JKS with 2^32 entries",
            [
                &[0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2, 0xff, 0xff, 0xff, 0xff][..],
                &[0; 40],
            ]
            .concat(),
            "FILE_DAMAGED",
        ),
        (
            "JKS with a key of 2^32 octets",
            [
                &[
                    0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0,
                ][..],
                &[0; 8],
                &[0xff; 4],
                &[0; 40],
            ]
            .concat(),
            "FILE_DAMAGED",
        ),
    ]
}

/// One thing that is too large.
fn large() -> Vec<Case> {
    let names = |n: usize| with_names((0..n).map(|n| format!("h{n:05}.example")));
    let rsa = |octets_of_modulus: usize| {
        let modulus = [&[0][..], &vec![0xff; octets_of_modulus]].concat();
        let modulus = tlv(0x02, &modulus);
        let mut numbers = vec![integer(0), modulus.clone(), integer(65_537), modulus];
        numbers.extend((0..5).map(|_| integer(3)));
        sequence(&numbers.iter().map(Vec::as_slice).collect::<Vec<_>>())
    };
    let salt = octets(&vec![7; 900_000]);
    let pbkdf2 = sequence(&[
        &oid(&[1, 2, 840, 113_549, 1, 5, 12]),
        &sequence(&[&salt, &integer(1_000)]),
    ]);
    vec![
        ("a certificate of 2,500 names", names(2_500), "read"),
        (
            "a certificate of 20,000 names",
            names(20_000),
            "CERTIFICATE_TOO_LARGE",
        ),
        (
            "a certificate of 32,000 empty names",
            with_names((0..32_000).map(|_| String::new())),
            "read",
        ),
        ("an RSA key of 16,384 bits", rsa(2_048), "KEY_UNSUPPORTED"),
        (
            "an RSA key of 4 million bits",
            rsa(500_000),
            "TOO_MANY_KEYS",
        ),
        (
            "an RSA key of 4,096 bits that is none",
            rsa(512),
            "FILE_DAMAGED",
        ),
        (
            "a salt of 900,000 octets",
            locked_key(&pbkdf2),
            "PASSPHRASE_WRONG",
        ),
    ]
}
