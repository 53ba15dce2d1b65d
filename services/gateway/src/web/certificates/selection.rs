//! What was ticked in the list: some certificates, or all that its view and filters hold.

use api::projection::v1::{Certificate, ListRequest};
use axum::{
    extract::State as Shared,
    http::{StatusCode, header::LOCATION},
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;
use tonic::{Code, Status};

use super::{fetch, state::State};
use crate::web::{asked::Asked, desk::Desk, problem::Problem, visitor::SignedIn};

/// What was ticked, as the list's form says it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Selection {
    /// Ids.
    #[serde(default)]
    pub select: Vec<String>,
    /// All that the list holds: then no ids are read.
    #[serde(default)]
    pub all: String,
    /// The list's state, as its query.
    #[serde(default)]
    pub from: String,
}

impl Selection {
    /// The list that it was ticked in.
    pub fn list(&self) -> State {
        State::of(&self.from)
    }

    /// The certificates themselves, at most [`MOST`]. One that is no longer there is left out.
    ///
    /// # Errors
    /// What the service says.
    pub async fn certificates(
        &self,
        desk: &Desk,
        person: &SignedIn,
    ) -> Result<Vec<Certificate>, Status> {
        if !self.all.is_empty() {
            return all(desk, person, &self.list()).await;
        }
        let mut ids = Vec::<String>::new();
        for id in self.select.iter().take(MOST as usize) {
            if !ids.contains(id) {
                ids.push(id.clone());
            }
        }
        let found = stream::iter(ids).map(|id| async move {
            match fetch::certificate(desk, person, &id).await {
                Ok(certificate) => Ok(Some(certificate)),
                Err(status) if status.code() == Code::NotFound => Ok(None),
                Err(status) => Err(status),
            }
        });
        let found = found.buffered(AT_ONCE).try_collect::<Vec<_>>().await?;
        Ok(found.into_iter().flatten().collect())
    }
}

/// `GET /certificates/export`: all that a list holds, for the page that exports.
pub async fn export(
    Shared(desk): Shared<Desk>,
    person: SignedIn,
    Asked(selection): Asked<Selection>,
) -> Result<Response, Problem> {
    let certificates = selection.certificates(&desk, &person).await?;
    if certificates.len() > EXPORTED {
        return Err(Problem::Refused(format!(
            "at most {EXPORTED} certificates are exported at once, and these are {}: choose fewer",
            certificates.len()
        )));
    }
    let ids = certificates
        .iter()
        .map(|certificate| ("select", certificate.id.as_str()));
    let query = serde_urlencoded::to_string(ids.collect::<Vec<_>>()).unwrap_or_default();
    Ok((
        StatusCode::SEE_OTHER,
        [(LOCATION, format!("/export?{query}"))],
    )
        .into_response())
}

async fn all(desk: &Desk, person: &SignedIn, list: &State) -> Result<Vec<Certificate>, Status> {
    let Some(filter) = list.certificates() else {
        return Ok(Vec::new());
    };
    let asked = ListRequest {
        filter,
        page_size: MOST,
        ..ListRequest::default()
    };
    let answer = desk.queries(person).list_certificates(asked).await?;
    Ok(answer.into_inner().certificates)
}

/// So many are taken at once: what one question answers.
pub const MOST: u32 = 500;

/// So many are exported at once.
const EXPORTED: usize = 100;

/// So many questions are under way at once.
pub const AT_ONCE: usize = 8;
