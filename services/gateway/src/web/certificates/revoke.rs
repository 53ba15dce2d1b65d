//! Revocation, with a reason: at the CA, or noted here where no automation of ours got the certificate.

use api::{
    acme::v1::RevokeCertificateRequest, keystore::v1::MarkRevokedRequest,
    projection::v1::Certificate, x509::v1::RevocationReason,
};
use askama::Template;
use axum::{
    extract::{Path, State as Shared},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;
use tonic::Status;

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
    match reason {
        Some(reason) => match tell(&desk, &person, &certificate, reason.reason).await {
            Ok(position) => {
                let page = format!("/certificates/{}", certificate.id);
                let done = match certificate.automation_id.is_empty() {
                    true => "marked",
                    false => "revoking",
                };
                return Ok(see_other(&after(&page, position, done)));
            }
            Err(status) => {
                wrongs =
                    Refused::of(status)?.beside(|field| (field == "reason").then_some("reason"));
            }
        },
        None => wrongs.add("reason", "Choose why it is revoked."),
    }
    let page = Revoke::new(&person, certificate, form.reason, wrongs);
    render(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

/// The CA is told; or it is noted what somebody has told it.
async fn tell(
    desk: &Desk,
    person: &SignedIn,
    certificate: &Certificate,
    reason: RevocationReason,
) -> Result<u64, Status> {
    if certificate.automation_id.is_empty() {
        let mark = MarkRevokedRequest {
            certificate_id: certificate.id.clone(),
            version: certificate.version,
            reason: reason.into(),
        };
        let answer = desk.keystore(person).mark_revoked(mark).await?;
        return Ok(answer.into_inner().position);
    }
    let revoke = RevokeCertificateRequest {
        automation_id: certificate.automation_id.clone(),
        version: certificate.version,
        reason: reason.into(),
    };
    let answer = desk.acme(person).revoke_certificate(revoke).await?;
    Ok(answer.into_inner().position)
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
        hint: "None is given.",
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

    fn verb(&self) -> &'static str {
        match self.is_automated {
            true => "Revoke",
            false => "Mark as revoked",
        }
    }
}
