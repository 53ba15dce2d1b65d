//! Keys from passphrases as PKCS#12 makes them (RFC 7292, appendix B).

use aws_lc_rs::digest::{Algorithm, Context};
use zeroize::Zeroizing;

use super::{super::der, Octets};

/// What a key is for, so that no two are the same.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Encryption = 1,
    InitializationVector = 2,
    Mac = 3,
}

/// The passphrase as such keys are made of it: UTF-16 with a zero character behind it, which even the empty one has.
pub(super) fn secret(passphrase: &str) -> Octets {
    der::concat(&[&der::utf16(passphrase), &[0, 0]])
}

/// A key of `N` octets. The names are those of appendix B.2.
pub(super) fn derive<const N: usize>(
    digest: &'static Algorithm,
    purpose: Purpose,
    secret: &[u8],
    salt: &[u8],
    iterations: u32,
) -> Zeroizing<[u8; N]> {
    let v = digest.block_len();
    let d = vec![purpose as u8; v];
    // Step 2 to 4: salt and secret, each repeated to whole blocks.
    let mut i = Zeroizing::new(Vec::with_capacity(
        salt.len().next_multiple_of(v) + secret.len().next_multiple_of(v),
    ));
    for part in [salt, secret] {
        let whole = part.len().next_multiple_of(v);
        i.extend(part.iter().cycle().take(whole));
    }
    let mut key = Zeroizing::new([0; N]);
    for chunk in key.chunks_mut(digest.output_len()) {
        // Step 6 A.
        let mut a = hash(digest, &[&d, &i]);
        for _ in 1..iterations {
            a = hash(digest, &[&a]);
        }
        chunk.copy_from_slice(&a[..chunk.len()]);
        // Step 6 B and C: each block of I grows by the block that A fills, and by one.
        for block in i.chunks_mut(v) {
            let mut carry = 1;
            for (n, octet) in block.iter_mut().enumerate().rev() {
                let sum = u16::from(*octet) + u16::from(a[n % a.len()]) + carry;
                *octet = sum as u8;
                carry = sum >> 8;
            }
        }
    }
    key
}

fn hash(digest: &'static Algorithm, parts: &[&[u8]]) -> Octets {
    let mut context = Context::new(digest);
    for part in parts {
        context.update(part);
    }
    Zeroizing::new(context.finish().as_ref().to_vec())
}
