//! Why an order failed, and what to do about it: nothing of what the CA said is kept back.

use api::acme::v1::{Failure, Problem};
use askama::Template;

use super::words;

/// A failure, for people.
#[derive(Debug, Template)]
#[template(path = "automated/trouble.html")]
pub struct Trouble {
    /// What did not work.
    heading: String,
    step: &'static str,
    reason: String,
    message: String,
    advice: String,
    problem: Option<Problem>,
}

impl Trouble {
    /// Of an order.
    pub fn of(failure: &Failure, failures: u32) -> Trouble {
        let heading = match failures {
            0 | 1 => "The last order failed".to_owned(),
            failures => format!("{failures} orders in a row failed"),
        };
        Trouble::new(failure, heading)
    }

    /// Of a revocation.
    pub fn of_revocation(failure: &Failure) -> Trouble {
        Trouble::new(failure, "The CA did not revoke it".to_owned())
    }

    fn new(failure: &Failure, heading: String) -> Trouble {
        Trouble {
            heading,
            step: words::step(failure.step()),
            reason: failure.reason.clone(),
            message: failure.message.clone(),
            advice: failure.advice.clone(),
            problem: failure.problem.clone(),
        }
    }
}
