//! One event, whole.

use api::projection::v1::{Event, ListRequest};
use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};

use super::{filter::Asked as Query, payload};
use crate::web::{
    desk::Desk,
    event_words::{Told, tell},
    frame::Frame,
    page::render,
    parts::Moment,
    problem::Problem,
    visitor::SignedIn,
    when,
};

/// `GET /audit/{sequence}`
pub async fn page(
    State(desk): State<Desk>,
    person: SignedIn,
    Path(sequence): Path<String>,
) -> Result<Response, Problem> {
    let sequence = sequence.parse::<u64>().map_err(|_| Problem::NotFound)?;
    let request = ListRequest {
        filter: format!("sequence={sequence}"),
        page_size: 1,
        ..ListRequest::default()
    };
    let answer = desk.queries(&person).list_events(request).await?;
    let events = answer.into_inner().events;
    let told = tell(&desk, &events).await.into_iter().next();
    let (Some(told), Some(event)) = (told, events.into_iter().next()) else {
        return Err(Problem::NotFound);
    };
    let page = Page {
        frame: Frame::new(&person, "/audit"),
        number: when::grouped(sequence),
        at: Moment::new(told.at),
        together: Query {
            correlation: event.correlation_id.clone(),
            ..Query::default()
        }
        .href(),
        payload: payload::whole(&event),
        told,
        event,
    };
    render(StatusCode::OK, &page)
}

#[derive(Template)]
#[template(path = "audit/event.html")]
struct Page {
    frame: Frame,
    told: Told,
    event: Event,
    at: Moment,
    number: String,
    together: String,
    payload: String,
}
