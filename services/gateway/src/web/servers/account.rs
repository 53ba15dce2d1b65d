//! What is done with an account: another contact address, another key, its end. What cannot be taken back is
//! asked on a page of its own.

use api::{
    acme::v1::{DeactivateServerRequest, RollAccountKeyRequest, UpdateServerContactRequest},
    projection::v1::GetRequest,
};
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;
use tonic::Status;
use uuid::Uuid;

use super::{one::One, register::emails};
use crate::web::{
    ask::Ask,
    at,
    desk::Desk,
    form::Posted,
    frame::Frame,
    meanwhile::{Conflict, Read},
    page::{render, see_other},
    problem::Problem,
    refused::{Refused, Wrongs},
    sign_in::Nothing,
    visitor::SignedIn,
};

/// Another contact address.
#[derive(Deserialize)]
pub struct Contact {
    #[serde(default)]
    email: String,
    #[serde(default)]
    read: String,
}

/// `POST /servers/{id}`
pub async fn contact(
    State(desk): State<Desk>,
    person: SignedIn,
    Path(id): Path<Uuid>,
    Posted(form): Posted<Contact>,
) -> Result<Response, Problem> {
    let order = UpdateServerContactRequest {
        server_id: id.to_string(),
        contact_emails: emails(&form.email),
    };
    let read = Read::back(&form.read);
    let order = read.only(order);
    match desk.servers(&person).update_server_contact(order).await {
        Ok(answer) => Ok(done(id, answer.into_inner().position, "contact")),
        Err(status) => {
            let mut page = One::of(&desk, &person, id).await?;
            page.read = read;
            page.email = Some(form.email);
            let newer = format!("/servers/{id}");
            page.wrongs = match Conflict::of(&status, &desk, &person, &id.to_string(), newer).await
            {
                Some(conflict) => conflict.into(),
                None => Refused::of(status)?.beside(|_| Some("email")),
            };
            page.wrongs.place(Some("email"));
            render(page.wrongs.code(), &page)
        }
    }
}

/// `GET /servers/{id}/roll-key`
pub async fn ask_roll(
    State(desk): State<Desk>,
    person: SignedIn,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let ask = What::RollKey.ask(&desk, &person, id).await?;
    render(StatusCode::OK, &ask)
}

/// `POST /servers/{id}/roll-key`
pub async fn roll(
    State(desk): State<Desk>,
    person: SignedIn,
    Path(id): Path<Uuid>,
    Posted(Nothing {}): Posted<Nothing>,
) -> Result<Response, Problem> {
    let order = RollAccountKeyRequest {
        server_id: id.to_string(),
    };
    let answer = desk.servers(&person).roll_account_key(order).await;
    let position = answer.map(|answer| answer.into_inner().position);
    What::RollKey.answer(&desk, &person, id, position).await
}

/// `GET /servers/{id}/deactivate`
pub async fn ask_deactivate(
    State(desk): State<Desk>,
    person: SignedIn,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let ask = What::Deactivate.ask(&desk, &person, id).await?;
    render(StatusCode::OK, &ask)
}

/// `POST /servers/{id}/deactivate`
pub async fn deactivate(
    State(desk): State<Desk>,
    person: SignedIn,
    Path(id): Path<Uuid>,
    Posted(Nothing {}): Posted<Nothing>,
) -> Result<Response, Problem> {
    let order = DeactivateServerRequest {
        server_id: id.to_string(),
    };
    let answer = desk.servers(&person).deactivate_server(order).await;
    let position = answer.map(|answer| answer.into_inner().position);
    What::Deactivate.answer(&desk, &person, id, position).await
}

/// What is asked before it is done.
#[derive(Clone, Copy)]
enum What {
    RollKey,
    Deactivate,
}

impl What {
    async fn answer(
        self,
        desk: &Desk,
        person: &SignedIn,
        id: Uuid,
        position: Result<u64, Status>,
    ) -> Result<Response, Problem> {
        match position {
            Ok(position) => Ok(done(id, position, self.done())),
            Err(status) => {
                let refused = Refused::of(status)?;
                let mut ask = self.ask(desk, person, id).await?;
                ask.wrongs = refused.beside(|_| None);
                render(StatusCode::UNPROCESSABLE_ENTITY, &ask)
            }
        }
    }

    fn done(self) -> &'static str {
        match self {
            What::RollKey => "rolled",
            What::Deactivate => "deactivated",
        }
    }

    async fn ask(self, desk: &Desk, person: &SignedIn, id: Uuid) -> Result<Ask, Problem> {
        let question = GetRequest {
            id: id.to_string(),
            at_least: 0,
            ..GetRequest::default()
        };
        let server = desk
            .queries(person)
            .get_server(question)
            .await?
            .into_inner();
        let name = &server.name;
        let (heading, words, word, button) = match self {
            What::RollKey => (
                format!("Give the account at {name} another key?"),
                vec![
                    "A new key is made and sealed here, and the CA is told (RFC 8555, section 7.3.5). Certificates and orders stay as they are.".to_owned(),
                    "Do it when somebody may have seen the old key, or as your rules have it.".to_owned(),
                ],
                "roll-key",
                "Roll the account key",
            ),
            What::Deactivate => (
                format!("End the account at {name}?"),
                vec![
                    "The CA takes no more orders from this account, for good. Certificates that it issued stay valid until they expire, and are served.".to_owned(),
                    "It is refused while an automated certificate uses the server. To order there again, register again.".to_owned(),
                ],
                "deactivate",
                "End the account",
            ),
        };
        Ok(Ask {
            frame: Frame::new(person, "/automated"),
            above: vec![
                ("/servers".to_owned(), "ACME servers".to_owned()),
                (format!("/servers/{id}"), name.clone()),
            ],
            heading,
            words,
            reason: None,
            action: format!("/servers/{id}/{word}"),
            button,
            for_good: matches!(self, What::Deactivate),
            back: format!("/servers/{id}"),
            wrongs: Wrongs::default(),
        })
    }
}

fn done(id: Uuid, position: u64, done: &str) -> Response {
    see_other(&at::after(&format!("/servers/{id}"), position, done))
}
