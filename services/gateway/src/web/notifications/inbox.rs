//! The inbox, with the channels beside it.

use api::{
    convert,
    notifier::v1::{ChannelKind, TestChannelRequest},
    projection::v1::{Alert, ListRequest, NotificationChannel},
};
use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;
use time::OffsetDateTime;
use tonic::Status;

use super::kinds;
use crate::web::{
    asked::{Asked, asking},
    at::At,
    desk::Desk,
    event_words::href,
    form::Posted,
    frame::Frame,
    overview::system::fails,
    page::render,
    parts::{Away, Chip, Moment},
    problem::Problem,
    refused::Refused,
    visitor::SignedIn,
    when,
    wrong::sentence,
};

/// The query string.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Query {
    /// "up": only what still is.
    #[serde(default)]
    show: String,
    /// Where the page begins.
    #[serde(default)]
    page: String,
    /// Of which moment it is.
    #[serde(default)]
    as_of: String,
}

/// `GET /notifications`
pub async fn page(
    State(desk): State<Desk>,
    person: SignedIn,
    Asked(query): Asked<Query>,
    Asked(at): Asked<At>,
) -> Result<Response, Problem> {
    let late = at.reached(&desk, &person).await;
    let mut page = Page::of(&desk, &person, &query).await;
    page.frame.late = late;
    page.frame.note = at.done.as_deref().and_then(note);
    render(StatusCode::OK, &page)
}

/// Nothing but the token.
#[derive(Deserialize)]
pub struct Nothing {}

/// `POST /notifications/channels/{id}/test`
pub async fn test(
    State(desk): State<Desk>,
    person: SignedIn,
    Path(id): Path<String>,
    Posted(Nothing {}): Posted<Nothing>,
) -> Result<Response, Problem> {
    let request = TestChannelRequest {
        channel: id.clone(),
    };
    let answer = desk.channels(&person).test_channel(request).await;
    let (words, went_well) = match answer {
        Ok(answer) => {
            let answer = answer.into_inner().answer;
            (
                format!("The test was taken. The other side said: {answer}"),
                true,
            )
        }
        // That it was not taken is what he wanted to know.
        Err(status) => match Refused::of(status.clone()) {
            Ok(refused) => (refused.message, false),
            Err(_) => (sentence(status.message()), false),
        },
    };
    let mut page = Page::of(&desk, &person, &Query::default()).await;
    page.tested = Some(Tested {
        id,
        words,
        went_well,
    });
    let status = match went_well {
        true => StatusCode::OK,
        false => StatusCode::UNPROCESSABLE_ENTITY,
    };
    render(status, &page)
}

fn note(done: &str) -> Option<&'static str> {
    Some(match done {
        "created" => "The channel is there. Send a test to see whether its messages arrive.",
        "updated" => "The channel was changed.",
        "deleted" => "The channel was deleted. It is told no more.",
        _ => return None,
    })
}

/// What became of a test.
struct Tested {
    id: String,
    words: String,
    went_well: bool,
}

struct Inbox {
    lines: Vec<Line>,
    more: Option<String>,
}

struct Line {
    id: String,
    chip: Chip,
    name: String,
    href: Option<String>,
    message: String,
    advice: String,
    raised: Moment,
    /// "Until 5 Dec 2026, in 12 days" or "Cleared 2 h ago".
    end: Option<Moment>,
    told: String,
    is_up: bool,
}

struct Channel {
    id: String,
    name: String,
    icon: &'static str,
    kind: &'static str,
    rule: String,
    told: String,
    failure: Option<String>,
}

#[derive(Template)]
#[template(path = "notifications/page.html")]
struct Page {
    frame: Frame,
    only_up: bool,
    is_first: bool,
    inbox: Result<Inbox, Away>,
    channels: Result<Vec<Channel>, Away>,
    tested: Option<Tested>,
}

impl Page {
    async fn of(desk: &Desk, person: &SignedIn, query: &Query) -> Page {
        let now = person.now(desk);
        let (inbox, channels) =
            tokio::join!(inbox(desk, person, query, now), channels(desk, person, now));
        Page {
            frame: Frame::new(person, "/notifications"),
            only_up: query.show == "up",
            is_first: query.page.is_empty(),
            inbox: inbox.map_err(Away::from),
            channels: channels.map_err(Away::from),
            tested: None,
        }
    }

    fn tested(&self, id: &str) -> Option<&Tested> {
        self.tested.as_ref().filter(|tested| tested.id == id)
    }
}

async fn inbox(
    desk: &Desk,
    person: &SignedIn,
    query: &Query,
    now: OffsetDateTime,
) -> Result<Inbox, Status> {
    let filter = if query.show == "up" { "up=true" } else { "" };
    let request = ListRequest {
        filter: filter.to_owned(),
        page_size: SHOWN,
        page_token: query.page.clone(),
        ..ListRequest::default()
    };
    let answer = desk
        .queries(person)
        .list_alerts(request)
        .await?
        .into_inner();
    let token = answer.next_page_token;
    Ok(Inbox {
        lines: answer.alerts.iter().map(|row| line(row, now)).collect(),
        more: (!token.is_empty()).then(|| {
            let Query { show, as_of, .. } = query;
            asking(
                "/notifications",
                &[("show", show), ("page", &token), ("as_of", as_of)],
            )
        }),
    })
}

fn line(row: &Alert, now: OffsetDateTime) -> Line {
    let time = |at: Option<&_>| at.and_then(convert::time);
    let raised = time(row.raised.as_ref()).unwrap_or(now);
    let cleared = time(row.cleared.as_ref());
    let deadline = time(row.deadline.as_ref());
    let end = match (cleared, deadline) {
        (Some(at), _) => {
            let words = format!("cleared {}", when::ago(at, now));
            Some(Moment::in_words(at, words))
        }
        (None, Some(at)) if at > now => {
            let words = format!("{} left", when::length(at - now));
            Some(Moment::in_words(at, words))
        }
        (None, _) => None,
    };
    let last = time(row.last_notified.as_ref());
    let subject = row.subject.clone().unwrap_or_default();
    Line {
        id: row.id.clone(),
        chip: match cleared {
            Some(_) => Chip::new("Cleared", "valid", "check"),
            None => kinds::chip(row.severity()),
        },
        href: href(&subject.kind, &subject.id),
        name: subject.name,
        message: sentence(&row.message),
        advice: match (cleared, row.advice.as_str()) {
            (Some(_), _) | (_, "") => String::new(),
            (None, advice) => sentence(advice),
        },
        raised: Moment::in_words(raised, when::ago(raised, now)),
        end,
        told: match (row.notified, last) {
            (0, _) => "nobody was told".to_owned(),
            (1, Some(at)) => format!("told {}", when::ago(at, now)),
            (n, Some(at)) => format!("told {n} times, last {}", when::ago(at, now)),
            (n, None) => format!("told {n} times"),
        },
        is_up: cleared.is_none(),
    }
}

async fn channels(
    desk: &Desk,
    person: &SignedIn,
    now: OffsetDateTime,
) -> Result<Vec<Channel>, Status> {
    let request = ListRequest {
        sort: "name".to_owned(),
        page_size: MOST_CHANNELS,
        ..ListRequest::default()
    };
    let answer = desk.queries(person).list_channels(request).await?;
    let rows = answer.into_inner().channels.into_iter();
    Ok(rows.map(|row| channel(row, now)).collect())
}

fn channel(row: NotificationChannel, now: OffsetDateTime) -> Channel {
    let time = |at: Option<&_>| at.and_then(convert::time);
    let (icon, kind) = match row.kind() {
        ChannelKind::Webhook => ("globe", "Webhook"),
        ChannelKind::Email | ChannelKind::Unspecified => ("mail", "E-mail"),
    };
    let failed = time(row.last_failed.as_ref()).filter(|_| fails(&row));
    Channel {
        icon,
        kind,
        rule: kinds::rule(&row.rule.clone().unwrap_or_default()),
        told: match time(row.last_notified.as_ref()) {
            Some(at) => format!("last message {}", when::ago(at, now)),
            None => "no message yet".to_owned(),
        },
        failure: failed.map(|at| {
            let ago = when::ago(at, now);
            format!("Not delivered {ago}: {}", sentence(&row.last_failure))
        }),
        id: row.id,
        name: row.name,
    }
}

const SHOWN: u32 = 25;
const MOST_CHANNELS: u32 = 200;
