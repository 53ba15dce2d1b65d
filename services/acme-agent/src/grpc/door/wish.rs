//! A certificate to get, as it was asked for.

use std::net::IpAddr;

use api::{
    acme::v1::{ChallengeType, RequestCertificateRequest},
    refuse::Violations,
    x509::v1::KeyAlgorithm,
};
use pki::{DnsName, FriendlyName};
use tonic::Status;

use crate::requests::Wish;

/// A certificate to get.
pub(in crate::grpc) fn wish(message: &RequestCertificateRequest) -> Result<Wish, Status> {
    let mut violations = Violations::new();
    let server = violations.check("server", FriendlyName::try_from(message.server.as_str()));
    let (dns_names, ip_addresses) = identifiers(message, &mut violations);
    let challenge_type = challenge_type(message.challenge_type);
    let challenge_type = violations.check("challenge_type", challenge_type);
    if let Some(challenge_type) = challenge_type {
        suits(challenge_type, message, &mut violations);
    }
    let dns_provider = optional("dns_provider", &message.dns_provider, &mut violations);
    let fallback_server = optional("fallback_server", &message.fallback_server, &mut violations);
    let key_algorithm = key_algorithm(message.key_algorithm);
    let key_algorithm = violations.check("key_algorithm", key_algorithm);
    let first = dns_names.first().map(ToString::to_string);
    let first = first.or_else(|| ip_addresses.first().map(ToString::to_string));
    let friendly_name = match (message.friendly_name.as_str(), first) {
        // Nothing to add: that there is nothing to certify is noted already.
        ("", None) => None,
        ("", Some(first)) => {
            // A host name may be longer than a friendly name.
            let first = first.chars().take(FriendlyName::MAX).collect::<String>();
            violations.check("friendly_name", FriendlyName::try_from(first.as_str()))
        }
        (given, _) => violations.check("friendly_name", FriendlyName::try_from(given)),
    };
    let profile = violations.check("profile", profile(&message.profile));
    let preferred_chain = preferred_chain(&message.preferred_chain);
    let preferred_chain = violations.check("preferred_chain", preferred_chain);
    let parsed = (|| {
        Some(Wish {
            server: server?.into(),
            dns_names,
            ip_addresses,
            key_algorithm: key_algorithm?,
            challenge_type: challenge_type?,
            dns_provider,
            friendly_name: friendly_name?,
            profile: profile?,
            fallback_server,
            preferred_chain: preferred_chain?,
        })
    })();
    match parsed {
        Some(wish) if violations.is_empty() => Ok(wish),
        _ => Err(violations.into_status()),
    }
}

fn identifiers(
    message: &RequestCertificateRequest,
    violations: &mut Violations,
) -> (Vec<DnsName>, Vec<IpAddr>) {
    let count = message.dns_names.len() + message.ip_addresses.len();
    if count == 0 || count > MAX_NAMES {
        let description = format!("there are {count}; give 1 to {MAX_NAMES} names in all");
        violations.add("dns_names", description);
        return (Vec::new(), Vec::new());
    }
    let mut names = Vec::<DnsName>::new();
    for (n, text) in message.dns_names.iter().enumerate() {
        let field = format!("dns_names[{n}]");
        let Some(name) = violations.check(&field, DnsName::try_from(text.as_str())) else {
            continue;
        };
        if !name.is_fully_qualified() {
            let description =
                "it has no dot: a CA issues for whole names such as \"www.example.com\"";
            violations.add(field, description);
        } else if let Some(same) = names.iter().position(|other| *other == name) {
            violations.add(field, format!("it is the same as dns_names[{same}]"));
        } else {
            names.push(name);
        }
    }
    let mut addresses = Vec::<IpAddr>::new();
    for (n, text) in message.ip_addresses.iter().enumerate() {
        let field = format!("ip_addresses[{n}]");
        let wrong = "it is not an address such as 192.0.2.7 or 2001:db8::7";
        let address = text.trim().parse::<IpAddr>().map_err(|_| wrong);
        let Some(address) = violations.check(&field, address) else {
            continue;
        };
        if let Some(same) = addresses.iter().position(|other| *other == address) {
            violations.add(field, format!("it is the same as ip_addresses[{same}]"));
        } else {
            addresses.push(address);
        }
    }
    (names, addresses)
}

/// What the challenge cannot prove, and what it needs.
fn suits(
    challenge: ChallengeType,
    message: &RequestCertificateRequest,
    violations: &mut Violations,
) {
    let names = message.dns_names.iter().take(MAX_NAMES).enumerate();
    let wildcards = names.filter(|(_, text)| text.trim().starts_with("*."));
    let (named, provider) = match challenge {
        ChallengeType::Dns01 => {
            if message.dns_provider.trim().is_empty() {
                let description = "DNS-01 needs a DNS provider that writes the record; add one, and give its id or name";
                violations.add("dns_provider", description);
            }
            for (n, _) in message.ip_addresses.iter().take(MAX_NAMES).enumerate() {
                let description = "DNS-01 cannot prove control over an address (RFC 8738); use HTTP-01 or TLS-ALPN-01";
                violations.add(format!("ip_addresses[{n}]"), description);
            }
            return;
        }
        ChallengeType::TlsAlpn01 => ("TLS-ALPN-01", &message.dns_provider),
        ChallengeType::Unspecified | ChallengeType::Http01 => ("HTTP-01", &message.dns_provider),
    };
    for (n, _) in wildcards {
        let description =
            format!("{named} cannot prove control over a wildcard; name each host, or use DNS-01");
        violations.add(format!("dns_names[{n}]"), description);
    }
    if !provider.trim().is_empty() {
        let description = format!("{named} writes no record; leave it out, or use DNS-01");
        violations.add("dns_provider", description);
    }
}

/// The id or name of something that need not be given.
fn optional(field: &str, text: &str, violations: &mut Violations) -> Option<String> {
    if text.trim().is_empty() {
        return None;
    }
    violations
        .check(field, FriendlyName::try_from(text))
        .map(String::from)
}

fn challenge_type(number: i32) -> Result<ChallengeType, &'static str> {
    match ChallengeType::try_from(number) {
        Ok(ChallengeType::Unspecified) => Ok(ChallengeType::Http01),
        Ok(known) => Ok(known),
        Err(_) => Err("this challenge is not known here; use HTTP-01, TLS-ALPN-01 or DNS-01"),
    }
}

fn key_algorithm(number: i32) -> Result<KeyAlgorithm, String> {
    if number == KeyAlgorithm::Unspecified as i32 {
        return Ok(KeyAlgorithm::EcdsaP256);
    }
    let algorithm = api::convert::key_algorithm(number);
    algorithm.map(KeyAlgorithm::from).map_err(|e| e.to_string())
}

fn profile(text: &str) -> Result<String, &'static str> {
    let allowed = |b: u8| b.is_ascii_graphic();
    if text.len() <= MAX_PROFILE && text.bytes().all(allowed) {
        Ok(text.to_owned())
    } else {
        Err("a profile's name has at most 100 visible ASCII characters")
    }
}

fn preferred_chain(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    if text.chars().count() <= MAX_ISSUER && !text.contains(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err(
            "an issuer's common name has at most 100 visible characters, for example \"ISRG Root X1\"",
        )
    }
}

const MAX_NAMES: usize = 100;
const MAX_PROFILE: usize = 100;
const MAX_ISSUER: usize = 100;

#[cfg(test)]
mod tests;
