//! The password again, before something that needs it.

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
    frame::Frame,
    next::own_path,
    page::{render, see_other, with_cookie},
    problem::Problem,
    visitor::SignedIn,
};
use crate::{
    code::Code,
    commands::{CommandError, Refusal},
};

/// Where he wants to go.
#[derive(Deserialize)]
pub struct Next {
    next: Option<String>,
}

/// The password.
#[derive(Deserialize)]
pub struct Show {
    password: SecretString,
    next: Option<String>,
}

/// `GET /confirm`
pub async fn page(person: SignedIn, Query(query): Query<Next>) -> Result<Response, Problem> {
    let page = Confirm::new(&person, query.next.as_deref());
    render(StatusCode::OK, &page)
}

/// `POST /confirm`
pub async fn show(
    State(desk): State<Desk>,
    person: SignedIn,
    Posted(form): Posted<Show>,
) -> Result<Response, Problem> {
    let next = form.next.as_deref();
    match show_password(&desk, &person, &form.password).await? {
        Some(shown) => {
            let on = see_other(own_path(next));
            Ok(match shown.renewed {
                Some(code) => with_cookie(on, Cookie::Session, &code),
                None => on,
            })
        }
        None => {
            let page = Confirm {
                refused: true,
                ..Confirm::new(&person, next)
            };
            render(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
    }
}

/// The password was shown: from now on the session is fresh.
pub struct Shown {
    /// What its cookie is to hold from now on, where that is another thing.
    pub renewed: Option<Code>,
}

/// Takes the password that a person shows again; `None`: it is not his.
///
/// # Errors
/// After too many wrong tries, and what the database says.
pub async fn show_password(
    desk: &Desk,
    person: &SignedIn,
    password: &SecretString,
) -> Result<Option<Shown>, Problem> {
    let admitted = desk.sign_in.begin_own(&person.session).await?;
    let password = password.expose_secret();
    match desk.commands.show_password(&person.session, password).await {
        Ok(renewed) => {
            desk.sign_in.was_right(admitted).await?;
            Ok(Some(Shown { renewed }))
        }
        Err(CommandError::Refused(Refusal::PasswordWrong)) => {
            desk.sign_in.was_wrong(&person.session);
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

#[derive(Template)]
#[template(path = "confirm.html")]
struct Confirm {
    frame: Frame,
    login_name: String,
    next: String,
    refused: bool,
}

impl Confirm {
    fn new(person: &SignedIn, next: Option<&str>) -> Confirm {
        Confirm {
            frame: Frame::new(person, ""),
            login_name: person.session.login_name.clone(),
            next: own_path(next).to_owned(),
            refused: false,
        }
    }
}
