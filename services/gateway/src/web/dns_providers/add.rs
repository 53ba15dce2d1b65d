//! A DNS provider to add: the fields change with its kind.

use std::collections::HashMap;

use api::acme::v1::{AddDnsProviderRequest, DnsProviderKind, ListDnsProviderKindsRequest};
use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tonic::Status;

use crate::web::{
    asked::Asked,
    at,
    desk::Desk,
    form::Posted,
    frame::Frame,
    page::{render, see_other},
    parts::Away,
    problem::Problem,
    refused::{Refused, Wrongs},
    visitor::SignedIn,
};

/// The kind that is chosen.
#[derive(Default, Deserialize)]
pub struct Chosen {
    #[serde(default)]
    kind: String,
}

/// `GET /dns-providers/new`
pub async fn page(
    State(desk): State<Desk>,
    person: SignedIn,
    Asked(chosen): Asked<Chosen>,
) -> Result<Response, Problem> {
    let kinds = kinds(&desk, &person).await.map_err(Away::from);
    let form = kinds.map(|kinds| Adding::new(&kinds, &chosen.kind, &Typed::default()));
    render(StatusCode::OK, &Page::new(&person, form))
}

/// `POST /dns-providers/new`. The form's fields are the kind's, and so are known only now.
pub async fn send(
    State(desk): State<Desk>,
    person: SignedIn,
    Posted(fields): Posted<Vec<(String, SecretString)>>,
) -> Result<Response, Problem> {
    let typed = Typed(fields.into_iter().collect());
    let kinds = kinds(&desk, &person).await?;
    let mut form = Adding::new(&kinds, typed.get("kind"), &typed);
    let order = AddDnsProviderRequest {
        name: form.name.clone(),
        kind: form.kind.clone(),
        settings: form.settings(&typed),
    };
    match desk.dns_providers(&person).add_dns_provider(order).await {
        Ok(answer) => {
            let answer = answer.into_inner();
            let path = format!("/dns-providers/{}", answer.dns_provider_id);
            Ok(see_other(&at::after(&path, answer.position, "added")))
        }
        Err(status) => {
            form.refuse(Refused::of(status)?);
            render(
                StatusCode::UNPROCESSABLE_ENTITY,
                &Page::new(&person, Ok(form)),
            )
        }
    }
}

/// All kinds.
///
/// # Errors
/// What the agent says.
pub async fn kinds(desk: &Desk, person: &SignedIn) -> Result<Vec<DnsProviderKind>, Status> {
    let question = ListDnsProviderKindsRequest {};
    let answer = desk
        .dns_providers(person)
        .list_dns_provider_kinds(question)
        .await;
    Ok(answer?.into_inner().kinds)
}

/// What was typed, by the field's name. It may hold secrets.
#[derive(Default)]
struct Typed(HashMap<String, SecretString>);

impl Typed {
    fn get(&self, field: &str) -> &str {
        self.0.get(field).map_or("", |text| text.expose_secret())
    }
}

/// The form.
struct Adding {
    /// What can be chosen: id and name.
    kinds: Vec<(String, String)>,
    kind: String,
    name: String,
    fields: Vec<Field>,
    wrongs: Wrongs,
}

/// One thing that a kind needs to be told.
struct Field {
    /// On the page.
    id: String,
    /// In the API.
    key: String,
    label: String,
    help: String,
    secret: bool,
    required: bool,
    /// As it was typed; a secret is never shown again.
    value: String,
}

impl Adding {
    fn new(kinds: &[DnsProviderKind], chosen: &str, typed: &Typed) -> Adding {
        let kind = kinds
            .iter()
            .find(|kind| kind.id == chosen)
            .or(kinds.first());
        let fields = kind
            .into_iter()
            .flat_map(|kind| kind.fields.iter())
            .map(|field| {
                let id = format!("s-{}", field.id);
                Field {
                    value: match field.secret {
                        true => String::new(),
                        false => typed.get(&id).to_owned(),
                    },
                    id,
                    key: field.id.clone(),
                    label: field.label.clone(),
                    help: field.help.clone(),
                    secret: field.secret,
                    required: field.required,
                }
            });
        let name = kind.map(|kind| kind.name.clone()).unwrap_or_default();
        Adding {
            kinds: kinds
                .iter()
                .map(|kind| (kind.id.clone(), kind.name.clone()))
                .collect(),
            kind: kind.map(|kind| kind.id.clone()).unwrap_or_default(),
            fields: fields.collect(),
            // Nobody is made to think of a name.
            name: match typed.get("name").trim() {
                "" => name,
                name => name.to_owned(),
            },
            wrongs: Wrongs::default(),
        }
    }

    fn settings(&self, typed: &Typed) -> HashMap<String, String> {
        let given = self
            .fields
            .iter()
            .map(|field| (&field.key, typed.get(&field.id)));
        let given = given.filter(|(_, value)| !value.is_empty());
        given
            .map(|(key, value)| (key.clone(), value.to_owned()))
            .collect()
    }

    fn refuse(&mut self, refused: Refused) {
        for violation in &refused.fields {
            let of = |field: &&Field| violation.field == format!("settings[{:?}]", field.key);
            let place = match self.fields.iter().find(of) {
                Some(field) => field.id.clone(),
                None if violation.field == "name" => "name".to_owned(),
                None => String::new(),
            };
            self.wrongs.add(place, &violation.description);
        }
        if self.wrongs.is_empty() {
            self.wrongs.add("", &refused.message);
        }
    }
}

#[derive(Template)]
#[template(path = "dns_providers/add.html")]
struct Page {
    frame: Frame,
    form: Result<Adding, Away>,
}

impl Page {
    fn new(person: &SignedIn, form: Result<Adding, Away>) -> Page {
        Page {
            frame: Frame::new(person, "/automated"),
            form,
        }
    }
}
