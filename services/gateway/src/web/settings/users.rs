//! People, as an administrator looks after them.

use api::{
    convert,
    gateway::v1::{
        ChangeRoleRequest, DeleteUserRequest, DisableUserRequest, EnableUserRequest,
        ListUsersRequest, ResetCredentialsRequest, User,
    },
};
use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;
use tonic::Status;

use super::{
    invite,
    role::{self, Choice},
    status,
};
use crate::web::{
    asked::Asked,
    desk::Desk,
    form::Posted,
    frame::Frame,
    here::Here,
    meanwhile::Conflict,
    page::{render, see_other},
    parts::{Chip, Moment},
    problem::Problem,
    refused::{Refused, Wrongs},
    sign_in::Nothing,
    visitor::{Fresh, SignedIn},
    wording,
};

/// What was done a moment ago.
#[derive(Deserialize)]
pub struct Done {
    done: Option<String>,
}

/// What somebody is to be.
#[derive(Deserialize)]
pub struct NewRole {
    #[serde(default)]
    role: String,
    /// What he was when the form was made.
    #[serde(default)]
    was: String,
}

/// `GET /settings/users`
pub async fn page(
    State(desk): State<Desk>,
    person: SignedIn,
    Asked(query): Asked<Done>,
) -> Result<Response, Problem> {
    let users = all(&desk, &person).await?;
    let mut frame = Frame::new(&person, "/settings");
    frame.note = query.done.as_deref().and_then(note);
    let me = person.session.user.to_string();
    let lines = users.into_iter().map(|user| Line::new(user, &me));
    let people = People {
        frame,
        lines: lines.collect(),
    };
    render(StatusCode::OK, &people)
}

/// `GET /settings/users/{id}`
pub async fn one(
    State(desk): State<Desk>,
    Fresh(person): Fresh,
    Path(id): Path<String>,
    Asked(query): Asked<Done>,
) -> Result<Response, Problem> {
    let user = find(&desk, &person, &id).await?;
    let mut page = UserPage::of(&person, user);
    page.frame.note = query.done.as_deref().and_then(note);
    render(StatusCode::OK, &page)
}

/// `POST /settings/users/{id}/role`
pub async fn change_role(
    State(desk): State<Desk>,
    Fresh(person): Fresh,
    Path(id): Path<String>,
    Posted(form): Posted<NewRole>,
) -> Result<Response, Problem> {
    let change = ChangeRoleRequest {
        user_id: id.clone(),
        role: role::of(&form.role).into(),
        only_from: role::of(&form.was).into(),
    };
    let done = desk.users(&person).change_role(change).await;
    if let Err(status) = &done
        && let Some(conflict) = Conflict::of_role(status, &desk, &person, &id).await
    {
        let mut page = UserPage::of(&person, find(&desk, &person, &id).await?);
        page.wrongs = conflict.into();
        return render(page.wrongs.code(), &page);
    }
    let done = done.map(|_| format!("/settings/users/{id}?done=role"));
    answered(&desk, &person, &id, "role", done).await
}

/// `POST /settings/users/{id}/disable`
pub async fn disable(
    State(desk): State<Desk>,
    Fresh(person): Fresh,
    Path(id): Path<String>,
    Posted(Nothing {}): Posted<Nothing>,
) -> Result<Response, Problem> {
    let disable = DisableUserRequest {
        user_id: id.clone(),
    };
    let done = desk.users(&person).disable_user(disable).await;
    let done = done.map(|_| format!("/settings/users/{id}?done=disabled"));
    answered(&desk, &person, &id, "disable", done).await
}

/// `POST /settings/users/{id}/enable`
pub async fn enable(
    State(desk): State<Desk>,
    Fresh(person): Fresh,
    Path(id): Path<String>,
    Posted(Nothing {}): Posted<Nothing>,
) -> Result<Response, Problem> {
    let enable = EnableUserRequest {
        user_id: id.clone(),
    };
    let done = desk.users(&person).enable_user(enable).await;
    let done = done.map(|_| format!("/settings/users/{id}?done=enabled"));
    answered(&desk, &person, &id, "disable", done).await
}

/// `POST /settings/users/{id}/reset`
pub async fn reset(
    State(desk): State<Desk>,
    Fresh(person): Fresh,
    Path(id): Path<String>,
    here: Here,
    Posted(Nothing {}): Posted<Nothing>,
) -> Result<Response, Problem> {
    let user = find(&desk, &person, &id).await?;
    let reset = ResetCredentialsRequest {
        user_id: id.clone(),
    };
    match desk.users(&person).reset_credentials(reset).await {
        Ok(reset) => {
            let invitation = reset.into_inner().invitation;
            invite::show(&person, &here, &user.login_name, false, invitation)
        }
        Err(status) => answered(&desk, &person, &id, "reset", Err(status)).await,
    }
}

/// `GET /settings/users/{id}/delete`
pub async fn before_delete(
    State(desk): State<Desk>,
    Fresh(person): Fresh,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let user = find(&desk, &person, &id).await?;
    DeletePage::render(&person, user, Wrongs::default())
}

/// `POST /settings/users/{id}/delete`
pub async fn delete(
    State(desk): State<Desk>,
    Fresh(person): Fresh,
    Path(id): Path<String>,
    Posted(Nothing {}): Posted<Nothing>,
) -> Result<Response, Problem> {
    let user = find(&desk, &person, &id).await?;
    let delete = DeleteUserRequest { user_id: id };
    match desk.users(&person).delete_user(delete).await {
        // Who deletes himself is signed out with it.
        Ok(_) => Ok(see_other("/settings/users?done=deleted")),
        Err(status) => DeletePage::render(&person, user, Refused::of(status)?.beside(|_| None)),
    }
}

/// Where it went well, the next page; else the person's page with the refusal beside what was pressed.
async fn answered(
    desk: &Desk,
    person: &SignedIn,
    id: &str,
    field: &'static str,
    done: Result<String, Status>,
) -> Result<Response, Problem> {
    let refused = match done {
        Ok(path) => return Ok(see_other(&path)),
        Err(status) => Refused::of(status)?,
    };
    let mut page = UserPage::of(person, find(desk, person, id).await?);
    page.wrongs.add(field, &refused.message);
    render(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

async fn all(desk: &Desk, person: &SignedIn) -> Result<Vec<User>, Problem> {
    let listed = desk.users(person).list_users(ListUsersRequest {}).await?;
    Ok(listed.into_inner().users)
}

async fn find(desk: &Desk, person: &SignedIn, id: &str) -> Result<User, Problem> {
    let mut users = all(desk, person).await?.into_iter();
    users
        .find(|user| user.user_id == id)
        .ok_or(Problem::NotFound)
}

fn note(done: &str) -> Option<&'static str> {
    match done {
        "role" => Some("The role is changed. It counts from the next click."),
        "disabled" => Some("Disabled. All sessions and tokens of this person have ended."),
        "enabled" => Some("Enabled. This person may sign in again, as before."),
        "deleted" => Some("Deleted. What this person did stays in the log, without a name."),
        _ => None,
    }
}

#[derive(Template)]
#[template(path = "settings/users.html")]
struct People {
    frame: Frame,
    lines: Vec<Line>,
}

/// A person in the list, and on his own page.
struct Line {
    id: String,
    login_name: String,
    name: String,
    email: String,
    role: &'static str,
    state: Chip,
    second_factor: bool,
    signed_in: Option<Moment>,
    created: Option<Moment>,
    disabled: bool,
    me: bool,
}

impl Line {
    fn new(user: User, me: &str) -> Line {
        let moment = |at: Option<_>| at.as_ref().and_then(convert::time).map(Moment::new);
        Line {
            role: wording::role(user.role()),
            state: state(&user),
            second_factor: user.second_factor,
            signed_in: moment(user.last_signed_in),
            created: moment(user.created),
            disabled: user.disabled,
            me: user.user_id == me,
            name: match user.display_name.is_empty() {
                true => user.login_name.clone(),
                false => user.display_name,
            },
            id: user.user_id,
            login_name: user.login_name,
            email: user.email,
        }
    }
}

fn state(user: &User) -> Chip {
    match (user.disabled, user.active) {
        (true, _) => Chip::new("Disabled", "revoked", "revoked"),
        (false, true) => Chip::new("Active", "valid", "valid"),
        (false, false) => Chip::new("Invited", "pending", "pending"),
    }
}

#[derive(Template)]
#[template(path = "settings/user.html")]
struct UserPage {
    frame: Frame,
    user: Line,
    roles: [Choice; 3],
    /// The one that he has.
    was: &'static str,
    wrongs: Wrongs,
}

impl UserPage {
    fn of(person: &SignedIn, user: User) -> UserPage {
        UserPage {
            frame: Frame::new(person, "/settings"),
            roles: role::choices(user.role()),
            was: role::value(user.role()),
            user: Line::new(user, &person.session.user.to_string()),
            wrongs: Wrongs::default(),
        }
    }
}

#[derive(Template)]
#[template(path = "settings/user_delete.html")]
struct DeletePage {
    frame: Frame,
    user: Line,
    wrongs: Wrongs,
}

impl DeletePage {
    fn render(person: &SignedIn, user: User, wrongs: Wrongs) -> Result<Response, Problem> {
        let page = DeletePage {
            frame: Frame::new(person, "/settings"),
            user: Line::new(user, &person.session.user.to_string()),
            wrongs,
        };
        render(status(&page.wrongs), &page)
    }
}
