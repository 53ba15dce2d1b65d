//! Keys from passphrases as PKCS#12 makes them (RFC 7292, appendix B).

use zeroize::Zeroizing;

use super::Hash;

/// What the derivation of PKCS#12 is for (RFC 7292, appendix B.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Key = 1,
    InitialVector = 2,
    Mac = 3,
}

/// The derivation of PKCS#12 (RFC 7292, appendix B.2); the passphrase is UTF-16 with its ending zero.
/// It is not bounded here: who reads another's file weighs the iterations first.
pub(crate) fn derive(
    hash: Hash,
    purpose: Purpose,
    passphrase: &[u8],
    salt: &[u8],
    iterations: u64,
    octets: usize,
) -> Zeroizing<Vec<u8>> {
    let block = hash.block_octets();
    let diversifier = vec![purpose as u8; block];
    let mut input = Zeroizing::new(repeated(salt, block));
    input.extend_from_slice(&Zeroizing::new(repeated(passphrase, block)));
    let mut key = Zeroizing::new(Vec::with_capacity(octets));
    loop {
        let output = hash.of([&diversifier[..], &input]);
        let output = hash.again(output, iterations - 1);
        let wanted = output.len().min(octets - key.len());
        key.extend_from_slice(&output[..wanted]);
        if key.len() == octets {
            return key;
        }
        let addend: Vec<u8> = output.iter().copied().cycle().take(block).collect();
        for part in input.chunks_mut(block) {
            add_and_one(part, &addend);
        }
    }
}

/// As often as it takes to fill whole blocks; nothing stays nothing.
fn repeated(octets: &[u8], block: usize) -> Vec<u8> {
    let length = octets.len().div_ceil(block) * block;
    octets.iter().copied().cycle().take(length).collect()
}

/// number + addend + 1, big-endian, without the carry out.
fn add_and_one(number: &mut [u8], addend: &[u8]) {
    let mut carry = 1;
    for (digit, added) in number.iter_mut().zip(addend).rev() {
        let sum = u16::from(*digit) + u16::from(*added) + carry;
        *digit = (sum & 0xff) as u8;
        carry = sum >> 8;
    }
}
