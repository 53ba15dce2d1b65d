//! What becomes of a passphrase on the way to a key, for reading and writing alike.

mod hash;
pub(crate) mod pkcs12;

use zeroize::Zeroizing;

pub(crate) use hash::Hash;

/// UTF-16, big-endian: how PKCS#12 and Java have text.
pub(crate) fn utf16(text: &str) -> Zeroizing<Vec<u8>> {
    units(text.encode_utf16(), text.len())
}

/// The same with a zero character behind it (RFC 7292, appendix B.1), which even the empty passphrase has.
pub(crate) fn utf16_ended(text: &str) -> Zeroizing<Vec<u8>> {
    units(text.encode_utf16().chain([0]), text.len() + 1)
}

/// Sized beforehand, so that no half copies stay behind: there are no more units than octets in UTF-8.
fn units(units: impl Iterator<Item = u16>, most: usize) -> Zeroizing<Vec<u8>> {
    let mut octets = Zeroizing::new(Vec::with_capacity(2 * most));
    for unit in units {
        octets.extend_from_slice(&unit.to_be_bytes());
    }
    octets
}
