//! Settings: what runs here, who may sign in, what programs call with, and where people are signed in.

mod general;
mod invite;
mod role;
mod sessions;
mod tokens;
mod users;

use askama::Template;
use axum::{
    Router,
    http::StatusCode,
    response::Response,
    routing::{get, post},
};

pub use self::general::Facts;
use super::{
    desk::Desk, frame::Frame, page::render, problem::Problem, refused::Wrongs, visitor::SignedIn,
};

/// Where they are.
pub fn routes() -> Router<Desk> {
    Router::new()
        .route("/settings", get(general::page))
        .route("/settings/users", get(users::page))
        .route("/settings/users/new", get(invite::page).post(invite::send))
        .route("/settings/users/{id}", get(users::one))
        .route("/settings/users/{id}/role", post(users::change_role))
        .route("/settings/users/{id}/disable", post(users::disable))
        .route("/settings/users/{id}/enable", post(users::enable))
        .route("/settings/users/{id}/reset", post(users::reset))
        .route(
            "/settings/users/{id}/delete",
            get(users::before_delete).post(users::delete),
        )
        .route("/settings/tokens", get(tokens::page))
        .route(
            "/settings/tokens/new",
            get(tokens::new).post(tokens::create),
        )
        .route(
            "/settings/tokens/{id}/revoke",
            get(tokens::before_revoke).post(tokens::revoke),
        )
        .route("/settings/sign-in", get(sessions::page))
        .route("/settings/sign-in/end", post(sessions::end))
        .route("/settings/backup", get(backup))
}

/// `GET /settings/backup`
async fn backup(person: SignedIn) -> Result<Response, Problem> {
    let frame = Frame::new(&person, "/settings");
    render(StatusCode::OK, &Backup { frame })
}

#[derive(Template)]
#[template(path = "settings/backup.html")]
struct Backup {
    frame: Frame,
}

/// A form as it is shown first, or again with what is to be mended.
fn status(wrongs: &Wrongs) -> StatusCode {
    match wrongs.is_empty() {
        true => StatusCode::OK,
        false => StatusCode::UNPROCESSABLE_ENTITY,
    }
}
