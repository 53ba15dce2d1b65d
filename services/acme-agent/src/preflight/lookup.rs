//! The DNS, asked as a CA asks it: each time anew, and no hosts file.

use std::net::IpAddr;

use hickory_proto::{
    op::ResponseCode,
    rr::{Name, RData, RecordType, rdata::CAA},
};

use super::finding::Finding;
use crate::dns::{DnsError, Resolver};

/// Asks name servers.
pub struct Lookup(pub Resolver);

/// Why there is no answer from the DNS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LookupError {
    /// The name does not exist.
    NoSuchName,
    /// The name's own servers are in trouble: a CA does not go on after this either.
    ServFail,
    /// Nobody answered us, or not as one should.
    Unanswered(String),
}

/// The addresses of a name, kind by kind; none where there is no such record.
#[derive(Debug, Clone)]
pub(super) struct Addresses {
    a: Result<Vec<IpAddr>, LookupError>,
    aaaa: Result<Vec<IpAddr>, LookupError>,
}

impl Lookup {
    /// The A and AAAA records of a name.
    pub(super) async fn addresses(&self, host: &str) -> Addresses {
        let of = async |kind| {
            let found = self.records(host, kind).await?;
            let addresses = found.into_iter().filter_map(|data| match data {
                RData::A(a) => Some(IpAddr::V4(a.0)),
                RData::AAAA(aaaa) => Some(IpAddr::V6(aaaa.0)),
                _ => None,
            });
            Ok(addresses.collect())
        };
        let (a, aaaa) = tokio::join!(of(RecordType::A), of(RecordType::AAAA));
        Addresses { a, aaaa }
    }

    /// The CAA records of exactly this name.
    pub(super) async fn caa(&self, host: &str) -> Result<Vec<CAA>, LookupError> {
        let found = self.records(host, RecordType::CAA).await?;
        let records = found.into_iter().filter_map(|data| match data {
            RData::CAA(caa) => Some(caa),
            _ => None,
        });
        Ok(records.collect())
    }

    async fn records(&self, host: &str, kind: RecordType) -> Result<Vec<RData>, LookupError> {
        let unanswered = |error: &dyn ToString| LookupError::Unanswered(error.to_string());
        let mut name = Name::from_ascii(host).map_err(|e| unanswered(&e))?;
        // No search list: a CA has none either.
        name.set_fqdn(true);
        match self.0.look_up(&name, kind).await {
            Ok(answer) if answer.metadata.response_code == ResponseCode::NXDomain => {
                Err(LookupError::NoSuchName)
            }
            Ok(answer) => Ok(answer.answers.into_iter().map(|r| r.data).collect()),
            Err(DnsError::Refused { code, .. }) if code == ResponseCode::ServFail => {
                Err(LookupError::ServFail)
            }
            Err(error) => Err(unanswered(&error)),
        }
    }
}

/// What a name's addresses say, and the addresses.
pub(super) fn judge(host: &str, found: Addresses) -> (Finding, Vec<IpAddr>) {
    use LookupError::{NoSuchName, ServFail, Unanswered};
    const KIND: &str = "RESOLVES";
    let addresses = [&found.a, &found.aaaa].into_iter().flatten().flatten();
    let addresses = addresses.copied().collect::<Vec<_>>();
    let add = format!(
        "Add an A record for {host} with the public IPv4 address of this gateway; an AAAA record too, where it has IPv6."
    );
    let wait = "Wait until the name servers answer with it, then check again.".to_owned();
    let mend = || {
        [
            format!("See at the DNS provider that the servers of {host}'s zone run, and that its delegation names them."),
            "If the zone is signed (DNSSEC), see that its signatures have not expired and that the DS record above fits.".to_owned(),
        ]
    };
    let finding = match (&found.a, &found.aaaa) {
        (Err(NoSuchName), _) | (_, Err(NoSuchName)) if addresses.is_empty() => {
            Finding::failed(KIND, host, format!("{host} does not exist in the DNS."), [add, wait])
        }
        (Err(ServFail), _) | (_, Err(ServFail)) if addresses.is_empty() => Finding::failed(
            KIND,
            host,
            format!("The name servers of {host} do not answer as they should (SERVFAIL)."),
            mend(),
        ),
        (Err(Unanswered(why)), _) | (_, Err(Unanswered(why))) if addresses.is_empty() => {
            Finding::warning(
                KIND,
                host,
                format!("{host} could not be looked up from here: {why}."),
                ["Check this machine's name servers, or name others in resolvers of [acme_agent].".to_owned()],
            )
        }
        (Ok(_), Ok(_)) if addresses.is_empty() => Finding::failed(
            KIND,
            host,
            format!("{host} has neither an A nor an AAAA record."),
            [add, wait],
        ),
        (Err(ServFail | Unanswered(_)), _) => half(host, "A", mend()),
        (_, Err(ServFail | Unanswered(_))) => half(host, "AAAA", mend()),
        _ => Finding::passed(KIND, host, format!("{host} has {}.", listed(&addresses))),
    };
    (finding, addresses)
}

/// CAs that ask for both kinds give up where one of them cannot be had.
fn half(host: &str, kind: &str, fixes: [String; 2]) -> Finding {
    let message = format!("The {kind} records of {host} cannot be looked up; many CAs stop there.");
    Finding::warning("RESOLVES", host, message, fixes)
}

fn listed(addresses: &[IpAddr]) -> String {
    let texts = addresses.iter().map(IpAddr::to_string);
    let texts = texts.collect::<Vec<_>>().join(", ");
    match addresses.len() {
        1 => format!("the address {texts}"),
        _ => format!("the addresses {texts}"),
    }
}

#[cfg(test)]
mod tests {
    use api::acme::v1::CheckOutcome;

    use super::*;

    type Found = Result<Vec<IpAddr>, LookupError>;

    fn judged(a: Found, aaaa: Found) -> (CheckOutcome, String) {
        let (finding, _) = judge("shop.example", Addresses { a, aaaa });
        assert_eq!(
            finding.fixes.is_empty(),
            finding.outcome == CheckOutcome::Passed
        );
        (finding.outcome, finding.message)
    }

    #[test]
    fn what_the_dns_says_is_told_apart() {
        use CheckOutcome::{Failed, Passed, Warning};
        let (v4, v6) = ("192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap());
        let silent = || Err(LookupError::Unanswered("timed out".into()));
        for (a, aaaa, outcome, words) in [
            (Ok(vec![v4]), Ok(vec![]), Passed, "the address 192.0.2.1"),
            (Ok(vec![v4]), Ok(vec![v6]), Passed, "192.0.2.1, 2001:db8::1"),
            (Ok(vec![]), Ok(vec![v6]), Passed, "2001:db8::1"),
            (Ok(vec![]), Ok(vec![]), Failed, "neither an A nor an AAAA"),
            (
                Err(LookupError::NoSuchName),
                Err(LookupError::NoSuchName),
                Failed,
                "does not exist",
            ),
            (
                Err(LookupError::ServFail),
                Err(LookupError::ServFail),
                Failed,
                "SERVFAIL",
            ),
            (
                Ok(vec![v4]),
                Err(LookupError::ServFail),
                Warning,
                "AAAA records",
            ),
            (silent(), silent(), Warning, "timed out"),
            (silent(), Ok(vec![v6]), Warning, "A records"),
        ] {
            let (judged, message) = judged(a, aaaa);
            assert_eq!(judged, outcome, "{message}");
            assert!(message.contains(words), "{message}");
        }
    }
}
