//! One private key alone, as a file.

use api::{
    keystore::v1::{ExportFormat, ExportKeyRequest},
    projection::v1::GetRequest,
};
use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use secrecy::SecretString;
use serde::Deserialize;

use super::{
    super::algorithm, Desk, Frame, Posted, Problem, Refused, SignedIn, Wrongs, attachment, fields,
    leave, render,
};

/// The form, as it was filled in.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Choices {
    format: String,
    passphrase: SecretString,
    again: SecretString,
    unprotected: String,
    password: SecretString,
}

/// `GET /keys/{id}/export`
pub async fn page(
    State(desk): State<Desk>,
    person: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let page = OneKey::new(&desk, &person, id, Choices::default()).await?;
    render(StatusCode::OK, &page)
}

/// `POST /keys/{id}/export`
pub async fn export(
    State(desk): State<Desk>,
    person: SignedIn,
    Path(id): Path<String>,
    Posted(choices): Posted<Choices>,
) -> Result<Response, Problem> {
    let mut wrongs = Wrongs::default();
    let typed = (&choices.passphrase, &choices.again);
    fields::check(typed, &choices.unprotected, true, &mut wrongs);
    let leave = leave::with_keys(&desk, &person, &choices.password, &mut wrongs).await?;
    let answer = answer(&desk, &leave.person, id, choices, wrongs).await;
    // Whatever comes of it: without its new cookie the session would end.
    Ok(leave.along(answer.unwrap_or_else(Problem::into_response)))
}

async fn answer(
    desk: &Desk,
    person: &SignedIn,
    id: String,
    choices: Choices,
    mut wrongs: Wrongs,
) -> Result<Response, Problem> {
    if wrongs.is_empty() {
        let protection = fields::protection(&choices.passphrase, &choices.unprotected);
        let (passphrase, unprotected) = protection;
        let format = match choices.format.as_str() {
            "der" => ExportFormat::Der,
            _ => ExportFormat::Pem,
        };
        let request = ExportKeyRequest {
            key_id: id.clone(),
            format: format.into(),
            passphrase,
            unprotected,
        };
        match desk.keystore(person).export_key(request).await {
            Ok(file) => {
                let file = file.into_inner();
                let (name, media_type) = (&file.file_name, &file.media_type);
                return Ok(attachment(name, media_type, file.content));
            }
            Err(status) => wrongs = fields::refused_at(Refused::of(status)?),
        }
    }
    let mut page = OneKey::new(desk, person, id, choices).await?;
    page.wrongs = wrongs;
    render(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

#[derive(Template)]
#[template(path = "export/one_key.html")]
struct OneKey {
    frame: Frame,
    wrongs: Wrongs,
    id: String,
    kind: &'static str,
    choices: Choices,
    fresh: bool,
    login_name: String,
}

impl OneKey {
    async fn new(
        desk: &Desk,
        person: &SignedIn,
        id: String,
        choices: Choices,
    ) -> Result<OneKey, Problem> {
        let get = GetRequest {
            id,
            at_least: 0,
            ..GetRequest::default()
        };
        let key = desk.queries(person).get_key(get).await?.into_inner();
        Ok(OneKey {
            frame: Frame::new(person, "/keys"),
            wrongs: Wrongs::default(),
            kind: algorithm::word(key.algorithm()),
            id: key.id,
            choices,
            fresh: person.session.fresh,
            login_name: person.session.login_name.clone(),
        })
    }
}
