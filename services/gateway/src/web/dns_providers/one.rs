//! One DNS provider: what it was told, a test, and its end.

use api::{
    acme::v1::{RemoveDnsProviderRequest, TestDnsProviderRequest},
    projection::v1::{DnsProvider, ListRequest},
};
use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;
use uuid::Uuid;

use super::{add::kinds, note};
use crate::web::{
    ask::Ask,
    asked::Asked,
    at::{self, At},
    desk::Desk,
    form::Posted,
    frame::Frame,
    page::{render, see_other},
    parts::Moment,
    problem::Problem,
    refused::{Refused, Wrongs},
    sign_in::Nothing,
    visitor::SignedIn,
};

/// For which name it is tried.
#[derive(Default, Deserialize)]
pub struct Test {
    #[serde(default)]
    host: String,
}

/// `GET /dns-providers/{id}`
pub async fn page(
    State(desk): State<Desk>,
    person: SignedIn,
    Path(id): Path<Uuid>,
    Asked(at): Asked<At>,
) -> Result<Response, Problem> {
    let late = at.reached(&desk, &person).await;
    let mut page = One::of(&desk, &person, id).await?;
    page.frame.late = late;
    page.frame.note = at.done.as_deref().and_then(note);
    render(StatusCode::OK, &page)
}

/// `POST /dns-providers/{id}`: writes a record, waits until it shows, takes it away.
pub async fn test(
    State(desk): State<Desk>,
    person: SignedIn,
    Path(id): Path<Uuid>,
    Posted(test): Posted<Test>,
) -> Result<Response, Problem> {
    let order = TestDnsProviderRequest {
        dns_provider: id.to_string(),
        dns_name: test.host.trim().to_owned(),
    };
    let answer = desk.dns_providers(&person).test_dns_provider(order).await;
    let mut page = One::of(&desk, &person, id).await?;
    page.host = test.host;
    let status = match answer {
        Ok(answer) => {
            let answer = answer.into_inner();
            page.worked = Some((answer.record, answer.zone));
            StatusCode::OK
        }
        Err(status) => {
            page.wrongs = Refused::of(status)?.beside(|_| Some("host"));
            page.wrongs.place(Some("host"));
            StatusCode::UNPROCESSABLE_ENTITY
        }
    };
    render(status, &page)
}

/// `GET /dns-providers/{id}/remove`
pub async fn ask_remove(
    State(desk): State<Desk>,
    person: SignedIn,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let ask = asking(&desk, &person, id).await?;
    render(StatusCode::OK, &ask)
}

/// `POST /dns-providers/{id}/remove`
pub async fn remove(
    State(desk): State<Desk>,
    person: SignedIn,
    Path(id): Path<Uuid>,
    Posted(Nothing {}): Posted<Nothing>,
) -> Result<Response, Problem> {
    let order = RemoveDnsProviderRequest {
        dns_provider_id: id.to_string(),
    };
    match desk.dns_providers(&person).remove_dns_provider(order).await {
        Ok(answer) => {
            let position = answer.into_inner().position;
            Ok(see_other(&at::after("/dns-providers", position, "removed")))
        }
        Err(status) => {
            let refused = Refused::of(status)?;
            let mut ask = asking(&desk, &person, id).await?;
            ask.wrongs = refused.beside(|_| None);
            render(StatusCode::UNPROCESSABLE_ENTITY, &ask)
        }
    }
}

async fn asking(desk: &Desk, person: &SignedIn, id: Uuid) -> Result<Ask, Problem> {
    let provider = find(desk, person, id).await?;
    Ok(Ask {
        frame: Frame::new(person, "/automated"),
        above: vec![
            ("/dns-providers".to_owned(), "DNS providers".to_owned()),
            (format!("/dns-providers/{id}"), provider.name.clone()),
        ],
        heading: format!("Remove “{}”?", provider.name),
        words: vec![
            "Its secrets are destroyed. To use it again, add it again.".to_owned(),
            "It is refused while an automated certificate uses it.".to_owned(),
        ],
        reason: None,
        action: format!("/dns-providers/{id}/remove"),
        button: "Remove the DNS provider",
        for_good: true,
        back: format!("/dns-providers/{id}"),
        wrongs: Wrongs::default(),
    })
}

/// There is no question for one of them, and never many of them.
async fn find(desk: &Desk, person: &SignedIn, id: Uuid) -> Result<DnsProvider, Problem> {
    let id = id.to_string();
    let mut question = ListRequest {
        page_size: 500,
        ..ListRequest::default()
    };
    loop {
        let list = desk
            .queries(person)
            .list_dns_providers(question.clone())
            .await;
        let list = list?.into_inner();
        if let Some(found) = list.dns_providers.into_iter().find(|p| p.id == id) {
            return Ok(found);
        }
        if list.next_page_token.is_empty() {
            return Err(Problem::NotFound);
        }
        question.page_token = list.next_page_token;
    }
}

#[derive(Template)]
#[template(path = "dns_providers/one.html")]
struct One {
    frame: Frame,
    id: String,
    name: String,
    kind: String,
    /// What is not secret of what it was told: label and value.
    settings: Vec<(String, String)>,
    automations: Vec<String>,
    created: Option<Moment>,
    host: String,
    /// The record that was written for the test, and its zone.
    worked: Option<(String, String)>,
    wrongs: Wrongs,
}

impl One {
    async fn of(desk: &Desk, person: &SignedIn, id: Uuid) -> Result<One, Problem> {
        let (provider, kinds) = tokio::join!(find(desk, person, id), kinds(desk, person));
        let provider = provider?;
        // Without the agent everything goes by its id.
        let kinds = kinds.unwrap_or_default();
        let kind = kinds.iter().find(|kind| kind.id == provider.kind);
        let label = |id: &str| {
            let field = kind.and_then(|kind| kind.fields.iter().find(|field| field.id == id));
            field.map_or_else(|| id.to_owned(), |field| field.label.clone())
        };
        let settings = provider.settings.iter();
        let mut settings = settings
            .map(|(id, value)| (label(id), value.clone()))
            .collect::<Vec<_>>();
        settings.sort();
        Ok(One {
            frame: Frame::new(person, "/automated"),
            created: provider.created.as_ref().and_then(Moment::of),
            kind: kind.map_or_else(|| provider.kind.clone(), |kind| kind.name.clone()),
            settings,
            id: provider.id,
            name: provider.name,
            automations: provider.automation_ids,
            host: String::new(),
            worked: None,
            wrongs: Wrongs::default(),
        })
    }
}
