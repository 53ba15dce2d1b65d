//! Create: one form for a certificate request and for a self-signed certificate.
//!
//! Without script, what the form's own buttons do (add a name, take one off, copy details) is asked of the same
//! address, and answered with the form as it then stands.

mod copied;
mod form;
mod offered;

use api::csr::v1::{CreateRequestRequest, CreateSelfSignedRequest};
use askama::Template;
use axum::{Router, extract::State, http::StatusCode, response::Response, routing::get};
use serde::Deserialize;
use tonic::{Code, Status};

use self::{
    copied::Start,
    form::{Form, Name},
    offered::Offered,
};
use super::{
    algorithm,
    asked::Asked,
    at::after,
    desk::Desk,
    form::Posted,
    frame::Frame,
    page::{render, see_other},
    problem::Problem,
    refused::{Refused, Wrongs},
    visitor::SignedIn,
};

/// The page that makes requests and self-signed certificates.
pub fn routes() -> Router<Desk> {
    Router::new().route("/create", get(page).post(create))
}

/// What it begins with.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Query {
    copy: Option<String>,
    /// A key, or "new" beside `from`.
    key: Option<String>,
    /// The certificate that is to be replaced.
    from: Option<String>,
    replace: Option<String>,
    rekey: Option<String>,
}

impl Query {
    fn start(self) -> Start {
        let new_key = self.key.as_deref() == Some("new");
        match self {
            Query {
                rekey: Some(id), ..
            } => Start::ReKey(id),
            Query { from: Some(id), .. } if new_key => Start::ReKey(id),
            Query { from: Some(id), .. }
            | Query {
                replace: Some(id), ..
            } => Start::Replace(id),
            Query {
                copy: Some(what), ..
            } => Start::Copy(what),
            Query { key: Some(id), .. } if !new_key => Start::Key(id),
            _ => Start::Empty,
        }
    }
}

/// `GET /create`
pub async fn page(
    State(desk): State<Desk>,
    person: SignedIn,
    Asked(query): Asked<Query>,
) -> Result<Response, Problem> {
    let start = query.start();
    let mut page = Create::new(&person);
    match copied::begin(&desk, &person, &start).await {
        Ok(form) => page.form = form,
        Err(status) => page.wrongs = Refused::of(status)?.beside(|_| Some("copy")),
    }
    page.original = copied::original(&desk, &person, &start).await;
    page.shown(&desk, &person, StatusCode::OK).await
}

/// `POST /create`
pub async fn create(
    State(desk): State<Desk>,
    person: SignedIn,
    Posted(form): Posted<Form>,
) -> Result<Response, Problem> {
    let mut page = Create::new(&person);
    page.form = form;
    let asked = page.form.asked.clone();
    page.form.take_off();
    let wrong = page.form.add_typed();
    let done = match asked.as_str() {
        "copy" => {
            match copied::over(&desk, &person, &mut page.form).await {
                Ok(()) => {}
                Err(status) => page.wrongs = Refused::of(status)?.beside(|_| Some("copy")),
            }
            return page.shown(&desk, &person, StatusCode::OK).await;
        }
        "request" | "self-signed" if !wrong.is_empty() => {
            page.wrongs = page.form.wrongs_beside(wrong);
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return page.shown(&desk, &person, status).await;
        }
        "request" => request(&desk, &person, &page.form).await,
        "self-signed" => self_signed(&desk, &person, &page.form).await,
        _ => {
            for why in wrong {
                page.wrongs.add("more", &why);
            }
            page.at_names = true;
            return page.shown(&desk, &person, StatusCode::OK).await;
        }
    };
    match done {
        Ok(path) => Ok(see_other(&path)),
        // What was typed stays, also where nobody answers.
        Err(status) if status.code() == Code::Unavailable => {
            page.wrongs.add("", status.message());
            let status = StatusCode::SERVICE_UNAVAILABLE;
            page.shown(&desk, &person, status).await
        }
        Err(status) => {
            page.wrongs = page.form.wrongs(Refused::of(status)?);
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            page.shown(&desk, &person, status).await
        }
    }
}

async fn request(desk: &Desk, person: &SignedIn, form: &Form) -> Result<String, Status> {
    let request = CreateRequestRequest {
        friendly_name: form.name.clone(),
        key: Some(form.key_choice()),
        subject: Some(form.subject()),
        subject_alt_names: Some(form.names()),
        renews_certificate_id: form.renews.clone(),
    };
    let made = desk.requests(person).create_request(request).await?;
    let made = made.into_inner();
    let path = format!("/requests/{}", made.request_id);
    Ok(after(&path, made.position, "created"))
}

async fn self_signed(desk: &Desk, person: &SignedIn, form: &Form) -> Result<String, Status> {
    let request = CreateSelfSignedRequest {
        friendly_name: form.name.clone(),
        key: Some(form.key_choice()),
        subject: Some(form.subject()),
        subject_alt_names: Some(form.names()),
        days: form.days(),
    };
    let made = desk.requests(person).create_self_signed(request).await?;
    let made = made.into_inner();
    let path = format!("/certificates/{}", made.certificate_id);
    Ok(after(&path, made.position, "self-signed"))
}

#[derive(Template)]
#[template(path = "create/page.html")]
struct Create {
    frame: Frame,
    wrongs: Wrongs,
    form: Form,
    offered: Offered,
    /// The request that the certificate to be replaced was made from.
    original: Option<String>,
    /// A name was just added or taken off: he goes on there.
    at_names: bool,
}

impl Create {
    fn new(person: &SignedIn) -> Create {
        Create {
            frame: Frame::new(person, "/certificates"),
            wrongs: Wrongs::default(),
            form: Form::default(),
            offered: Offered::default(),
            original: None,
            at_names: false,
        }
    }

    async fn shown(
        mut self,
        desk: &Desk,
        person: &SignedIn,
        status: StatusCode,
    ) -> Result<Response, Problem> {
        self.offered = Offered::find(desk, person, &self.form).await;
        render(status, &self)
    }

    fn algorithms(&self) -> &'static [algorithm::Choice] {
        &algorithm::CHOICES
    }

    fn names(&self) -> Vec<Name> {
        self.form.san.iter().map(|text| Name::of(text)).collect()
    }
}
