//! What a check has found, and the way it is told.

use api::acme::v1::{Check, CheckOutcome};
use runtime::Clock;
use time::OffsetDateTime;
use tokio::sync::mpsc;

use super::LONGEST_CHECK;

/// One finding, before it is known how long it took.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Finding {
    pub(super) kind: &'static str,
    pub(super) target: String,
    pub(super) outcome: CheckOutcome,
    pub(super) message: String,
    pub(super) fixes: Vec<String>,
}

impl Finding {
    pub(super) fn passed(kind: &'static str, target: &str, message: String) -> Self {
        Self::new(kind, target, CheckOutcome::Passed, message, [])
    }

    /// It may fail, or cannot be told from here.
    pub(super) fn warning<const N: usize>(
        kind: &'static str,
        target: &str,
        message: String,
        fixes: [String; N],
    ) -> Self {
        Self::new(kind, target, CheckOutcome::Warning, message, fixes)
    }

    /// A request would fail.
    pub(super) fn failed<const N: usize>(
        kind: &'static str,
        target: &str,
        message: String,
        fixes: [String; N],
    ) -> Self {
        Self::new(kind, target, CheckOutcome::Failed, message, fixes)
    }

    /// It took too long to tell.
    pub(super) fn unknown(kind: &'static str, target: &str) -> Self {
        let seconds = LONGEST_CHECK.as_secs();
        Self::warning(
            kind,
            target,
            format!("It could not be told within {seconds} seconds."),
            ["Check again; if it stays so, see whether this machine reaches the internet and its name servers.".to_owned()],
        )
    }

    fn new<const N: usize>(
        kind: &'static str,
        target: &str,
        outcome: CheckOutcome,
        message: String,
        fixes: [String; N],
    ) -> Self {
        Self {
            kind,
            target: target.to_owned(),
            outcome,
            message,
            fixes: fixes.into(),
        }
    }
}

/// Tells findings to who asked for them.
pub(super) struct Report {
    tell: mpsc::Sender<Check>,
    clock: Clock,
}

impl Report {
    pub(super) fn new(tell: mpsc::Sender<Check>, clock: Clock) -> Self {
        Self { tell, clock }
    }

    /// Tells what a check finds, or that it could not be told in time.
    pub(super) async fn timed(
        &self,
        kind: &'static str,
        target: &str,
        check: impl Future<Output = Finding>,
    ) {
        let begun = self.clock.now();
        let finding = tokio::time::timeout(LONGEST_CHECK, check).await;
        let finding = finding.unwrap_or_else(|_| Finding::unknown(kind, target));
        self.tell(finding, begun).await;
    }

    /// Tells a finding that was begun to be looked for then.
    pub(super) async fn tell(&self, finding: Finding, begun: OffsetDateTime) {
        let took = std::time::Duration::try_from(self.clock.now() - begun).unwrap_or_default();
        let check = Check {
            kind: finding.kind.to_owned(),
            target: finding.target,
            outcome: finding.outcome.into(),
            message: finding.message,
            fixes: finding.fixes,
            took: Some(api::convert::duration(took)),
        };
        // Who asked may have gone away; then the checks end as well.
        let _ = self.tell.send(check).await;
    }
}
