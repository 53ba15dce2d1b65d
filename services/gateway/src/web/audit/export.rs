//! The events of the list as a file: one line of JSON each, as `chancery events export` writes it and `chancery events
//! verify` reads it, the oldest first. It is the log that is read, and not the tables.

use std::{collections::BTreeSet, io};

use api::projection::v1::{ExportEventsRequest, ListEventsResponse, ListRequest, StoredEvent};
use axum::{body::Body, extract::State, response::Response};
use bytes::Bytes;
use eventlog::proof::{Stored, line};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::filter::{Asked as Query, Question};
use crate::web::{
    asked::Asked, desk::Desk, download::attachment, problem::Problem, visitor::SignedIn,
};

/// `GET /audit/export`
pub async fn file(
    State(desk): State<Desk>,
    person: SignedIn,
    Asked(query): Asked<Query>,
) -> Result<Response, Problem> {
    let now = person.now(&desk);
    let name = format!("chancery-events-{}.jsonl", now.date());
    let body = match query.newest().question(&desk, &person, now).await? {
        Question::Nothing(_) => Body::empty(),
        Question::Filter(filter) => {
            let list = List {
                desk,
                person,
                filter,
            };
            // What cannot be asked is a page that says so, and not half a file.
            let first = list.page(String::new()).await?;
            let (lines, sent) = mpsc::channel(AHEAD);
            tokio::spawn(async move {
                if let Err(error) = list.write(first, &lines).await {
                    // The browser sees that it is not whole.
                    let _ = lines.send(Err(error)).await;
                }
            });
            Body::from_stream(ReceiverStream::new(sent))
        }
    };
    Ok(attachment(&name, "application/jsonl", body))
}

type Lines = mpsc::Sender<Result<Bytes, io::Error>>;

/// What is written, page by page.
struct List {
    desk: Desk,
    person: SignedIn,
    filter: String,
}

impl List {
    async fn page(&self, page_token: String) -> Result<ListEventsResponse, Status> {
        let asked = ListRequest {
            filter: self.filter.clone(),
            sort: "sequence".to_owned(),
            page_size: PAGE,
            page_token,
            ..ListRequest::default()
        };
        let answer = self.desk.queries(&self.person).list_events(asked).await?;
        Ok(answer.into_inner())
    }

    async fn write(&self, first: ListEventsResponse, lines: &Lines) -> Result<(), io::Error> {
        let mut page = first;
        loop {
            let wanted = page.events.iter().map(|event| event.sequence);
            if !self.stored(wanted.collect(), lines).await? || page.next_page_token.is_empty() {
                return Ok(());
            }
            page = self
                .page(page.next_page_token)
                .await
                .map_err(io::Error::other)?;
        }
    }

    /// Writes these. Whether the browser wants more.
    async fn stored(&self, wanted: BTreeSet<u64>, lines: &Lines) -> Result<bool, io::Error> {
        let (Some(first), Some(last)) = (wanted.first(), wanted.last()) else {
            return Ok(true);
        };
        let asked = ExportEventsRequest {
            after_sequence: first - 1,
            through_sequence: *last,
            at_least: 0,
        };
        let mut proofs = self.desk.proofs(&self.person);
        let stream = proofs.export_events(asked).await;
        let mut stream = stream.map_err(io::Error::other)?.into_inner();
        while let Some(some) = stream.message().await.map_err(io::Error::other)? {
            let events = some.events.into_iter();
            let mut text = String::new();
            for event in events.filter(|event| wanted.contains(&event.sequence)) {
                text.push_str(&written(event)?);
                text.push('\n');
            }
            if !text.is_empty() && lines.send(Ok(text.into())).await.is_err() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// An event's line. One that the log no longer has is none: the file is not taken for whole.
fn written(event: StoredEvent) -> Result<String, io::Error> {
    let sequence = event.sequence;
    let lost = || io::Error::other(format!("event {sequence} cannot be read"));
    let leaf = <[u8; 32]>::try_from(&*event.leaf_hash).ok();
    let time = event.time.filter(|_| !event.missing).and_then(|time| {
        let seconds = time.seconds.checked_mul(1_000_000_000)?;
        seconds.checked_add(time.nanos.into())
    });
    let headers = event.headers.into_iter();
    let stored = Stored {
        sequence,
        time: time.ok_or_else(lost)?,
        subject: event.subject,
        headers: headers.map(|field| (field.name, field.value)).collect(),
        body: event.body,
    };
    line::write(&stored, leaf.as_ref()).map_err(io::Error::other)
}

/// Events that are asked for at once.
const PAGE: u32 = 500;

/// Pieces that may wait for the browser.
const AHEAD: usize = 4;
