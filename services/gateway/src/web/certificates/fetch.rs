//! What the pages ask the tables.

use api::projection::v1::{
    Automation, Certificate, CountCertificatesRequest, CountCertificatesResponse, GetRequest,
    ListRequest,
};
use tonic::Status;

use super::{
    run::{self, Kind},
    state::{Place, State},
    view::View,
};
use crate::web::{desk::Desk, visitor::SignedIn};

/// A page of the list.
#[derive(Debug, Default)]
pub struct Found {
    pub rows: Vec<Item>,
    /// Where the next page begins.
    pub next: Option<Place>,
}

/// A row of it.
#[derive(Debug)]
pub enum Item {
    Certificate(Box<Certificate>),
    /// An automation that has none yet.
    Automation(Box<Automation>),
}

/// The page of the list that the state asks for.
///
/// # Errors
/// What the service says.
pub async fn found(desk: &Desk, person: &SignedIn, state: &State) -> Result<Found, Status> {
    let mut found = Found::default();
    let Place { run, mut token } = state.place();
    for (number, run) in run::of(state).into_iter().enumerate().skip(run) {
        let room = (state.per() as usize).saturating_sub(found.rows.len());
        let asked = ListRequest {
            filter: run.filter,
            sort: run.sort,
            // Without room it is only asked whether there are any.
            page_size: room.max(1) as u32,
            page_token: std::mem::take(&mut token),
            ..ListRequest::default()
        };
        let (rows, next) = rows(desk, person, run.of, asked).await?;
        if room == 0 && rows.is_empty() {
            continue;
        }
        let token = match room {
            0 => String::new(),
            _ => next,
        };
        if room > 0 {
            found.rows.extend(rows);
        }
        if room == 0 || !token.is_empty() {
            found.next = Some(Place { run: number, token });
            break;
        }
    }
    Ok(found)
}

async fn rows(
    desk: &Desk,
    person: &SignedIn,
    kind: Kind,
    asked: ListRequest,
) -> Result<(Vec<Item>, String), Status> {
    let mut queries = desk.queries(person);
    Ok(match kind {
        Kind::Certificates => {
            let answer = queries.list_certificates(asked).await?.into_inner();
            let rows = answer.certificates.into_iter().map(Box::new);
            (
                rows.map(Item::Certificate).collect(),
                answer.next_page_token,
            )
        }
        Kind::Automations => {
            let answer = queries.list_automations(asked).await?.into_inner();
            let rows = answer.automations.into_iter().map(Box::new);
            (rows.map(Item::Automation).collect(), answer.next_page_token)
        }
    })
}

/// How many there are in each view.
///
/// # Errors
/// What the service says.
pub async fn counts(desk: &Desk, person: &SignedIn) -> Result<CountCertificatesResponse, Status> {
    let asked = CountCertificatesRequest {
        at_least: 0,
        ..CountCertificatesRequest::default()
    };
    let counts = desk.queries(person).count_certificates(asked).await?;
    Ok(counts.into_inner())
}

/// How many rows a view has, and how many of them are certificates.
pub fn count(counts: &CountCertificatesResponse, view: View) -> (u32, u32) {
    let certificates = counts.certificates.iter();
    let certificates = certificates.filter(|count| view.has(count.status()));
    let certificates = certificates.map(|count| count.count).sum::<u32>();
    let never_issued = counts.never_issued.iter();
    let never_issued = never_issued.filter(|count| view.has(count.status()));
    let never_issued = never_issued.map(|count| count.count).sum::<u32>();
    match view {
        View::Authorities => (counts.links, counts.links),
        View::Deleted => (counts.deleted, counts.deleted),
        _ => (certificates + never_issued, certificates),
    }
}

/// One certificate, by id, name or fingerprint.
///
/// # Errors
/// What the service says.
pub async fn certificate(desk: &Desk, person: &SignedIn, id: &str) -> Result<Certificate, Status> {
    let asked = GetRequest {
        id: id.to_owned(),
        at_least: 0,
        ..GetRequest::default()
    };
    let found = desk.queries(person).get_certificate(asked).await?;
    Ok(found.into_inner())
}
