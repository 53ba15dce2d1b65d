//! What the form begins with: details of another certificate or request.

use api::{
    csr::v1::{CopyFromRequest, CopyFromResponse, copy_from_request::Source},
    projection::v1::GetRequest,
};
use tonic::{Code, Status};

use super::{super::algorithm, Desk, Form, SignedIn};

/// How the page was come to.
pub enum Start {
    /// From nothing.
    Empty,
    /// With a key.
    Key(String),
    /// With details of another: `certificate:ID`, or `request:ID`.
    Copy(String),
    /// To take the place of a certificate, with its key.
    Replace(String),
    /// Likewise, with a new key.
    ReKey(String),
}

/// The form to begin with.
///
/// # Errors
/// What the API says.
pub async fn begin(desk: &Desk, person: &SignedIn, start: &Start) -> Result<Form, Status> {
    let mut form = Form::default();
    let (source, renews) = match start {
        Start::Empty => return Ok(form),
        Start::Key(id) => {
            form.key = "existing".into();
            form.existing.clone_from(id);
            return Ok(form);
        }
        Start::Copy(what) => (named(what), None),
        Start::Replace(id) | Start::ReKey(id) => (Source::CertificateId(id.clone()), Some(id)),
    };
    let copied = copy(desk, person, source).await?;
    fill(&mut form, &copied);
    if let Some(id) = renews {
        form.renews.clone_from(id);
        let year = desk.commands.clock.now().year();
        form.name = next_name(&copied.friendly_name, year);
    }
    if let Start::ReKey(_) = start {
        form.key = "new".into();
    }
    form.copy = copied.friendly_name;
    Ok(form)
}

/// Fills in the form that somebody is at, from what he named.
///
/// # Errors
/// What the API says; also where nothing is called so.
pub async fn over(desk: &Desk, person: &SignedIn, form: &mut Form) -> Result<(), Status> {
    let source = find(desk, person, form.copy.trim()).await?;
    let copied = copy(desk, person, source).await?;
    fill(form, &copied);
    Ok(())
}

/// The request that the certificate to be replaced was made from: its data can be used again.
pub async fn original(desk: &Desk, person: &SignedIn, start: &Start) -> Option<String> {
    let Start::Replace(id) = start else {
        return None;
    };
    let get = GetRequest {
        id: id.clone(),
        at_least: 0,
        ..GetRequest::default()
    };
    let certificate = desk.queries(person).get_certificate(get).await.ok()?;
    Some(certificate.into_inner().request_id).filter(|id| !id.is_empty())
}

async fn copy(desk: &Desk, person: &SignedIn, source: Source) -> Result<CopyFromResponse, Status> {
    let source = Some(source);
    let mut requests = desk.requests(person);
    let copied = requests.copy_from(CopyFromRequest { source }).await?;
    Ok(copied.into_inner())
}

/// A certificate or a request, by its name.
async fn find(desk: &Desk, person: &SignedIn, name: &str) -> Result<Source, Status> {
    if name.is_empty() {
        return Err(Status::invalid_argument(
            "name a certificate or a request to copy from",
        ));
    }
    let get = || GetRequest {
        id: name.to_owned(),
        at_least: 0,
        ..GetRequest::default()
    };
    let mut queries = desk.queries(person);
    match queries.get_certificate(get()).await {
        Ok(found) => return Ok(Source::CertificateId(found.into_inner().id)),
        Err(status) if status.code() == Code::NotFound => {}
        Err(status) => return Err(status),
    }
    match queries.get_certificate_request(get()).await {
        Ok(found) => Ok(Source::RequestId(found.into_inner().id)),
        Err(status) if status.code() == Code::NotFound => Err(Status::not_found(format!(
            "no certificate and no request is called “{name}”"
        ))),
        Err(status) => Err(status),
    }
}

fn named(what: &str) -> Source {
    match what.split_once(':') {
        Some(("request", id)) => Source::RequestId(id.to_owned()),
        Some(("certificate", id)) => Source::CertificateId(id.to_owned()),
        _ => Source::CertificateId(what.to_owned()),
    }
}

/// Everything but the friendly name.
fn fill(form: &mut Form, copied: &CopyFromResponse) {
    let algorithm = algorithm::value(copied.key_algorithm());
    if !algorithm.is_empty() {
        form.algorithm = algorithm.to_owned();
    }
    form.existing.clone_from(&copied.key_id);
    form.key = match copied.key_id.is_empty() {
        true => "new".into(),
        false => "existing".into(),
    };
    let subject = copied.subject.clone().unwrap_or_default();
    form.cn = subject.common_name;
    form.o = subject.organization;
    form.ou = subject.organizational_unit;
    form.l = subject.locality;
    form.s = subject.state_or_province;
    form.c = subject.country;
    form.email = subject.email_address;
    let names = copied.subject_alt_names.clone().unwrap_or_default();
    form.san = names
        .dns_names
        .into_iter()
        .chain(names.ip_addresses)
        .collect();
}

/// A name for what takes the place of another: "Shop 2027" for "Shop", and after "Shop 2026".
fn next_name(name: &str, year: i32) -> String {
    let (stem, last) = match name.rsplit_once(' ') {
        Some((stem, last)) => (stem, last.parse::<i32>().ok()),
        None => (name, None),
    };
    match last.filter(|last| (2000..2100).contains(last)) {
        Some(last) => format!("{stem} {}", year.max(last + 1)),
        None => format!("{name} {year}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_name_has_the_year() {
        for (name, next) in [
            ("Shop", "Shop 2026"),
            ("Mail relay 2025", "Mail relay 2026"),
            ("Mail relay 2026", "Mail relay 2027"),
            ("Mail relay 2031", "Mail relay 2032"),
            ("Room 7", "Room 7 2026"),
        ] {
            assert_eq!(next_name(name, 2026), next);
        }
    }

    #[test]
    fn a_replacement_has_all_but_the_name() {
        let mut form = Form {
            name: "typed".into(),
            ..Form::default()
        };
        let mut copied = CopyFromResponse {
            friendly_name: "Shop".into(),
            key_id: "7".into(),
            key_algorithm: api::x509::v1::KeyAlgorithm::Rsa3072.into(),
            ..CopyFromResponse::default()
        };
        fill(&mut form, &copied);
        assert_eq!(
            (&*form.name, &*form.key, &*form.existing),
            ("typed", "existing", "7")
        );
        assert_eq!(form.algorithm, "rsa-3072");
        copied.key_id.clear();
        fill(&mut form, &copied);
        assert_eq!(form.key, "new", "its key is not here");
    }
}
