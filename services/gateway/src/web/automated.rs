//! Automated certificates: asked for once, and renewed from then on.
//!
//! [`new`] takes a request, once [`checks`] has looked whether it would work; [`one`] shows how it goes, by the
//! [`steps`] of its order; [`change`] has the buttons.

mod change;
mod checks;
mod filter;
mod list;
mod new;
mod one;
mod steps;
mod trouble;
mod typed;
mod words;

use axum::{
    Router,
    routing::{get, post},
};

pub use self::{
    new::{Asking, Outcome},
    typed::Typed,
};
use super::desk::Desk;

/// Their pages.
pub fn routes() -> Router<Desk> {
    Router::new()
        .route("/automated", get(list::page))
        .route("/automated/new", get(new::page).post(new::send))
        .route("/automated/checks", post(checks::stream))
        .route("/automated/{id}", get(one::page))
        .route("/automated/{id}/try", post(change::try_now))
        .route("/automated/{id}/resume", post(change::resume))
        .route(
            "/automated/{id}/pause",
            get(change::ask_pause).post(change::pause),
        )
        .route(
            "/automated/{id}/cancel",
            get(change::ask_cancel).post(change::cancel),
        )
}
