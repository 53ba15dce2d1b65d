//! What a request would need, looked at before anything is ordered: each finding is told as soon as it is known.
//!
//! A check never stands in the way: what it says may be wrong, for the CA looks from elsewhere. Names are
//! looked at side by side, a few at a time, and no check takes longer than [`LONGEST_CHECK`].
//!
//! | kind | asked of | by |
//! | --- | --- | --- |
//! | `RESOLVES` | the name's A and AAAA records | [`lookup`] |
//! | `PORT_80`, `PORT_443`, `TO_HERE` | each address | [`reach`] |
//! | `CAA` | the CAA records of the name and above | [`caa`] |
//! | `SERVER` | the CA's directory, and our account there | [`server`] |
//! | `DNS_PROVIDER` | for DNS-01: who writes the record, and into which zone | [`provider`] |
//! | `RATE_LIMIT` | what was used of the CA's limits | [`room`] |

mod caa;
mod finding;
mod lookup;
mod provider;
mod reach;
mod room;
mod server;

pub use lookup::Lookup;

use std::{net::IpAddr, sync::Arc, time::Duration};

use api::acme::v1::{ChallengeType, Check, ServerRegistered};
use eventlog::Origin;
use futures_util::{StreamExt, stream};
use pki::DnsName;
use runtime::{Clock, Egress};
use tokio::sync::mpsc;
use tracing::Instrument;
use uuid::Uuid;

use crate::{
    accounts::Accounts, budget::Budget, challenge::bucket::Answers, refusal::CommandError,
    requests::Requests,
};

use finding::{Finding, Report};

/// What is to be checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// Id or name of the server.
    pub server: String,
    /// What the certificate is to be for.
    pub subjects: Vec<Subject>,
    /// How control is to be proved.
    pub challenge: ChallengeType,
    /// Id or name of the DNS provider that is to write the records of DNS-01.
    pub dns_provider: String,
}

/// One name or address that a certificate is to be for.
#[derive(Debug, Clone, PartialEq)]
pub enum Subject {
    /// A host name, or a wildcard.
    Name(DnsName),
    /// An address (RFC 8738).
    Address(IpAddr),
}

/// Checks requests.
pub struct Preflight {
    /// Knows the servers.
    pub requests: Arc<Requests>,
    /// Our accounts there.
    pub accounts: Arc<Accounts>,
    /// Where gateways find what proves that a name leads to them.
    pub answers: Answers,
    /// The DNS.
    pub lookup: Lookup,
    /// What was used of the CAs' limits.
    pub budget: Budget,
    /// The way out.
    pub egress: Egress,
    /// The time.
    pub clock: Clock,
    /// Where the CA looks for HTTP-01.
    pub http_port: u16,
    /// Where the CA looks for TLS-ALPN-01.
    pub tls_port: u16,
}

/// One run of checks.
struct Run<'a> {
    registered: &'a ServerRegistered,
    challenge: ChallengeType,
    /// The token that our gateways answer, where that is looked for and could be put in place.
    proof: Option<reach::Proof>,
    report: &'a Report,
}

impl Preflight {
    /// Begins to check. What comes out ends when all is known; who drops it ends the checks.
    ///
    /// # Errors
    /// Where there is no such server.
    pub async fn begin(
        self: &Arc<Self>,
        origin: Origin,
        question: Question,
    ) -> Result<mpsc::Receiver<Check>, CommandError> {
        let (server, registered) = self.requests.server(&question.server).await?;
        let (tell, told) = mpsc::channel(AT_A_TIME);
        let this = self.clone();
        let work = async move {
            let report = Report::new(tell.clone(), this.clock.clone());
            let checks = this.run(&origin, server, &registered, &question, &report);
            tokio::select! {
                () = checks => {}
                () = tell.closed() => {}
            }
        };
        tokio::spawn(work.in_current_span());
        Ok(told)
    }

    async fn run(
        &self,
        origin: &Origin,
        server: Uuid,
        registered: &ServerRegistered,
        question: &Question,
        report: &Report,
    ) {
        let proof = match question.challenge {
            ChallengeType::Unspecified | ChallengeType::Http01 => {
                reach::Proof::put(&self.answers).await
            }
            ChallengeType::TlsAlpn01 | ChallengeType::Dns01 => None,
        };
        let run = Run {
            registered,
            challenge: question.challenge,
            proof,
            report,
        };
        let subjects = question.subjects.iter().map(|s| self.subject(&run, s));
        let subjects = stream::iter(subjects.collect::<Vec<_>>());
        let subjects = subjects.buffer_unordered(AT_A_TIME).collect::<()>();
        let directory = run.report.timed(
            "SERVER",
            &registered.name,
            self.server(origin, server, registered),
        );
        let room = run.report.timed(
            "RATE_LIMIT",
            &registered.name,
            self.room(server, registered, &question.subjects),
        );
        let provider = self.provider(&run, &question.dns_provider);
        tokio::join!(directory, room, provider, subjects);
    }

    async fn subject(&self, run: &Run<'_>, subject: &Subject) {
        match subject {
            Subject::Address(address) => {
                let target = address.to_string();
                self.reach(run, &target, &[*address]).await;
            }
            Subject::Name(name) => {
                let caa = run.report.timed("CAA", name.as_str(), self.caa(run, name));
                tokio::join!(caa, self.leads_here(run, name), self.zone(run, name));
            }
        }
    }

    /// DNS-01 needs no address at all.
    async fn leads_here(&self, run: &Run<'_>, name: &DnsName) {
        if run.challenge == ChallengeType::Dns01 {
            return;
        }
        let host = name.as_str();
        let begun = self.clock.now();
        let looked = tokio::time::timeout(LONGEST_CHECK, self.lookup.addresses(host)).await;
        let (finding, addresses) = match looked {
            Ok(addresses) => lookup::judge(host, addresses),
            Err(_) => (Finding::unknown("RESOLVES", host), Vec::new()),
        };
        run.report.tell(finding, begun).await;
        self.reach(run, host, &addresses).await;
    }
}

/// Names that are looked at side by side.
const AT_A_TIME: usize = 8;

/// No check takes longer.
const LONGEST_CHECK: Duration = Duration::from_secs(10);
