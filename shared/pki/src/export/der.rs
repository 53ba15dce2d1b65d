//! DER (X.690), written: each value at once and in its whole length, so that no half copies of a key stay behind.

use zeroize::Zeroizing;

use super::Octets;
use crate::passphrase::utf16;

/// A value of this tag, whose contents are these octets one behind the other.
pub(super) fn value(tag: u8, contents: &[&[u8]]) -> Octets {
    let length = contents.iter().map(|part| part.len()).sum::<usize>();
    let mut octets = Zeroizing::new(Vec::with_capacity(length + MAX_HEADER));
    octets.push(tag);
    let big_endian = length.to_be_bytes();
    let zeros = big_endian.iter().take_while(|&&octet| octet == 0).count();
    let significant = &big_endian[zeros..];
    match significant {
        [] => octets.push(0),
        [short @ ..0x80] => octets.push(*short),
        // At most eight octets.
        long => {
            octets.push(0x80 | long.len() as u8);
            octets.extend_from_slice(long);
        }
    }
    for part in contents {
        octets.extend_from_slice(part);
    }
    octets
}

pub(super) fn sequence(contents: &[&[u8]]) -> Octets {
    value(0x30, contents)
}

/// SET OF: its elements in the order of their octets, none twice (X.690, section 11.6).
pub(super) fn set_of(elements: &[Octets]) -> Octets {
    value(0x31, &sorted(elements))
}

/// What [`set_of`] has inside.
pub(super) fn sorted(elements: &[Octets]) -> Vec<&[u8]> {
    let mut elements = elements.iter().map(|e| e.as_slice()).collect::<Vec<_>>();
    elements.sort_unstable();
    elements.dedup();
    elements
}

/// `[n]`, constructed: explicit around a whole value, implicit around a value's contents.
pub(super) fn tagged(n: u8, contents: &[&[u8]]) -> Octets {
    value(0xa0 | n, contents)
}

pub(super) fn octet_string(octets: &[u8]) -> Octets {
    value(0x04, &[octets])
}

pub(super) fn null() -> Octets {
    value(0x05, &[])
}

pub(super) fn integer(number: u32) -> Octets {
    // A zero in front, so that it is not read as a negative number, and no more than one.
    let octets = u64::from(number).to_be_bytes();
    let redundant = octets.windows(2);
    let redundant = redundant.take_while(|pair| pair[0] == 0 && pair[1] < 0x80);
    value(0x02, &[&octets[redundant.count()..]])
}

/// An OBJECT IDENTIFIER from its numbers, of which the first is 1 or 2.
pub(super) fn oid(numbers: &[u32]) -> Octets {
    let mut contents = Vec::new();
    if let [first, second, rest @ ..] = numbers {
        for number in std::iter::once(&(first * 40 + second)).chain(rest) {
            let septets = (0..5).rev().map(|n| (number >> (7 * n)) as u8 & 0x7f);
            let mut septets = septets
                .skip_while(|&septet| septet == 0)
                .collect::<Vec<_>>();
            let last = septets.pop().unwrap_or(0);
            contents.extend(septets.iter().map(|septet| septet | 0x80));
            contents.push(last);
        }
    }
    value(0x06, &[&contents])
}

/// BMPString, as key stores have names: UTF-16, for characters beyond its plane too.
pub(super) fn bmp_string(text: &str) -> Octets {
    value(0x1e, &[&utf16(text)])
}

pub(super) fn concat(parts: &[&[u8]]) -> Octets {
    let length = parts.iter().map(|part| part.len()).sum();
    let mut octets = Zeroizing::new(Vec::with_capacity(length));
    for part in parts {
        octets.extend_from_slice(part);
    }
    octets
}

/// A tag, and a length of up to eight octets behind their count.
const MAX_HEADER: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_the_form_of_x690() {
        for (length, header) in [
            (0, &[4, 0][..]),
            (127, &[4, 127]),
            (128, &[4, 0x81, 128]),
            (255, &[4, 0x81, 255]),
            (256, &[4, 0x82, 1, 0]),
            (70_000, &[4, 0x83, 1, 0x11, 0x70]),
        ] {
            let octets = octet_string(&vec![7; length]);
            assert!(octets.starts_with(header), "{length}");
            assert_eq!(octets.len(), header.len() + length);
        }
    }

    #[test]
    fn numbers_have_the_form_of_x690() {
        for (number, octets) in [
            (0, &[2, 1, 0][..]),
            (127, &[2, 1, 127]),
            (128, &[2, 2, 0, 128]),
            (100_000, &[2, 3, 1, 0x86, 0xa0]),
            (u32::MAX, &[2, 5, 0, 255, 255, 255, 255]),
        ] {
            assert_eq!(integer(number).as_slice(), octets);
        }
        let rsa = [6, 6, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d];
        assert_eq!(oid(&[1, 2, 840, 113_549]).as_slice(), rsa);
        assert_eq!(oid(&[2, 5, 29, 0]).as_slice(), [6, 3, 0x55, 29, 0]);
    }

    #[test]
    fn a_set_is_sorted_and_has_nothing_twice() {
        let set = set_of(&[integer(3), integer(1), integer(3)]);
        assert_eq!(set.as_slice(), [0x31, 6, 2, 1, 1, 2, 1, 3]);
    }
}
