//! Revocation at the CA, with a reason.

use api::{
    acme::v1::RevokeCertificateRequest, projection::v1::Certificate, x509::v1::RevocationReason,
};
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
    page::{render, see_other},
    problem::Problem,
    refused::{Refused, Wrongs},
    visitor::SignedIn,
};

/// Why it is revoked.
#[derive(Deserialize)]
pub struct Revoking {
    #[serde(default)]
    reason: String,
}

/// `GET /certificates/{id}/revoke`
pub async fn page(
    Shared(desk): Shared<Desk>,
    person: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let certificate = fetch::certificate(&desk, &person, &id).await?;
    let page = Revoke::new(&person, certificate, String::new(), Wrongs::default());
    render(StatusCode::OK, &page)
}

/// `POST /certificates/{id}/revoke`
pub async fn revoke(
    Shared(desk): Shared<Desk>,
    person: SignedIn,
    Path(id): Path<String>,
    Posted(form): Posted<Revoking>,
) -> Result<Response, Problem> {
    let certificate = fetch::certificate(&desk, &person, &id).await?;
    let mut wrongs = Wrongs::default();
    let reason = REASONS
        .into_iter()
        .find(|reason| reason.word == form.reason);
    if certificate.automation_id.is_empty() {
        wrongs.add("", BY_HAND);
    } else if let Some(reason) = reason {
        let revoke = RevokeCertificateRequest {
            automation_id: certificate.automation_id.clone(),
            version: certificate.version,
            reason: reason.reason.into(),
        };
        match desk.acme(&person).revoke_certificate(revoke).await {
            Ok(answer) => {
                let page = format!("/certificates/{}", certificate.id);
                return Ok(see_other(&after(
                    &page,
                    answer.into_inner().position,
                    "revoking",
                )));
            }
            Err(status) => {
                wrongs =
                    Refused::of(status)?.beside(|field| (field == "reason").then_some("reason"));
            }
        }
    } else {
        wrongs.add("reason", "Choose why it is revoked: the CA is told.");
    }
    let page = Revoke::new(&person, certificate, form.reason, wrongs);
    render(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

/// A reason that a subscriber may give.
struct Reason {
    word: &'static str,
    title: &'static str,
    hint: &'static str,
    reason: RevocationReason,
}

/// What was given as the reason, for people.
pub fn title(reason: RevocationReason) -> &'static str {
    let known = REASONS.into_iter().find(|known| known.reason == reason);
    known.map_or("no reason given", |known| known.title)
}

const REASONS: [Reason; 5] = [
    Reason {
        word: "key-compromise",
        title: "Key compromise",
        hint: "Somebody else may have its private key.",
        reason: RevocationReason::KeyCompromise,
    },
    Reason {
        word: "superseded",
        title: "Superseded",
        hint: "Another certificate has taken its place.",
        reason: RevocationReason::Superseded,
    },
    Reason {
        word: "affiliation-changed",
        title: "Affiliation changed",
        hint: "Its names or organisation are no longer right.",
        reason: RevocationReason::AffiliationChanged,
    },
    Reason {
        word: "cessation",
        title: "Cessation of operation",
        hint: "What it was for has ended.",
        reason: RevocationReason::CessationOfOperation,
    },
    Reason {
        word: "unspecified",
        title: "No reason",
        hint: "The CA is told none.",
        reason: RevocationReason::Unspecified,
    },
];

#[derive(Template)]
#[template(path = "certificates/revoke.html")]
struct Revoke {
    frame: Frame,
    id: String,
    name: String,
    is_automated: bool,
    typed: String,
    wrongs: Wrongs,
    reasons: [Reason; 5],
}

impl Revoke {
    fn new(person: &SignedIn, certificate: Certificate, typed: String, wrongs: Wrongs) -> Revoke {
        Revoke {
            frame: Frame::new(person, "/certificates"),
            is_automated: !certificate.automation_id.is_empty(),
            id: certificate.id,
            name: certificate.friendly_name,
            typed,
            wrongs,
            reasons: REASONS,
        }
    }
}

const BY_HAND: &str =
    "Chancery revokes what it got over ACME. For this one, ask its CA; then replace it here.";
