//! The list.

use api::projection::v1::{Event, ListRequest};
use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use time::OffsetDateTime;
use tonic::Status;

use super::{
    filter::{Asked as Query, KINDS, Question, TIMES},
    following::Verdict,
    payload,
};
use crate::{
    rows::{token, user},
    web::{
        asked::Asked,
        desk::Desk,
        event_words::{Told, tell},
        frame::Frame,
        overview::glance,
        page::render,
        parts::Away,
        problem::Problem,
        visitor::SignedIn,
        when, wording,
    },
};

/// `GET /audit`
pub async fn page(
    State(desk): State<Desk>,
    person: SignedIn,
    Asked(query): Asked<Query>,
) -> Result<Response, Problem> {
    let now = person.now(&desk);
    let (found, overview, actors) = tokio::join!(
        found(&desk, &person, &query, now),
        glance(&desk, &person, 0),
        actors(&desk, &query.who),
    );
    let page = Page {
        frame: Frame::new(&person, "/audit"),
        // It is of the log as it is now.
        verdict: overview
            .ok()
            .filter(|_| person.visitor.past.is_none())
            .as_ref()
            .map(Verdict::of),
        found: found.map_err(Away::from),
        actors,
        query,
    };
    render(StatusCode::OK, &page)
}

/// Events, or why there are none.
struct Found {
    days: Vec<Day>,
    /// The way to those that are older, and to those that are newer.
    older: Option<String>,
    newer: Option<String>,
    /// "#48 164 to #48 213".
    span: String,
    nothing: String,
}

/// The events of a day.
struct Day {
    title: String,
    id: String,
    events: Vec<Row>,
}

struct Row {
    told: Told,
    clock: String,
    machine: String,
    number: String,
    payload: String,
}

async fn found(
    desk: &Desk,
    person: &SignedIn,
    query: &Query,
    now: OffsetDateTime,
) -> Result<Found, Status> {
    let filter = match query.question(desk, person, now).await? {
        Question::Filter(filter) => filter,
        Question::Nothing(why) => return Ok(Found::nothing(why)),
    };
    let backwards = query.after.is_some();
    let request = ListRequest {
        filter,
        sort: if backwards { "sequence" } else { "" }.to_owned(),
        page_size: SHOWN,
        ..ListRequest::default()
    };
    let answer = desk
        .queries(person)
        .list_events(request)
        .await?
        .into_inner();
    let goes_on = !answer.next_page_token.is_empty();
    let mut events = answer.events;
    if backwards {
        events.reverse();
    }
    let (Some(newest), Some(oldest)) = (events.first(), events.last()) else {
        let why = match query.is_filtered() {
            true => "Nothing matches these filters.",
            false => "Nothing has happened yet.",
        };
        return Ok(Found::nothing(why.to_owned()));
    };
    let (newest, oldest) = (newest.sequence, oldest.sequence);
    let older = goes_on || backwards;
    let newer = if backwards {
        goes_on
    } else {
        query.before.is_some()
    };
    Ok(Found {
        days: days(desk, &events, now).await,
        older: older.then(|| query.older_than(oldest).href()),
        newer: newer.then(|| query.newer_than(newest).href()),
        span: match newest == oldest {
            true => format!("#{}", when::grouped(newest)),
            false => format!("#{} to #{}", when::grouped(oldest), when::grouped(newest)),
        },
        nothing: String::new(),
    })
}

impl Found {
    fn nothing(why: String) -> Found {
        Found {
            days: Vec::new(),
            older: None,
            newer: None,
            span: String::new(),
            nothing: why,
        }
    }
}

async fn days(desk: &Desk, events: &[Event], now: OffsetDateTime) -> Vec<Day> {
    let mut days = Vec::<Day>::new();
    for (told, event) in tell(desk, events).await.into_iter().zip(events) {
        let title = wording::long_day(told.at, now);
        if days.last().is_none_or(|day| day.title != title) {
            days.push(Day {
                title,
                id: told.at.date().to_string(),
                events: Vec::new(),
            });
        }
        let row = Row {
            clock: wording::clock(told.at),
            machine: wording::timestamp(told.at),
            number: when::grouped(told.sequence),
            payload: payload::short(event),
            told,
        };
        if let Some(day) = days.last_mut() {
            day.events.push(row);
        }
    }
    days
}

/// Whoever may have done something: as the log has him, and as people call him.
async fn actors(desk: &Desk, asked: &str) -> Vec<(String, String)> {
    let database = &desk.commands.database;
    let now = desk.commands.clock.now();
    let (people, tokens) = tokio::join!(user::all(database), token::open(database, now));
    let people = people.unwrap_or_default().into_iter();
    let people = people.map(|person| (format!("user/{}", person.id), person.display_name));
    let tokens = tokens.unwrap_or_default().into_iter();
    let tokens = tokens.map(|token| {
        (
            format!("token/{}", token.id),
            format!("{} (token)", token.name),
        )
    });
    let services = SERVICES.map(|name| (format!("service/{name}"), name.to_owned()));
    let machine = [("machine".to_owned(), "this machine".to_owned())];
    let mut all = people
        .chain(tokens)
        .chain(services)
        .chain(machine)
        .collect::<Vec<_>>();
    // One who is gone, or has very many beside him, can be asked for all the same.
    if !asked.is_empty() && all.iter().all(|(actor, _)| actor != asked) {
        all.push((asked.to_owned(), asked.to_owned()));
    }
    all
}

const SERVICES: [&str; 5] = [
    "acme-agent",
    "csr-service",
    "gateway",
    "keystore",
    "notifier",
];

const SHOWN: u32 = 50;

#[derive(Template)]
#[template(path = "audit/list.html")]
struct Page {
    frame: Frame,
    query: Query,
    verdict: Option<Verdict>,
    found: Result<Found, Away>,
    actors: Vec<(String, String)>,
}
