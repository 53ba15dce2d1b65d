//! The first page: for a person, what needs him, or else his certificates; for a stranger, the way in.

use std::time::Duration;

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};

use super::{
    Desk,
    overview::{glance, wanting},
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
    let person = SignedIn { visitor, session };
    let overview = tokio::time::timeout(PATIENCE, glance(&desk, &person, 0)).await;
    let needs_him = match overview {
        Ok(Ok(overview)) => wanting(&overview) > 0 || overview.alerts > 0,
        // What cannot be asked needs nobody.
        Ok(Err(_)) | Err(_) => false,
    };
    Ok(see_other(match needs_him {
        true => "/overview",
        false => "/certificates",
    }))
}

/// What stands here until there is anybody: nothing of what is behind.
pub fn closed() -> Result<Response, Problem> {
    render(StatusCode::OK, &Closed)
}

#[derive(Template)]
#[template(path = "closed.html")]
struct Closed;

const PATIENCE: Duration = Duration::from_millis(500);
