//! Certificate requests: those that wait for their certificate, and those that were answered.

mod delete;
mod detail;
mod makers;

use api::projection::v1::{CertificateRequest, ListRequest, RequestStatus};
use askama::Template;
use axum::{Router, extract::State, http::StatusCode, response::Response, routing::get};
use serde::Deserialize;

use super::{
    algorithm,
    asked::{Asked, asking},
    at::At,
    desk::Desk,
    filter::quoted,
    frame::Frame,
    page::render,
    parts::{Away, Chip, Moment},
    problem::Problem,
    visitor::SignedIn,
};

/// The pages about requests.
pub fn routes() -> Router<Desk> {
    Router::new()
        .route("/requests", get(list))
        .route("/requests/delete", get(delete::review).post(delete::delete))
        .route("/requests/{id}", get(detail::page))
        .route("/requests/{id}/csr", get(detail::download))
}

/// Which of them.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Query {
    view: String,
    q: String,
    after: String,
    as_of: String,
}

/// `GET /requests`
pub async fn list(
    State(desk): State<Desk>,
    person: SignedIn,
    Asked(query): Asked<Query>,
    Asked(at): Asked<At>,
) -> Result<Response, Problem> {
    let mut frame = Frame::new(&person, "/requests");
    frame.late = at.reached(&desk, &person).await;
    frame.note = at.done.as_deref().and_then(note);
    let request = ListRequest {
        filter: query.filter(),
        sort: "-created".into(),
        page_size: PAGE,
        page_token: query.after.clone(),
        at_least: 0,
        ..ListRequest::default()
    };
    let mut queries = desk.queries(&person);
    let listed = queries.list_certificate_requests(request).await;
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
            let makers = makers::of(&desk, &person, &listed.requests).await;
            let rows = listed.requests.iter();
            let rows = rows.map(|request| Row::new(request, makers.get(&request.id).cloned()));
            page.rows = rows.collect();
            page.next = page.query.next(&listed.next_page_token);
        }
        Err(status) => page.away = Some(status.into()),
    }
    render(StatusCode::OK, &page)
}

fn note(done: &str) -> Option<&'static str> {
    match done {
        "deleted" => Some("Deleted. The keys stay under Keys."),
        _ => None,
    }
}

impl Query {
    /// As the API is asked.
    fn filter(&self) -> String {
        let status = match self.view.as_str() {
            "answered" => "status=fulfilled",
            "all" => "",
            _ => "status=pending",
        };
        let q = self.q.trim();
        match q.is_empty() {
            true => status.to_owned(),
            // A name that is asked for says as much as what it is called.
            false if q.contains('.') || q.contains(':') => format!("{status} names:{}", quoted(q)),
            false => format!("{status} name:{}", quoted(q)),
        }
    }

    fn next(&self, token: &str) -> Option<String> {
        (!token.is_empty()).then(|| self.page(token))
    }

    /// Where a page of this list is; without a token the first.
    fn page(&self, token: &str) -> String {
        self.of_view(&self.view, &self.q, token)
    }

    fn of_view(&self, view: &str, q: &str, token: &str) -> String {
        let all = [
            ("view", view),
            ("q", q),
            ("after", token),
            ("as_of", &*self.as_of),
        ];
        asking("/requests", &all)
    }
}

/// How a request stands.
fn chip(status: RequestStatus) -> Chip {
    match status {
        RequestStatus::Fulfilled => Chip::new("Answered", "valid", "valid"),
        RequestStatus::Pending | RequestStatus::Unspecified => {
            Chip::new("Waiting for the CA", "pending", "pending")
        }
    }
}

#[derive(Template)]
#[template(path = "requests/list.html")]
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
        let waiting = !matches!(view, "answered" | "all");
        [
            ("", "Waiting", waiting),
            ("answered", "Answered", view == "answered"),
            ("all", "All", view == "all"),
        ]
        .map(|(view, word, here)| (self.query.of_view(view, "", ""), word, here))
    }
}

struct Row {
    id: String,
    name: String,
    common_name: String,
    more: usize,
    key: &'static str,
    created: Option<Moment>,
    by: String,
    chip: Chip,
}

impl Row {
    fn new(request: &CertificateRequest, by: Option<String>) -> Row {
        let subject = request.subject.clone().unwrap_or_default();
        let names = request.subject_alt_names.clone().unwrap_or_default();
        let names = [names.dns_names, names.ip_addresses].concat();
        let first = names.first().cloned().unwrap_or_default();
        let created = request.created.as_ref().and_then(api::convert::time);
        Row {
            id: request.id.clone(),
            name: request.friendly_name.clone(),
            more: names.len().saturating_sub(1),
            common_name: match subject.common_name.as_str() {
                "" => first,
                common_name => common_name.to_owned(),
            },
            key: algorithm::word(request.key_algorithm()),
            created: created.map(Moment::new),
            by: by.unwrap_or_default(),
            chip: chip(request.status()),
        }
    }
}

const PAGE: u32 = 50;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_searched_for_is_one_value_whatever_is_typed() {
        let filter = |view: &str, q: &str| {
            let (view, q) = (view.to_owned(), q.to_owned());
            let query = Query {
                view,
                q,
                ..Query::default()
            };
            query.filter()
        };
        assert_eq!(filter("", ""), "status=pending");
        assert_eq!(
            filter("answered", "Mail relay"),
            "status=fulfilled name:\"Mail relay\""
        );
        assert_eq!(filter("all", "a.example"), " names:\"a.example\"");
        assert_eq!(
            filter("all", "x\" status=pending"),
            " name:\"x\\\" status=pending\""
        );
    }
}
