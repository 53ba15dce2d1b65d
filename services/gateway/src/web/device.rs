//! A command line that wants to sign in: its person types its code, sees what it is, and lets it in or not.

use askama::Template;
use axum::{
    extract::{Query, State},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;

use super::{
    Desk,
    form::Posted,
    frame::Frame,
    page::render,
    problem::Problem,
    visitor::{Fresh, SignedIn},
    wording,
};
use crate::{
    commands::{CommandError, Refusal, WaitingLogin},
    user_code::UserCode,
};

/// A code that the command line put into a link.
#[derive(Deserialize)]
pub struct Offered {
    code: Option<String>,
}

/// The code that a person typed.
#[derive(Deserialize)]
pub struct Typed {
    code: String,
}

/// What he says to it.
#[derive(Deserialize)]
pub struct Answered {
    code: String,
    answer: Answer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Allow,
    Deny,
}

/// `GET /device`
pub async fn page(Fresh(person): Fresh, Query(query): Query<Offered>) -> Result<Response, Problem> {
    // Only what can be a code stands on the page.
    let code = query.code.as_deref().and_then(UserCode::parse);
    let page = Type::new(&person, code.map(|code| code.to_string()));
    render(StatusCode::OK, &page)
}

/// `POST /device`
pub async fn ask(
    State(desk): State<Desk>,
    Fresh(person): Fresh,
    Posted(form): Posted<Typed>,
) -> Result<Response, Problem> {
    match look_up(&desk, &person, &form.code).await? {
        Some(login) => render(StatusCode::OK, &Ask::new(&person, &login)),
        None => unknown(&person),
    }
}

/// `POST /device/answer`
pub async fn answer(
    State(desk): State<Desk>,
    Fresh(person): Fresh,
    Posted(form): Posted<Answered>,
) -> Result<Response, Problem> {
    // The code comes from a form that can be filled in without the first page.
    let Some(login) = look_up(&desk, &person, &form.code).await? else {
        return unknown(&person);
    };
    let user = person.session.user;
    let answered = match form.answer {
        Answer::Allow => desk.commands.allow_login(&login, user).await,
        Answer::Deny => desk.commands.deny_login(&login, user).await,
    };
    match answered {
        Ok(()) => {
            let page = Told {
                frame: Frame::new(&person, "/device"),
                device: login.device_name,
                allowed: form.answer == Answer::Allow,
            };
            render(StatusCode::OK, &page)
        }
        Err(CommandError::Refused(Refusal::LoginExpired)) => unknown(&person),
        Err(error) => Err(error.into()),
    }
}

/// The login with this code. Codes are short: nobody tries many.
async fn look_up(
    desk: &Desk,
    person: &SignedIn,
    code: &str,
) -> Result<Option<WaitingLogin>, Problem> {
    let admitted = desk.sign_in.begin_own(&person.session).await?;
    let login = desk.commands.waiting_login(code).await?;
    if login.is_some() {
        desk.sign_in.was_right(admitted).await?;
    }
    Ok(login)
}

fn unknown(person: &SignedIn) -> Result<Response, Problem> {
    let page = Type {
        refused: true,
        ..Type::new(person, None)
    };
    render(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

#[derive(Template)]
#[template(path = "device.html")]
struct Type {
    frame: Frame,
    code: String,
    refused: bool,
}

impl Type {
    fn new(person: &SignedIn, code: Option<String>) -> Type {
        Type {
            frame: Frame::new(person, "/device"),
            code: code.unwrap_or_default(),
            refused: false,
        }
    }
}

#[derive(Template)]
#[template(path = "device_ask.html")]
struct Ask {
    frame: Frame,
    code: String,
    device: String,
    source: String,
    began: String,
}

impl Ask {
    fn new(person: &SignedIn, login: &WaitingLogin) -> Ask {
        Ask {
            frame: Frame::new(person, "/device"),
            code: login.user_code.to_string(),
            device: login.device_name.clone(),
            source: login.source.clone(),
            began: wording::time(login.began),
        }
    }
}

#[derive(Template)]
#[template(path = "device_told.html")]
struct Told {
    frame: Frame,
    device: String,
    allowed: bool,
}
