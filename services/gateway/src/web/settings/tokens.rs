//! API tokens: what programs call with.

use std::collections::HashMap;

use api::{
    convert,
    gateway::v1::{
        ApiToken, CreateTokenRequest, ListTokensRequest, ListUsersRequest, RevokeTokenRequest,
    },
};
use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;

use super::{
    role::{self, Choice},
    status,
};
use crate::web::{
    asked::Asked,
    desk::Desk,
    form::Posted,
    frame::Frame,
    here::Here,
    page::{render, see_other},
    parts::Moment,
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

/// A token that is to be.
#[derive(Default, Deserialize)]
pub struct NewToken {
    #[serde(default)]
    name: String,
    #[serde(default)]
    role: String,
    /// Names, one a line.
    #[serde(default)]
    certificates: String,
    #[serde(default)]
    key_export: Option<String>,
    #[serde(default)]
    days: String,
}

/// `GET /settings/tokens`
pub async fn page(
    State(desk): State<Desk>,
    person: SignedIn,
    Asked(query): Asked<Done>,
) -> Result<Response, Problem> {
    let (mut tokens, mut users) = (desk.tokens(&person), desk.users(&person));
    let (listed, users) = tokio::join!(
        tokens.list_tokens(ListTokensRequest {}),
        users.list_users(ListUsersRequest {}),
    );
    let users = users?.into_inner().users.into_iter();
    let names = users.map(|user| (user.user_id, user.login_name));
    let names = names.collect::<HashMap<_, _>>();
    let tokens = listed?.into_inner().tokens.into_iter();
    let mut frame = Frame::new(&person, "/settings");
    frame.note = match query.done.as_deref() {
        Some("revoked") => Some("Revoked. Whatever calls with it is refused from now on."),
        _ => None,
    };
    let page = TokensPage {
        frame,
        lines: tokens.map(|token| Line::new(token, &names)).collect(),
    };
    render(StatusCode::OK, &page)
}

/// `GET /settings/tokens/new`
pub async fn new(Fresh(person): Fresh) -> Result<Response, Problem> {
    let form = NewToken {
        role: "viewer".to_owned(),
        days: "90".to_owned(),
        ..NewToken::default()
    };
    NewPage::render(&person, form, Wrongs::default())
}

/// `POST /settings/tokens/new`
pub async fn create(
    State(desk): State<Desk>,
    Fresh(person): Fresh,
    here: Here,
    Posted(form): Posted<NewToken>,
) -> Result<Response, Problem> {
    let mut wrongs = Wrongs::default();
    let days = form.days.trim();
    let days = match days.parse::<u32>() {
        Ok(days) if days > 0 => days,
        _ => {
            wrongs.add("days", "Type a number of days, from 1 to 366.");
            0
        }
    };
    let names = form.certificates.split([',', ' ', '\n', '\r', '\t']);
    let create = CreateTokenRequest {
        name: form.name.clone(),
        role: role::of(&form.role).into(),
        certificate_filter: names
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect(),
        key_export: form.key_export.is_some(),
        days,
    };
    if !wrongs.is_empty() {
        return NewPage::render(&person, form, wrongs);
    }
    let created = match desk.tokens(&person).create_token(create).await {
        Ok(created) => created.into_inner(),
        Err(status) => {
            let wrongs = beside(Refused::of(status)?);
            return NewPage::render(&person, form, wrongs);
        }
    };
    let token = created.token.unwrap_or_default();
    let page = CreatedPage {
        frame: Frame::new(&person, "/settings"),
        address: here.0,
        line: Line::new(token, &HashMap::new()),
        text: created.text,
    };
    render(StatusCode::OK, &page)
}

/// `GET /settings/tokens/{id}/revoke`
pub async fn before_revoke(
    State(desk): State<Desk>,
    Fresh(person): Fresh,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let listed = desk
        .tokens(&person)
        .list_tokens(ListTokensRequest {})
        .await?;
    let mut tokens = listed.into_inner().tokens.into_iter();
    let token = tokens.find(|token| token.token_id == id);
    let page = RevokePage {
        frame: Frame::new(&person, "/settings"),
        line: Line::new(token.ok_or(Problem::NotFound)?, &HashMap::new()),
    };
    render(StatusCode::OK, &page)
}

/// `POST /settings/tokens/{id}/revoke`
pub async fn revoke(
    State(desk): State<Desk>,
    Fresh(person): Fresh,
    Path(id): Path<String>,
    Posted(Nothing {}): Posted<Nothing>,
) -> Result<Response, Problem> {
    let revoke = RevokeTokenRequest { token_id: id };
    desk.tokens(&person).revoke_token(revoke).await?;
    Ok(see_other("/settings/tokens?done=revoked"))
}

/// The refusal, beside the fields that it is about.
fn beside(refused: Refused) -> Wrongs {
    if refused.reason.as_deref() == Some("NAME_TAKEN") {
        let mut wrongs = Wrongs::default();
        wrongs.add("name", &refused.message);
        return wrongs;
    }
    refused.beside(|field| match field {
        "name" => Some("name"),
        "role" => Some("role"),
        "key_export" => Some("key_export"),
        "days" => Some("days"),
        field if field.starts_with("certificate_filter") => Some("certificates"),
        _ => None,
    })
}

/// A token in the list.
struct Line {
    id: String,
    name: String,
    role: &'static str,
    certificates: Vec<String>,
    key_export: bool,
    used: Option<Moment>,
    expires: Option<Moment>,
    /// Whose command line it is.
    of: Option<String>,
}

impl Line {
    fn new(token: ApiToken, names: &HashMap<String, String>) -> Line {
        let moment = |at: Option<_>| at.as_ref().and_then(convert::time).map(Moment::new);
        Line {
            role: wording::role(token.role()),
            certificates: token.certificate_filter,
            key_export: token.key_export,
            used: moment(token.last_used),
            expires: moment(token.expires),
            of: names.get(&token.user_id).cloned(),
            id: token.token_id,
            name: token.name,
        }
    }
}

#[derive(Template)]
#[template(path = "settings/tokens.html")]
struct TokensPage {
    frame: Frame,
    lines: Vec<Line>,
}

#[derive(Template)]
#[template(path = "settings/token_new.html")]
struct NewPage {
    frame: Frame,
    form: NewToken,
    roles: [Choice; 3],
    wrongs: Wrongs,
}

impl NewPage {
    fn render(person: &SignedIn, form: NewToken, wrongs: Wrongs) -> Result<Response, Problem> {
        let page = NewPage {
            frame: Frame::new(person, "/settings"),
            roles: role::choices(role::of(&form.role)),
            form,
            wrongs,
        };
        render(status(&page.wrongs), &page)
    }
}

#[derive(Template)]
#[template(path = "settings/token_created.html")]
struct CreatedPage {
    frame: Frame,
    line: Line,
    address: String,
    text: String,
}

#[derive(Template)]
#[template(path = "settings/token_revoke.html")]
struct RevokePage {
    frame: Frame,
    line: Line,
}
