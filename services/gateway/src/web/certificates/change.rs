//! What one button does, and nothing has to be asked for.

use api::{csr::v1::FetchIssuersRequest, keystore::v1::RestoreCertificateRequest};
use axum::{
    extract::{Path, State as Shared},
    response::Response,
};

use super::{
    detail::{self, Said},
    fetch,
};
use crate::web::{
    at::after, desk::Desk, form::Posted, page::see_other, problem::Problem, refused::Refused,
    sign_in::Nothing, visitor::SignedIn, wrong::sentence,
};

/// `POST /certificates/{id}/restore`
pub async fn restore(
    Shared(desk): Shared<Desk>,
    person: SignedIn,
    Path(id): Path<String>,
    Posted(Nothing {}): Posted<Nothing>,
) -> Result<Response, Problem> {
    let restore = RestoreCertificateRequest {
        certificate_id: id.clone(),
    };
    match desk.keystore(&person).restore_certificate(restore).await {
        Ok(answer) => {
            let position = answer.into_inner().position;
            Ok(see_other(&after(
                &format!("/certificates/{id}"),
                position,
                "restored",
            )))
        }
        Err(status) => {
            let why = Refused::of(status)?.message;
            detail::said(&desk, &person, &id, Said::Refused(why)).await
        }
    }
}

/// `POST /certificates/{id}/issuers`
pub async fn fetch_issuers(
    Shared(desk): Shared<Desk>,
    person: SignedIn,
    Path(id): Path<String>,
    Posted(Nothing {}): Posted<Nothing>,
) -> Result<Response, Problem> {
    let id = fetch::certificate(&desk, &person, &id).await?.id;
    let asked = FetchIssuersRequest {
        certificate_id: id.clone(),
    };
    let said = match desk.requests(&person).fetch_issuers(asked).await {
        Ok(answer) => {
            let answer = answer.into_inner();
            if answer.chain_complete {
                let page = format!("/certificates/{id}");
                return Ok(see_other(&after(&page, answer.position, "issuers")));
            }
            sentence(&answer.message)
        }
        Err(status) => Refused::of(status)?.message,
    };
    detail::said(&desk, &person, &id, Said::Refused(said)).await
}
