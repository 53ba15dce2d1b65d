//! Whether the CAA records of a name allow the CA (RFC 8659), this account and this challenge (RFC 8657).

use api::acme::v1::ChallengeType;
use hickory_proto::rr::rdata::CAA;
use pki::DnsName;

use super::{
    Preflight, Run,
    finding::Finding,
    lookup::{Lookup, LookupError},
};

/// Who is about to issue, and how control is proved to it.
struct Issuer<'a> {
    /// The domains that the CA answers to in CAA records, by its directory.
    identities: &'a [String],
    account_url: &'a str,
    method: &'static str,
}

/// The records that count for a name, and where they are.
struct Relevant {
    at: String,
    records: Vec<CAA>,
}

impl Preflight {
    /// What the CAA records say to this request.
    pub(super) async fn caa(&self, run: &Run<'_>, name: &DnsName) -> Finding {
        let issuer = Issuer {
            identities: &run.registered.caa_identities,
            account_url: &run.registered.account_url,
            method: match run.challenge {
                ChallengeType::Unspecified | ChallengeType::Http01 => "http-01",
                ChallengeType::TlsAlpn01 => "tls-alpn-01",
                ChallengeType::Dns01 => "dns-01",
            },
        };
        match relevant(&self.lookup, bare(name)).await {
            Ok(None) => Finding::passed(
                KIND,
                name.as_str(),
                format!("No CAA record says which CAs may issue for {name}, so all may."),
            ),
            Ok(Some(relevant)) => judge(name, &relevant, &issuer),
            Err((at, error)) => unknown(name, &at, &error),
        }
    }
}

/// The records of the name itself or, where it has none, of the next name above that has some (section 3).
async fn relevant(lookup: &Lookup, host: &str) -> Result<Option<Relevant>, (String, LookupError)> {
    let mut at = host;
    loop {
        match lookup.caa(at).await {
            Ok(records) if !records.is_empty() => {
                let at = at.to_owned();
                return Ok(Some(Relevant { at, records }));
            }
            Ok(_) | Err(LookupError::NoSuchName) => {}
            Err(error) => return Err((at.to_owned(), error)),
        }
        match at.split_once('.') {
            Some((_, above)) => at = above,
            None => return Ok(None),
        }
    }
}

fn judge(name: &DnsName, relevant: &Relevant, issuer: &Issuer<'_>) -> Finding {
    let Relevant { at, records } = relevant;
    let is = |record: &CAA, tag: &str| record.tag.eq_ignore_ascii_case(tag);
    if let Some(odd) = records.iter().find(|r| {
        r.issuer_critical && !["issue", "issuewild", "iodef"].iter().any(|tag| is(r, tag))
    }) {
        let tag = &odd.tag;
        return Finding::failed(
            KIND,
            name.as_str(),
            format!(
                "A critical CAA record at {at} has the tag {tag:?}, which CAs do not know: none may issue."
            ),
            [format!(
                "Take the critical flag off the CAA record {tag:?} at {at}, or take the record away."
            )],
        );
    }
    let wild = name.is_wildcard() && records.iter().any(|r| is(r, "issuewild"));
    let tag = if wild { "issuewild" } else { "issue" };
    let grants = records.iter().filter(|r| is(r, tag));
    let grants = grants.map(|r| Grant::read(&r.value)).collect::<Vec<_>>();
    let Some(identity) = issuer.identities.first() else {
        return nameless(name, at, grants.is_empty());
    };
    if grants.is_empty() {
        let message = format!("The CAA records at {at} do not restrict who may issue for {name}.");
        return Finding::passed(KIND, name.as_str(), message);
    }
    let to_us = |grant: &&Grant| {
        issuer
            .identities
            .iter()
            .any(|i| i.eq_ignore_ascii_case(&grant.domain))
    };
    let ours = grants.iter().filter(to_us).collect::<Vec<_>>();
    let add = format!("Add the record to the DNS: {at}. CAA 0 {tag} \"{identity}\"");
    if ours.is_empty() {
        let others = grants
            .iter()
            .map(|g| g.domain.as_str())
            .filter(|d| !d.is_empty());
        let others = others.collect::<Vec<_>>().join(", ");
        let allowed = match others.as_str() {
            "" => "allow no CA at all".to_owned(),
            others => format!("allow only {others}"),
        };
        return Finding::failed(
            KIND,
            name.as_str(),
            format!(
                "The CAA records at {at} {allowed}, and this CA is {}.",
                issuer.identities.join(" or ")
            ),
            [
                add,
                "Or choose a server whose CA the records allow.".to_owned(),
            ],
        );
    }
    let Some(obstacle) = ours
        .iter()
        .map(|grant| grant.obstacle(issuer))
        .reduce(Option::and)
    else {
        // There is at least one.
        return Finding::unknown(KIND, name.as_str());
    };
    match obstacle {
        None => Finding::passed(
            KIND,
            name.as_str(),
            format!("The CAA records at {at} allow {identity} to issue for {name}."),
        ),
        Some(obstacle) => Finding::failed(
            KIND,
            name.as_str(),
            format!("The CAA records at {at} allow {identity}, but {obstacle}."),
            [
                format!(
                    "Mend the parameter of the record at {at}: accounturi=\"{}\", validationmethods=\"{}\".",
                    issuer.account_url, issuer.method
                ),
                format!("Or take the parameters away: {at}. CAA 0 {tag} \"{identity}\""),
            ],
        ),
    }
}

/// Some CAs do not say in their directory what they are called in CAA records.
fn nameless(name: &DnsName, at: &str, unrestricted: bool) -> Finding {
    if unrestricted {
        let message = format!("The CAA records at {at} do not restrict who may issue for {name}.");
        return Finding::passed(KIND, name.as_str(), message);
    }
    Finding::warning(
        KIND,
        name.as_str(),
        format!(
            "The CAA records at {at} name CAs, and this one's directory does not say what it is called there."
        ),
        [format!(
            "Look in the CA's documentation for its name in CAA records, and see that those at {at} have it."
        )],
    )
}

fn unknown(name: &DnsName, at: &str, error: &LookupError) -> Finding {
    match error {
        LookupError::ServFail => Finding::failed(
            KIND,
            name.as_str(),
            format!(
                "The CAA records of {at} cannot be looked up (SERVFAIL), and a CA does not issue then."
            ),
            [format!(
                "See that all name servers of {at} answer questions for CAA records, and that their DNSSEC signatures are valid."
            )],
        ),
        LookupError::NoSuchName => Finding::warning(
            KIND,
            name.as_str(),
            format!("{at} does not exist in the DNS."),
            [format!("Add records for {at}, then check again.")],
        ),
        LookupError::Unanswered(why) => Finding::warning(
            KIND,
            name.as_str(),
            format!("The CAA records of {at} could not be looked up from here: {why}."),
            [
                "Check this machine's name servers, or name others in resolvers of [acme_agent]."
                    .to_owned(),
            ],
        ),
    }
}

/// What one record allows (section 4.2): a CA's domain, and on which conditions.
#[derive(Debug, PartialEq)]
struct Grant {
    /// Empty: nobody.
    domain: String,
    parameters: Vec<(String, String)>,
}

impl Grant {
    fn read(value: &[u8]) -> Self {
        let text = String::from_utf8_lossy(value);
        let mut parts = text.split(';').map(str::trim);
        let domain = parts.next().unwrap_or_default().to_owned();
        let parameters = parts.filter_map(|part| part.split_once('='));
        let parameters = parameters.map(|(k, v)| (k.trim().to_lowercase(), v.trim().to_owned()));
        Self {
            domain,
            parameters: parameters.collect(),
        }
    }

    /// Which of its conditions is not met.
    fn obstacle(&self, issuer: &Issuer<'_>) -> Option<String> {
        self.parameters.iter().find_map(|(name, value)| {
            let methods = || value.split(',').map(str::trim);
            match name.as_str() {
                "accounturi" if value != issuer.account_url => {
                    Some(format!("only for the account {value}"))
                }
                "validationmethods" if !methods().any(|m| m == issuer.method) => {
                    Some(format!("only by {value}, not by {}", issuer.method))
                }
                _ => None,
            }
        })
    }
}

/// A wildcard without its asterisk.
pub(super) fn bare(name: &DnsName) -> &str {
    let text = name.as_str();
    text.strip_prefix("*.").unwrap_or(text)
}

const KIND: &str = "CAA";

#[cfg(test)]
mod tests {
    use api::acme::v1::CheckOutcome::{self, Failed, Passed, Warning};

    use super::*;

    const ACCOUNT: &str = "https://ca.example/acct/1";

    fn record(critical: bool, tag: &str, value: &str) -> CAA {
        let mut caa = CAA::new_issue(critical, None, Vec::new());
        caa.tag = tag.to_owned();
        caa.value = value.as_bytes().to_vec();
        caa
    }

    fn judged(name: &str, records: &[(&str, &str)]) -> (CheckOutcome, String) {
        let relevant = Relevant {
            at: "shop.example".into(),
            records: records
                .iter()
                .map(|(tag, value)| record(false, tag, value))
                .collect(),
        };
        of(name, &relevant, &["ca.example".to_owned()])
    }

    fn of(name: &str, relevant: &Relevant, identities: &[String]) -> (CheckOutcome, String) {
        let issuer = Issuer {
            identities,
            account_url: ACCOUNT,
            method: "http-01",
        };
        let finding = judge(&DnsName::try_from(name).unwrap(), relevant, &issuer);
        assert_eq!(finding.fixes.is_empty(), finding.outcome == Passed);
        (finding.outcome, finding.message)
    }

    #[test]
    fn a_record_allows_a_ca_on_its_conditions() {
        for (name, records, outcome) in [
            ("shop.example", &[("issue", "CA.example")][..], Passed),
            ("shop.example", &[("issue", "other.example")], Failed),
            ("shop.example", &[("issue", ";")], Failed),
            (
                "shop.example",
                &[("issue", "other.example"), ("issue", "ca.example")],
                Passed,
            ),
            (
                "shop.example",
                &[("iodef", "mailto:a@shop.example")],
                Passed,
            ),
            // Only a wildcard asks for issuewild, and then for nothing else.
            ("shop.example", &[("issuewild", ";")], Passed),
            (
                "*.shop.example",
                &[("issuewild", ";"), ("issue", "ca.example")],
                Failed,
            ),
            (
                "*.shop.example",
                &[("issuewild", "ca.example"), ("issue", ";")],
                Passed,
            ),
            ("*.shop.example", &[("issue", "ca.example")], Passed),
            // RFC 8657.
            (
                "shop.example",
                &[("issue", "ca.example; accounturi=https://ca.example/acct/1")],
                Passed,
            ),
            (
                "shop.example",
                &[("issue", "ca.example; accounturi=https://ca.example/acct/2")],
                Failed,
            ),
            (
                "shop.example",
                &[("issue", "ca.example;validationmethods=dns-01,http-01")],
                Passed,
            ),
            (
                "shop.example",
                &[("issue", "ca.example; validationmethods=dns-01")],
                Failed,
            ),
            (
                "shop.example",
                &[
                    ("issue", "ca.example; validationmethods=dns-01"),
                    ("issue", "ca.example"),
                ],
                Passed,
            ),
            (
                "shop.example",
                &[("issue", "ca.example; policy=ev")],
                Passed,
            ),
        ] {
            let (judged, message) = judged(name, records);
            assert_eq!(judged, outcome, "{name} {records:?}: {message}");
        }
    }

    #[test]
    fn a_critical_tag_that_nobody_knows_forbids_all() {
        let relevant = |critical| Relevant {
            at: "example".into(),
            records: vec![
                record(critical, "tbs", "x"),
                record(false, "issue", "ca.example"),
            ],
        };
        let identities = ["ca.example".to_owned()];
        assert_eq!(of("shop.example", &relevant(true), &identities).0, Failed);
        assert_eq!(of("shop.example", &relevant(false), &identities).0, Passed);
    }

    #[test]
    fn a_ca_without_a_name_cannot_be_judged() {
        let relevant = |tag| Relevant {
            at: "example".into(),
            records: vec![record(false, tag, "ca.example")],
        };
        assert_eq!(of("shop.example", &relevant("issue"), &[]).0, Warning);
        assert_eq!(of("shop.example", &relevant("issuewild"), &[]).0, Passed);
    }

    #[test]
    fn what_forbids_is_named_with_what_would_be_right() {
        let (_, message) = judged("shop.example", &[("issue", "other.example")]);
        assert_eq!(
            message,
            "The CAA records at shop.example allow only other.example, and this CA is ca.example."
        );
        let (_, message) = judged(
            "shop.example",
            &[("issue", "ca.example; validationmethods=dns-01")],
        );
        assert!(
            message.ends_with("but only by dns-01, not by http-01."),
            "{message}"
        );
    }
}
