//! What is said in the log of damage to it: once when it is found, and once when it is gone.

use std::fmt;

use api::projection::v1::{DamageFound, FoundWhole, LogFinding};
use eventlog::{
    Aggregate, CommandError, Envelope, EventLog, LogError, Origin,
    proof::{Finding, verifier::Report},
};
use runtime::Clock;

use crate::{events::SealEvent, seal::SEAL};

/// What does not fit in the log.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// The first of it.
    pub findings: Vec<LogFinding>,
    /// How much more there is.
    pub more: u64,
}

impl Eq for Found {}

impl Found {
    /// What a report names, and this beside it.
    pub fn of(report: &Report, others: Vec<LogFinding>) -> Self {
        let mut findings = report.findings.iter().map(finding).collect::<Vec<_>>();
        findings.extend(others);
        let more = findings.len().saturating_sub(NAMED) as u64 + report.more;
        findings.truncate(NAMED);
        Self { findings, more }
    }

    /// Whether all fits.
    pub fn is_nothing(&self) -> bool {
        self.findings.is_empty() && self.more == 0
    }

    /// How much does not.
    pub fn count(&self) -> u64 {
        self.findings.len() as u64 + self.more
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, finding) in self.findings.iter().enumerate() {
            f.write_str(if n == 0 { "" } else { "; " })?;
            f.write_str(&finding.what)?;
        }
        match self.more {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

fn finding(finding: &Finding) -> LogFinding {
    let events = finding.events();
    LogFinding {
        first: *events.start(),
        last: *events.end(),
        what: finding.to_string(),
    }
}

/// What the log says of damage to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Damage(Option<Found>);

/// There is one log.
pub const ID: &str = "damage";

/// The log says so already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the log says so already")]
pub struct SaysSo;

impl Aggregate for Damage {
    const NAME: &'static str = SEAL;
    type Event = SealEvent;

    fn evolve(&mut self, event: &SealEvent, _: &Envelope) {
        match event {
            SealEvent::DamageFound(found) => {
                self.0 = Some(Found {
                    findings: found.findings.clone(),
                    more: found.more,
                });
            }
            SealEvent::FoundWhole(_) => self.0 = None,
            SealEvent::Signed(_) | SealEvent::Cosigned(_) => {}
        }
    }
}

impl Damage {
    /// Says what was found up to this position, where it is not what was found before.
    ///
    /// # Errors
    /// [`SaysSo`].
    pub fn decide(&self, position: u64, found: &Found) -> Result<SealEvent, SaysSo> {
        match &self.0 {
            None if found.is_nothing() => Err(SaysSo),
            Some(said) if said == found => Err(SaysSo),
            Some(_) if found.is_nothing() => Ok(SealEvent::FoundWhole(FoundWhole { position })),
            Some(_) | None => Ok(SealEvent::DamageFound(DamageFound {
                position,
                findings: found.findings.clone(),
                more: found.more,
            })),
        }
    }
}

/// Says in the log what was found in it: once, whoever says it.
///
/// # Errors
/// What the log says.
pub async fn say(
    log: &EventLog,
    clock: &Clock,
    position: u64,
    found: &Found,
) -> Result<(), LogError> {
    let origin = Origin::unasked("service/projection", clock.new_id());
    let decide = |state: &Damage| state.decide(position, found);
    let done = log.execute::<Damage, _>(ID, &origin, "", clock.now(), decide);
    match done.await {
        Ok(_) | Err(CommandError::Refused(SaysSo)) => Ok(()),
        Err(CommandError::Failed(error)) => Err(error),
        // Others say the same: the next look shows it.
        Err(CommandError::Contended | CommandError::Changed(_) | CommandError::RequestIdReused) => {
            Ok(())
        }
    }
}

/// How much is named one by one: an event stays short, and whoever wants all of it asks for it (`events verify`).
const NAMED: usize = 10;

#[cfg(test)]
mod tests {
    use eventlog::given::given;

    use super::*;

    fn found(sequences: &[u64]) -> Found {
        let report = Report {
            events: 9,
            size: 9,
            root: [0; 32],
            fitting: 0,
            fits_to: 0,
            passed_over: 0,
            findings: sequences
                .iter()
                .map(|&sequence| Finding::Changed { sequence })
                .collect(),
            more: 0,
        };
        Found::of(&report, Vec::new())
    }

    fn said(position: u64, found: &Found) -> SealEvent {
        SealEvent::DamageFound(DamageFound {
            position,
            findings: found.findings.clone(),
            more: found.more,
        })
    }

    #[test]
    fn each_state_of_the_log_is_said_once() {
        let (one, two) = (found(&[7]), found(&[7, 8]));
        given::<Damage>([])
            .when(|state| state.decide(9, &Found::default()))
            .refused(SaysSo);
        given::<Damage>([])
            .when(|state| state.decide(9, &one))
            .then(said(9, &one));
        // It has grown meanwhile, and says the same.
        given::<Damage>([said(9, &one)])
            .when(|state| state.decide(12, &one))
            .refused(SaysSo);
        given::<Damage>([said(9, &one)])
            .when(|state| state.decide(12, &two))
            .then(said(12, &two));
        let whole = SealEvent::FoundWhole(FoundWhole { position: 12 });
        given::<Damage>([said(9, &one)])
            .when(|state| state.decide(12, &Found::default()))
            .then(whole.clone());
        given::<Damage>([said(9, &one), whole])
            .when(|state| state.decide(12, &Found::default()))
            .refused(SaysSo);
    }

    #[test]
    fn much_damage_is_counted() {
        let many = found(&(1..=30).collect::<Vec<_>>());
        assert_eq!((many.findings.len(), many.more, many.count()), (10, 20, 30));
        assert_eq!(many.findings[9].first, 10);
        let text = many.to_string();
        assert!(text.starts_with("event 1 is not the one that was recorded; event 2"));
        assert!(text.ends_with("; and 20 more"), "{text}");
    }
}
