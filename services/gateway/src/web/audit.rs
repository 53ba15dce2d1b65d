//! Audit log: what happened, newest first, by day, as the log has it.

mod event;
mod filter;
mod following;
mod list;
mod payload;

use axum::{Router, routing::get};

use super::desk::Desk;

/// The list, and each event whole.
pub fn routes() -> Router<Desk> {
    Router::new()
        .route("/audit", get(list::page))
        .route("/audit/{sequence}", get(event::page))
}
