//! What a request for checks says.

use std::net::IpAddr;

use api::{
    acme::v1::{ChallengeType, CheckRequestRequest},
    refuse::Violations,
};
use pki::{DnsName, FriendlyName};
use tonic::Status;

use crate::preflight::{Question, Subject};

/// What is to be checked.
pub(in crate::grpc) fn question(message: &CheckRequestRequest) -> Result<Question, Status> {
    let mut violations = Violations::new();
    let server = violations.check("server", FriendlyName::try_from(message.server.as_str()));
    let challenge = ChallengeType::try_from(message.challenge_type);
    let challenge = challenge.map_err(|_| "there is no such challenge");
    let challenge = violations.check("challenge_type", challenge);
    let count = message.dns_names.len() + message.ip_addresses.len();
    if !(1..=MAX_SUBJECTS).contains(&count) {
        let description =
            format!("there are {count}; give 1 to {MAX_SUBJECTS} host names and addresses");
        violations.add("dns_names", description);
        return Err(violations.into_status());
    }
    let mut subjects = Vec::with_capacity(count);
    for (n, text) in message.dns_names.iter().enumerate() {
        let field = format!("dns_names[{n}]");
        let Some(name) = violations.check(&field, DnsName::try_from(text.as_str())) else {
            continue;
        };
        if !name.is_fully_qualified() {
            let description =
                "it has no dot: a CA issues for whole names such as \"www.example.com\"";
            violations.add(field, description);
        } else if name.is_wildcard() && challenge != Some(ChallengeType::Dns01) {
            violations.add(field, "only DNS-01 proves control over a wildcard");
        } else {
            subjects.push(Subject::Name(name));
        }
    }
    for (n, text) in message.ip_addresses.iter().enumerate() {
        let address = text.trim().parse::<IpAddr>();
        let address = address.map_err(|_| "it is neither an IPv4 nor an IPv6 address");
        let address = violations.check(&format!("ip_addresses[{n}]"), address);
        subjects.extend(address.map(Subject::Address));
    }
    match (server, challenge) {
        (Some(server), Some(challenge)) if violations.is_empty() => Ok(Question {
            server: server.into(),
            subjects,
            challenge,
            dns_provider: message.dns_provider.trim().to_owned(),
        }),
        _ => Err(violations.into_status()),
    }
}

const MAX_SUBJECTS: usize = 100;

#[cfg(test)]
mod tests {
    use api::refuse;

    use super::*;

    #[test]
    fn names_and_addresses_are_taken_together() {
        let question = question(&CheckRequestRequest {
            server: "pebble".into(),
            dns_names: vec!["*.shop.example".into()],
            ip_addresses: vec!["2001:db8::1".into()],
            challenge_type: ChallengeType::Dns01.into(),
            ..CheckRequestRequest::default()
        });
        assert_eq!(question.unwrap().subjects.len(), 2);
    }

    #[test]
    fn everything_wrong_is_named_at_once() {
        let status = question(&CheckRequestRequest {
            server: String::new(),
            dns_names: ["ok.example", "localhost", "*.ok.example"]
                .map(String::from)
                .into(),
            ip_addresses: vec!["1.2.3".into()],
            challenge_type: 99,
            ..CheckRequestRequest::default()
        })
        .unwrap_err();
        let fields = refuse::violations(&status).into_iter().map(|v| v.field);
        assert_eq!(
            fields.collect::<Vec<_>>(),
            [
                "challenge_type",
                "dns_names[1]",
                "dns_names[2]",
                "ip_addresses[0]",
                "server"
            ]
        );
        let none = question(&CheckRequestRequest::default()).unwrap_err();
        let fields = refuse::violations(&none).into_iter().map(|v| v.field);
        assert_eq!(fields.collect::<Vec<_>>(), ["dns_names", "server"]);
    }
}
