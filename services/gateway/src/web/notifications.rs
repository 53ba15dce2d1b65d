//! Notifications: what wants somebody and what did, and who is told of it.

mod channel;
mod delete;
mod form;
mod inbox;
mod kinds;

use axum::{
    Router,
    routing::{get, post},
};

use super::desk::Desk;

/// The inbox, and the channels.
pub fn routes() -> Router<Desk> {
    Router::new()
        .route("/notifications", get(inbox::page))
        .route(
            "/notifications/channels/new",
            get(channel::new).post(channel::create),
        )
        .route(
            "/notifications/channels/{id}",
            get(channel::edit).post(channel::update),
        )
        .route("/notifications/channels/{id}/test", post(inbox::test))
        .route(
            "/notifications/channels/{id}/delete",
            get(delete::page).post(delete::delete),
        )
}
