//! DER, built value by value, and the files that are built of it.

use pki::{KeyAlgorithm, PrivateKey, Subject, SubjectAltNames, self_signed};
use time::{Duration, macros::datetime};

pub fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut value = match length {
        0..0x80 => vec![tag, length as u8],
        0x80..0x1_0000 => vec![tag, 0x82, (length >> 8) as u8, length as u8],
        _ => vec![
            tag,
            0x83,
            (length >> 16) as u8,
            (length >> 8) as u8,
            length as u8,
        ],
    };
    value.extend_from_slice(content);
    value
}

pub fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

pub fn octets(content: &[u8]) -> Vec<u8> {
    tlv(0x04, content)
}

pub fn integer(number: u64) -> Vec<u8> {
    let mut content = vec![0];
    content.extend(number.to_be_bytes());
    let zeros = content
        .windows(2)
        .take_while(|w| w[0] == 0 && w[1] < 0x80)
        .count();
    tlv(0x02, &content[zeros..])
}

pub fn oid(arcs: &[u32]) -> Vec<u8> {
    let mut content = vec![(arcs[0] * 40 + arcs[1]) as u8];
    for &arc in &arcs[2..] {
        let groups = (0..5).rev().map(|n| (arc >> (7 * n)) as u8 & 0x7f);
        let groups: Vec<u8> = groups.skip_while(|&group| group == 0).collect();
        let last = groups.len().saturating_sub(1);
        content.extend(groups.iter().take(last).map(|group| group | 0x80));
        content.push(groups.last().copied().unwrap_or(0));
    }
    tlv(0x06, &content)
}

pub fn pbkdf2(iterations: u64) -> Vec<u8> {
    let sha256 = sequence(&[&oid(&[1, 2, 840, 113_549, 2, 9])]);
    let parameters = sequence(&[&octets(b"saltsalt"), &integer(iterations), &sha256]);
    sequence(&[&oid(&[1, 2, 840, 113_549, 1, 5, 12]), &parameters])
}

pub fn scrypt(n: u64, r: u64, p: u64) -> Vec<u8> {
    let parameters = sequence(&[&octets(b"saltsalt"), &integer(n), &integer(r), &integer(p)]);
    sequence(&[&oid(&[1, 3, 6, 1, 4, 1, 11_591, 4, 11]), &parameters])
}

/// An EncryptedPrivateKeyInfo that no passphrase opens.
pub fn locked_key(derivation: &[u8]) -> Vec<u8> {
    let aes = sequence(&[&oid(&[2, 16, 840, 1, 101, 3, 4, 1, 42]), &octets(&[1; 16])]);
    let scheme = sequence(&[
        &oid(&[1, 2, 840, 113_549, 1, 5, 13]),
        &sequence(&[derivation, &aes]),
    ]);
    sequence(&[&scheme, &octets(&[2; 32])])
}

/// Without a MAC, and with these bags in the clear.
pub fn pkcs12(bags: &[u8]) -> Vec<u8> {
    let data = |content: &[u8]| {
        let kind = oid(&[1, 2, 840, 113_549, 1, 7, 1]);
        sequence(&[&kind, &tlv(0xa0, &octets(content))])
    };
    let safe = sequence(&[&data(&sequence(&[bags]))]);
    sequence(&[&integer(3), &data(&safe)])
}

pub fn certificate(algorithm: KeyAlgorithm) -> Vec<u8> {
    let key = PrivateKey::generate(algorithm).unwrap();
    let names = SubjectAltNames::parse(&["a.example".into()], &[]).unwrap();
    let from = datetime!(2026-01-02 03:04:05 UTC);
    self_signed::build(
        &key,
        &Subject::default(),
        &names,
        from,
        from + Duration::DAY,
    )
    .unwrap()
}

/// A certificate with these dNSNames.
pub fn with_names(names: impl Iterator<Item = String>) -> Vec<u8> {
    let der = certificate(KeyAlgorithm::EcdsaP256);
    // Certificate, TBSCertificate: everything before the extensions stays.
    let (_, tbs) = split(content(&der));
    let (mut rest, mut before) = (content(tbs), Vec::new());
    while rest[0] != 0xa3 {
        let (after, field) = split(rest);
        before.extend_from_slice(field);
        rest = after;
    }
    let names: Vec<u8> = names.flat_map(|name| tlv(0x82, name.as_bytes())).collect();
    let names = sequence(&[&names]);
    let extension = sequence(&[&oid(&[2, 5, 29, 17]), &octets(&names)]);
    let tbs = sequence(&[&before, &tlv(0xa3, &sequence(&[&extension]))]);
    let algorithm = sequence(&[&oid(&[1, 2, 840, 10_045, 4, 3, 2])]);
    sequence(&[&tbs, &algorithm, &tlv(0x03, &[0; 64])])
}

fn header(der: &[u8]) -> (usize, usize) {
    match der[1] {
        0x81 => (3, usize::from(der[2])),
        0x82 => (4, usize::from(der[2]) << 8 | usize::from(der[3])),
        length => (2, usize::from(length)),
    }
}

fn content(der: &[u8]) -> &[u8] {
    let (header, length) = header(der);
    &der[header..header + length]
}

/// What follows the first value, and the first value.
fn split(der: &[u8]) -> (&[u8], &[u8]) {
    let (header, length) = header(der);
    let (value, rest) = der.split_at(header + length);
    (rest, value)
}
