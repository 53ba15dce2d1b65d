//! All servers.

use api::projection::v1::{ListRequest, Server};
use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use serde::Deserialize;

use super::{host, note};
use crate::web::{
    asked::{Asked, asking},
    at::At,
    desk::Desk,
    frame::Frame,
    page::render,
    parts::{Away, Chip, Moment},
    problem::Problem,
    visitor::SignedIn,
};

/// Which part of the list.
#[derive(Debug, Default, Deserialize)]
pub struct Query {
    #[serde(default)]
    page: String,
    #[serde(default)]
    as_of: String,
}

/// `GET /servers`
pub async fn page(
    State(desk): State<Desk>,
    person: SignedIn,
    Asked(at): Asked<At>,
    Asked(query): Asked<Query>,
) -> Result<Response, Problem> {
    let mut frame = Frame::new(&person, "/automated");
    frame.late = at.reached(&desk, &person).await;
    frame.note = at.done.as_deref().and_then(note);
    let mut queries = desk.queries(&person);
    let list = queries.list_servers(ListRequest {
        page_size: 100,
        page_token: query.page.clone(),
        ..ListRequest::default()
    });
    let page = match list.await {
        Ok(answer) => {
            let answer = answer.into_inner();
            Page {
                frame,
                rows: answer.servers.iter().map(Row::new).collect(),
                next: answer.next_page_token,
                first: query.page.is_empty(),
                as_of: query.as_of,
                away: None,
            }
        }
        Err(status) => Page {
            frame,
            rows: Vec::new(),
            next: String::new(),
            first: true,
            as_of: query.as_of,
            away: Some(status.into()),
        },
    };
    render(StatusCode::OK, &page)
}

#[derive(Template)]
#[template(path = "servers/list.html")]
struct Page {
    frame: Frame,
    rows: Vec<Row>,
    /// Where the rest begins; empty: this is all.
    next: String,
    first: bool,
    /// The moment that it is of.
    as_of: String,
    away: Option<Away>,
}

impl Page {
    fn next(&self) -> String {
        asking("/servers", &[("page", &self.next), ("as_of", &self.as_of)])
    }
}

struct Row {
    id: String,
    name: String,
    host: String,
    state: Chip,
    account: String,
    created: Option<Moment>,
}

impl Row {
    fn new(server: &Server) -> Row {
        Row {
            id: server.id.clone(),
            name: server.name.clone(),
            host: host(&server.directory_url).to_owned(),
            state: state(server),
            account: match server.external_account_key_id.as_str() {
                "" => "Of its own".to_owned(),
                key => format!("Bound to {key}"),
            },
            created: server.created.as_ref().and_then(Moment::of),
        }
    }
}

/// How an account stands.
pub(super) fn state(server: &Server) -> Chip {
    match server.deactivated {
        None => Chip::new("Active", "valid", "valid"),
        Some(_) => Chip::new("Ended", "revoked", "revoked"),
    }
}
