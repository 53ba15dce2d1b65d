//! Requests and self-signed certificates of all kinds, linted by pkilint.

use pki::{
    DnsName, KeyAlgorithm, PrivateKey, Subject, SubjectAltNames, SubjectFields, csr, pem,
    self_signed,
};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use time::{Duration, OffsetDateTime, macros::datetime};

use crate::desk::Desk;

/// A thousand of both kinds, by keys of every algorithm.
const OF_EACH_KIND: usize = 500;

#[test]
fn pkilint_finds_no_error_in_requests_and_self_signed_certificates() {
    let desk = Desk::new();
    desk.write("lint.py", include_str!("lint.py"));
    let keys = KeyAlgorithm::ALL.map(|algorithm| PrivateKey::generate(algorithm).unwrap());
    let mut runner = TestRunner::default();
    for n in 0..OF_EACH_KIND {
        let (subject, names) = identity().new_tree(&mut runner).unwrap().current();
        let (not_before, not_after) = validity().new_tree(&mut runner).unwrap().current();
        let key = &keys[n % keys.len()];
        let request = csr::build(key, &subject, &names).unwrap();
        desk.write(&format!("{n}.csr"), request);
        let der = self_signed::build(key, &subject, &names, not_before, not_after).unwrap();
        desk.write(&format!("{n}.cer"), der);
    }
    let issuer = Subject::try_from(SubjectFields {
        common_name: "Issuer".into(),
        ..SubjectFields::default()
    });
    let (from, until) = (
        datetime!(2026-01-01 00:00 UTC),
        datetime!(2027-01-01 00:00 UTC),
    );
    let names = SubjectAltNames::default();
    let issuer = self_signed::build(&keys[0], &issuer.unwrap(), &names, from, until).unwrap();
    desk.write("issuer.cer", issuer);

    let found = desk.ask("python-with-pkilint", &["lint.py", "."]);
    let expected = format!("{} linted\n", 2 * OF_EACH_KIND + 1);
    if found != expected {
        let file = found.split(':').next().unwrap();
        let der = desk.read(file);
        panic!("{found}\n{file}:\n{}", pem::certificate(&der));
    }
}

/// Who, and which names: never neither.
fn identity() -> impl Strategy<Value = (Subject, SubjectAltNames)> {
    (subject(), names()).prop_filter("a name", |(subject, names)| {
        !subject.is_empty() || !names.is_empty()
    })
}

fn subject() -> impl Strategy<Value = Subject> {
    let text = |max: usize| {
        let pattern = format!("|[A-Za-z0-9 .,'&+=/()-]{{1,{max}}}|\\PC{{1,{max}}}");
        prop::string::string_regex(&pattern).unwrap()
    };
    let email = "|[a-z0-9.+]{1,64}@[a-z]{1,63}\\.example|[a-z]{1,9}@bücher\\.example";
    let country = "|DE|us|GB|Jp|BR";
    let fields = (
        text(64),
        text(64),
        text(64),
        text(128),
        text(128),
        country,
        email,
    );
    let filled_in = fields.prop_filter_map("valid fields", |fields| {
        Subject::try_from(SubjectFields {
            common_name: fields.0,
            organization: fields.1,
            organizational_unit: fields.2,
            locality: fields.3,
            state_or_province: fields.4,
            country: fields.5,
            email_address: fields.6,
        })
        .ok()
    });
    prop_oneof![1 => Just(Subject::default()), 9 => filled_in]
}

fn names() -> impl Strategy<Value = SubjectAltNames> {
    let dns = "(\\*\\.)?[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\\.[a-z]{1,20}){0,3}|(\\*\\.)?(bücher|straße|例え|пример)\\.[a-z]{2,9}";
    // Two hyphens in this place are reserved (RFC 5890, section 2.3.1): Chancery takes them as typed, pkilint does not.
    let reserved = |label: &str| label.get(2..4) == Some("--") && !label.starts_with("xn");
    let dns = dns.prop_filter("valid names", move |name| {
        DnsName::try_from(name.as_str()).is_ok() && !name.split('.').any(reserved)
    });
    let ip = any::<std::net::IpAddr>().prop_map(|ip| ip.to_string());
    let few = prop::collection::vec(dns.clone(), 0..4);
    let dns = prop_oneof![30 => few, 1 => prop::collection::vec(dns, 80..95)];
    (dns, prop::collection::vec(ip, 0..4))
        .prop_map(|(dns, ip)| SubjectAltNames::parse(&dns, &ip).unwrap())
}

/// On both sides of 2050, where the form of a date changes.
fn validity() -> impl Strategy<Value = (OffsetDateTime, OffsetDateTime)> {
    let from = datetime!(2000-01-01 00:00 UTC).unix_timestamp();
    let until = datetime!(2060-01-01 00:00 UTC).unix_timestamp();
    (from..until, 1..100 * 365 * 86_400_i64).prop_map(|(from, seconds)| {
        let from = OffsetDateTime::from_unix_timestamp(from).unwrap();
        (from, from + Duration::seconds(seconds))
    })
}
