//! Which addresses are public.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use crate::config::Cidr;

/// What is let out although it is not public.
#[derive(Debug)]
pub(super) struct Rules {
    allow: Vec<Cidr>,
}

impl Rules {
    pub(super) fn allowing(allow: &[Cidr]) -> Self {
        Self {
            allow: allow.to_vec(),
        }
    }

    /// Why the address may not be reached; `None` where it may.
    ///
    /// An IPv6 address that carries an IPv4 one (mapped, NAT64, 6to4) is judged by that one too.
    pub(super) fn refusal(&self, address: IpAddr) -> Option<Kind> {
        if self.names(address) {
            return None;
        }
        match unmapped(address) {
            IpAddr::V4(v4) => kind_of_v4(v4),
            IpAddr::V6(v6) => kind_of_v6(v6),
        }
    }

    /// Whether one of the blocks holds it.
    pub(super) fn names(&self, address: IpAddr) -> bool {
        let judged = unmapped(address);
        let mut blocks = self.allow.iter();
        blocks.any(|block| block.contains(judged) || block.contains(address))
    }
}

/// The IPv4 address that an IPv6 one stands for.
fn unmapped(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
    }
}

/// Why an address is not public (the special-purpose registries of IANA, RFC 6890).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// This machine.
    Loopback,
    /// No address at all: 0.0.0.0 or ::, which reach this machine.
    Unspecified,
    /// This link: also the metadata services of clouds.
    LinkLocal,
    /// Private networks (RFC 1918) and unique local addresses (RFC 4193).
    Private,
    /// Between a provider and its customers (RFC 6598).
    CarrierGrade,
    /// Many receivers.
    Multicast,
    /// Documentation, benchmarks, translation, tunnels, and what is not assigned.
    Reserved,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loopback => "loopback",
            Self::Unspecified => "unspecified",
            Self::LinkLocal => "link-local",
            Self::Private => "private",
            Self::CarrierGrade => "carrier-grade NAT",
            Self::Multicast => "multicast",
            Self::Reserved => "reserved",
        })
    }
}

fn kind_of_v4(address: Ipv4Addr) -> Option<Kind> {
    match address.octets() {
        [0, 0, 0, 0] => Some(Kind::Unspecified),
        [127, ..] => Some(Kind::Loopback),
        [10, ..] | [192, 168, ..] | [172, 16..=31, ..] => Some(Kind::Private),
        [169, 254, ..] => Some(Kind::LinkLocal),
        [100, 64..=127, ..] => Some(Kind::CarrierGrade),
        [224..=239, ..] => Some(Kind::Multicast),
        [0, ..]
        | [192, 0, 0 | 2, _]
        | [192, 88, 99, _]
        | [198, 18..=19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _]
        | [240..=255, ..] => Some(Kind::Reserved),
        _ => None,
    }
}

fn kind_of_v6(address: Ipv6Addr) -> Option<Kind> {
    let carried = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        kind_of_v4(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Some(Kind::Unspecified),
        [0, 0, 0, 0, 0, 0, 0, 1] => Some(Kind::Loopback),
        [0xfe80..=0xfebf, ..] => Some(Kind::LinkLocal),
        // Also the site-local addresses that RFC 3879 took back.
        [0xfc00..=0xfdff, ..] | [0xfec0..=0xfeff, ..] => Some(Kind::Private),
        [0xff00..=0xffff, ..] => Some(Kind::Multicast),
        // NAT64 (RFC 6052) and 6to4 (RFC 3056): where it arrives is an IPv4 address.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => carried(high, low),
        [0x2002, high, low, ..] => carried(high, low),
        // Teredo, ORCHID and the rest of 2001::/23; documentation.
        [0x2001, 0..=0x01ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0x0fff, ..] => {
            Some(Kind::Reserved)
        }
        [0x2000..=0x3fff, ..] => None,
        _ => Some(Kind::Reserved),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(address: &str) -> Option<Kind> {
        Rules::allowing(&[]).refusal(address.parse().unwrap())
    }

    #[test]
    fn public_addresses_are_let_out() {
        for address in [
            "8.8.8.8",
            "172.15.0.1",
            "172.32.0.1",
            "100.63.255.255",
            "100.128.0.1",
            "223.255.255.254",
            "2606:4700::1111",
            "2a00:1450:4001::1",
            "64:ff9b::808:808",
            "::ffff:8.8.8.8",
        ] {
            assert_eq!(refusal(address), None, "{address}");
        }
    }

    #[test]
    fn what_is_not_public_is_refused_by_kind() {
        for (kind, addresses) in [
            (
                Kind::Loopback,
                &[
                    "127.0.0.1",
                    "127.255.0.1",
                    "::1",
                    "::ffff:127.0.0.1",
                    "64:ff9b::7f00:1",
                ][..],
            ),
            (Kind::Unspecified, &["0.0.0.0", "::", "::ffff:0.0.0.0"]),
            (
                Kind::LinkLocal,
                &[
                    "169.254.169.254",
                    "fe80::1",
                    "::ffff:a9fe:a9fe",
                    "64:ff9b::a9fe:a9fe",
                ],
            ),
            (
                Kind::Private,
                &[
                    "10.0.0.1",
                    "172.16.0.1",
                    "172.31.9.9",
                    "192.168.1.1",
                    "fd00:ec2::254",
                    "fec0::1",
                    "2002:c0a8:101::1",
                ],
            ),
            (Kind::CarrierGrade, &["100.64.0.1", "100.127.255.255"]),
            (Kind::Multicast, &["224.0.0.1", "239.1.1.1", "ff02::1"]),
            (
                Kind::Reserved,
                &[
                    "0.1.2.3",
                    "192.0.2.1",
                    "198.18.0.1",
                    "240.0.0.1",
                    "255.255.255.255",
                    "2001::1",
                    "2001:db8::1",
                    "64:ff9b:1::1",
                    "100::1",
                    "::7f00:1",
                ],
            ),
        ] {
            for address in addresses {
                assert_eq!(refusal(address), Some(kind), "{address}");
            }
        }
    }

    #[test]
    fn what_the_configuration_allows_is_let_out_and_nothing_else() {
        let rules =
            Rules::allowing(&["127.0.0.0/8".parse().unwrap(), "fd00::/16".parse().unwrap()]);
        for (address, refused) in [
            ("127.0.0.1", false),
            ("::ffff:127.0.0.1", false),
            ("fd00::1", false),
            ("::1", true),
            ("fd01::1", true),
            ("10.0.0.1", true),
        ] {
            assert_eq!(
                rules.refusal(address.parse().unwrap()).is_some(),
                refused,
                "{address}"
            );
        }
    }
}
