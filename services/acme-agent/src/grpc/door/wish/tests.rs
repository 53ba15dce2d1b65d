use api::refuse;

use super::*;

fn fields(status: &Status) -> Vec<String> {
    let violations = refuse::violations(status).into_iter();
    violations.map(|v| v.field).collect()
}

fn certificate() -> RequestCertificateRequest {
    RequestCertificateRequest {
        server: "Test CA".into(),
        dns_names: vec!["WWW.example.com".into(), "bücher.example".into()],
        ..RequestCertificateRequest::default()
    }
}

fn proved_by(challenge: ChallengeType) -> RequestCertificateRequest {
    RequestCertificateRequest {
        challenge_type: challenge.into(),
        ..certificate()
    }
}

/// What is said about each field that is wrong.
fn said(message: &RequestCertificateRequest) -> Vec<(String, String)> {
    let status = wish(message).unwrap_err();
    let violations = refuse::violations(&status).into_iter();
    violations.map(|v| (v.field, v.description)).collect()
}

#[test]
fn a_wish_gets_its_defaults() {
    let wish = wish(&certificate()).unwrap();
    let names = wish.dns_names.iter().map(DnsName::as_str);
    assert_eq!(
        names.collect::<Vec<_>>(),
        ["www.example.com", "xn--bcher-kva.example"]
    );
    assert_eq!(wish.friendly_name.as_str(), "www.example.com");
    assert_eq!(wish.key_algorithm, KeyAlgorithm::EcdsaP256);
    assert_eq!(wish.challenge_type, ChallengeType::Http01);
    assert_eq!((wish.dns_provider, wish.fallback_server), (None, None));
    assert_eq!(wish.preferred_chain, "");

    let long = format!("{}.{}.example", "a".repeat(63), "b".repeat(63));
    let mut message = certificate();
    message.dns_names = vec![long.clone()];
    assert_eq!(
        super::wish(&message).unwrap().friendly_name.as_str(),
        &long[..100]
    );
}

#[test]
fn everything_that_can_be_wished_for_is_taken_over() {
    let mut message = proved_by(ChallengeType::Dns01);
    message.dns_names = vec!["*.a.example".into(), "a.example".into()];
    message.dns_provider = " home ".into();
    message.fallback_server = "Other CA".into();
    message.preferred_chain = " ISRG Root X1 ".into();
    let wish = wish(&message).unwrap();
    assert_eq!(wish.challenge_type, ChallengeType::Dns01);
    assert_eq!(wish.dns_provider.as_deref(), Some("home"));
    assert_eq!(wish.fallback_server.as_deref(), Some("Other CA"));
    assert_eq!(wish.preferred_chain, "ISRG Root X1");
    assert_eq!(wish.friendly_name.as_str(), "*.a.example");
}

#[test]
fn everything_wrong_with_a_wish_is_named_at_once() {
    let status = wish(&RequestCertificateRequest {
        server: String::new(),
        dns_names: [
            "ok.example",
            "-bad-",
            "localhost",
            "192.0.2.1",
            "*.ok.example",
            "OK.example.",
        ]
        .map(String::from)
        .into(),
        key_algorithm: 99,
        challenge_type: 99,
        friendly_name: "\u{202e}".into(),
        profile: "two words".into(),
        ip_addresses: ["192.0.2.1", "a.example", "192.0.2.1"]
            .map(String::from)
            .into(),
        fallback_server: "\n".repeat(3) + "a\nb",
        preferred_chain: "x".repeat(101),
        ..RequestCertificateRequest::default()
    })
    .unwrap_err();
    assert_eq!(
        fields(&status),
        [
            "challenge_type",
            "dns_names[1]",
            "dns_names[2]",
            "dns_names[3]",
            "dns_names[5]",
            "fallback_server",
            "friendly_name",
            "ip_addresses[1]",
            "ip_addresses[2]",
            "key_algorithm",
            "preferred_chain",
            "profile",
            "server",
        ]
    );
}

#[test]
fn a_wildcard_is_proved_by_dns_01_alone() {
    for (challenge, named) in [
        (ChallengeType::Unspecified, "HTTP-01"),
        (ChallengeType::Http01, "HTTP-01"),
        (ChallengeType::TlsAlpn01, "TLS-ALPN-01"),
    ] {
        let mut message = proved_by(challenge);
        message.dns_names = vec!["ok.example".into(), " *.ok.example".into()];
        let [(field, description)] = &said(&message)[..] else {
            panic!("one thing is wrong");
        };
        assert_eq!(field, "dns_names[1]");
        assert!(description.contains(named) && description.contains("use DNS-01"));
    }
    let mut message = proved_by(ChallengeType::Dns01);
    message.dns_names = vec!["*.ok.example".into()];
    message.dns_provider = "home".into();
    assert!(wish(&message).is_ok());
}

#[test]
fn a_dns_provider_is_for_dns_01_and_needed_there() {
    let message = proved_by(ChallengeType::Dns01);
    assert_eq!(said(&message)[0].0, "dns_provider");
    for challenge in [ChallengeType::Http01, ChallengeType::TlsAlpn01] {
        let mut message = proved_by(challenge);
        message.dns_provider = "home".into();
        assert!(said(&message)[0].1.contains("leave it out"));
    }
}

#[test]
fn an_address_is_proved_by_http_01_or_tls_alpn_01() {
    for challenge in [ChallengeType::Http01, ChallengeType::TlsAlpn01] {
        let mut message = proved_by(challenge);
        message.dns_names.clear();
        message.ip_addresses = vec!["192.0.2.7".into(), "2001:DB8:0::7".into()];
        let wish = wish(&message).unwrap();
        assert_eq!(wish.ip_addresses[1].to_string(), "2001:db8::7");
        assert_eq!(wish.friendly_name.as_str(), "192.0.2.7");
    }
    let mut message = proved_by(ChallengeType::Dns01);
    message.dns_provider = "home".into();
    message.ip_addresses = vec!["192.0.2.7".into()];
    assert_eq!(said(&message)[0].0, "ip_addresses[0]");
}

#[test]
fn a_wish_has_one_to_a_hundred_names_and_addresses_in_all() {
    let mut message = certificate();
    message.dns_names = vec![];
    assert_eq!(fields(&wish(&message).unwrap_err()), ["dns_names"]);
    message.dns_names = (0..99).map(|n| format!("n{n}.example")).collect();
    message.ip_addresses = vec!["192.0.2.1".into(), "192.0.2.2".into()];
    message.friendly_name = "many".into();
    assert_eq!(fields(&wish(&message).unwrap_err()), ["dns_names"]);
    message.ip_addresses.pop();
    assert_eq!(wish(&message).unwrap().dns_names.len(), 99);
}
