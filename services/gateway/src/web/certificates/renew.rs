//! Renewals that a person wants now.

use api::{acme::v1::RenewNowRequest, projection::v1::Certificate};
use askama::Template;
use axum::{
    extract::{Path, State as Shared},
    http::StatusCode,
    response::Response,
};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::{
    detail::{self, Said},
    fetch,
    selection::{AT_ONCE, Selection},
};
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

/// `POST /certificates/{id}/renew`
pub async fn one(
    Shared(desk): Shared<Desk>,
    person: SignedIn,
    Path(id): Path<String>,
    Posted(Nothing {}): Posted<Nothing>,
) -> Result<Response, Problem> {
    let certificate = fetch::certificate(&desk, &person, &id).await?;
    match renew(&desk, &person, &certificate).await? {
        Outcome::Begun(position) => {
            let page = format!("/certificates/{}", certificate.id);
            Ok(see_other(&after(&page, position, "renewing")))
        }
        Outcome::Not(why) => detail::said(&desk, &person, &id, Said::Refused(why)).await,
    }
}

/// `POST /certificates/renew`
pub async fn several(
    Shared(desk): Shared<Desk>,
    person: SignedIn,
    Posted(selection): Posted<Selection>,
) -> Result<Response, Problem> {
    let certificates = selection.certificates(&desk, &person).await?;
    let (desk, person) = (&desk, &person);
    let renewed = stream::iter(certificates).map(|certificate| async move {
        let outcome = renew(desk, person, &certificate).await?;
        Ok::<_, Problem>((certificate, outcome))
    });
    let renewed = renewed.buffered(AT_ONCE).try_collect::<Vec<_>>().await?;
    let list = selection.list().url();
    let (mut position, mut begun, mut lines) = (0, 0, Vec::new());
    for (certificate, outcome) in renewed {
        match outcome {
            Outcome::Begun(at) => {
                position = position.max(at);
                begun += 1;
            }
            Outcome::Not(why) => lines.push(Line {
                href: format!("/certificates/{}", certificate.id),
                name: certificate.friendly_name,
                why,
            }),
        }
    }
    if lines.is_empty() {
        return Ok(match begun {
            0 => see_other(&list),
            _ => see_other(&after(&list, position, "renewing")),
        });
    }
    let page = Told {
        frame: Frame::new(person, "/certificates"),
        back: match begun {
            0 => list,
            _ => after(&list, position, "renewing"),
        },
        begun,
        lines,
    };
    render(StatusCode::OK, &page)
}

/// What came of one.
enum Outcome {
    /// The log has it there.
    Begun(u64),
    /// Why not.
    Not(String),
}

async fn renew(
    desk: &Desk,
    person: &SignedIn,
    certificate: &Certificate,
) -> Result<Outcome, Problem> {
    if certificate.automation_id.is_empty() {
        return Ok(Outcome::Not(BY_HAND.to_owned()));
    }
    let renew = RenewNowRequest {
        automation_id: certificate.automation_id.clone(),
    };
    match desk.acme(person).renew_now(renew).await {
        Ok(answer) => Ok(Outcome::Begun(answer.into_inner().position)),
        Err(status) => Ok(Outcome::Not(Refused::of(status)?.message)),
    }
}

/// A certificate whose renewal was not begun.
struct Line {
    name: String,
    href: String,
    why: String,
}

#[derive(Template)]
#[template(path = "certificates/renewed.html")]
struct Told {
    frame: Frame,
    begun: usize,
    lines: Vec<Line>,
    back: String,
}

const BY_HAND: &str = "It is renewed by hand: open it, and choose Replace.";
