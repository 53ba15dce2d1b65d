//! What a request would need, looked at before it is sent: failures first, each with what to do.

use std::convert::Infallible;

use api::acme::v1::{Check, CheckOutcome, CheckRequestRequest};
use askama::Template;
use axum::{
    body::Body,
    extract::State,
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, stream};
use tonic::Status;

use super::typed::Typed;
use crate::web::{
    desk::Desk, form::Posted, problem::Problem, refused::Refused, visitor::SignedIn,
    wrong::sentence,
};

/// The list of checks, as far as it is known.
#[derive(Debug, Default, Template)]
#[template(path = "automated/checks.html")]
pub struct Checks {
    lines: Vec<Line>,
    /// Nothing more comes.
    done: bool,
    /// Why nothing could be checked.
    wrong: Option<String>,
    /// Nothing was asked.
    idle: bool,
    /// A request was held back because of them: the first takes the focus.
    pub held: bool,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    rank: u8,
    what: String,
    found: String,
    fixes: Vec<String>,
    took: String,
}

impl Checks {
    /// Nothing was asked yet.
    pub fn idle() -> Checks {
        Checks {
            idle: true,
            ..Checks::default()
        }
    }

    /// All of them, once they are known.
    ///
    /// # Errors
    /// What is to be mended before anything can be looked at.
    pub async fn run(
        desk: &Desk,
        person: &SignedIn,
        question: CheckRequestRequest,
    ) -> Result<Checks, Status> {
        let mut told = desk
            .acme(person)
            .check_request(question)
            .await?
            .into_inner();
        let mut checks = Checks::default();
        while let Some(check) = told.message().await? {
            checks.add(&check);
        }
        checks.done = true;
        Ok(checks)
    }

    /// A request would fail.
    pub fn failed(&self) -> bool {
        self.count(FAILED) > 0
    }

    fn add(&mut self, check: &Check) {
        let line = Line::new(check);
        let place = self.lines.partition_point(|other| *other <= line);
        self.lines.insert(place, line);
    }

    fn count(&self, rank: u8) -> usize {
        self.lines.iter().filter(|line| line.rank == rank).count()
    }

    /// "1 failed · 1 warning · 3 passed".
    fn sum(&self) -> String {
        let failed = self.count(FAILED);
        let warnings = match self.count(WARNING) {
            1 => "1 warning".to_owned(),
            number => format!("{number} warnings"),
        };
        let passed = format!("{} passed", self.count(PASSED));
        let parts = [
            (failed > 0).then(|| format!("{failed} failed")),
            (self.count(WARNING) > 0).then_some(warnings),
            (self.count(PASSED) > 0).then_some(passed),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
    }

    /// Those that want somebody, and of the others as many as do not bury them.
    fn shown(&self) -> impl Iterator<Item = &Line> {
        self.lines
            .iter()
            .filter(|line| self.few() || line.rank != PASSED)
    }

    fn folded(&self) -> impl Iterator<Item = &Line> {
        self.lines
            .iter()
            .filter(|line| !self.few() && line.rank == PASSED)
    }

    fn few(&self) -> bool {
        let most = match self.count(PASSED) == self.lines.len() {
            true => MANY,
            false => FEW,
        };
        self.count(PASSED) <= most
    }
}

impl Line {
    fn new(check: &Check) -> Line {
        let target = &check.target;
        let what = match check.kind.as_str() {
            "RESOLVES" => format!("{target} has an address"),
            "TO_HERE" => format!("{target} leads here"),
            "PORT_80" => format!("{target} answers on port 80"),
            "PORT_443" => format!("{target} answers on port 443"),
            "CAA" => format!("No CAA record forbids it for {target}"),
            "SERVER" => format!("{target} can be reached from here"),
            "RATE_LIMIT" => format!("{target} has room for it"),
            "DNS_PROVIDER" => format!("The record for {target} can be written"),
            _ => target.clone(),
        };
        let took = check.took.map(|took| {
            let millis = took.seconds * 1_000 + i64::from(took.nanos) / 1_000_000;
            match millis {
                ..1_000 => format!("{millis} ms"),
                _ => format!("{}.{} s", millis / 1_000, millis % 1_000 / 100),
            }
        });
        Line {
            rank: match check.outcome() {
                CheckOutcome::Failed => FAILED,
                CheckOutcome::Warning | CheckOutcome::Unspecified => WARNING,
                CheckOutcome::Passed => PASSED,
            },
            what,
            found: check.message.clone(),
            fixes: check.fixes.clone(),
            took: took.unwrap_or_default(),
        }
    }

    fn tone(&self) -> &'static str {
        match self.rank {
            FAILED => "bad",
            WARNING => "warn",
            _ => "ok",
        }
    }

    fn icon(&self) -> &'static str {
        match self.rank {
            FAILED => "x",
            WARNING => "error",
            _ => "check",
        }
    }

    fn word(&self) -> &'static str {
        match self.rank {
            FAILED => "Failed",
            WARNING => "Warning",
            _ => "Passed",
        }
    }
}

/// `POST /automated/checks`: what the form below it would be told, each time that one more is known. For the
/// script: the list as it then is, and a record separator.
pub async fn stream(
    State(desk): State<Desk>,
    person: SignedIn,
    Posted(typed): Posted<Typed>,
) -> Result<Response, Problem> {
    let question = typed.question();
    if question.dns_names.is_empty() && question.ip_addresses.is_empty() {
        return Ok(answered(Body::from(Checks::idle().record())));
    }
    let told = match desk.acme(&person).check_request(question).await {
        Ok(told) => told.into_inner(),
        Err(status) => {
            let checks = Checks::refused(Refused::plain(&status));
            return Ok(answered(Body::from(checks.record())));
        }
    };
    let first = Checks::default();
    let begun = stream::iter([first.record()]);
    let known = stream::unfold(Some((first, told)), async |state| {
        let (mut checks, mut told) = state?;
        match told.message().await {
            Ok(Some(check)) => {
                checks.add(&check);
                Some((checks.record(), Some((checks, told))))
            }
            Ok(None) => {
                checks.done = true;
                Some((checks.record(), None))
            }
            Err(status) => {
                checks.done = true;
                checks.wrong = Some(sentence(status.message()));
                Some((checks.record(), None))
            }
        }
    });
    Ok(answered(Body::from_stream(
        begun.chain(known).map(Ok::<_, Infallible>),
    )))
}

impl Checks {
    /// Nothing can be looked at before this is mended.
    pub fn refused(refused: Refused) -> Checks {
        let first = refused.fields.into_iter().next();
        Checks {
            wrong: Some(first.map_or(refused.message, |wrong| sentence(&wrong.description))),
            done: true,
            ..Checks::default()
        }
    }

    fn record(&self) -> String {
        // A template without filters of its own cannot fail.
        format!("{}{RECORD_SEPARATOR}", self.render().unwrap_or_default())
    }
}

fn answered(body: Body) -> Response {
    ([(CONTENT_TYPE, "text/plain; charset=utf-8")], body).into_response()
}

const FAILED: u8 = 0;
const WARNING: u8 = 1;
const PASSED: u8 = 2;

/// More that passed are folded away, where something did not.
const FEW: usize = 8;

/// And more than that in any case.
const MANY: usize = 25;

const RECORD_SEPARATOR: char = '\u{1e}';

#[cfg(test)]
mod tests {
    use super::*;
    use api::convert;

    fn check(kind: &str, target: &str, outcome: CheckOutcome, millis: u64) -> Check {
        Check {
            kind: kind.into(),
            target: target.into(),
            outcome: outcome.into(),
            message: "so it is".into(),
            fixes: vec!["Do this.".into()],
            took: Some(convert::duration(std::time::Duration::from_millis(millis))),
        }
    }

    #[test]
    fn failures_come_first_in_whatever_order_they_are_told() {
        let mut checks = Checks::default();
        checks.add(&check("CAA", "a.example", CheckOutcome::Passed, 21));
        checks.add(&check("PORT_80", "192.0.2.1", CheckOutcome::Failed, 10_040));
        checks.add(&check("TO_HERE", "a.example", CheckOutcome::Warning, 3_000));
        let told = checks
            .shown()
            .map(|l| (l.what.as_str(), l.word(), l.took.as_str()));
        assert_eq!(
            told.collect::<Vec<_>>(),
            [
                ("192.0.2.1 answers on port 80", "Failed", "10.0 s"),
                ("a.example leads here", "Warning", "3.0 s"),
                ("No CAA record forbids it for a.example", "Passed", "21 ms"),
            ]
        );
        assert_eq!(checks.sum(), "1 failed · 1 warning · 1 passed");
        assert!(checks.failed());
        assert!(checks.render().unwrap().contains("Do this."));
    }

    #[test]
    fn what_passed_does_not_bury_what_did_not() {
        let mut checks = Checks::default();
        for n in 0..20 {
            checks.add(&check(
                "CAA",
                &format!("{n}.example"),
                CheckOutcome::Passed,
                1,
            ));
        }
        checks.add(&check("TO_HERE", "a.example", CheckOutcome::Failed, 1));
        assert_eq!((checks.shown().count(), checks.folded().count()), (1, 20));
    }
}
