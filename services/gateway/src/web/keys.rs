//! Private keys: where they are, what uses them, and whether they ever left. The keys themselves are on no page.

mod delete;
mod detail;
mod uses;

use api::{
    convert,
    projection::v1::{Key, KeyOrigin, ListRequest},
};
use askama::Template;
use axum::{Router, extract::State, http::StatusCode, response::Response, routing::get};
use serde::Deserialize;

use self::uses::Use;
use super::{
    algorithm,
    asked::{Asked, asking},
    at::At,
    desk::Desk,
    export,
    frame::Frame,
    page::render,
    parts::{Away, Moment},
    problem::Problem,
    visitor::SignedIn,
};

/// The pages about keys.
pub fn routes() -> Router<Desk> {
    Router::new()
        .route("/keys", get(list))
        .route("/keys/delete", get(delete::review).post(delete::delete))
        .route("/keys/{id}", get(detail::page))
        .route(
            "/keys/{id}/export",
            get(export::one_key::page).post(export::one_key::export),
        )
}

/// Which of them.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Query {
    view: String,
    after: String,
    as_of: String,
}

/// `GET /keys`
pub async fn list(
    State(desk): State<Desk>,
    person: SignedIn,
    Asked(query): Asked<Query>,
    Asked(at): Asked<At>,
) -> Result<Response, Problem> {
    let mut frame = Frame::new(&person, "/keys");
    frame.late = at.reached(&desk, &person).await;
    frame.note = at.done.as_deref().and_then(note);
    let request = ListRequest {
        filter: query.filter().to_owned(),
        sort: "-created".into(),
        page_size: PAGE,
        page_token: query.after.clone(),
        at_least: 0,
        ..ListRequest::default()
    };
    let listed = desk.queries(&person).list_keys(request).await;
    let mut page = List {
        frame,
        rows: Vec::new(),
        next: None,
        away: None,
        query,
    };
    match listed {
        Ok(listed) => {
            let listed = listed.into_inner();
            let uses = uses::first_of(&desk, &person, &listed.keys).await;
            let rows = listed.keys.iter().zip(uses);
            page.rows = rows.map(|(key, first)| Row::new(key, first)).collect();
            page.next = page.query.next(&listed.next_page_token);
        }
        Err(status) => page.away = Some(status.into()),
    }
    render(StatusCode::OK, &page)
}

fn note(done: &str) -> Option<&'static str> {
    match done {
        "deleted" => Some("Destroyed, for good."),
        _ => None,
    }
}

impl Query {
    fn filter(&self) -> &'static str {
        match self.view.as_str() {
            "used" => "used=true",
            "unused" => "used=false",
            _ => "",
        }
    }

    fn next(&self, token: &str) -> Option<String> {
        (!token.is_empty()).then(|| self.of_view(&self.view, token))
    }

    fn of_view(&self, view: &str, token: &str) -> String {
        let all = [("view", view), ("after", token), ("as_of", &*self.as_of)];
        asking("/keys", &all)
    }
}

#[derive(Template)]
#[template(path = "keys/list.html")]
struct List {
    frame: Frame,
    query: Query,
    rows: Vec<Row>,
    next: Option<String>,
    away: Option<Away>,
}

impl List {
    fn views(&self) -> [(String, &'static str, bool); 3] {
        let view = self.query.view.as_str();
        [
            ("", "All", !matches!(view, "used" | "unused")),
            ("used", "In use", view == "used"),
            ("unused", "Unused", view == "unused"),
        ]
        .map(|(view, word, here)| (self.query.of_view(view, ""), word, here))
    }
}

struct Row {
    id: String,
    kind: &'static str,
    start: String,
    first: Option<Use>,
    more: usize,
    created: Option<Moment>,
    origin: &'static str,
    exports: u32,
    exported: Option<Moment>,
}

impl Row {
    fn new(key: &Key, first: Option<Use>) -> Row {
        let moment = |at: &Option<_>| at.as_ref().and_then(convert::time).map(Moment::new);
        let uses = key.certificate_ids.len() + key.request_ids.len();
        Row {
            id: key.id.clone(),
            kind: algorithm::word(key.algorithm()),
            start: start(key),
            first,
            more: uses.saturating_sub(1),
            created: moment(&key.created),
            origin: origin(key.origin()),
            exports: key.exports,
            exported: moment(&key.last_exported),
        }
    }
}

/// The start of its public half's hash: what tells it from others.
fn start(key: &Key) -> String {
    key.spki_sha256.chars().take(16).collect()
}

fn origin(origin: KeyOrigin) -> &'static str {
    match origin {
        KeyOrigin::Generated => "Made here",
        KeyOrigin::Imported => "Imported",
        KeyOrigin::Unspecified => "Unknown",
    }
}

const PAGE: u32 = 25;
