//! Whether single keys do something (WCAG 2.2, 2.1.4): what a browser's person chose, in a cookie; without one, they do.

use axum::{
    extract::Request,
    http::{HeaderValue, header::SET_COOKIE},
    middleware::Next,
    response::Response,
};
use serde::Deserialize;

use super::{cookie::Cookie, form::Posted, page::see_other, visitor::SignedIn};

/// What was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Keys {
    /// They do what the page says.
    On,
    /// They do nothing.
    Off,
}

/// The choice in a form.
#[derive(Deserialize)]
pub struct Choose {
    keys: Keys,
}

tokio::task_local! {
    /// Whether they are on for the request that this task answers.
    static ARE_ON: bool;
}

/// `POST /account/keys`
pub async fn choose(_: SignedIn, Posted(form): Posted<Choose>) -> Response {
    let (word, done) = match form.keys {
        Keys::On => ("on", "/account?done=keys-on"),
        Keys::Off => ("off", "/account?done=keys-off"),
    };
    let mut response = see_other(done);
    if let Ok(field) = HeaderValue::try_from(Cookie::Keys.keep_text(word)) {
        response.headers_mut().append(SET_COOKIE, field);
    }
    response
}

/// Answers a request as its browser's person chose.
pub async fn enter(request: Request, next: Next) -> Response {
    let on = Cookie::Keys.text(request.headers()) != Some("off");
    ARE_ON.scope(on, next.run(request)).await
}

/// Whether they do something on the page that is made now.
pub fn are_on() -> bool {
    ARE_ON.try_with(|on| *on).unwrap_or(true)
}
