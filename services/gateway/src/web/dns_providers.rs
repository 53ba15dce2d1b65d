//! DNS providers: who writes the TXT records of DNS-01.

mod add;
mod list;
mod one;

use axum::{Router, routing::get};

use super::desk::Desk;

/// Their pages.
pub fn routes() -> Router<Desk> {
    Router::new()
        .route("/dns-providers", get(list::page))
        .route("/dns-providers/new", get(add::page).post(add::send))
        .route("/dns-providers/{id}", get(one::page).post(one::test))
        .route(
            "/dns-providers/{id}/remove",
            get(one::ask_remove).post(one::remove),
        )
}

/// What was done, in words.
fn note(done: &str) -> Option<&'static str> {
    match done {
        "added" => {
            Some("Added, and its secrets are sealed. Try it with a name of a zone that it serves.")
        }
        "removed" => Some("Removed, and its secrets are destroyed."),
        _ => None,
    }
}
