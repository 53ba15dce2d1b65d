//! One request: what it asks for, what to do with it, and its answer.

use api::{
    convert,
    projection::v1::{CertificateRequest, GetRequest, RequestStatus},
};
use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use pki::export::file_name;

use super::{
    super::{download::attachment, page::render},
    Asked, At, Chip, Desk, Frame, Moment, Problem, SignedIn, algorithm, chip, makers,
};

/// `GET /requests/{id}`
pub async fn page(
    State(desk): State<Desk>,
    person: SignedIn,
    Path(id): Path<String>,
    Asked(at): Asked<At>,
) -> Result<Response, Problem> {
    let mut frame = Frame::new(&person, "/requests");
    frame.late = at.reached(&desk, &person).await;
    frame.note = at.done.as_deref().and_then(note);
    let request = match find(&desk, &person, id).await {
        // It was just made, and will be there in a moment.
        Err(Problem::NotFound) if frame.late.is_some() => return Err(Problem::Away),
        found => found?,
    };
    let rows = [request];
    let makers = makers::of(&desk, &person, &rows);
    let [request] = &rows;
    let replaced = name(&desk, &person, &request.renews_certificate_id);
    let answer = name(&desk, &person, &request.certificate_id);
    let (mut makers, replaced, answer) = tokio::join!(makers, replaced, answer);
    let by = makers.remove(&request.id).unwrap_or_default();
    let page = Detail::new(frame, request, by, replaced, answer);
    render(StatusCode::OK, &page)
}

/// `GET /requests/{id}/csr`: the request as a file, for the CA.
pub async fn download(
    State(desk): State<Desk>,
    person: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let request = find(&desk, &person, id).await?;
    let name = file_name(&request.friendly_name, "csr");
    // RFC 5967; most CAs take it as text.
    let media_type = "application/pkcs10";
    Ok(attachment(&name, media_type, request.csr_pem))
}

fn note(done: &str) -> Option<&'static str> {
    match done {
        "created" => Some("Created. Give the request data below to your CA."),
        _ => None,
    }
}

async fn find(desk: &Desk, person: &SignedIn, id: String) -> Result<CertificateRequest, Problem> {
    let get = GetRequest {
        id,
        at_least: 0,
        ..GetRequest::default()
    };
    let found = desk.queries(person).get_certificate_request(get).await?;
    Ok(found.into_inner())
}

/// A certificate's name, where one is meant and it is here.
async fn name(desk: &Desk, person: &SignedIn, id: &str) -> Option<String> {
    if id.is_empty() {
        return None;
    }
    let id = id.to_owned();
    let get = GetRequest {
        id,
        at_least: 0,
        ..GetRequest::default()
    };
    let found = desk.queries(person).get_certificate(get).await.ok()?;
    Some(found.into_inner().friendly_name)
}

#[derive(Template)]
#[template(path = "requests/detail.html")]
struct Detail {
    frame: Frame,
    id: String,
    name: String,
    chip: Chip,
    answered: bool,
    first: String,
    more: String,
    created: Option<Moment>,
    fulfilled: Option<Moment>,
    by: String,
    csr: String,
    /// What it asks for, but for its names.
    asked: Vec<(&'static str, String)>,
    names: Vec<String>,
    key: &'static str,
    key_id: String,
    spki: String,
    certificate_id: String,
    certificate: Option<String>,
    replaced_id: String,
    replaced: Option<String>,
}

impl Detail {
    fn new(
        frame: Frame,
        request: &CertificateRequest,
        by: String,
        replaced: Option<String>,
        certificate: Option<String>,
    ) -> Detail {
        let subject = request.subject.clone().unwrap_or_default();
        let names = request.subject_alt_names.clone().unwrap_or_default();
        let names = [names.dns_names, names.ip_addresses].concat();
        let moment = |at: &Option<_>| at.as_ref().and_then(convert::time).map(Moment::new);
        let place = [
            &subject.locality,
            &subject.state_or_province,
            &subject.country,
        ];
        let place = place.into_iter().filter(|part| !part.is_empty());
        let place = place.cloned().collect::<Vec<_>>().join(", ");
        let asked = [
            ("Common name", subject.common_name),
            ("Organization", subject.organization),
            ("Unit", subject.organizational_unit),
            ("Location", place),
            ("E-mail", subject.email_address),
        ];
        let asked = asked.into_iter().filter(|(_, text)| !text.is_empty());
        Detail {
            id: request.id.clone(),
            name: request.friendly_name.clone(),
            chip: chip(request.status()),
            answered: request.status() == RequestStatus::Fulfilled,
            first: names.first().cloned().unwrap_or_default(),
            more: match names.len() {
                0 | 1 => String::new(),
                2 => " and 1 more name".to_owned(),
                n => format!(" and {} more names", n - 1),
            },
            created: moment(&request.created),
            fulfilled: moment(&request.fulfilled),
            by,
            csr: request.csr_pem.clone(),
            asked: asked.collect(),
            names,
            key: algorithm::word(request.key_algorithm()),
            key_id: request.key_id.clone(),
            spki: request.spki_sha256.clone(),
            certificate_id: request.certificate_id.clone(),
            certificate,
            replaced_id: request.renews_certificate_id.clone(),
            replaced,
            frame,
        }
    }
}
