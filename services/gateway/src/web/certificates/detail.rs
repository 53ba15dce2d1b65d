//! One certificate: how it stands, its chain, its history, and all that a re-key needs.

use api::{
    projection::v1::{Automation, Certificate, CertificateStatus, GetRequest, Source},
    x509::v1,
};
use askama::Template;
use axum::{
    extract::{Path, State as Shared},
    http::StatusCode,
    response::Response,
};
use time::OffsetDateTime;

use super::{
    chain::{self, Node},
    default,
    facts::{Facts, Version, versions},
    fetch,
    history::History,
    lifetime::Lifetime,
    readers::{self, Reader},
    row::{Renewal, Standing, why},
    words,
};
use crate::web::{
    asked::{Asked, asking},
    at::At,
    desk::Desk,
    frame::Frame,
    page::render,
    parts::{Away, Chip, Moment},
    problem::Problem,
    visitor::SignedIn,
    wrong::sentence,
};

/// What a command said that led here.
pub enum Said {
    /// No, and why.
    Refused(String),
}

/// `GET /certificates/{id}`
pub async fn page(
    Shared(desk): Shared<Desk>,
    person: SignedIn,
    Path(id): Path<String>,
    Asked(at): Asked<At>,
) -> Result<Response, Problem> {
    let late = at.reached(&desk, &person).await;
    let mut page = Detail::of(&desk, &person, &id).await?;
    page.frame.note = at.done.as_deref().and_then(note);
    page.frame.late = late;
    render(StatusCode::OK, &page)
}

/// The page, with what a command said.
pub async fn said(
    desk: &Desk,
    person: &SignedIn,
    id: &str,
    said: Said,
) -> Result<Response, Problem> {
    let mut page = Detail::of(desk, person, id).await?;
    let Said::Refused(why) = said;
    page.refused = Some(why);
    render(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

/// What was done, in words.
fn note(done: &str) -> Option<&'static str> {
    match done {
        "renewing" => Some("Renewal has begun. This page changes as it goes on."),
        "renamed" => Some("Renamed."),
        "default" => Some("Saved. It answers now where no name does."),
        "restored" => Some("Restored. It is back among the certificates."),
        "issuers" => Some("Fetched. The chain is complete now."),
        "marked" => Some("Noted. Its status says so now, and so does the log."),
        "revoking" => Some("The CA is being told. Its status changes once the CA has answered."),
        _ => None,
    }
}

#[derive(Template)]
#[template(path = "certificates/detail.html")]
struct Detail {
    frame: Frame,
    id: String,
    /// Which aggregates change it.
    live: String,
    name: String,
    chip: Chip,
    /// "12 days left", where that matters.
    left: Option<String>,
    host: String,
    more: usize,
    issuer: String,
    came: String,
    refused: Option<String>,
    missing: Option<Missing>,
    failure: Option<Trouble>,
    lifetime: Option<Lifetime>,
    renews: Renewal,
    is_automated: bool,
    automation_id: String,
    automation: Option<Facts>,
    chain: Vec<Node>,
    here: usize,
    history: History,
    facts: Facts,
    versions: Vec<Version>,
    pem: String,
    standing: Standing,
    /// What becomes of connections, once it is the default.
    consequence: String,
    deleted: Option<Moment>,
    /// Whether it can be revoked here.
    may_be_revoked: bool,
    /// Who could read its key until now, where it is here.
    readers: Option<Result<(Vec<Reader>, bool), Away>>,
}

/// An issuer that is not here.
struct Missing {
    name: String,
    /// Where it can be had, by its child's own word.
    from: Option<String>,
    named_by: &'static str,
}

/// Why its renewal fails.
struct Trouble {
    title: String,
    message: String,
    advice: String,
    since: Option<Moment>,
    again: Option<Moment>,
}

impl Detail {
    async fn of(desk: &Desk, person: &SignedIn, id: &str) -> Result<Detail, Problem> {
        let certificate = fetch::certificate(desk, person, id).await?;
        let (automation, history, current, readers) = tokio::join!(
            automation(desk, person, &certificate.automation_id),
            History::of(desk, person, &certificate.id),
            default::current(desk, person),
            readers_of(desk, person, &certificate.key_id),
        );
        let now = person.now(desk);
        // What is away of these is left out; the rest stands.
        let automation = automation
            .as_ref()
            .map(|automation| Facts::of_automation(automation, now));
        let frame = Frame::new(person, "/certificates");
        let consequence = default::consequence(current.ok().flatten().as_deref());
        let mut detail = Detail::new(frame, certificate, automation, history, consequence, now);
        detail.readers = readers;
        Ok(detail)
    }

    fn new(
        frame: Frame,
        row: Certificate,
        automation: Option<Facts>,
        history: History,
        consequence: String,
        now: OffsetDateTime,
    ) -> Detail {
        let leaf = row.certificate.clone().unwrap_or_default();
        let names = words::names(&leaf);
        let status = row.status();
        let not_after = words::time(leaf.not_after.as_ref());
        let chain = chain::nodes(&row, now);
        let common_name = (!leaf.common_name.is_empty()).then(|| leaf.common_name.clone());
        Detail {
            live: match row.automation_id.as_str() {
                "" => format!("certificate:{}", row.id),
                automation => format!("certificate:{} automation:{automation}", row.id),
            },
            left: not_after
                .filter(|_| status != CertificateStatus::Valid)
                .map(|end| words::left(end, now)),
            host: names.first().cloned().or(common_name).unwrap_or_default(),
            more: names.len().saturating_sub(1),
            issuer: words::issuer(&leaf),
            came: came(&row),
            refused: None,
            missing: missing(&row),
            failure: trouble(&row),
            lifetime: Lifetime::of(&row, now),
            renews: Renewal::of(&row, now),
            is_automated: !row.automation_id.is_empty(),
            automation_id: row.automation_id.clone(),
            automation,
            here: chain.iter().filter(|node| !node.is_missing).count(),
            chain,
            history,
            facts: Facts::of(&row, now),
            versions: versions(&row),
            pem: pki::pem::certificate(&leaf.der),
            standing: Standing::of(&row),
            consequence,
            deleted: words::time(row.deleted.as_ref()).map(Moment::new),
            may_be_revoked: status != CertificateStatus::Revoked
                && !matches!(row.source(), Source::Factory | Source::SelfSigned),
            name: row.friendly_name,
            id: row.id,
            chip: status.into(),
            readers: None,
            frame,
        }
    }

    fn is_default(&self) -> bool {
        self.standing == Standing::Is
    }

    /// Who could read its key on another date.
    fn served(&self) -> String {
        asking("/certificates/served", &[("name", &self.host)])
    }

    fn may_be_default(&self) -> bool {
        self.standing == Standing::May
    }
}

/// The ledger is of now: what a moment knew of them is told where names are asked for.
async fn readers_of(
    desk: &Desk,
    person: &SignedIn,
    key: &str,
) -> Option<Result<(Vec<Reader>, bool), Away>> {
    let is_asked = !key.is_empty() && person.visitor.past.is_none();
    match is_asked {
        true => Some(readers::now(desk, person, key).await),
        false => None,
    }
}

async fn automation(desk: &Desk, person: &SignedIn, id: &str) -> Option<Automation> {
    if id.is_empty() {
        return None;
    }
    let asked = GetRequest {
        id: id.to_owned(),
        at_least: 0,
        ..GetRequest::default()
    };
    let answer = desk.queries(person).get_automation(asked).await;
    answer.ok().map(tonic::Response::into_inner)
}

/// How and when it came here.
fn came(row: &Certificate) -> String {
    let how = match row.source() {
        Source::Acme => "issued over ACME",
        Source::SelfSigned => "signed here",
        Source::Factory => "made at the first start",
        Source::Imported | Source::Unspecified => "imported",
    };
    let at = words::time(row.created.as_ref()).map(words::date);
    format!("{how} {}", at.unwrap_or_default())
}

fn missing(row: &Certificate) -> Option<Missing> {
    (!row.chain_complete && !row.missing_issuer.is_empty()).then(|| Missing {
        name: words::common_name(&row.missing_issuer),
        from: host_of(&row.missing_issuer_url),
        named_by: match row.issuers.is_empty() {
            true => "this certificate names it as its issuer",
            false => "the last certificate of the chain below names it as its issuer",
        },
    })
}

/// The host of an address, for a button; none where there is no address.
fn host_of(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next()?;
    (!host.is_empty()).then(|| host.to_owned())
}

fn trouble(row: &Certificate) -> Option<Trouble> {
    row.last_failure.as_ref().map(|failure| Trouble {
        title: why(failure),
        message: sentence(&failure.message),
        advice: failure.advice.clone(),
        since: words::time(row.failing_since.as_ref()).map(Moment::new),
        again: words::time(row.retry_at.as_ref()).map(Moment::new),
    })
}

/// What both a certificate and its issuers are shown by.
pub fn until(certificate: &v1::Certificate) -> String {
    let end = words::time(certificate.not_after.as_ref()).map(words::date);
    format!("until {}", end.unwrap_or_default())
}
