//! Audit log: what happened, newest first, by day, as the log has it.

mod event;
mod export;
mod filter;
mod following;
mod list;
mod payload;

use axum::{Router, routing::get};

use super::desk::Desk;

/// The list, the same as a file, and each event whole.
pub fn routes() -> Router<Desk> {
    Router::new()
        .route("/audit", get(list::page))
        .route("/audit/export", get(export::file))
        .route("/audit/{sequence}", get(event::page))
}
