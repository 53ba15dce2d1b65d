//! How somebody comes in: an administrator says who, and gets a link to hand on.

use api::{
    convert,
    gateway::v1::{CreateUserRequest, Invitation},
};
use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use serde::Deserialize;

use super::{
    role::{self, Choice},
    status,
};
use crate::web::{
    desk::Desk,
    form::Posted,
    frame::Frame,
    here::Here,
    page::render,
    problem::Problem,
    refused::{Refused, Wrongs},
    visitor::{Fresh, SignedIn},
    wording,
};

/// Who is to come.
#[derive(Default, Deserialize)]
pub struct Invite {
    #[serde(default)]
    name: String,
    #[serde(default)]
    display: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    role: String,
}

/// `GET /settings/users/new`
pub async fn page(Fresh(person): Fresh) -> Result<Response, Problem> {
    let form = Invite {
        role: "viewer".to_owned(),
        ..Invite::default()
    };
    InvitePage::render(&person, form, Wrongs::default())
}

/// `POST /settings/users/new`
pub async fn send(
    State(desk): State<Desk>,
    Fresh(person): Fresh,
    here: Here,
    Posted(form): Posted<Invite>,
) -> Result<Response, Problem> {
    let create = CreateUserRequest {
        login_name: form.name.clone(),
        display_name: form.display.clone(),
        email: form.email.clone(),
        role: role::of(&form.role).into(),
    };
    let created = match desk.users(&person).create_user(create).await {
        Ok(created) => created.into_inner(),
        Err(status) => {
            let wrongs = Refused::of(status)?.beside(field);
            return InvitePage::render(&person, form, wrongs);
        }
    };
    let user = created.user.unwrap_or_default();
    show(&person, &here, &user.login_name, true, created.invitation)
}

/// The page that shows a link once: of somebody new, or (not `first`) of somebody whose credentials were reset.
pub fn show(
    person: &SignedIn,
    here: &Here,
    name: &str,
    first: bool,
    invitation: Option<Invitation>,
) -> Result<Response, Problem> {
    let invitation = invitation.unwrap_or_default();
    let expires = invitation.expires.as_ref().and_then(convert::time);
    let page = InvitedPage {
        frame: Frame::new(person, "/settings"),
        name: name.to_owned(),
        first,
        link: format!("{}{}", here.0, invitation.path),
        expires: expires.map(wording::time).unwrap_or_default(),
    };
    render(StatusCode::OK, &page)
}

/// The form's field for one of the API's.
fn field(name: &str) -> Option<&'static str> {
    match name {
        "login_name" => Some("name"),
        "display_name" => Some("display"),
        "email" => Some("email"),
        "role" => Some("role"),
        _ => None,
    }
}

#[derive(Template)]
#[template(path = "settings/invite.html")]
struct InvitePage {
    frame: Frame,
    form: Invite,
    roles: [Choice; 3],
    wrongs: Wrongs,
}

impl InvitePage {
    fn render(person: &SignedIn, form: Invite, wrongs: Wrongs) -> Result<Response, Problem> {
        let page = InvitePage {
            frame: Frame::new(person, "/settings"),
            roles: role::choices(role::of(&form.role)),
            form,
            wrongs,
        };
        render(status(&page.wrongs), &page)
    }
}

#[derive(Template)]
#[template(path = "settings/invited.html")]
struct InvitedPage {
    frame: Frame,
    name: String,
    /// Not after a reset.
    first: bool,
    link: String,
    expires: String,
}
