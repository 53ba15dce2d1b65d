//! The certificate that answers where no name does.

use api::{
    keystore::v1::{ClearDefaultRequest, SetDefaultRequest},
    projection::v1::{Certificate, ListRequest},
};
use askama::Template;
use axum::{
    extract::{Path, State as Shared},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;
use tonic::Status;

use super::{fetch, row::Standing, state::State};
use crate::web::{
    at::after,
    desk::Desk,
    form::Posted,
    frame::Frame,
    page::{render, see_other},
    problem::Problem,
    refused::Refused,
    sign_in::Nothing,
    visitor::SignedIn,
};

/// Where one goes afterwards.
#[derive(Deserialize)]
pub struct Choosing {
    /// To the certificate's page, instead of the list.
    #[serde(default)]
    stay: String,
}

/// `GET /certificates/{id}/default`
pub async fn page(
    Shared(desk): Shared<Desk>,
    person: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (certificate, current) = tokio::join!(
        fetch::certificate(&desk, &person, &id),
        current(&desk, &person)
    );
    let page = Choose::new(&person, certificate?, current?, None);
    render(StatusCode::OK, &page)
}

/// `POST /certificates/{id}/default`
pub async fn choose(
    Shared(desk): Shared<Desk>,
    person: SignedIn,
    Path(id): Path<String>,
    Posted(form): Posted<Choosing>,
) -> Result<Response, Problem> {
    let certificate = fetch::certificate(&desk, &person, &id).await?;
    let choose = SetDefaultRequest {
        certificate_id: certificate.id.clone(),
    };
    let refused = match desk.keystore(&person).set_default(choose).await {
        Ok(answer) => {
            let page = match form.stay.is_empty() {
                true => State::default().url(),
                false => format!("/certificates/{}", certificate.id),
            };
            return Ok(see_other(&after(
                &page,
                answer.into_inner().position,
                "default",
            )));
        }
        Err(status) => Refused::of(status)?,
    };
    let current = current(&desk, &person).await?;
    let page = Choose::new(&person, certificate, current, Some(refused.message));
    render(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

/// `POST /certificates/clear-default`
pub async fn clear(
    Shared(desk): Shared<Desk>,
    person: SignedIn,
    Posted(Nothing {}): Posted<Nothing>,
) -> Result<Response, Problem> {
    let cleared = desk
        .keystore(&person)
        .clear_default(ClearDefaultRequest {})
        .await?;
    let list = State::default().url();
    Ok(see_other(&after(
        &list,
        cleared.into_inner().position,
        "default-cleared",
    )))
}

/// The name of the certificate that is the default now.
///
/// # Errors
/// What the service says.
pub async fn current(desk: &Desk, person: &SignedIn) -> Result<Option<String>, Status> {
    let asked = ListRequest {
        filter: "default=true".to_owned(),
        page_size: 1,
        ..ListRequest::default()
    };
    let answer = desk.queries(person).list_certificates(asked).await?;
    let mut rows = answer.into_inner().certificates.into_iter();
    Ok(rows.next().map(|row| row.friendly_name))
}

/// What becomes of connections, once this one is the default.
pub fn consequence(current: Option<&str>) -> String {
    let instead = match current {
        Some(name) => format!("“{name}”"),
        None => "the one from the first start".to_owned(),
    };
    format!(
        "Connections that send no server name (SNI), or one you do not hold, will get this certificate instead of {instead}. \
         The change takes effect at once."
    )
}

#[derive(Template)]
#[template(path = "certificates/default.html")]
struct Choose {
    frame: Frame,
    id: String,
    name: String,
    consequence: String,
    /// Why it cannot be.
    never: Option<&'static str>,
    is_default: bool,
    /// What the keystore said.
    refused: Option<String>,
}

impl Choose {
    fn new(
        person: &SignedIn,
        certificate: Certificate,
        current: Option<String>,
        refused: Option<String>,
    ) -> Choose {
        let standing = Standing::of(&certificate);
        Choose {
            frame: Frame::new(person, "/certificates"),
            consequence: consequence(current.as_deref()),
            never: match standing {
                Standing::Never(why) => Some(why),
                Standing::Is | Standing::May => None,
            },
            is_default: standing == Standing::Is,
            id: certificate.id,
            name: certificate.friendly_name,
            refused,
        }
    }
}
