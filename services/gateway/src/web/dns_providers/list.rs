//! All DNS providers.

use api::projection::v1::{DnsProvider, ListRequest};
use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use serde::Deserialize;

use super::{add::kinds, note};
use crate::web::{
    asked::{Asked, asking},
    at::At,
    desk::Desk,
    frame::Frame,
    page::render,
    parts::{Away, Moment},
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

/// `GET /dns-providers`
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
    let list = queries.list_dns_providers(ListRequest {
        page_size: 100,
        page_token: query.page.clone(),
        ..ListRequest::default()
    });
    // Without the agent the kinds go by their ids.
    let (list, kinds) = tokio::join!(list, kinds(&desk, &person));
    let kinds = kinds.unwrap_or_default();
    let name_of = |id: &str| {
        let kind = kinds.iter().find(|kind| kind.id == id);
        kind.map_or_else(|| id.to_owned(), |kind| kind.name.clone())
    };
    let mut page = Page {
        frame,
        rows: Vec::new(),
        next: String::new(),
        first: query.page.is_empty(),
        as_of: query.as_of,
        away: None,
    };
    match list {
        Ok(answer) => {
            let answer = answer.into_inner();
            let rows = answer.dns_providers.iter();
            page.rows = rows.map(|p| Row::new(p, name_of(&p.kind))).collect();
            page.next = answer.next_page_token;
        }
        Err(status) => page.away = Some(status.into()),
    }
    render(StatusCode::OK, &page)
}

#[derive(Template)]
#[template(path = "dns_providers/list.html")]
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
        asking(
            "/dns-providers",
            &[("page", &self.next), ("as_of", &self.as_of)],
        )
    }
}

struct Row {
    id: String,
    name: String,
    kind: String,
    used: String,
    created: Option<Moment>,
}

impl Row {
    fn new(provider: &DnsProvider, kind: String) -> Row {
        Row {
            id: provider.id.clone(),
            name: provider.name.clone(),
            kind,
            used: match provider.automation_ids.len() {
                0 => "Nothing yet".to_owned(),
                1 => "1 certificate".to_owned(),
                number => format!("{number} certificates"),
            },
            created: provider.created.as_ref().and_then(Moment::of),
        }
    }
}
