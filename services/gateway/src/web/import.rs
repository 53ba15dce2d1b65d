//! Import: files in, a verdict for each.
//!
//! The verdicts are the answer to the upload itself, not a page behind it: they are kept nowhere else. To load that
//! page again imports the same files again, and changes nothing: each is here already.

mod outcome;
mod verdict;

use api::keystore::v1::{ImportFile, ImportRequest, ImportResponse};
use askama::Template;
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use bytes::Bytes;
use tonic::Status;

use self::{outcome::Outcome, verdict::Results};
use super::{
    desk::Desk,
    frame::Frame,
    page::render,
    problem::Problem,
    refused::{Refused, Wrongs},
    upload::{Part, Uploaded},
    visitor::SignedIn,
};

/// The pages about imports.
pub fn routes() -> Router<Desk> {
    Router::new()
        .route("/import", get(page).post(take_in))
        .route("/import/unlock", post(unlock))
}

/// `GET /import`
pub async fn page(person: SignedIn) -> Result<Response, Problem> {
    let page = Import::new(&person);
    render(StatusCode::OK, &page)
}

/// `POST /import`
pub async fn take_in(
    State(desk): State<Desk>,
    person: SignedIn,
    uploaded: Uploaded,
) -> Result<Response, Problem> {
    let mut page = Import::new(&person);
    let files = files(&uploaded);
    if files.is_empty() || uploaded.too_much {
        page.wrongs
            .add("files", if uploaded.too_much { TOO_MUCH } else { NOTHING });
        return render(StatusCode::UNPROCESSABLE_ENTITY, &page);
    }
    let kept = files.clone();
    match import(&desk, &person, files).await {
        Ok(answer) => {
            let outcomes = kept.into_iter().zip(answer.files);
            let outcomes = outcomes.map(|(file, verdict)| Outcome::new(file, verdict));
            page.show(outcomes.collect());
            render(StatusCode::OK, &page)
        }
        Err(status) => {
            page.wrongs = Refused::of(status)?.beside(|_| Some("files"));
            render(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
    }
}

/// `POST /import/unlock`: the files that a passphrase was needed for, as the page before kept them.
pub async fn unlock(
    State(desk): State<Desk>,
    person: SignedIn,
    uploaded: Uploaded,
) -> Result<Response, Problem> {
    let mut page = Import::new(&person);
    if uploaded.too_much {
        page.wrongs.add("files", TOO_MUCH);
        return render(StatusCode::UNPROCESSABLE_ENTITY, &page);
    }
    let (mut outcomes, mut tries) = (Vec::new(), Vec::new());
    for part in &uploaded.parts {
        match part.field.as_str() {
            "file" => outcomes.push(Outcome::read(&part.text()).ok_or(Problem::Unreadable)?),
            // Behind its file.
            "passphrase" if !part.content.is_empty() => {
                let (n, file) = last_locked(&outcomes).ok_or(Problem::Unreadable)?;
                tries.push((n, with_passphrase(file, part)));
            }
            _ => {}
        }
    }
    let (at, files): (Vec<_>, Vec<_>) = tries.into_iter().unzip();
    if !files.is_empty() {
        match import(&desk, &person, files).await {
            Ok(answer) => {
                for (n, verdict) in at.into_iter().zip(answer.files) {
                    outcomes[n].tried_again(verdict);
                }
                refresh(&desk, &person, &mut outcomes, answer.position).await;
            }
            Err(status) => page.wrongs = Refused::of(status)?.beside(|_| Some("files")),
        }
    }
    let still = outcomes.iter().any(Outcome::is_locked);
    page.show(outcomes);
    match still || !page.wrongs.is_empty() {
        true => render(StatusCode::UNPROCESSABLE_ENTITY, &page),
        false => render(StatusCode::OK, &page),
    }
}

async fn import(
    desk: &Desk,
    person: &SignedIn,
    files: Vec<ImportFile>,
) -> Result<ImportResponse, Status> {
    let request = ImportRequest { files };
    let answer = desk.keystore(person).import(request).await?;
    Ok(answer.into_inner())
}

/// What was chosen and what was pasted, with the passphrase where one was given.
fn files(uploaded: &Uploaded) -> Vec<ImportFile> {
    let passphrase = uploaded.text("passphrase");
    let passphrase = passphrase.filter(|passphrase| !passphrase.is_empty());
    let file = |part: &Part| {
        let name = match part.field.as_str() {
            "files" if !(part.file_name.is_empty() && part.content.is_empty()) => &part.file_name,
            "pasted" if !part.content.trim_ascii().is_empty() => "Pasted text",
            _ => return None,
        };
        Some(ImportFile {
            name: name.chars().take(LONGEST_NAME).collect(),
            content: Bytes::copy_from_slice(&part.content),
            passphrase: passphrase.as_ref().map(|passphrase| passphrase.to_string()),
        })
    };
    uploaded.parts.iter().filter_map(file).collect()
}

fn last_locked(outcomes: &[Outcome]) -> Option<(usize, ImportFile)> {
    let last = outcomes.last()?;
    Some((outcomes.len() - 1, last.file()?))
}

fn with_passphrase(file: ImportFile, part: &Part) -> ImportFile {
    ImportFile {
        passphrase: Some(part.text().to_string()),
        ..file
    }
}

/// What was said of keys and chains before another file came. Where the tables cannot be asked, that stands.
async fn refresh(desk: &Desk, person: &SignedIn, outcomes: &mut [Outcome], position: u64) {
    let mut queries = desk.queries(person);
    let certificates = outcomes.iter_mut().flat_map(Outcome::certificates_mut);
    let unfinished = certificates.filter(|certificate| !certificate.chain_complete);
    for certificate in unfinished.take(MOST_LOOK_UPS) {
        let request = api::projection::v1::GetRequest {
            id: certificate.certificate_id.clone(),
            at_least: position,
            ..api::projection::v1::GetRequest::default()
        };
        let Ok(now) = queries.get_certificate(request).await else {
            return;
        };
        let now = now.into_inner();
        certificate.key_id = now.key_id;
        certificate.chain_complete = now.chain_complete;
        certificate.missing_issuer = now.missing_issuer;
        certificate.missing_issuer_url = now.missing_issuer_url;
    }
}

#[derive(Template)]
#[template(path = "import/page.html")]
struct Import {
    frame: Frame,
    wrongs: Wrongs,
    results: Option<Results>,
}

impl Import {
    fn new(person: &SignedIn) -> Import {
        Import {
            frame: Frame::new(person, "/certificates"),
            wrongs: Wrongs::default(),
            results: None,
        }
    }

    /// A passphrase that was tried is wrong: he goes on there.
    fn passphrase_wrong(&self) -> bool {
        let lines = self.results.iter().flat_map(|results| &results.lines);
        lines.into_iter().any(|line| line.wrong.is_some())
    }

    fn show(&mut self, outcomes: Vec<Outcome>) {
        self.results = Some(Results::of(outcomes));
    }
}

const NOTHING: &str = "Choose the files, or paste what is in one";
const TOO_MUCH: &str = "At most 100 files, with 10 MiB together: take them in by and by";

/// What the API takes.
const LONGEST_NAME: usize = 255;

const MOST_LOOK_UPS: usize = 50;
