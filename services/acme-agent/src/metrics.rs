//! What is counted of orders, and what waits.

use api::acme::v1::Failure;
use runtime::metrics::{Collect, CollectError, Metric, queue};
use sea_orm::DatabaseConnection;

use crate::{
    challenge::records, events::AutomationEvent as Event, outbox, owed, schedule::agendas,
};

/// All of it.
pub const METRICS: &[Metric] = &[ORDERS, FAILURES, NEXT_START];

/// A CA has an order of ours.
pub fn placed(directory_url: &str) {
    order(directory_url, "placed");
}

/// An order has ended, as this event of its automation says.
pub fn ended(directory_url: &str, event: &Event) {
    match event {
        Event::CertificateIssued(_) | Event::Renewed(_) => order(directory_url, "issued"),
        Event::IssuanceFailed(failed) | Event::RenewalFailed(failed) => {
            order(directory_url, "failed");
            let failure = failed.failure.clone().unwrap_or_default();
            let (ca, problem) = (host(directory_url), problem(&failure));
            ::metrics::counter!(FAILURES.name, "ca" => ca, "reason" => failure.reason, "problem" => problem)
                .increment(1);
        }
        // Another agent was first, and counts it.
        _ => {}
    }
}

fn order(directory_url: &str, outcome: &'static str) {
    let ca = host(directory_url);
    ::metrics::counter!(ORDERS.name, "ca" => ca, "outcome" => outcome).increment(1);
}

/// The host of a directory: one of those that an administrator has registered.
fn host(directory_url: &str) -> String {
    let url = url::Url::parse(directory_url).ok();
    let host = url.as_ref().and_then(url::Url::host_str);
    host.unwrap_or("unknown").to_owned()
}

/// The type of the CA's problem: one of a known number, whatever a CA sends.
fn problem(failure: &Failure) -> &'static str {
    let Some(problem) = &failure.problem else {
        return "none";
    };
    let kind = problem.r#type.rsplit(':').next().unwrap_or_default();
    let known = PROBLEMS.iter().find(|known| **known == kind);
    known.copied().unwrap_or("other")
}

/// What waits in the service's tables.
pub struct Waiting {
    /// The service's name.
    pub service: &'static str,
    /// Where the tables are.
    pub database: DatabaseConnection,
}

#[async_trait::async_trait]
impl Collect for Waiting {
    async fn refresh(&self) -> Result<(), CollectError> {
        let db = &self.database;
        for (name, waiting) in [
            ("orders", outbox::count(db).await?),
            (
                "revocations",
                owed::count(db, owed::What::Revocation).await?,
            ),
            ("releases", owed::count(db, owed::What::Release).await?),
            ("dns-records", records::count(db).await?),
        ] {
            queue(self.service, name, waiting);
        }
        let next = agendas::earliest(db).await?;
        let next = next.map_or(f64::INFINITY, |at| at.unix_timestamp() as f64);
        ::metrics::gauge!(NEXT_START.name).set(next);
        Ok(())
    }
}

const ORDERS: Metric = Metric::counter(
    "chancery_acme_orders_total",
    &["ca", "outcome"],
    "Orders by the host of the CA's directory: placed, issued, failed. One that was placed before a restart is not counted again.",
);

const FAILURES: Metric = Metric::counter(
    "chancery_acme_order_failures_total",
    &["ca", "reason", "problem"],
    "Failed orders by our reason and by the type of the CA's problem (RFC 8555, section 6.7): none where the CA said nothing, other where it is not a registered one.",
);

const NEXT_START: Metric = Metric::gauge(
    "chancery_acme_next_start_seconds",
    &[],
    "When the next renewal, or the next try of one, begins by itself, in seconds since 1970; +Inf where none does.",
);

/// The registry of RFC 8555, section 9.7.7, with what RFC 9773 added.
const PROBLEMS: [&str; 25] = [
    "accountDoesNotExist",
    "alreadyReplaced",
    "alreadyRevoked",
    "badCSR",
    "badNonce",
    "badPublicKey",
    "badRevocationReason",
    "badSignatureAlgorithm",
    "caa",
    "compound",
    "connection",
    "dns",
    "externalAccountRequired",
    "incorrectResponse",
    "invalidContact",
    "malformed",
    "orderNotReady",
    "rateLimited",
    "rejectedIdentifier",
    "serverInternal",
    "tls",
    "unauthorized",
    "unsupportedContact",
    "unsupportedIdentifier",
    "userActionRequired",
];

#[cfg(test)]
mod tests {
    use api::acme::v1::Problem;

    use super::*;

    #[test]
    fn a_ca_makes_no_metrics_of_its_own() {
        let failure = |kind: &str| Failure {
            problem: Some(Problem {
                r#type: kind.to_owned(),
                ..Problem::default()
            }),
            ..Failure::default()
        };
        let urn = "urn:ietf:params:acme:error:";
        assert_eq!(
            problem(&failure(&format!("{urn}rateLimited"))),
            "rateLimited"
        );
        assert_eq!(problem(&failure(&format!("{urn}made-up-7"))), "other");
        assert_eq!(problem(&failure("https://ca.example/7")), "other");
        assert_eq!(problem(&Failure::default()), "none");
        assert_eq!(host("https://ca.example:14000/dir"), "ca.example");
        assert_eq!(host(""), "unknown");
    }
}
