//! Links: the first administrator makes himself, and others choose their passwords.

use api::refuse::{self, Violations};
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
    page::{render, see_other, with_cookie},
    problem::Problem,
    setup,
    visitor::Visitor,
    wrong::{self, Wrong},
};
use crate::{
    commands::{CommandError, Link, NewSession, Refusal},
    directory,
    parse::{self, Names},
};

/// The code in a link.
#[derive(Deserialize)]
pub struct Code {
    code: Option<SecretString>,
}

/// What somebody chooses.
#[derive(Deserialize)]
pub struct Follow {
    code: SecretString,
    #[serde(default)]
    name: String,
    #[serde(default)]
    display: String,
    #[serde(default)]
    email: String,
    password: SecretString,
    again: SecretString,
}

/// `GET /link`
pub async fn page(
    State(desk): State<Desk>,
    visitor: Visitor,
    Query(query): Query<Code>,
) -> Result<Response, Problem> {
    let code = query.code.unwrap_or_default();
    match desk.commands.link(code.expose_secret()).await {
        Ok(link) => {
            let page = Choose::new(&visitor, code.expose_secret(), &link);
            render(StatusCode::OK, &page)
        }
        Err(error) => dead(error),
    }
}

/// `POST /link`
pub async fn follow(
    State(desk): State<Desk>,
    visitor: Visitor,
    Posted(form): Posted<Follow>,
) -> Result<Response, Problem> {
    let code = form.code.expose_secret();
    let link = match desk.commands.link(code).await {
        Ok(link) => link,
        Err(error) => return dead(error),
    };
    match choose(&desk, &visitor, &link, &form).await {
        Ok(session) => {
            if let Some(before) = &visitor.session {
                desk.commands.sign_out(before).await?;
            }
            let browser = desk
                .sign_in
                .know_browser(session.user, visitor.whence.browser);
            let browser = browser.await?;
            let on = match link {
                Link::SetUp => setup::NEXT,
                Link::Password { .. } => "/",
            };
            let response = with_cookie(see_other(on), Cookie::Session, &session.secret);
            Ok(with_cookie(response, Cookie::Browser, &browser))
        }
        Err(NotChosen::Wrong(wrong)) => {
            let mut page = Choose::new(&visitor, code, &link);
            if page.first {
                (page.name, page.display, page.email) = (form.name, form.display, form.email);
            }
            page.wrong = Some(wrong);
            render(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(NotChosen::Failed(error)) => dead(error),
    }
}

/// Why nothing was chosen.
enum NotChosen {
    /// Something in the form is to be mended.
    Wrong(Wrong),
    /// The command was not done.
    Failed(CommandError),
}

async fn choose(
    desk: &Desk,
    visitor: &Visitor,
    link: &Link,
    form: &Follow,
) -> Result<NewSession, NotChosen> {
    let (code, visit) = (form.code.expose_secret(), &visitor.whence.visit);
    let password = form.password.expose_secret();
    if password != form.again.expose_secret() {
        return Err(NotChosen::Wrong(Wrong::not_the_same()));
    }
    let done = match link {
        Link::SetUp => {
            let names = names(form).map_err(NotChosen::Wrong)?;
            desk.commands.set_up(code, &names, password, visit).await
        }
        Link::Password { .. } => desk.commands.use_link(code, password, visit).await,
    };
    done.map_err(|error| match Wrong::of(&error) {
        Some(wrong) => NotChosen::Wrong(wrong),
        None => NotChosen::Failed(error),
    })
}

/// His names; else the first that is to be mended.
fn names(form: &Follow) -> Result<Names, Wrong> {
    let mut violations = Violations::new();
    let names = parse::names(&form.name, &form.display, &form.email, &mut violations);
    names.ok_or_else(|| {
        let wrong = refuse::violations(&violations.into_status());
        let at = |field: &str| wrong.iter().find(|wrong| wrong.field == field);
        let fields = [
            ("login_name", "name"),
            ("display_name", "display"),
            ("email", "email"),
        ];
        let first = fields
            .iter()
            .find_map(|(field, place)| Some((at(field)?, *place)));
        match first {
            Some((wrong, place)) => Wrong::at(place, &wrong.description),
            None => Wrong::at("name", "This cannot be read."),
        }
    })
}

/// A link that opens nothing; all else is a problem.
fn dead(error: CommandError) -> Result<Response, Problem> {
    match error {
        CommandError::Refused(Refusal::LinkUnknown | Refusal::LinkExpired) => {
            render(StatusCode::NOT_FOUND, &Dead)
        }
        CommandError::Refused(Refusal::Directory(directory::Refusal::AlreadySetUp)) => {
            render(StatusCode::NOT_FOUND, &Dead)
        }
        error => Err(error.into()),
    }
}

#[derive(Template)]
#[template(path = "dead_link.html")]
struct Dead;

#[derive(Template)]
#[template(path = "link.html")]
struct Choose {
    token: String,
    code: String,
    first: bool,
    name: String,
    display: String,
    email: String,
    rule: &'static str,
    wrong: Option<Wrong>,
}

impl Choose {
    fn new(visitor: &Visitor, code: &str, link: &Link) -> Choose {
        let (first, name) = match link {
            Link::SetUp => (true, String::new()),
            Link::Password { login_name, .. } => (false, login_name.clone()),
        };
        Choose {
            token: visitor.token(),
            code: code.to_owned(),
            first,
            name,
            display: String::new(),
            email: String::new(),
            rule: wrong::RULE,
            wrong: None,
        }
    }

    fn wrong_at(&self, field: &str) -> Option<&str> {
        Wrong::why(self.wrong.as_ref(), field)
    }

    fn is_wrong(&self, field: &str) -> bool {
        self.wrong_at(field).is_some()
    }
}
