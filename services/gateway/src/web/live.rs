//! Pages that change while one looks at them: `GET /events` says what happened, and the page fetches itself again.
//!
//! One [`hub`] follows what the projection has put into its tables, so that a page that asks then finds it there. What
//! an event is about ([`touched`]) goes to every page that is open ([`stream`]), and nothing else of it: who may see
//! what is decided where the page is made.

mod hub;
mod stream;
mod touched;

use std::future::Future;

use axum::{
    Router,
    extract::{Request, State},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{CONTENT_TYPE, HeaderName},
    },
    middleware::Next,
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Deserialize;

pub use self::hub::Hub;
use super::{asked::Asked, desk::Desk, visitor::Visitor};

/// Where pages listen.
pub fn routes() -> Router<Desk> {
    Router::new().route(PATH, get(listen))
}

/// How far the page is that asks.
#[derive(Debug, Deserialize)]
pub struct After {
    #[serde(default)]
    after: u64,
}

/// `GET /events`
pub async fn listen(
    State(desk): State<Desk>,
    visitor: Visitor,
    Asked(query): Asked<After>,
    headers: HeaderMap,
) -> Response {
    // Whoever is not signed in is told so, and not sent to a page.
    let Some(session) = visitor.session else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let Some(place) = desk.hub.place(session.user) else {
        return StatusCode::TOO_MANY_REQUESTS.into_response();
    };
    let last = headers.get(LAST_EVENT_ID).and_then(number);
    let listener = stream::Listener {
        session: session.id,
        user: session.user,
        after: last.unwrap_or(query.after),
    };
    let messages = stream::of(desk.hub.clone(), desk.commands.clone(), listener, place);
    let body = axum::body::Body::from_stream(messages);
    ([(CONTENT_TYPE, "text/event-stream")], body).into_response()
}

/// Whether a request is of the page's script and not of its person: it keeps no session from being idle.
pub fn is_by_itself(request: &Request) -> bool {
    request.uri().path() == PATH || request.headers().contains_key(BY_ITSELF)
}

tokio::task_local! {
    /// How far the log was when the request came that this task answers.
    static AS_OF: u64;
}

/// Notes how far the log is before a page asks for anything.
pub async fn enter(State(desk): State<Desk>, request: Request, next: Next) -> Response {
    as_of(desk.hub.position(), next.run(request)).await
}

/// How far the log was when the page that is made now was asked for: it has at least that.
pub fn position() -> u64 {
    AS_OF.try_with(|position| *position).unwrap_or_default()
}

fn as_of<F: Future>(position: u64, page: F) -> impl Future<Output = F::Output> {
    AS_OF.scope(position, page)
}

fn number(value: &HeaderValue) -> Option<u64> {
    value.to_str().ok()?.parse().ok()
}

const PATH: &str = "/events";

/// What `chancery.js` sends with the requests that it makes by itself.
const BY_ITSELF: HeaderName = HeaderName::from_static("chancery-live");

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
