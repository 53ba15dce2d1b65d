//! Certificates: the list, each one's page, and what is done with them.
//!
//! The list's [`state`] stands in its address. [`list`] asks for its rows, [`detail`] for one certificate with all that
//! is known of it; [`change`] does what their buttons say, and [`delete`] shows what would go before it goes.

mod chain;
mod change;
mod default;
mod delete;
mod detail;
mod facts;
mod fetch;
mod history;
mod lifetime;
mod list;
mod readers;
mod rename;
mod renew;
mod revoke;
mod row;
mod run;
mod selection;
mod served;
mod state;
mod view;
mod words;

use axum::{
    Router,
    routing::{get, post},
};

use super::desk::Desk;

/// All pages about certificates.
pub fn routes() -> Router<Desk> {
    Router::new()
        .route("/certificates", get(list::page))
        .route("/certificates/renew", post(renew::several))
        .route("/certificates/export", get(selection::export))
        .route(
            "/certificates/delete",
            get(delete::review).post(delete::delete),
        )
        .route("/certificates/clear-default", post(default::clear))
        .route("/certificates/served", get(served::page))
        .route("/certificates/{id}", get(detail::page))
        .route("/certificates/{id}/renew", post(renew::one))
        .route(
            "/certificates/{id}/rename",
            get(rename::page).post(rename::rename),
        )
        .route(
            "/certificates/{id}/default",
            get(default::page).post(default::choose),
        )
        .route(
            "/certificates/{id}/revoke",
            get(revoke::page).post(revoke::revoke),
        )
        .route("/certificates/{id}/restore", post(change::restore))
        .route("/certificates/{id}/issuers", post(change::fetch_issuers))
}
