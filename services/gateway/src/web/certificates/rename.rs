//! Another friendly name.

use api::keystore::v1::RenameCertificateRequest;
use askama::Template;
use axum::{
    extract::{Path, State as Shared},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;

use super::fetch;
use crate::web::{
    at::after,
    desk::Desk,
    form::Posted,
    frame::Frame,
    meanwhile::{Conflict, Read},
    page::{render, see_other},
    problem::Problem,
    refused::{Refused, Wrongs},
    visitor::SignedIn,
};

/// The new name.
#[derive(Deserialize)]
pub struct Renaming {
    #[serde(default)]
    name: String,
    #[serde(default)]
    read: String,
}

/// `GET /certificates/{id}/rename`
pub async fn page(
    Shared(desk): Shared<Desk>,
    person: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let read = Read::now(&desk, &person, &id).await;
    let certificate = fetch::certificate(&desk, &person, &id).await?;
    let page = Rename {
        frame: Frame::new(&person, "/certificates"),
        id: certificate.id,
        name: certificate.friendly_name.clone(),
        typed: certificate.friendly_name,
        wrongs: Wrongs::default(),
        read,
    };
    render(StatusCode::OK, &page)
}

/// `POST /certificates/{id}/rename`
pub async fn rename(
    Shared(desk): Shared<Desk>,
    person: SignedIn,
    Path(id): Path<String>,
    Posted(form): Posted<Renaming>,
) -> Result<Response, Problem> {
    let certificate = fetch::certificate(&desk, &person, &id).await?;
    let page = format!("/certificates/{}", certificate.id);
    if form.name.trim() == certificate.friendly_name {
        return Ok(see_other(&page));
    }
    let rename = RenameCertificateRequest {
        certificate_id: certificate.id.clone(),
        friendly_name: form.name.trim().to_owned(),
    };
    let read = Read::back(&form.read);
    let rename = read.only(rename);
    let status = match desk.keystore(&person).rename_certificate(rename).await {
        Ok(answer) => {
            return Ok(see_other(&after(
                &page,
                answer.into_inner().position,
                "renamed",
            )));
        }
        Err(status) => status,
    };
    let wrongs = match Conflict::of(&status, &desk, &person, &certificate.id, page).await {
        Some(conflict) => conflict.into(),
        None => wrong(Refused::of(status)?),
    };
    let page = Rename {
        frame: Frame::new(&person, "/certificates"),
        id: certificate.id,
        name: certificate.friendly_name,
        typed: form.name,
        wrongs,
        read,
    };
    render(page.wrongs.code(), &page)
}

fn wrong(refused: Refused) -> Wrongs {
    let mut wrongs = Wrongs::default();
    match refused.reason.as_deref() {
        // It is the name's fault, though no field is named.
        Some("NAME_TAKEN") => wrongs.add("name", &refused.message),
        _ => wrongs = refused.beside(|field| (field == "friendly_name").then_some("name")),
    }
    wrongs
}

#[derive(Template)]
#[template(path = "certificates/rename.html")]
struct Rename {
    frame: Frame,
    id: String,
    name: String,
    typed: String,
    wrongs: Wrongs,
    read: Read,
}
