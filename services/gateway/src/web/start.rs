//! The first page: for a person, where he is; for a stranger, the way in.

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};

use super::{
    Desk,
    frame::Frame,
    page::{render, see_other},
    problem::Problem,
    visitor::{SignedIn, Visitor},
};

/// `GET /`
pub async fn page(State(desk): State<Desk>, visitor: Visitor) -> Result<Response, Problem> {
    let Some(session) = visitor.session.clone() else {
        return match desk.commands.is_set_up().await? {
            true => Ok(see_other("/sign-in")),
            false => closed(),
        };
    };
    let frame = Frame::new(&SignedIn { visitor, session }, "/");
    render(StatusCode::OK, &Start { frame })
}

/// What stands here until there is anybody: nothing of what is behind.
pub fn closed() -> Result<Response, Problem> {
    render(StatusCode::OK, &Closed)
}

#[derive(Template)]
#[template(path = "start.html")]
struct Start {
    frame: Frame,
}

#[derive(Template)]
#[template(path = "closed.html")]
struct Closed;
