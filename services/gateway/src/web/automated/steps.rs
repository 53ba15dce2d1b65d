//! How an order goes, step by step: read from its events.

use api::{
    acme::v1::{Failure, Step},
    convert,
    projection::v1::{Automation, Event},
};

use super::words;
use crate::web::parts::Moment;

/// One of the five steps of an order.
#[derive(Debug, PartialEq, Eq)]
pub struct Shown {
    /// What people call it.
    pub name: &'static str,
    /// How it stands.
    pub stands: Stands,
    /// More of it, for people.
    pub words: &'static str,
    /// When it was done, or failed.
    pub at: Option<Moment>,
}

/// How a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stands {
    /// It is done.
    Done,
    /// It is what is being done.
    Current,
    /// It ended here.
    Failed,
    /// It comes later.
    ToCome,
}

impl Shown {
    /// For the stylesheet.
    pub fn class(&self) -> &'static str {
        match self.stands {
            Stands::Done => "done",
            Stands::Failed => "failed",
            Stands::Current | Stands::ToCome => "",
        }
    }

    /// Whether it is the one that the order is at.
    pub fn is_current(&self) -> bool {
        self.stands == Stands::Current
    }
}

/// The steps of the newest order. `events`: the automation's, the newest first.
pub fn of(automation: &Automation, events: &[Event]) -> Vec<Shown> {
    // What the newest order said, the oldest first.
    let begun = events
        .iter()
        .position(|e| BEGINS.contains(&e.event.as_str()));
    let newest = events.get(..=begun.unwrap_or(0)).unwrap_or_default();
    let said = |names: &[&str]| newest.iter().find(|e| names.contains(&e.event.as_str()));
    let ended = said(&["certificate-issued", "renewed"]);
    let failed = said(&["issuance-failed", "renewal-failed"]);
    let reached = [
        said(&["order-intended"]),
        said(&["order-placed"]),
        said(&["finalize-intended"]),
        ended,
        ended,
    ];
    let at = |event: Option<&Event>| {
        let time = event.and_then(|event| event.time.as_ref());
        let time = time.and_then(convert::time);
        time.map(|at| Moment::in_words(at, words::clock(at)))
    };
    let broke = failed.map(|_| broken(automation.last_failure.as_ref()));
    let mut current = automation.cancelled.is_none() || !newest.is_empty();
    let steps = NAMES.iter().zip(reached).enumerate();
    let steps = steps.map(|(n, ((name, before, meanwhile, after), event))| {
        let (stands, words, at) = match (broke, event) {
            (Some(broke), _) if n == broke => (Stands::Failed, "Failed", at(failed)),
            (Some(broke), _) if n > broke => (Stands::ToCome, *before, None),
            (Some(_), event) => (Stands::Done, *after, at(event)),
            (None, Some(event)) => (Stands::Done, *after, at(Some(event))),
            (None, None) if current => (Stands::Current, *meanwhile, None),
            (None, None) => (Stands::ToCome, *before, None),
        };
        current &= stands == Stands::Done;
        Shown {
            name,
            stands,
            words,
            at,
        }
    });
    steps.collect()
}

/// The step that a failure belongs to.
fn broken(failure: Option<&Failure>) -> usize {
    match failure.map(Failure::step) {
        None | Some(Step::Unspecified | Step::Connect) => 0,
        Some(Step::NewOrder) => 1,
        Some(Step::Authorize) => 2,
        Some(Step::Finalize | Step::Download) => 3,
        Some(Step::Keep) => 4,
    }
}

/// With which an order begins.
const BEGINS: [&str; 2] = ["requested", "renewal-started"];

/// Each step: its name, and what is said of it before, meanwhile and after.
const NAMES: [(&str, &str, &str, &str); 5] = [
    (
        "Checks",
        "Is the CA there?",
        "Reaching the CA",
        "The CA is there",
    ),
    (
        "Order",
        "Ask the CA",
        "Asking the CA",
        "The CA has the order",
    ),
    (
        "Challenge",
        "Prove the names",
        "The CA visits each name",
        "The names are proved",
    ),
    (
        "Issue",
        "Have it signed",
        "The CA signs",
        "Signed by the CA",
    ),
    (
        "Store",
        "Keep it",
        "Sealing and storing",
        "Stored, and served",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn events(newest_first: &[&str]) -> Vec<Event> {
        let events = newest_first.iter().map(|name| Event {
            event: (*name).to_owned(),
            ..Event::default()
        });
        events.collect()
    }

    fn stands(automation: &Automation, newest_first: &[&str]) -> Vec<Stands> {
        let steps = of(automation, &events(newest_first));
        steps.into_iter().map(|step| step.stands).collect()
    }

    #[test]
    fn an_order_goes_from_step_to_step() {
        use Stands::{Current, Done, ToCome};
        let under_way = Automation::default();
        for (said, expected) in [
            (
                &["requested"][..],
                [Current, ToCome, ToCome, ToCome, ToCome],
            ),
            (
                &["order-intended", "requested"],
                [Done, Current, ToCome, ToCome, ToCome],
            ),
            (
                &["order-placed", "order-intended", "requested"],
                [Done, Done, Current, ToCome, ToCome],
            ),
            (
                &[
                    "finalize-intended",
                    "order-placed",
                    "order-intended",
                    "requested",
                ],
                [Done, Done, Done, Current, ToCome],
            ),
            (
                &[
                    "renewal-scheduled",
                    "certificate-issued",
                    "finalize-intended",
                    "order-placed",
                    "order-intended",
                    "requested",
                ],
                [Done; 5],
            ),
            (
                &["renewal-started", "certificate-issued", "order-placed"],
                [Current, ToCome, ToCome, ToCome, ToCome],
            ),
        ] {
            assert_eq!(stands(&under_way, said), expected, "{said:?}");
        }
    }

    #[test]
    fn a_failure_ends_it_where_it_broke() {
        use Stands::{Done, Failed, ToCome};
        let failed = Automation {
            last_failure: Some(Failure {
                step: Step::Authorize.into(),
                ..Failure::default()
            }),
            ..Automation::default()
        };
        let said = [
            "issuance-failed",
            "order-placed",
            "order-intended",
            "requested",
        ];
        assert_eq!(stands(&failed, &said), [Done, Done, Failed, ToCome, ToCome]);
    }
}
