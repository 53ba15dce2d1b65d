//! One automated certificate: how it goes, why it failed, and what it will do next.

use api::{
    acme::v1::ScheduleReason,
    convert,
    projection::v1::{Automation, Event, GetRequest, ListRequest},
};
use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    steps::{self, Shown},
    trouble::Trouble,
    words,
};
use crate::web::{
    algorithm,
    asked::Asked,
    at::At,
    desk::Desk,
    event_words::{self, Told},
    frame::Frame,
    page::render,
    parts::{Away, Chip, Moment},
    problem::Problem,
    visitor::SignedIn,
};

/// `GET /automated/{id}`
pub async fn page(
    State(desk): State<Desk>,
    person: SignedIn,
    Path(id): Path<Uuid>,
    Asked(at): Asked<At>,
) -> Result<Response, Problem> {
    let mut frame = Frame::new(&person, "/automated");
    frame.late = at.reached(&desk, &person).await;
    frame.note = at.done.as_deref().and_then(note);
    let (mut automations, mut log) = (desk.queries(&person), desk.queries(&person));
    let automation = automations.get_automation(GetRequest {
        id: id.to_string(),
        at_least: 0,
        ..GetRequest::default()
    });
    let events = log.list_events(ListRequest {
        filter: format!("aggregate=automation aggregate_id={id}"),
        sort: "-sequence".to_owned(),
        page_size: SHOWN,
        ..ListRequest::default()
    });
    let (automation, events) = tokio::join!(automation, events);
    let automation = automation?.into_inner();
    let events = events.map(|answer| answer.into_inner().events);
    let now = person.now(&desk);
    let mut page = One::new(
        frame,
        &automation,
        events.as_deref().unwrap_or_default(),
        now,
    );
    page.history = match &events {
        Ok(events) => Ok(event_words::tell(&desk, events).await),
        Err(status) => Err(status.clone().into()),
    };
    render(StatusCode::OK, &page)
}

#[derive(Template)]
#[template(path = "automated/one.html")]
struct One {
    frame: Frame,
    id: String,
    certificate: String,
    version: u32,
    name: String,
    names: Vec<String>,
    chip: Chip,
    server: (String, String),
    fallback: String,
    key: &'static str,
    challenge: &'static str,
    provider: String,
    profile: String,
    chain: String,
    created: Option<Moment>,
    expires: Option<Moment>,
    ordering: bool,
    attempt: u32,
    order_url: String,
    steps: Vec<Shown>,
    trouble: Option<Trouble>,
    revocation: Option<Trouble>,
    failing: Option<Moment>,
    /// What happens next, and why then.
    next: Vec<(String, Moment, String)>,
    explanation: String,
    paused: Option<(Moment, String)>,
    cancelled: Option<Moment>,
    history: Result<Vec<Told>, Away>,
}

impl One {
    fn new(frame: Frame, automation: &Automation, events: &[Event], now: OffsetDateTime) -> One {
        let moment = |at: &Option<_>| at.as_ref().and_then(Moment::of);
        let names = automation.dns_names.iter().chain(&automation.ip_addresses);
        let failure = automation.last_failure.as_ref();
        let paused = moment(&automation.paused);
        One {
            frame,
            id: automation.id.clone(),
            certificate: automation.certificate_id.clone(),
            version: automation.certificate_version,
            name: automation.friendly_name.clone(),
            names: names.cloned().collect(),
            chip: words::chip(automation),
            server: (automation.server_id.clone(), automation.server_name.clone()),
            fallback: automation.fallback_server_id.clone(),
            key: algorithm::word(automation.key_algorithm()),
            challenge: words::challenge(automation.challenge_type()),
            provider: automation.dns_provider_id.clone(),
            profile: automation.profile.clone(),
            chain: automation.preferred_chain.clone(),
            created: moment(&automation.created),
            expires: moment(&automation.not_after),
            ordering: automation.ordering,
            attempt: automation.attempt,
            order_url: automation.order_url.clone(),
            steps: steps::of(automation, events),
            trouble: failure.map(|failure| Trouble::of(failure, automation.failures)),
            revocation: automation
                .revocation_failure
                .as_ref()
                .map(Trouble::of_revocation),
            failing: moment(&automation.failing_since),
            next: next(automation, now),
            explanation: automation.explanation_url.clone(),
            paused: paused.map(|at| (at, automation.pause_reason.clone())),
            cancelled: moment(&automation.cancelled),
            history: Ok(Vec::new()),
        }
    }

    /// He may change it, and it can be changed.
    fn changes(&self) -> bool {
        self.frame.may_change && self.cancelled.is_none()
    }

    /// Nothing stands over its steps.
    fn is_quiet(&self) -> bool {
        let troubles = [&self.trouble, &self.revocation];
        let ends = self.cancelled.is_some() || self.paused.is_some();
        !ends && troubles.iter().all(|trouble| trouble.is_none())
    }

    /// A CA may say anything.
    fn explains(&self) -> bool {
        self.explanation.starts_with("https://")
    }
}

/// What happens next by itself, each with its time and the reason for it.
fn next(automation: &Automation, now: OffsetDateTime) -> Vec<(String, Moment, String)> {
    if automation.cancelled.is_some() {
        return Vec::new();
    }
    let time = |at: &Option<_>| at.as_ref().and_then(convert::time);
    let mut next = Vec::new();
    let mut tell = |what: &str, at: Option<OffsetDateTime>, why: String| {
        if let Some(at) = at {
            next.push((what.to_owned(), Moment::new(at), why));
        }
    };
    let stands = automation.paused.is_none() && !automation.ordering;
    let away = |at: &Option<_>| time(at).map(|at| words::away(at, now)).unwrap_or_default();
    if stands && automation.last_failure.is_some() {
        tell(
            "Next try",
            time(&automation.retry_at),
            away(&automation.retry_at),
        );
    }
    if stands {
        let why = match automation.schedule_reason() {
            ScheduleReason::RenewalInformation => "the CA named the time",
            ScheduleReason::Lifetime => "a share of its life is left: a third, half below 10 days",
            ScheduleReason::Unspecified => "",
        };
        let why = format!("{} · {why}", away(&automation.renew_at));
        tell(
            "Renewal",
            time(&automation.renew_at),
            why.trim_end_matches([' ', '·']).to_owned(),
        );
    }
    tell(
        "The CA’s window begins",
        time(&automation.window_start),
        String::new(),
    );
    tell(
        "The CA’s window ends",
        time(&automation.window_end),
        String::new(),
    );
    tell(
        "An error from then on",
        time(&automation.error_at),
        "if it is not renewed by then".to_owned(),
    );
    next
}

/// What was done, in words.
fn note(done: &str) -> Option<&'static str> {
    match done {
        "requested" => Some("Asked for. What happens is shown below as it happens."),
        "trying" => Some("It is being ordered now."),
        "paused" => Some("Paused. It is not renewed until you resume it."),
        "resumed" => Some("Resumed. What is due is ordered at once."),
        "cancelled" => Some("Cancelled. Its certificate stays, and is served until it expires."),
        _ => None,
    }
}

const SHOWN: u32 = 100;
