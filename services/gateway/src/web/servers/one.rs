//! One server: its account, and what is ordered there.

use api::{
    acme::v1::GetServerContactRequest,
    projection::v1::{Automation, GetRequest, ListRequest, Server},
};
use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use uuid::Uuid;

use super::{host, list::state, note};
use crate::web::{
    asked::Asked,
    at::At,
    desk::Desk,
    frame::Frame,
    meanwhile::Read,
    page::render,
    parts::{Away, Chip, Moment},
    problem::Problem,
    refused::Wrongs,
    visitor::SignedIn,
};

/// `GET /servers/{id}`
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

/// The page of one server.
#[derive(Template)]
#[template(path = "servers/one.html")]
pub struct One {
    pub frame: Frame,
    id: String,
    name: String,
    host: String,
    directory: String,
    website: String,
    website_host: String,
    terms: String,
    account: String,
    thumbprint: String,
    eab: String,
    caa: String,
    profiles: String,
    state: Chip,
    created: Option<Moment>,
    ended: Option<Moment>,
    /// As it is, or was typed; `None` where he may not see it.
    pub email: Option<String>,
    contact_away: Option<Away>,
    orders: Result<Orders, Away>,
    pub wrongs: Wrongs,
    pub read: Read,
}

/// What is ordered there.
struct Orders {
    rows: Vec<Row>,
    more: bool,
}

struct Row {
    id: String,
    name: String,
    chip: Chip,
}

impl One {
    /// As it stands now.
    ///
    /// # Errors
    /// Where there is no such server.
    pub async fn of(desk: &Desk, person: &SignedIn, id: Uuid) -> Result<One, Problem> {
        let frame = Frame::new(person, "/automated");
        let (mut servers, mut automations) = (desk.queries(person), desk.queries(person));
        let mut accounts = desk.servers(person);
        let server = servers.get_server(GetRequest {
            id: id.to_string(),
            at_least: 0,
            ..GetRequest::default()
        });
        let orders = automations.list_automations(ListRequest {
            filter: format!("server={id}"),
            page_size: SHOWN,
            ..ListRequest::default()
        });
        let may_see = frame.may_change;
        let read = match may_see {
            true => Read::now(desk, person, &id.to_string()).await,
            false => Read::default(),
        };
        let contact = async {
            match may_see {
                true => Some(
                    accounts
                        .get_server_contact(GetServerContactRequest {
                            server_id: id.to_string(),
                        })
                        .await,
                ),
                false => None,
            }
        };
        let (server, orders, contact) = tokio::join!(server, orders, contact);
        let mut page = One::new(frame, server?.into_inner());
        page.read = read;
        page.orders = orders.map_err(Away::from).map(|answer| {
            let answer = answer.into_inner();
            Orders {
                rows: answer.automations.iter().map(Row::new).collect(),
                more: !answer.next_page_token.is_empty(),
            }
        });
        match contact {
            None => {}
            Some(Ok(answer)) => page.email = Some(answer.into_inner().contact_emails.join(", ")),
            Some(Err(status)) => page.contact_away = Some(status.into()),
        }
        Ok(page)
    }

    fn new(frame: Frame, server: Server) -> One {
        One {
            frame,
            host: host(&server.directory_url).to_owned(),
            website_host: host(&server.website_url).to_owned(),
            state: state(&server),
            created: server.created.as_ref().and_then(Moment::of),
            ended: server.deactivated.as_ref().and_then(Moment::of),
            id: server.id,
            name: server.name,
            directory: server.directory_url,
            website: server.website_url,
            terms: server.terms_of_service_url,
            account: server.account_url,
            thumbprint: server.account_key_thumbprint,
            eab: server.external_account_key_id,
            caa: server.caa_identities.join(", "),
            profiles: server.profiles.join(", "),
            email: None,
            contact_away: None,
            orders: Ok(Orders {
                rows: Vec::new(),
                more: false,
            }),
            wrongs: Wrongs::default(),
            read: Read::default(),
        }
    }

    /// A stranger's directory may say anything.
    fn is_link(&self, url: &str) -> bool {
        url.starts_with("https://") || url.starts_with("http://")
    }
}

impl Row {
    fn new(automation: &Automation) -> Row {
        Row {
            id: automation.id.clone(),
            name: automation.friendly_name.clone(),
            chip: automation.status().into(),
        }
    }
}

const SHOWN: u32 = 25;
