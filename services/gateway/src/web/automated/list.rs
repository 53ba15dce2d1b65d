//! All automated certificates.

use api::{
    convert,
    projection::v1::{Automation, ListRequest},
};
use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use time::OffsetDateTime;

use super::{
    filter::{self, Query},
    words,
};
use crate::web::{
    asked::Asked,
    at::At,
    desk::Desk,
    frame::Frame,
    page::render,
    parts::{Away, Chip, Moment},
    problem::Problem,
    refused::Refused,
    visitor::SignedIn,
};

/// `GET /automated`
pub async fn page(
    State(desk): State<Desk>,
    person: SignedIn,
    Asked(at): Asked<At>,
    Asked(query): Asked<Query>,
) -> Result<Response, Problem> {
    let mut frame = Frame::new(&person, "/automated");
    frame.late = at.reached(&desk, &person).await;
    let now = person.now(&desk);
    let (mut automations, mut servers) = (desk.queries(&person), desk.queries(&person));
    let list = automations.list_automations(ListRequest {
        filter: query.filter(),
        sort: query.sort(),
        page_size: query.size(),
        page_token: query.page.clone(),
        at_least: 0,
        ..ListRequest::default()
    });
    let servers = servers.list_servers(ListRequest {
        page_size: 100,
        ..ListRequest::default()
    });
    let (list, servers) = tokio::join!(list, servers);
    let servers = servers.map(|answer| answer.into_inner().servers);
    let servers = servers.unwrap_or_default().into_iter();
    let mut page = Page {
        frame,
        query,
        servers: servers.map(|server| (server.id, server.name)).collect(),
        rows: Vec::new(),
        next: String::new(),
        wrong: None,
        away: None,
    };
    match list {
        Ok(answer) => {
            let answer = answer.into_inner();
            page.rows = answer
                .automations
                .iter()
                .map(|a| Row::new(a, now))
                .collect();
            page.next = answer.next_page_token;
        }
        Err(status) if status.code() == tonic::Code::InvalidArgument => {
            let wrongs = Refused::of(status)?.beside(|_| None);
            page.wrong = wrongs.why("").map(str::to_owned);
        }
        Err(status) => page.away = Some(status.into()),
    }
    render(StatusCode::OK, &page)
}

#[derive(Template)]
#[template(path = "automated/list.html")]
struct Page {
    frame: Frame,
    query: Query,
    /// What can be filtered by: id and name.
    servers: Vec<(String, String)>,
    rows: Vec<Row>,
    /// Where the rest begins; empty: this is all.
    next: String,
    /// The address asks for something that there is not.
    wrong: Option<String>,
    away: Option<Away>,
}

impl Page {
    fn next(&self) -> String {
        let next = self.next.clone();
        self.query.with(|query| query.page = next)
    }

    fn first(&self) -> String {
        self.query.with(|_| {})
    }

    fn without_words(&self) -> String {
        self.query.with(|query| query.q.clear())
    }

    fn view(&self, word: &str) -> String {
        self.query.with(|query| query.view = word.to_owned())
    }

    fn of_size(&self, size: &u32) -> String {
        self.query.with(|query| query.size = size.to_string())
    }
}

struct Row {
    id: String,
    name: String,
    host: String,
    chip: Chip,
    server: String,
    server_id: String,
    challenge: &'static str,
    last: Try,
    next: Try,
}

/// When something was or will be, and what.
#[derive(Debug, PartialEq, Eq)]
struct Try {
    what: String,
    when: Option<Moment>,
    bad: bool,
}

impl Row {
    fn new(automation: &Automation, now: OffsetDateTime) -> Row {
        let names = automation.dns_names.iter().chain(&automation.ip_addresses);
        let names = names.collect::<Vec<_>>();
        let more = names.len().saturating_sub(1);
        let first = names.first().map(|name| name.as_str()).unwrap_or_default();
        Row {
            id: automation.id.clone(),
            name: automation.friendly_name.clone(),
            host: match more {
                0 => first.to_owned(),
                more => format!("{first} +{more}"),
            },
            chip: words::chip(automation),
            server: automation.server_name.clone(),
            server_id: automation.server_id.clone(),
            challenge: words::challenge(automation.challenge_type()),
            last: last(automation, now),
            next: next(automation, now),
        }
    }
}

/// How the last order went.
fn last(automation: &Automation, now: OffsetDateTime) -> Try {
    let at = automation.updated.as_ref().and_then(convert::time);
    let told = |moment: Option<OffsetDateTime>| {
        moment.map(|at| Moment::in_words(at, words::away(at, now)))
    };
    // What happened last is the try itself only where its event is the last one.
    let tried = [
        "certificate-issued",
        "renewed",
        "issuance-failed",
        "renewal-failed",
    ];
    let own = tried.contains(&automation.last_event.as_str());
    let (what, bad) = match (automation.attempt, &automation.last_failure) {
        _ if automation.ordering => ("Under way".to_owned(), false),
        (0, _) => ("Not yet".to_owned(), false),
        (_, Some(_)) if automation.failures > 1 => {
            (format!("Failed, {} in a row", automation.failures), true)
        }
        (_, Some(_)) => ("Failed".to_owned(), true),
        (_, None) => ("Succeeded".to_owned(), false),
    };
    Try {
        what,
        when: told(at.filter(|_| own || automation.ordering)),
        bad,
    }
}

/// When the next order begins by itself.
fn next(automation: &Automation, now: OffsetDateTime) -> Try {
    let time = |at: &Option<_>| at.as_ref().and_then(convert::time);
    let retry = time(&automation.retry_at).filter(|_| automation.last_failure.is_some());
    let renew = time(&automation.renew_at);
    let (what, when) = match (retry, renew) {
        _ if automation.cancelled.is_some() => ("Never".to_owned(), None),
        _ if automation.paused.is_some() => ("Paused".to_owned(), None),
        _ if automation.ordering => ("Now".to_owned(), None),
        (Some(at), _) => (format!("Retry {}", words::away(at, now)), Some(at)),
        (None, Some(at)) => (words::away(at, now), Some(at)),
        (None, None) => ("Now".to_owned(), None),
    };
    Try {
        what,
        when: when.map(Moment::new),
        bad: false,
    }
}

#[cfg(test)]
mod tests {
    use api::{acme::v1::Failure, convert::timestamp};
    use time::{Duration, macros::datetime};

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-23 12:00 UTC);

    #[test]
    fn the_next_try_is_told_by_what_holds_it() {
        let failing = Automation {
            attempt: 3,
            failures: 3,
            last_failure: Some(Failure::default()),
            retry_at: Some(timestamp(NOW + Duration::hours(6))),
            renew_at: Some(timestamp(NOW - Duration::hours(6))),
            ..Automation::default()
        };
        assert_eq!(next(&failing, NOW).what, "Retry in 6 hours");
        assert_eq!(last(&failing, NOW).what, "Failed, 3 in a row");
        let paused = Automation {
            paused: Some(timestamp(NOW)),
            ..failing
        };
        assert_eq!(next(&paused, NOW).what, "Paused");
        let fine = Automation {
            attempt: 1,
            renew_at: Some(timestamp(NOW + Duration::days(60))),
            ..Automation::default()
        };
        assert_eq!(next(&fine, NOW).what, "in 60 days");
        assert_eq!(last(&fine, NOW).what, "Succeeded");
        assert_eq!(last(&Automation::default(), NOW).what, "Not yet");
    }
}
