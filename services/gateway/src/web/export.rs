//! Export: certificates, chains and private keys as files.
//!
//! One form for one certificate and for several. A private key leaves only for who has shown his password lately: who
//! has not shows it in the same form, so that nothing of what he chose is lost.

pub mod one_key;

mod fields;
mod item;
mod leave;

use api::{
    keystore::v1::{ExportRequest, ExportResponse},
    projection::v1::{Certificate, GetRequest},
};
use askama::Template;
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use tonic::Status;

use self::{
    fields::{Choices, FORMATS},
    item::Item,
    leave::Leave,
};
use super::{
    asked::Asked,
    desk::Desk,
    download::attachment,
    form::Posted,
    frame::Frame,
    page::render,
    problem::Problem,
    refused::{Refused, Wrongs},
    visitor::SignedIn,
};

/// The pages that give certificates out.
pub fn routes() -> Router<Desk> {
    Router::new().route("/export", get(page).post(export))
}

/// Which ones.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Query {
    select: Vec<String>,
}

/// `GET /export`
pub async fn page(
    State(desk): State<Desk>,
    person: SignedIn,
    Asked(query): Asked<Query>,
) -> Result<Response, Problem> {
    let choices = Choices::usual(query.select);
    let page = Export::new(&desk, &person, choices).await?;
    render(StatusCode::OK, &page)
}

/// `POST /export`
pub async fn export(
    State(desk): State<Desk>,
    person: SignedIn,
    Posted(choices): Posted<Choices>,
) -> Result<Response, Problem> {
    let request = choices.request();
    let keys = request.items.iter().any(|item| item.private_key);
    let mut wrongs = choices.wrongs(keys);
    let leave = match keys {
        true => leave::with_keys(&desk, &person, &choices.password, &mut wrongs).await?,
        false => Leave::without_keys(&person),
    };
    let answer = answer(&desk, &leave.person, choices, request, wrongs).await;
    // Whatever comes of it: without its new cookie the session would end.
    Ok(leave.along(answer.unwrap_or_else(Problem::into_response)))
}

async fn answer(
    desk: &Desk,
    person: &SignedIn,
    choices: Choices,
    request: ExportRequest,
    mut wrongs: Wrongs,
) -> Result<Response, Problem> {
    if wrongs.is_empty() {
        match ask(desk, person, request).await {
            Ok(file) => {
                let (name, media_type) = (&file.file_name, &file.media_type);
                return Ok(attachment(name, media_type, file.content));
            }
            Err(status) => wrongs = choices.refused(Refused::of(status)?),
        }
    }
    let mut page = Export::new(desk, person, choices).await?;
    page.wrongs = wrongs;
    render(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

async fn ask(
    desk: &Desk,
    person: &SignedIn,
    request: ExportRequest,
) -> Result<ExportResponse, Status> {
    let keys = request.items.iter().any(|item| item.private_key);
    let mut keystore = desk.keystore(person);
    let answer = match keys {
        true => keystore.export_with_private_keys(request).await?,
        false => keystore.export(request).await?,
    };
    Ok(answer.into_inner())
}

/// Those that are here still, in their order.
async fn find(desk: &Desk, person: &SignedIn, ids: &[String]) -> Result<Vec<Certificate>, Problem> {
    let questions = ids.iter().map(|id| {
        let id = id.clone();
        let get = GetRequest {
            id,
            at_least: 0,
            ..GetRequest::default()
        };
        let mut queries = desk.queries(person);
        async move { queries.get_certificate(get).await }
    });
    let questions = stream::iter(questions.collect::<Vec<_>>());
    let found = questions.buffered(AT_ONCE).collect::<Vec<_>>().await;
    let mut certificates = Vec::with_capacity(found.len());
    for answer in found {
        match answer {
            Ok(certificate) => certificates.push(certificate.into_inner()),
            Err(status) if status.code() == tonic::Code::NotFound => {}
            Err(status) => return Err(status.into()),
        }
    }
    Ok(certificates)
}

#[derive(Template)]
#[template(path = "export/page.html")]
struct Export {
    frame: Frame,
    wrongs: Wrongs,
    title: String,
    items: Vec<Item>,
    choices: Choices,
    /// His password was shown lately.
    fresh: bool,
    login_name: String,
}

impl Export {
    async fn new(desk: &Desk, person: &SignedIn, choices: Choices) -> Result<Export, Problem> {
        let frame = Frame::new(person, "/certificates");
        let most = choices.select.len().min(MOST);
        let found = find(desk, person, &choices.select[..most]).await?;
        let items = found
            .iter()
            .map(|one| Item::new(one, &choices, frame.may_change));
        let items = items.collect::<Vec<_>>();
        Ok(Export {
            title: match items.as_slice() {
                [one] => format!("Export “{}”", one.name),
                several => format!("Export {} certificates", several.len()),
            },
            fresh: person.session.fresh,
            login_name: person.session.login_name.clone(),
            wrongs: Wrongs::default(),
            frame,
            items,
            choices,
        })
    }

    fn formats(&self) -> impl Iterator<Item = &'static fields::Form> {
        let one = self.items.len() == 1;
        FORMATS.iter().filter(move |format| one || !format.only_one)
    }
}

const AT_ONCE: usize = 16;

/// What one export takes.
const MOST: usize = 100;
