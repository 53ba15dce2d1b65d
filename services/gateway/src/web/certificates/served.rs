//! Which certificate, chain and key answered for a name, now or then, and who could read that key.

use api::projection::v1::{ServedBecause, WhatServedRequest, WhatServedResponse};
use askama::Template;
use axum::{extract::State as Shared, http::StatusCode, response::Response};
use serde::Deserialize;

use super::{
    super::algorithm,
    chain::{self, Node},
    readers::{self, Reader},
    words,
};
use crate::web::{
    asked::Asked,
    desk::Desk,
    frame::Frame,
    page::render,
    parts::{Away, Chip, Moment},
    problem::Problem,
    refused::{Refused, Wrongs},
    visitor::SignedIn,
    wording,
};

/// Which name.
#[derive(Debug, Default, Deserialize)]
pub struct Query {
    #[serde(default)]
    name: String,
}

/// `GET /certificates/served`
pub async fn page(
    Shared(desk): Shared<Desk>,
    person: SignedIn,
    Asked(query): Asked<Query>,
) -> Result<Response, Problem> {
    let mut page = Page {
        frame: Frame::new(&person, "/certificates"),
        name: query.name.trim().to_owned(),
        wrongs: Wrongs::default(),
        away: None,
        at: String::new(),
        found: None,
    };
    if page.name.is_empty() {
        return render(StatusCode::OK, &page);
    }
    let asked = WhatServedRequest {
        name: page.name.clone(),
        ..WhatServedRequest::default()
    };
    match desk.queries(&person).what_served(asked).await {
        Ok(served) => {
            let served = served.into_inner();
            let at = words::time(served.as_of.as_ref());
            page.at = at.map_or_else(String::new, wording::time);
            page.found = Found::of(&desk, &person, served).await;
        }
        Err(status) => match Refused::of(status.clone()) {
            Ok(refused) => page.wrongs = refused.beside(|_| Some("name")),
            Err(_) => page.away = Some(status.into()),
        },
    }
    page.wrongs.place(Some("name"));
    let status = match page.wrongs.is_empty() {
        true => StatusCode::OK,
        false => page.wrongs.code(),
    };
    render(status, &page)
}

#[derive(Template)]
#[template(path = "certificates/served.html")]
struct Page {
    frame: Frame,
    name: String,
    wrongs: Wrongs,
    away: Option<Away>,
    /// The moment for which it is told.
    at: String,
    found: Option<Found>,
}

/// What answered.
struct Found {
    id: String,
    name: String,
    chip: Chip,
    because: &'static str,
    version: u32,
    issuer: String,
    serial: String,
    fingerprint: String,
    ends: Option<Moment>,
    chain: Vec<Node>,
    key_id: String,
    key: &'static str,
    spki: String,
    readers: Vec<Reader>,
}

impl Found {
    async fn of(desk: &Desk, person: &SignedIn, served: WhatServedResponse) -> Option<Found> {
        let readers = readers::then(desk, &served).await;
        let because = because(served.because());
        let row = served.certificate?;
        let leaf = row.certificate.clone().unwrap_or_default();
        let key = served.key.unwrap_or_default();
        Some(Found {
            because,
            chain: chain::nodes(&row, person.now(desk)),
            chip: row.status().into(),
            version: row.version,
            issuer: leaf.issuer.clone(),
            serial: words::pairs(&leaf.serial_number),
            fingerprint: words::pairs(&leaf.sha256_fingerprint),
            ends: words::time(leaf.not_after.as_ref()).map(words::day),
            key: algorithm::word(key.algorithm()),
            spki: words::pairs(&key.spki_sha256),
            key_id: key.id,
            readers,
            id: row.id,
            name: row.friendly_name,
        })
    }
}

fn because(because: ServedBecause) -> &'static str {
    match because {
        ServedBecause::Wildcard => "it has the wildcard above that name",
        ServedBecause::Default => "no certificate had that name, and it was the default",
        ServedBecause::Name | ServedBecause::Unspecified => "it has that name",
    }
}
