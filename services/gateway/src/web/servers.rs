//! ACME servers: the accounts that certificates are ordered with.

mod account;
mod list;
mod one;
mod preset;
mod register;

use axum::{Router, routing::get};

pub use self::register::{Registering, Sent, Typed};
use super::desk::Desk;

/// Their pages.
pub fn routes() -> Router<Desk> {
    Router::new()
        .route("/servers", get(list::page))
        .route("/servers/new", get(register::page).post(register::send))
        .route("/servers/{id}", get(one::page).post(account::contact))
        .route(
            "/servers/{id}/roll-key",
            get(account::ask_roll).post(account::roll),
        )
        .route(
            "/servers/{id}/deactivate",
            get(account::ask_deactivate).post(account::deactivate),
        )
}

/// What was done, in words.
fn note(done: &str) -> Option<&'static str> {
    match done {
        "registered" => Some("Registered. Certificates can be asked for there."),
        "contact" => Some("The contact address is changed, here and at the CA."),
        "rolled" => Some("The account has a new key. The old one is worth nothing any more."),
        "deactivated" => Some("The account has ended at the CA."),
        _ => None,
    }
}

/// A URL without what every one of them has.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_what_people_know_of_a_url() {
        assert_eq!(
            host("https://acme.example:8443/directory"),
            "acme.example:8443"
        );
        assert_eq!(host("https://acme.example"), "acme.example");
        assert_eq!(host(""), "");
    }
}
