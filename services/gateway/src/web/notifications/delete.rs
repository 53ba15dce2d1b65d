//! Before a channel is deleted: which one.

use api::notifier::v1::{DeleteChannelRequest, GetChannelRequest};
use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};

use super::inbox::Nothing;
use crate::web::{
    at::after,
    desk::Desk,
    form::Posted,
    frame::Frame,
    page::{render, see_other},
    problem::Problem,
    visitor::SignedIn,
};

/// `GET /notifications/channels/{id}/delete`
pub async fn page(
    State(desk): State<Desk>,
    person: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let request = GetChannelRequest { channel: id };
    let channel = desk.channels(&person).get_channel(request).await?;
    let channel = channel.into_inner();
    let page = Page {
        frame: Frame::new(&person, "/notifications"),
        id: channel.id,
        name: channel.name,
    };
    render(StatusCode::OK, &page)
}

/// `POST /notifications/channels/{id}/delete`
pub async fn delete(
    State(desk): State<Desk>,
    person: SignedIn,
    Path(channel_id): Path<String>,
    Posted(Nothing {}): Posted<Nothing>,
) -> Result<Response, Problem> {
    let request = DeleteChannelRequest { channel_id };
    let deleted = desk.channels(&person).delete_channel(request).await?;
    let position = deleted.into_inner().position;
    Ok(see_other(&after("/notifications", position, "deleted")))
}

#[derive(Template)]
#[template(path = "notifications/delete.html")]
struct Page {
    frame: Frame,
    id: String,
    name: String,
}
