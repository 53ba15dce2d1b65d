//! Records that were not written, or not seen.

use api::acme::v1::{Failure, Step};
use runtime::EgressError;

use super::failure;
use crate::{
    challenge::dns01::Dns01Error,
    dns::{DnsError, Missing, update::UpdateError},
    providers::{OpenError, WriteError},
};

/// The record of DNS-01 could not be written.
pub fn dns01(error: &Dns01Error) -> Failure {
    match error {
        Dns01Error::Name { name } => authorize(
            "DNS_NAME_UNUSABLE",
            format!("No record can be made for {name:?}: it is no host name."),
            "Request the certificate for another name.",
        ),
        Dns01Error::Dns { name, error } => looked_up(name, error),
        Dns01Error::Open(error) => opened(error),
        Dns01Error::Write {
            provider,
            owner,
            error,
        } => written(provider, owner, error),
        Dns01Error::Database(_) => authorize(
            "DATABASE_UNAVAILABLE",
            "The database of acme-agent did not answer.".to_owned(),
            "Look into acme-agent's log, then try again.",
        ),
    }
}

/// The record was written, and some servers of the zone did not show it in time.
pub fn not_shown(owner: &str, missing: &[Missing], seconds: u64) -> Failure {
    let servers = missing.iter().take(MAX_SERVERS);
    let servers = servers.map(|m| format!("{} {}", m.server, m.found));
    let mut servers = servers.collect::<Vec<_>>().join("; ");
    if missing.len() > MAX_SERVERS {
        servers.push_str(&format!("; and {} more", missing.len() - MAX_SERVERS));
    }
    authorize(
        "DNS_NOT_PROPAGATED",
        format!(
            "The record {owner} was written, but not every name server of its zone showed it within {seconds} seconds: {servers}."
        ),
        "See that these servers get the zone's changes (NOTIFY, zone transfer) or take them out of the zone's NS records, and raise propagation_seconds in [acme_agent] where they are only slow; then try again.",
    )
}

fn looked_up(name: &str, error: &DnsError) -> Failure {
    let (reason, advice) = match error {
        DnsError::Circle { .. } => (
            "DNS_CNAME_CIRCLE",
            "Take one of these CNAME records away, or point it to a name in the zone that the DNS provider serves; then try again.",
        ),
        DnsError::TooLong { .. } => (
            "DNS_CNAME_TOO_LONG",
            "Point the first CNAME record straight to the last name; then try again.",
        ),
        DnsError::NoZone { .. } => (
            "DNS_ZONE_NOT_FOUND",
            "Check the name's spelling, and that its zone is delegated to name servers that answer; then try again.",
        ),
        DnsError::NoServers { .. } => (
            "DNS_ZONE_NOT_FOUND",
            "Give the zone NS records with names that have addresses; then try again.",
        ),
        DnsError::Egress(error) => return egress(name, error),
        DnsError::Silent { .. }
        | DnsError::Unreachable { .. }
        | DnsError::Garbled { .. }
        | DnsError::Refused { .. } => (
            "DNS_UNAVAILABLE",
            "Check this machine's name servers (/etc/resolv.conf, or resolvers in [acme_agent]); then try again.",
        ),
    };
    authorize(
        reason,
        format!("It cannot be told where the record for {name} belongs: {error}."),
        advice,
    )
}

fn opened(error: &OpenError) -> Failure {
    let (reason, advice) = match error {
        OpenError::NotFound => (
            "DNS_PROVIDER_NOT_FOUND",
            "Add the DNS provider again, and request the certificate with it.",
        ),
        OpenError::UnknownKind { .. } => (
            "DNS_PROVIDER_UNUSABLE",
            "Run the version of Chancery that it was added with, or a later one.",
        ),
        OpenError::NoSecrets { .. } | OpenError::Setting { .. } => (
            "DNS_PROVIDER_UNUSABLE",
            "Restore the keystore from its backup, or add the DNS provider again and request the certificate with it.",
        ),
        OpenError::Log(_) | OpenError::Keystore(_) => (
            "DNS_PROVIDER_UNUSABLE",
            "Look into acme-agent's log, then try again.",
        ),
    };
    authorize(
        reason,
        format!("The DNS provider cannot be used: {error}."),
        advice,
    )
}

fn written(provider: &str, owner: &str, error: &WriteError) -> Failure {
    let (reason, why, advice) = match error {
        WriteError::Update { error, key } => updated(error, key),
        WriteError::Egress(error) => return egress(provider, error),
        WriteError::NoAddress(_) => (
            "DNS_PROVIDER_UNREACHABLE",
            error.to_string(),
            "Add the DNS provider again with the primary server's address.".to_owned(),
        ),
        WriteError::Unauthorized { .. } => (
            "DNS_PROVIDER_REFUSED",
            error.to_string(),
            "Make new credentials at the provider that may edit the zone, add the DNS provider again with them, and request the certificate with it.".to_owned(),
        ),
        WriteError::NoSuchZone { .. } => (
            "DNS_PROVIDER_REFUSED",
            error.to_string(),
            "See that these credentials may edit this zone, or delegate _acme-challenge to a zone that they may edit with a CNAME record; then try again.".to_owned(),
        ),
        WriteError::Unreachable { .. } => (
            "DNS_PROVIDER_UNREACHABLE",
            error.to_string(),
            "See that this machine reaches the provider's API over https; then try again.".to_owned(),
        ),
        WriteError::Other { .. } => (
            "DNS_PROVIDER_REFUSED",
            error.to_string(),
            "Mend what the provider names; then try again.".to_owned(),
        ),
    };
    authorize(
        reason,
        format!("The DNS provider {provider} did not change {owner}: {why}."),
        &advice,
    )
}

fn updated(error: &UpdateError, key: &str) -> (&'static str, String, String) {
    let (reason, advice) = match error {
        UpdateError::UnknownKey { .. } => (
            "DNS_KEY_UNKNOWN",
            format!(
                "Put the key {key} with this algorithm into the server's configuration, or add the DNS provider again with the name and algorithm that stand there; then try again."
            ),
        ),
        UpdateError::WrongSecret { .. } => (
            "DNS_KEY_WRONG",
            format!(
                "Add the DNS provider again with the secret that the server's configuration has for the key {key}; then try again."
            ),
        ),
        UpdateError::WrongTime { .. } => (
            "DNS_CLOCK_WRONG",
            "Set the clocks of this machine and of the name server right (NTP); then try again."
                .to_owned(),
        ),
        UpdateError::NotAllowed { .. } => (
            "DNS_UPDATE_NOT_ALLOWED",
            format!(
                "Let the key {key} change TXT records of _acme-challenge names in the zone's update-policy (BIND) or access rules; then try again."
            ),
        ),
        UpdateError::NotPrimary { .. } => (
            "DNS_NOT_PRIMARY",
            "Add the DNS provider again with the zone's primary server, or delegate _acme-challenge to a zone that it serves with a CNAME record; then try again.".to_owned(),
        ),
        UpdateError::Other { .. } => (
            "DNS_UPDATE_FAILED",
            "Look into the name server's log, mend what it names; then try again.".to_owned(),
        ),
        UpdateError::Forged { .. } => (
            "DNS_ANSWER_NOT_SIGNED",
            "See that nothing between this machine and the name server answers in its place; then try again.".to_owned(),
        ),
        UpdateError::Dns(_) => (
            "DNS_PROVIDER_UNREACHABLE",
            "See that the name server runs, and that this machine reaches it on that port over TCP; then try again.".to_owned(),
        ),
    };
    (reason, error.to_string(), advice)
}

fn egress(of: &str, error: &EgressError) -> Failure {
    match error {
        EgressError::Refused { address, .. } => authorize(
            "ADDRESS_NOT_ALLOWED",
            format!("A name server that is to be asked for {of} is not asked: {error}."),
            &format!("If that is meant, put {address} into allow in [egress]; then try again."),
        ),
        _ => authorize(
            "DNS_PROVIDER_UNREACHABLE",
            format!("A name server that is to be asked for {of} cannot be: {error}."),
            "See that its name is right, and that this machine can resolve it; then try again.",
        ),
    }
}

fn authorize(reason: &str, message: String, advice: &str) -> Failure {
    failure(Step::Authorize, reason, message, advice)
}

/// How many servers a message names.
const MAX_SERVERS: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_that_did_not_show_a_record_are_named() {
        let missing = |n: usize| Missing {
            server: format!("ns{n}.example (192.0.2.{n})"),
            found: "does not have the name".into(),
        };
        let missing = (1..=7).map(missing).collect::<Vec<_>>();
        let failure = not_shown("_acme-challenge.a.example", &missing, 600);
        assert_eq!(failure.reason, "DNS_NOT_PROPAGATED");
        let message = failure.message;
        assert!(
            message.contains("ns1.example (192.0.2.1) does not have the name;"),
            "{message}"
        );
        assert!(message.ends_with("and 2 more."), "{message}");
    }

    #[test]
    fn a_private_name_server_is_told_to_be_allowed() {
        let allowed = runtime::Egress::new(&[]).check("ns1.example", "10.0.0.53".parse().unwrap());
        let error = Dns01Error::Dns {
            name: "a.example".into(),
            error: allowed.unwrap_err().into(),
        };
        let failure = dns01(&error);
        assert_eq!(failure.reason, "ADDRESS_NOT_ALLOWED");
        assert!(failure.advice.contains("10.0.0.53 into allow in [egress]"));
    }

    #[test]
    fn a_wrong_key_is_told_apart_from_an_unknown_one() {
        let server = || "192.0.2.53:53".to_owned();
        let failed = |error| {
            dns01(&Dns01Error::Write {
                provider: "home".into(),
                owner: "_acme-challenge.a.example".into(),
                error: WriteError::Update {
                    error: Box::new(error),
                    key: "chancery".into(),
                },
            })
        };
        let wrong = failed(UpdateError::WrongSecret { server: server() });
        let unknown = failed(UpdateError::UnknownKey { server: server() });
        assert_eq!(
            (wrong.reason.as_str(), unknown.reason.as_str()),
            ("DNS_KEY_WRONG", "DNS_KEY_UNKNOWN")
        );
        assert!(wrong.message.contains(
            "home did not change _acme-challenge.a.example: 192.0.2.53:53 finds the signature wrong"
        ));
        assert!(wrong.advice.contains("the key chancery"));
    }
}
