//! What the pages ask the tables.

use api::projection::v1::{
    Automation, Certificate, CountCertificatesRequest, CountCertificatesResponse, GetRequest,
    ListRequest,
};
use tonic::Status;

use super::{
    state::{Place, State},
    view::View,
};
use crate::web::{desk::Desk, visitor::SignedIn};

/// A page of the list: certificates, and behind the last one automations that have none yet.
#[derive(Debug, Default)]
pub struct Found {
    pub certificates: Vec<Certificate>,
    pub automations: Vec<Automation>,
    /// Where the next page begins.
    pub next: Option<Place>,
}

impl Found {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.certificates.len() + self.automations.len()
    }
}

/// The page of the list that the state asks for.
///
/// # Errors
/// What the service says.
pub async fn found(desk: &Desk, person: &SignedIn, state: &State) -> Result<Found, Status> {
    let mut found = Found::default();
    let Some(place) = state.place() else {
        return Ok(found);
    };
    let page_token = match place {
        Place::Automations(token) => token,
        Place::Certificates(page_token) => {
            let asked = ListRequest {
                filter: state.certificates().unwrap_or_default(),
                sort: sort(state),
                page_size: state.per(),
                page_token,
                at_least: 0,
                ..ListRequest::default()
            };
            let answer = desk.queries(person).list_certificates(asked).await?;
            let answer = answer.into_inner();
            found.certificates = answer.certificates;
            if !answer.next_page_token.is_empty() {
                found.next = Some(Place::Certificates(answer.next_page_token));
                return Ok(found);
            }
            String::new()
        }
    };
    let Some(filter) = state.automations() else {
        return Ok(found);
    };
    let room = state.per().saturating_sub(found.len() as u32);
    let asked = ListRequest {
        filter,
        sort: "name".to_owned(),
        // Without room it is only asked whether there are any.
        page_size: room.max(1),
        page_token,
        at_least: 0,
        ..ListRequest::default()
    };
    let answer = desk.queries(person).list_automations(asked).await?;
    let answer = answer.into_inner();
    match room {
        0 if answer.automations.is_empty() => {}
        0 => found.next = Some(Place::Automations(String::new())),
        _ => {
            found.automations = answer.automations;
            let more = !answer.next_page_token.is_empty();
            found.next = more.then_some(Place::Automations(answer.next_page_token));
        }
    }
    Ok(found)
}

fn sort(state: &State) -> String {
    let (field, reverse) = state.sort();
    format!("{}{field}", if reverse { "-" } else { "" })
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
