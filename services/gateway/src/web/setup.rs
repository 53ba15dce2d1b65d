//! First start, after the first person made himself: his CA, and the first certificate. Each can be left for later.

use api::projection::v1::{ListRequest, Server};
use askama::Template;
use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, Uri, header::HOST},
    response::Response,
    routing::get,
};
use serde::Deserialize;

use super::{
    asked::Asked,
    at,
    automated::{self, Asking, Outcome},
    desk::Desk,
    form::Posted,
    page::{render, see_other},
    parts::Away,
    problem::Problem,
    servers::{self, Registering, Sent},
    visitor::SignedIn,
};

/// Both screens.
pub fn routes() -> Router<Desk> {
    Router::new()
        .route("/setup/ca", get(ca).post(register))
        .route("/setup/certificate", get(certificate).post(ask))
}

/// Where a person goes on to who has just made himself.
pub const NEXT: &str = "/setup/ca";

/// What is chosen.
#[derive(Default, Deserialize)]
pub struct Chosen {
    /// The type of server; where there is a server already, none.
    #[serde(default, rename = "type")]
    kind: Option<String>,
}

/// The server that was just registered.
#[derive(Default, Deserialize)]
pub struct Registered {
    #[serde(default)]
    server: String,
}

/// `GET /setup/ca`
async fn ca(
    State(desk): State<Desk>,
    person: SignedIn,
    Asked(chosen): Asked<Chosen>,
) -> Result<Response, Problem> {
    let there = there(&desk, &person).await;
    let form = match (&chosen.kind, there.is_empty()) {
        (None, false) => None,
        (kind, _) => {
            let kind = kind.as_deref().unwrap_or_default();
            Some(Registering::begin(&desk, &person, kind).await)
        }
    };
    render(StatusCode::OK, &YourCa::new(&person, there, form))
}

/// `POST /setup/ca`
async fn register(
    State(desk): State<Desk>,
    person: SignedIn,
    Posted(typed): Posted<servers::Typed>,
) -> Result<Response, Problem> {
    match Registering::send(&desk, &person, typed).await? {
        Sent::Registered { id, position } => {
            let path = format!("/setup/certificate?server={id}");
            Ok(see_other(&at::after(&path, position, "registered")))
        }
        Sent::Again(form) => {
            let status = form.status();
            render(status, &YourCa::new(&person, Vec::new(), Some(Ok(*form))))
        }
    }
}

/// `GET /setup/certificate`
async fn certificate(
    State(desk): State<Desk>,
    person: SignedIn,
    uri: Uri,
    headers: HeaderMap,
    Asked(position): Asked<at::At>,
    Asked(registered): Asked<Registered>,
) -> Result<Response, Problem> {
    position.reached(&desk, &person).await;
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = uri.host().or(host).unwrap_or_default();
    let typed = automated::Typed {
        host: guess(host),
        server: registered.server,
        renew: Some("yes".to_owned()),
        ..automated::Typed::default()
    };
    let form = Asking::of(&desk, &person, typed).await;
    render(StatusCode::OK, &FirstCertificate::new(&person, form))
}

/// `POST /setup/certificate`
async fn ask(
    State(desk): State<Desk>,
    person: SignedIn,
    Posted(typed): Posted<automated::Typed>,
) -> Result<Response, Problem> {
    match Asking::send(&desk, &person, typed).await? {
        Outcome::Asked { id, position } => {
            let path = format!("/automated/{id}");
            Ok(see_other(&at::after(&path, position, "requested")))
        }
        Outcome::Again(form) => {
            let status = form.status();
            render(status, &FirstCertificate::new(&person, *form))
        }
    }
}

/// The name by which this system is spoken to, where a CA could certify it.
fn guess(host: &str) -> String {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let parsed = pki::DnsName::try_from(name.as_str());
    match parsed {
        Ok(parsed) if parsed.is_fully_qualified() => name,
        _ => String::new(),
    }
}

/// The servers that are there already: with `up --test-ca`, for example.
async fn there(desk: &Desk, person: &SignedIn) -> Vec<(String, String)> {
    let list = desk
        .queries(person)
        .list_servers(ListRequest::default())
        .await;
    let servers = list.map(|answer| answer.into_inner().servers);
    let servers = servers.unwrap_or_default().into_iter();
    let servers = servers.filter(|server| server.deactivated.is_none());
    servers.map(|Server { id, name, .. }| (id, name)).collect()
}

#[derive(Template)]
#[template(path = "setup/ca.html")]
struct YourCa {
    token: String,
    /// The servers that are there: id and name.
    there: Vec<(String, String)>,
    /// `None`: one of those is offered.
    form: Option<Result<Registering, Away>>,
}

impl YourCa {
    fn new(
        person: &SignedIn,
        there: Vec<(String, String)>,
        form: Option<Result<Registering, Away>>,
    ) -> YourCa {
        YourCa {
            token: person.visitor.token(),
            there,
            form,
        }
    }
}

#[derive(Template)]
#[template(path = "setup/certificate.html")]
struct FirstCertificate {
    token: String,
    form: Asking,
}

impl FirstCertificate {
    fn new(person: &SignedIn, form: Asking) -> FirstCertificate {
        FirstCertificate {
            token: person.visitor.token(),
            form,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_ca_could_certify_is_guessed() {
        for (host, name) in [
            ("Certs.Example.com:8443", "certs.example.com"),
            ("certs.example.com.", "certs.example.com"),
            ("localhost:8443", ""),
            ("192.0.2.7:8443", ""),
            ("[2001:db8::7]:8443", ""),
            ("", ""),
        ] {
            assert_eq!(guess(host), name, "{host}");
        }
    }
}
