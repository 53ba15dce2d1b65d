//! A channel: a new one, or one that is changed.

use api::notifier::v1::GetChannelRequest;
use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;
use tonic::Status;

use super::{
    form::{Typed, field},
    kinds::{ALL, SEVERITIES},
};
use crate::web::{
    asked::Asked,
    at::after,
    desk::Desk,
    form::Posted,
    frame::Frame,
    meanwhile::{Conflict, Read},
    page::{render, see_other},
    problem::Problem,
    refused::{Refused, Wrongs},
    visitor::SignedIn,
};

/// The query string of a new one.
#[derive(Deserialize)]
pub struct New {
    /// "email" or "webhook".
    #[serde(default)]
    by: String,
}

/// `GET /notifications/channels/new`
pub async fn new(person: SignedIn, Asked(new): Asked<New>) -> Result<Response, Problem> {
    let page = Page::new(&person, None, Typed::new(&new.by));
    render(StatusCode::OK, &page)
}

/// `POST /notifications/channels/new`
pub async fn create(
    State(desk): State<Desk>,
    person: SignedIn,
    Posted(typed): Posted<Typed>,
) -> Result<Response, Problem> {
    match desk.channels(&person).create_channel(typed.create()).await {
        Ok(created) => {
            let position = created.into_inner().position;
            Ok(see_other(&after("/notifications", position, "created")))
        }
        Err(status) => Page::new(&person, None, typed).wrong(status),
    }
}

/// `GET /notifications/channels/{id}`
pub async fn edit(
    State(desk): State<Desk>,
    person: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let read = Read::now(&desk, &person, &id).await;
    let request = GetChannelRequest { channel: id };
    let channel = desk.channels(&person).get_channel(request).await?;
    let channel = channel.into_inner();
    let mut page = Page::new(&person, Some(channel.id.clone()), Typed::of(channel));
    page.read = read;
    render(StatusCode::OK, &page)
}

/// `POST /notifications/channels/{id}`
pub async fn update(
    State(desk): State<Desk>,
    person: SignedIn,
    Path(id): Path<String>,
    Posted(typed): Posted<Typed>,
) -> Result<Response, Problem> {
    let read = Read::back(&typed.read);
    let request = read.only(typed.update(id.clone()));
    match desk.channels(&person).update_channel(request).await {
        Ok(updated) => {
            let position = updated.into_inner().position;
            Ok(see_other(&after("/notifications", position, "updated")))
        }
        Err(status) => {
            let newer = format!("/notifications/channels/{id}");
            let conflict = Conflict::of(&status, &desk, &person, &id, newer).await;
            let mut page = Page::new(&person, Some(id), typed);
            page.read = read;
            match conflict {
                Some(conflict) => page.again(conflict.into()),
                None => page.wrong(status),
            }
        }
    }
}

#[derive(Template)]
#[template(path = "notifications/channel.html")]
struct Page {
    frame: Frame,
    /// Nothing: it is a new one.
    id: Option<String>,
    typed: Typed,
    wrongs: Wrongs,
    read: Read,
}

impl Page {
    fn new(person: &SignedIn, id: Option<String>, typed: Typed) -> Page {
        Page {
            frame: Frame::new(person, "/notifications"),
            id,
            typed,
            wrongs: Wrongs::default(),
            read: Read::default(),
        }
    }

    /// The form again, with what a person can mend of what was refused.
    fn wrong(self, status: Status) -> Result<Response, Problem> {
        let wrongs = Refused::of(status)?.beside(field);
        self.again(wrongs)
    }

    fn again(mut self, wrongs: Wrongs) -> Result<Response, Problem> {
        self.wrongs = wrongs;
        render(self.wrongs.code(), &self)
    }

    fn title(&self) -> &'static str {
        match (&self.id, self.typed.is_webhook()) {
            (Some(_), _) => "Change a channel",
            (None, true) => "New webhook",
            (None, false) => "New e-mail channel",
        }
    }

    fn action(&self) -> String {
        let id = self.id.as_deref().unwrap_or("new");
        format!("/notifications/channels/{id}")
    }
}
