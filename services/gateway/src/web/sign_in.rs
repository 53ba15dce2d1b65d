//! Signing in and out.

use askama::Template;
use axum::{
    extract::{Query, State},
    http::StatusCode,
    response::Response,
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::{
    Desk,
    cookie::Cookie,
    form::Posted,
    next::own_path,
    page::{render, see_other, to, with_cookie, without_cookie},
    problem::Problem,
    start,
    visitor::{SignedIn, Visitor},
};
use crate::sign_in::{Entered, Step};

/// Where he wants to go.
#[derive(Deserialize)]
pub struct Next {
    next: Option<String>,
}

/// A login name and a password.
#[derive(Deserialize)]
pub struct ByPassword {
    name: String,
    password: SecretString,
    next: Option<String>,
}

/// A code of a second factor, or a recovery code.
#[derive(Deserialize)]
pub struct ByCode {
    code: SecretString,
    next: Option<String>,
}

/// `GET /sign-in`
pub async fn page(
    State(desk): State<Desk>,
    visitor: Visitor,
    Query(query): Query<Next>,
) -> Result<Response, Problem> {
    if visitor.session.is_some() {
        return Ok(see_other(own_path(query.next.as_deref())));
    }
    if !desk.commands.is_set_up().await? {
        return start::closed();
    }
    let page = SignIn::new(&visitor, query.next.as_deref());
    render(StatusCode::OK, &page)
}

/// `POST /sign-in`
pub async fn by_password(
    State(desk): State<Desk>,
    visitor: Visitor,
    Posted(form): Posted<ByPassword>,
) -> Result<Response, Problem> {
    let password = form.password.expose_secret();
    let step = desk
        .sign_in
        .by_password(&form.name, password, &visitor.whence);
    match step.await? {
        Step::In(entered) => enter(&desk, &visitor, &entered, form.next.as_deref()).await,
        Step::CodeNeeded(secret) => {
            let on = to("/sign-in/code", form.next.as_deref());
            Ok(with_cookie(on, Cookie::HalfWay, &secret))
        }
        Step::Wrong => {
            let page = SignIn {
                name: form.name,
                refused: true,
                ..SignIn::new(&visitor, form.next.as_deref())
            };
            render(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
    }
}

/// `GET /sign-in/code`
pub async fn code_page(
    State(desk): State<Desk>,
    visitor: Visitor,
    Query(query): Query<Next>,
) -> Result<Response, Problem> {
    let half_way = match visitor.half_way {
        Some(secret) => desk.sign_in.is_half_way(secret).await?,
        None => false,
    };
    match half_way {
        true => {
            let page = Code::new(&visitor, query.next.as_deref());
            render(StatusCode::OK, &page)
        }
        false => Ok(to("/sign-in", query.next.as_deref())),
    }
}

/// `POST /sign-in/code`
pub async fn by_code(
    State(desk): State<Desk>,
    visitor: Visitor,
    Posted(form): Posted<ByCode>,
) -> Result<Response, Problem> {
    let next = form.next.as_deref();
    let Some(secret) = visitor.half_way else {
        return Ok(to("/sign-in", next));
    };
    let code = form.code.expose_secret();
    match desk.sign_in.by_code(secret, code, &visitor.whence).await? {
        Some(Step::In(entered)) => {
            let entered = enter(&desk, &visitor, &entered, next).await?;
            Ok(without_cookie(entered, Cookie::HalfWay))
        }
        Some(Step::Wrong | Step::CodeNeeded(_)) => {
            let page = Code {
                refused: true,
                ..Code::new(&visitor, next)
            };
            render(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        None => Ok(without_cookie(to("/sign-in", next), Cookie::HalfWay)),
    }
}

/// `POST /sign-out`
pub async fn out(
    State(desk): State<Desk>,
    person: SignedIn,
    Posted(Nothing {}): Posted<Nothing>,
) -> Result<Response, Problem> {
    desk.commands.sign_out(&person.session).await?;
    Ok(without_cookie(see_other("/sign-in"), Cookie::Session))
}

/// A form with a button and nothing else.
#[derive(Deserialize)]
pub struct Nothing {}

/// The session begins, and the one that the browser had before ends.
pub async fn enter(
    desk: &Desk,
    visitor: &Visitor,
    entered: &Entered,
    next: Option<&str>,
) -> Result<Response, Problem> {
    if let Some(before) = &visitor.session {
        desk.commands.sign_out(before).await?;
    }
    let response = see_other(own_path(next));
    let response = with_cookie(response, Cookie::Session, &entered.session.secret);
    Ok(with_cookie(response, Cookie::Browser, &entered.browser))
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    token: String,
    next: String,
    name: String,
    refused: bool,
}

impl SignIn {
    fn new(visitor: &Visitor, next: Option<&str>) -> SignIn {
        SignIn {
            token: visitor.token(),
            next: own_path(next).to_owned(),
            name: String::new(),
            refused: false,
        }
    }
}

#[derive(Template)]
#[template(path = "code.html")]
struct Code {
    token: String,
    next: String,
    refused: bool,
}

impl Code {
    fn new(visitor: &Visitor, next: Option<&str>) -> Code {
        Code {
            token: visitor.token(),
            next: own_path(next).to_owned(),
            refused: false,
        }
    }
}
