//! A look-up among a million names.

use std::{hint::black_box, sync::Arc, time::Instant};

use gateway::tls::{Credential, Issuers, ServingIndex};
use rcgen::KeyPair;
use runtime::Clock;
use rustls::{
    crypto::aws_lc_rs::sign::any_supported_type,
    pki_types::{CertificateDer, PrivateKeyDer},
};

use crate::figure::{Figure, Wanted, median};

/// The slowest of the three ways.
pub fn measure() -> Figure {
    let key = KeyPair::generate().unwrap().serialize_der();
    let key = any_supported_type(&PrivateKeyDer::Pkcs8(key.into())).unwrap();
    let issuers = Issuers::default();
    let index = ServingIndex::new(Clock::system());
    index.replace((0..NAMES).map(|number| Credential {
        certificate_id: number.to_string().into(),
        rank: 0,
        validity: 0..=i64::MAX,
        position: number as u64,
        dns_names: match number % 2 {
            0 => [format!("host-{number}.shops.example").into()].into(),
            _ => [format!("*.host-{number}.shops.example").into()].into(),
        },
        fallback: number == 0,
        leaf: CertificateDer::from(Vec::new()),
        issuers: issuers.shared(&[]),
        key: key.clone(),
    }));
    let index = Arc::new(index);
    let name = |kind: usize, number: usize| match kind {
        0 => format!("host-{}.shops.example", number & !1),
        1 => format!("www.host-{}.shops.example", number | 1),
        _ => format!("www.none-{number}.shops.example"),
    };
    let nanoseconds = [0, 1, 2].map(|kind| {
        let mut drawn = 1_u64;
        let names = (0..LOOKUPS).map(|_| {
            drawn = drawn
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            name(kind, (drawn >> 33) as usize % NAMES)
        });
        let names = names.collect::<Vec<_>>();
        median((0..ROUNDS).map(|_| {
            let started = Instant::now();
            for name in &names {
                black_box(index.answering(Some(name))).unwrap();
            }
            started.elapsed().as_secs_f64() * 1e9 / LOOKUPS as f64
        }))
    });
    let [exact, wildcard, default] = nanoseconds;
    let slowest = exact.max(wildcard).max(default);
    Figure {
        name: "look-up of a certificate among a million names",
        measured: slowest,
        against: None,
        unit: "ns",
        value: slowest,
        wanted: Wanted::AtMost(1_000.0),
        how: format!(
            "the mean of {LOOKUPS} names drawn at random, the median of {ROUNDS} rounds, the slowest of three ways: by the name \
             {exact:.0} ns, by a wildcard {wildcard:.0} ns, the default {default:.0} ns"
        ),
    }
}

const NAMES: usize = 1_000_000;
const LOOKUPS: usize = 500_000;
const ROUNDS: usize = 5;
