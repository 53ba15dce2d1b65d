//! Whether a name's addresses answer, and lead to this system. Our own address is not known behind NAT: so a
//! token is put where every gateway finds it, and asked for at each address as a CA would.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use api::acme::v1::ChallengeType;
use futures_util::{StreamExt, stream};
use http::{Request, header};
use runtime::EgressError;
use tokio::net::TcpStream;
use uuid::Uuid;

use super::{LONGEST_CHECK, Preflight, Run, finding::Finding};
use crate::{challenge::bucket::Answers, worker::chain};

/// A token that our gateways answer, and none else.
pub(super) struct Proof {
    token: String,
    answer: String,
}

/// What there is at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// One of our gateways.
    Us,
    /// Somebody, and it is not asked who.
    Somebody,
    /// Another web server: what it did.
    Another(String),
    /// Nobody: why.
    Nobody(String),
    /// This system does not connect to such addresses, or cannot: why.
    NotTried(String),
}

impl Proof {
    /// Makes one, and puts it in place; `None` where that cannot be done.
    pub(super) async fn put(answers: &Answers) -> Option<Self> {
        let token = Uuid::new_v4().simple().to_string();
        let answer = format!("{token}.{}", Uuid::new_v4().simple());
        match answers.put_http_01(&token, answer.clone()).await {
            Ok(()) => Some(Self { token, answer }),
            Err(error) => {
                tracing::warn!(
                    error = chain(&error),
                    "cannot put a token for checks in place"
                );
                None
            }
        }
    }
}

impl Preflight {
    /// Looks at every address of a name, and tells what is there.
    pub(super) async fn reach(&self, run: &Run<'_>, host: &str, addresses: &[IpAddr]) {
        if addresses.is_empty() || run.challenge == ChallengeType::Dns01 {
            return;
        }
        let begun = self.clock.now();
        let port = match run.challenge {
            ChallengeType::TlsAlpn01 => Port::Tls,
            _ => Port::Http,
        };
        let looks = addresses.iter().map(|a| self.look(run, host, *a, port));
        let looks = stream::iter(looks.collect::<Vec<_>>());
        let found = looks
            .buffered(ADDRESSES_AT_A_TIME)
            .collect::<Vec<_>>()
            .await;
        for finding in judge(host, &found, port) {
            run.report.tell(finding, begun).await;
        }
    }

    async fn look(
        &self,
        run: &Run<'_>,
        host: &str,
        address: IpAddr,
        port: Port,
    ) -> (IpAddr, Found) {
        let look = async {
            match port {
                Port::Tls => self.connect(host, address).await,
                Port::Http => self.fetch(host, address, run.proof.as_ref()).await,
            }
        };
        let found = tokio::time::timeout(LONGEST_CHECK, look).await;
        let silent = || Found::Nobody(format!("no answer within {} s", LONGEST_CHECK.as_secs()));
        (address, found.unwrap_or_else(|_| silent()))
    }

    /// Asks for the token as a CA would, of exactly this address.
    async fn fetch(&self, host: &str, address: IpAddr, proof: Option<&Proof>) -> Found {
        let token = proof.map_or("none", |proof| proof.token.as_str());
        let authority = SocketAddr::new(address, self.http_port);
        let request = Request::get(format!(
            "http://{authority}/.well-known/acme-challenge/{token}"
        ));
        let named = match host.parse::<Ipv6Addr>() {
            Ok(address) => format!("[{address}]"),
            Err(_) => host.to_owned(),
        };
        let Ok(request) = request
            .header(header::HOST, named)
            .body(bytes::Bytes::new())
        else {
            return Found::NotTried("it cannot be asked for over HTTP".to_owned());
        };
        let http = match self.egress.client::<&[u8]>(&[]) {
            Ok(http) => http,
            Err(error) => return Found::NotTried(error.to_string()),
        };
        match (http.send(request).await, proof) {
            (Ok(_), None) => Found::Somebody,
            (Ok(answer), Some(proof)) if answer.body().trim_ascii() == proof.answer.as_bytes() => {
                Found::Us
            }
            (Ok(answer), Some(_)) => Found::Another(format!(
                "it answers with HTTP status {}",
                answer.status().as_u16()
            )),
            (Err(error), _) => not_fetched(error),
        }
    }

    /// Opens a connection to the port of TLS, and no more.
    async fn connect(&self, host: &str, address: IpAddr) -> Found {
        if let Err(error) = self.egress.check(host, address) {
            return not_fetched(error);
        }
        match TcpStream::connect((address, self.tls_port)).await {
            Ok(_) => Found::Somebody,
            Err(error) => nobody(error.to_string()),
        }
    }
}

fn not_fetched(error: EgressError) -> Found {
    match error {
        EgressError::Refused { kind, .. } => {
            Found::NotTried(format!("this system does not connect to {kind} addresses"))
        }
        EgressError::Redirected { to, .. } => Found::Another(format!("it redirects to {to}")),
        EgressError::TooLarge { .. } => Found::Another("it answers without end".to_owned()),
        EgressError::Unreachable { reason, .. } => nobody(reason),
        EgressError::TimedOut { after, .. } => {
            Found::Nobody(format!("no answer within {} s", after.as_secs()))
        }
        EgressError::Url { .. }
        | EgressError::Unresolved { .. }
        | EgressError::Untrusted { .. }
        | EgressError::Roots { .. } => Found::NotTried(error.to_string()),
    }
}

/// A machine without a route (no IPv6, most often) learns nothing about the other end.
fn nobody(reason: String) -> Found {
    match reason.contains("etwork is unreachable") {
        true => Found::NotTried("this machine has no route to it".to_owned()),
        false => Found::Nobody(reason),
    }
}

/// Where a CA looks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Port {
    Http,
    Tls,
}

impl Port {
    fn kind(self) -> &'static str {
        match self {
            Self::Http => "PORT_80",
            Self::Tls => "PORT_443",
        }
    }

    fn number(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Tls => 443,
        }
    }
}

/// A finding for each address, and for HTTP one that says whether the name leads here.
fn judge(host: &str, found: &[(IpAddr, Found)], port: Port) -> Vec<Finding> {
    let answers = |found: &Found| matches!(found, Found::Us | Found::Somebody | Found::Another(_));
    let some_answer = found.iter().any(|(_, found)| answers(found));
    let each = found
        .iter()
        .map(|(address, found)| at_address(host, *address, found, port, some_answer));
    let mut findings = each.collect::<Vec<_>>();
    if port == Port::Http {
        findings.push(to_here(host, found));
    }
    findings
}

fn at_address(
    host: &str,
    address: IpAddr,
    found: &Found,
    port: Port,
    some_answer: bool,
) -> Finding {
    let (kind, number, target) = (port.kind(), port.number(), address.to_string());
    let record = if address.is_ipv6() { "AAAA" } else { "A" };
    match found {
        Found::Us | Found::Somebody | Found::Another(_) => {
            let message = format!("Port {number} of {address} ({host}) answers.");
            Finding::passed(kind, &target, message)
        }
        Found::NotTried(why) => Finding::warning(
            kind,
            &target,
            format!("Whether port {number} of {address} ({host}) answers cannot be told from here: {why}."),
            [
                format!("For a public CA, give {host} an address that the internet reaches."),
                format!("For a CA of your own, name the network of {address} in [egress] allow of chancery.toml, and check again."),
            ],
        ),
        Found::Nobody(why) if some_answer => Finding::warning(
            kind,
            &target,
            format!("Port {number} of {address} ({host}) does not answer: {why}. A CA may try this address first."),
            [
                format!("Let a gateway listen on port {number} of {address}, and the firewall let it through."),
                format!("Or take the {record} record with {address} away from {host}."),
            ],
        ),
        Found::Nobody(why) => Finding::failed(
            kind,
            &target,
            format!("Port {number} of {address} ({host}) does not answer: {why}."),
            [
                format!("Open port {number} for everybody in the firewall or security group: CAs look from many places."),
                format!("Behind a router, forward port {number} of its public address to this gateway."),
                format!("See that the gateway listens there, and that {address} is its address."),
                "A router that does not lead its own public address back inside looks like this from here too: then request anyway.".to_owned(),
            ],
        ),
    }
}

fn to_here(host: &str, found: &[(IpAddr, Found)]) -> Finding {
    const KIND: &str = "TO_HERE";
    let which = |wanted: fn(&Found) -> bool| {
        let those = found.iter().filter(move |(_, found)| wanted(found));
        those.map(|(address, _)| *address).collect::<Vec<_>>()
    };
    let (ours, others) = (
        which(|f| *f == Found::Us),
        which(|f| matches!(f, Found::Another(_))),
    );
    let point = format!("Let the A and AAAA records of {host} name this gateway alone.");
    let pass_on =
        "If a proxy or load balancer stands in front, let it pass /.well-known/acme-challenge/ on to this gateway, on port 80.".to_owned();
    if others.is_empty() && !ours.is_empty() {
        return Finding::passed(KIND, host, format!("{host} leads to this system."));
    }
    let Some(other) = others.first() else {
        return Finding::warning(
            KIND,
            host,
            format!("Whether {host} leads to this system cannot be told from here."),
            [format!(
                "Mend what the checks of its addresses say; else see for yourself that {host} leads to this gateway."
            )],
        );
    };
    let what = found.iter().find_map(|(_, found)| match found {
        Found::Another(what) => Some(what.as_str()),
        _ => None,
    });
    let what = what.unwrap_or("it answers otherwise");
    let message =
        format!("{host} leads to another system: {other} does not know our token ({what}).");
    // CAs go to IPv6 first, and to IPv4 only where that does not answer at all.
    let first = others.iter().any(IpAddr::is_ipv6)
        || ours.iter().all(|a| a.is_ipv4() && others.contains(a));
    match first || ours.is_empty() {
        true => Finding::failed(KIND, host, message, [point, pass_on]),
        false => Finding::warning(
            KIND,
            host,
            format!(
                "Some addresses of {host} lead here, and {other} does not ({what}): a CA may come to that one."
            ),
            [point, pass_on],
        ),
    }
}

/// Of one name.
const ADDRESSES_AT_A_TIME: usize = 8;

#[cfg(test)]
mod tests {
    use api::acme::v1::CheckOutcome::{self, Failed, Passed, Warning};

    use super::*;

    fn judged(found: &[(&str, Found)], port: Port) -> Vec<(&'static str, CheckOutcome)> {
        let found = found.iter().map(|(a, f)| (a.parse().unwrap(), f.clone()));
        let findings = judge("shop.example", &found.collect::<Vec<_>>(), port);
        for finding in &findings {
            assert_eq!(
                finding.fixes.is_empty(),
                finding.outcome == Passed,
                "{finding:?}"
            );
        }
        findings.iter().map(|f| (f.kind, f.outcome)).collect()
    }

    #[test]
    fn each_address_is_judged_and_then_the_name() {
        let another = || Found::Another("it answers with HTTP status 404".into());
        let nobody = || Found::Nobody("connection refused".into());
        let not_tried =
            || Found::NotTried("this system does not connect to private addresses".into());
        let (v4, other_v4, v6) = ("192.0.2.1", "192.0.2.2", "2001:db8::1");
        for (found, outcomes) in [
            (vec![(v4, Found::Us)], vec![Passed, Passed]),
            (
                vec![(v4, Found::Us), (v6, nobody())],
                vec![Passed, Warning, Passed],
            ),
            (vec![(v4, nobody())], vec![Failed, Warning]),
            (
                vec![(v4, nobody()), (v6, nobody())],
                vec![Failed, Failed, Warning],
            ),
            (vec![(v4, another())], vec![Passed, Failed]),
            (
                vec![(v4, Found::Us), (other_v4, another())],
                vec![Passed, Passed, Warning],
            ),
            (
                vec![(v4, Found::Us), (v6, another())],
                vec![Passed, Passed, Failed],
            ),
            (vec![(v4, not_tried())], vec![Warning, Warning]),
            (
                vec![(v4, Found::Us), (v6, not_tried())],
                vec![Passed, Warning, Passed],
            ),
            (vec![(v4, Found::Somebody)], vec![Passed, Warning]),
        ] {
            let judged = judged(&found, Port::Http);
            let kinds = judged.iter().map(|(kind, _)| *kind).collect::<Vec<_>>();
            assert_eq!(kinds.last(), Some(&"TO_HERE"));
            assert!(kinds[..kinds.len() - 1].iter().all(|k| *k == "PORT_80"));
            let judged = judged.iter().map(|(_, outcome)| *outcome);
            assert_eq!(judged.collect::<Vec<_>>(), outcomes, "{found:?}");
        }
        let tls = judged(&[(v4, Found::Somebody), (v6, nobody())], Port::Tls);
        assert_eq!(tls, [("PORT_443", Passed), ("PORT_443", Warning)]);
    }

    #[test]
    fn a_machine_without_a_route_blames_nobody() {
        let reason = "Network is unreachable (os error 101)".to_owned();
        assert!(matches!(nobody(reason), Found::NotTried(_)));
        assert!(matches!(
            nobody("Connection refused".into()),
            Found::Nobody(_)
        ));
    }
}
