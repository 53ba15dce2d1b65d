//! How a page is answered: rendered, or as the way to another one.

use askama::Template;
use axum::{
    http::{
        StatusCode,
        header::{LOCATION, SET_COOKIE},
    },
    response::{AppendHeaders, Html, IntoResponse, Response},
};

use super::{asked::asking, cookie::Cookie, next::own_path, problem::Problem};
use crate::code::Code;

/// A page.
///
/// # Errors
/// Where its template fails.
pub fn render(status: StatusCode, template: &impl Template) -> Result<Response, Problem> {
    let text = template
        .render()
        .map_err(Problem::broken("making a page"))?;
    Ok((status, Html(text)).into_response())
}

/// To a page of ours: by GET, whatever the request was.
pub fn see_other(path: &str) -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, own_path(Some(path)))]).into_response()
}

/// To a page of ours, which leads on to where he wanted to go.
pub fn to(path: &str, next: Option<&str>) -> Response {
    match own_path(next) {
        "/" => see_other(path),
        next => see_other(&asking(path, &[("next", next)])),
    }
}

/// The answer, with a cookie.
pub fn with_cookie(response: Response, cookie: Cookie, code: &Code) -> Response {
    let field = cookie.keep(code).map(|field| (SET_COOKIE, field));
    (AppendHeaders(field), response).into_response()
}

/// The answer, without a cookie from now on.
pub fn without_cookie(response: Response, cookie: Cookie) -> Response {
    let field = cookie.forget().map(|field| (SET_COOKIE, field));
    (AppendHeaders(field), response).into_response()
}
