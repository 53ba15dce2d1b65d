//! Where everybody is signed in.

use api::{
    convert,
    gateway::v1::{EndSessionRequest, ListSessionsRequest, Session},
};
use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use serde::Deserialize;

use crate::web::{
    asked::Asked,
    desk::Desk,
    form::Posted,
    frame::Frame,
    page::{render, see_other},
    parts::Moment,
    problem::Problem,
    visitor::{Fresh, SignedIn},
    wording,
};

/// What was done a moment ago.
#[derive(Deserialize)]
pub struct Done {
    done: Option<String>,
}

/// A session of the list.
#[derive(Deserialize)]
pub struct End {
    session: String,
}

/// `GET /settings/sign-in`
pub async fn page(
    State(desk): State<Desk>,
    person: SignedIn,
    Asked(query): Asked<Done>,
) -> Result<Response, Problem> {
    let mut sessions = desk.sessions(&person);
    let listed = sessions
        .list_sessions(ListSessionsRequest::default())
        .await?;
    let sessions = listed.into_inner().sessions.into_iter();
    let mut frame = Frame::new(&person, "/settings");
    frame.note = match query.done.as_deref() {
        Some("ended") => Some("Ended. Whoever sits there has to sign in again."),
        _ => None,
    };
    let lives = desk.commands.lives;
    let page = SignInPage {
        frame,
        lines: sessions.map(Line::from).collect(),
        idle: spell(lives.idle.whole_minutes(), "minute"),
        whole: spell(lives.whole.whole_hours(), "hour"),
    };
    render(StatusCode::OK, &page)
}

/// `POST /settings/sign-in/end`
pub async fn end(
    State(desk): State<Desk>,
    Fresh(person): Fresh,
    Posted(form): Posted<End>,
) -> Result<Response, Problem> {
    let end = EndSessionRequest {
        session_id: form.session,
    };
    desk.sessions(&person).end_session(end).await?;
    Ok(see_other("/settings/sign-in?done=ended"))
}

fn spell(count: i64, unit: &str) -> String {
    match count {
        1 => format!("1 {unit}"),
        _ => format!("{count} {unit}s"),
    }
}

#[derive(Template)]
#[template(path = "settings/sign_in.html")]
struct SignInPage {
    frame: Frame,
    lines: Vec<Line>,
    idle: String,
    whole: String,
}

/// A session in the list.
struct Line {
    id: String,
    login_name: String,
    browser: String,
    address: String,
    used: Option<Moment>,
    since: Option<Moment>,
    current: bool,
}

impl From<Session> for Line {
    fn from(session: Session) -> Line {
        let moment = |at: Option<_>| at.as_ref().and_then(convert::time).map(Moment::new);
        Line {
            browser: wording::browser(&session.user_agent),
            used: moment(session.last_used),
            since: moment(session.signed_in),
            current: session.current,
            id: session.session_id,
            login_name: session.login_name,
            address: session.address,
        }
    }
}
