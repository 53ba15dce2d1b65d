//! A person's second factor: he adds it, removes it, and gets recovery codes, each shown once.

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{
    Desk,
    form::Posted,
    frame::Frame,
    page::{render, see_other},
    problem::Problem,
    qr::{self, Picture},
    sign_in::Nothing,
    visitor::{Fresh, SignedIn},
};
use crate::second_factor::recovery::RecoveryCode;

/// The code that his device shows.
#[derive(Deserialize)]
pub struct Add {
    code: SecretString,
}

/// `POST /account/second-factor`
pub async fn begin(
    State(desk): State<Desk>,
    Fresh(person): Fresh,
    Posted(Nothing {}): Posted<Nothing>,
) -> Result<Response, Problem> {
    desk.factors.begin(&person.session).await?;
    Ok(see_other("/account/second-factor"))
}

/// `GET /account/second-factor`
pub async fn page(State(desk): State<Desk>, Fresh(person): Fresh) -> Result<Response, Problem> {
    show(&desk, &person, false).await
}

/// `POST /account/second-factor/add`
pub async fn add(
    State(desk): State<Desk>,
    Fresh(person): Fresh,
    Posted(form): Posted<Add>,
) -> Result<Response, Problem> {
    let code = form.code.expose_secret();
    match desk.factors.add(&person.session, code).await? {
        Some(codes) => give(&person, &codes),
        None => show(&desk, &person, true).await,
    }
}

/// `POST /account/second-factor/remove`
pub async fn remove(
    State(desk): State<Desk>,
    Fresh(person): Fresh,
    Posted(Nothing {}): Posted<Nothing>,
) -> Result<Response, Problem> {
    desk.factors.remove(&person.session).await?;
    Ok(see_other("/account?done=factor-removed"))
}

/// `POST /account/recovery-codes`
pub async fn new_codes(
    State(desk): State<Desk>,
    Fresh(person): Fresh,
    Posted(Nothing {}): Posted<Nothing>,
) -> Result<Response, Problem> {
    if !person.session.second_factor {
        return Err(Problem::Stale);
    }
    let codes = desk.factors.new_codes(person.session.user).await?;
    give(&person, &codes)
}

/// The secret of the factor that he is about to add, for his device.
async fn show(desk: &Desk, person: &SignedIn, refused: bool) -> Result<Response, Problem> {
    if person.session.second_factor {
        return Ok(see_other("/account"));
    }
    let Some(secret) = desk.factors.begun(&person.session).await? else {
        return Ok(see_other("/account"));
    };
    let uri = secret.uri(ISSUER, &person.session.login_name);
    let picture = qr::picture(&uri).map_err(Problem::broken("drawing a QR code"))?;
    let page = Factor {
        frame: Frame::new(person, "/account"),
        picture,
        key: secret.text(),
        refused,
    };
    let status = match refused {
        true => StatusCode::UNPROCESSABLE_ENTITY,
        false => StatusCode::OK,
    };
    render(status, &page)
}

fn give(person: &SignedIn, codes: &[RecoveryCode]) -> Result<Response, Problem> {
    let page = Codes {
        frame: Frame::new(person, "/account"),
        codes: codes.iter().map(RecoveryCode::text).collect(),
    };
    render(StatusCode::OK, &page)
}

#[derive(Template)]
#[template(path = "factor.html")]
struct Factor {
    frame: Frame,
    picture: Picture,
    key: Zeroizing<String>,
    refused: bool,
}

impl Factor {
    /// The key in groups of four.
    fn groups(&self) -> impl Iterator<Item = &str> {
        (0..self.key.len())
            .step_by(4)
            .map(|at| &self.key[at..at + 4])
    }
}

#[derive(Template)]
#[template(path = "codes.html")]
struct Codes {
    frame: Frame,
    codes: Vec<String>,
}

/// As authenticator apps show it.
const ISSUER: &str = "Chancery";
