//! What another changed while a form was open: the form says what it was made from, and a command from it is refused
//! where that is the newest no more.

use api::{
    metadata::UNCHANGED_SINCE,
    projection::v1::{Event, ListRequest},
    refuse,
};
use askama::Template;
use tonic::{Request, Status};

use super::{
    desk::Desk,
    event_words::{is_about, tell},
    filter,
    visitor::SignedIn,
    when,
};

/// The newest event of what a form is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Read {
    /// Its position; `None` where the projection was away, and then nothing is compared.
    position: Option<u64>,
}

impl Read {
    /// For a form that is made now. To be asked before what it shows, so that a change between is noticed.
    pub async fn now(desk: &Desk, person: &SignedIn, id: &str) -> Read {
        let newest = newest(desk, person, id).await;
        Read {
            position: newest.map(|event| event.sequence),
        }
    }

    /// As a form brings it back.
    pub fn back(text: &str) -> Read {
        Read {
            position: text.parse().ok(),
        }
    }

    /// The form's field for it.
    pub fn field(&self) -> String {
        match self.position {
            Some(position) => format!(r#"<input type="hidden" name="read" value="{position}">"#),
            None => String::new(),
        }
    }

    /// The command, on that alone.
    pub fn only<T>(&self, command: T) -> Request<T> {
        let mut request = Request::new(command);
        if let Some(position) = self.position {
            request
                .metadata_mut()
                .insert(UNCHANGED_SINCE, position.into());
        }
        request
    }
}

/// Somebody was first.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(
    source = r##"<div class="note note-bad summary" id="summary" role="alert" tabindex="-1" autofocus><svg class="i" aria-hidden="true"><use href="#i-error"/></svg><p><strong>Changed by {{ by }} {{ ago }}.</strong> Your change was not saved. <a href="{{ newer }}">Show the newer version</a></p></div>"##,
    ext = "html"
)]
pub struct Conflict {
    by: String,
    ago: String,
    newer: String,
}

impl Conflict {
    /// Where that is why a command was refused; `newer` is the page that shows how it is now.
    pub async fn of(
        status: &Status,
        desk: &Desk,
        person: &SignedIn,
        id: &str,
        newer: String,
    ) -> Option<Conflict> {
        if !is_conflict(status) {
            return None;
        }
        let event = newest(desk, person, id).await;
        Some(Conflict::by(event, desk, newer).await)
    }

    /// The same of a person's role; people are all in one place in the log.
    pub async fn of_role(
        status: &Status,
        desk: &Desk,
        person: &SignedIn,
        user: &str,
    ) -> Option<Conflict> {
        if !is_conflict(status) {
            return None;
        }
        let asked = ListRequest {
            filter: "aggregate=directory event=role-changed".to_owned(),
            page_size: LOOKED_AT,
            ..ListRequest::default()
        };
        let answer = desk.queries(person).list_events(asked).await.ok();
        let events = answer.map(|answer| answer.into_inner().events);
        let mut events = events.unwrap_or_default().into_iter();
        let event = events.find(|event| is_about(event, user));
        let newer = format!("/settings/users/{user}");
        Some(Conflict::by(event, desk, newer).await)
    }

    async fn by(event: Option<Event>, desk: &Desk, newer: String) -> Conflict {
        let told = tell(desk, event.as_slice()).await.pop();
        let (by, ago) = match told {
            Some(told) => (told.by.name, when::ago(told.at, desk.commands.clock.now())),
            None => ("another operator".to_owned(), String::new()),
        };
        Conflict { by, ago, newer }
    }
}

fn is_conflict(status: &Status) -> bool {
    refuse::reason(status).as_deref() == Some("CHANGED_MEANWHILE")
}

async fn newest(desk: &Desk, person: &SignedIn, id: &str) -> Option<Event> {
    let asked = ListRequest {
        filter: format!("aggregate_id={}", filter::quoted(id)),
        page_size: 1,
        ..ListRequest::default()
    };
    let answer = desk.queries(person).list_events(asked).await.ok()?;
    answer.into_inner().events.pop()
}

/// So many changes of roles are looked at for the one that was first.
const LOOKED_AT: u32 = 50;
