//! A person's own account: how he signs in, and where he is signed in.

use askama::Template;
use axum::{
    extract::{Query, State},
    http::StatusCode,
    response::Response,
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use uuid::Uuid;

use super::{
    Desk,
    form::Posted,
    frame::Frame,
    page::{render, see_other},
    problem::Problem,
    sign_in::Nothing,
    token,
    visitor::{Fresh, SignedIn},
    wording,
    wrong::{self, Wrong},
};
use crate::{
    commands::{CommandError, OpenSession, Refusal},
    instant,
    rows::{session::Row, user},
};

/// What was done a moment ago.
#[derive(Deserialize)]
pub struct Done {
    done: Option<String>,
}

/// Another password.
#[derive(Deserialize)]
pub struct ChangePassword {
    old: SecretString,
    password: SecretString,
    again: SecretString,
}

/// A session of the list.
#[derive(Deserialize)]
pub struct EndSession {
    session: Uuid,
}

/// A token of the list.
#[derive(Deserialize)]
pub struct EndToken {
    id: Uuid,
}

/// `GET /account`
pub async fn page(
    State(desk): State<Desk>,
    person: SignedIn,
    Query(query): Query<Done>,
) -> Result<Response, Problem> {
    let mut page = Account::of(&desk, &person).await?;
    page.frame.note = query.done.as_deref().and_then(note);
    render(StatusCode::OK, &page)
}

/// `POST /account/password`
pub async fn change_password(
    State(desk): State<Desk>,
    person: SignedIn,
    Posted(form): Posted<ChangePassword>,
) -> Result<Response, Problem> {
    let (old, new) = (form.old.expose_secret(), form.password.expose_secret());
    let wrong = if new != form.again.expose_secret() {
        Wrong::not_the_same()
    } else {
        let admitted = desk.sign_in.begin_own(&person.session).await?;
        let changed = desk.commands.change_password(&person.session, old, new);
        let error = match changed.await {
            Ok(_) => {
                desk.sign_in.was_right(admitted).await?;
                return Ok(see_other("/account?done=password"));
            }
            Err(error) => error,
        };
        match &error {
            CommandError::Refused(Refusal::PasswordWrong) => {
                desk.sign_in.was_wrong(&person.session);
            }
            // The old one was right.
            CommandError::Refused(Refusal::Unfit(_)) => desk.sign_in.was_right(admitted).await?,
            _ => {}
        }
        match Wrong::of(&error) {
            Some(wrong) => wrong,
            None => return Err(error.into()),
        }
    };
    let mut page = Account::of(&desk, &person).await?;
    page.wrong = Some(wrong);
    render(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

/// `POST /account/end-session`
pub async fn end_session(
    State(desk): State<Desk>,
    Fresh(person): Fresh,
    Posted(form): Posted<EndSession>,
) -> Result<Response, Problem> {
    let user = person.session.user;
    let origin = desk.commands.origin_of(user);
    desk.commands
        .end_session(&origin, form.session, Some(user))
        .await?;
    Ok(see_other("/account?done=ended"))
}

/// `POST /account/end-token`
pub async fn end_token(
    State(desk): State<Desk>,
    Fresh(person): Fresh,
    Posted(form): Posted<EndToken>,
) -> Result<Response, Problem> {
    token::end(&desk, &person, form.id).await?;
    Ok(see_other("/account?done=token"))
}

/// `POST /account/end-others`
pub async fn end_others(
    State(desk): State<Desk>,
    Fresh(person): Fresh,
    Posted(Nothing {}): Posted<Nothing>,
) -> Result<Response, Problem> {
    desk.commands.end_other_sessions(&person.session).await?;
    Ok(see_other("/account?done=ended"))
}

/// What was done, in words; nothing of what an address says stands on a page.
fn note(done: &str) -> Option<&'static str> {
    match done {
        "password" => Some("Your password is changed. Your other sessions have ended."),
        "ended" => Some("Ended. Whoever sits there has to sign in again."),
        "token" => Some("Ended. Whoever holds it can do nothing any more."),
        "keys-on" => Some("Single keys do something again."),
        "keys-off" => Some("Single keys do nothing any more, in this browser."),
        "factor-removed" => Some("Your second factor is removed. A password alone signs you in."),
        _ => None,
    }
}

#[derive(Template)]
#[template(path = "account.html")]
struct Account {
    frame: Frame,
    login_name: String,
    email: Option<String>,
    second_factor: bool,
    codes_left: u64,
    sessions: Vec<Line>,
    tokens: Vec<token::Line>,
    rule: &'static str,
    wrong: Option<Wrong>,
}

/// A session in the list.
struct Line {
    id: Uuid,
    browser: String,
    address: String,
    used: String,
    used_at: String,
    since: String,
    since_at: String,
    current: bool,
}

impl Account {
    async fn of(desk: &Desk, person: &SignedIn) -> Result<Account, Problem> {
        let session = &person.session;
        let user = user::find(&desk.commands.database, session.user).await;
        let user = user.map_err(CommandError::from)?;
        let sessions = desk.commands.sessions(Some(session.user)).await?;
        let lines = sessions
            .iter()
            .map(|(row, open)| Line::new(row, open, session.id));
        Ok(Account {
            frame: Frame::new(person, "/account"),
            login_name: session.login_name.clone(),
            email: user.and_then(|user| user.email),
            second_factor: session.second_factor,
            codes_left: desk.factors.codes_left(session.user).await?,
            sessions: lines.collect(),
            tokens: token::list(desk, person).await?,
            rule: wrong::RULE,
            wrong: None,
        })
    }

    fn wrong_at(&self, field: &str) -> Option<&str> {
        Wrong::why(self.wrong.as_ref(), field)
    }

    fn is_wrong(&self, field: &str) -> bool {
        self.wrong_at(field).is_some()
    }
}

impl Line {
    fn new(row: &Row, open: &OpenSession, current: Uuid) -> Line {
        let used = instant::time(row.last_used);
        Line {
            id: row.id,
            browser: wording::browser(&row.user_agent),
            address: row.address.clone(),
            used: wording::time(used),
            used_at: wording::timestamp(used),
            since: wording::time(open.signed_in),
            since_at: wording::timestamp(open.signed_in),
            current: row.id == current,
        }
    }
}
