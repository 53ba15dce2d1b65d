//! Deletion: first a page that shows what would go, with its use and what replaces it.

use std::collections::HashMap;

use api::{
    keystore::v1::{DeleteCertificatesRequest, DeletionVerdict, DestroyKeysRequest},
    projection::v1::{Certificate, CertificateStatus, ListRequest},
};
use askama::Template;
use axum::{extract::State as Shared, http::StatusCode, response::Response};
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use time::OffsetDateTime;

use super::{
    selection::{AT_ONCE, MOST, Selection},
    state::PATH,
    words,
};
use crate::web::{
    asked::Asked,
    at::after,
    desk::Desk,
    form::Posted,
    frame::Frame,
    page::{render, see_other},
    parts::Chip,
    problem::Problem,
    refused::{Refused, Wrongs},
    visitor::SignedIn,
    wrong::sentence,
};

/// What is to go.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Deleting {
    #[serde(default)]
    select: Vec<String>,
    #[serde(default)]
    from: String,
    /// What was typed to confirm it.
    #[serde(default)]
    typed: String,
    /// Their keys go too, where nothing else uses them.
    #[serde(default)]
    keys: String,
}

/// `GET /certificates/delete`
pub async fn review(
    Shared(desk): Shared<Desk>,
    person: SignedIn,
    Asked(selection): Asked<Selection>,
) -> Result<Response, Problem> {
    let page = Review::of(&desk, &person, &selection).await?;
    match page.lines.is_empty() {
        true => Ok(see_other(&selection.list().url())),
        false => render(StatusCode::OK, &page),
    }
}

/// `POST /certificates/delete`
pub async fn delete(
    Shared(desk): Shared<Desk>,
    person: SignedIn,
    Posted(form): Posted<Deleting>,
) -> Result<Response, Problem> {
    let selection = Selection {
        select: form.select,
        all: String::new(),
        from: form.from,
    };
    let mut review = Review::of(&desk, &person, &selection).await?;
    review.keys_too = !form.keys.is_empty();
    if review.lines.is_empty() {
        return Ok(see_other(&selection.list().url()));
    }
    if review.asks() && !form.typed.trim().eq_ignore_ascii_case(&review.phrase()) {
        review.wrongs.add(
            "typed",
            &format!("Type {} here, or keep what is in use.", review.phrase()),
        );
        review.typed = form.typed;
        return render(StatusCode::UNPROCESSABLE_ENTITY, &review);
    }
    let going = review.lines.iter().filter(|line| line.stays.is_none());
    let going = going.map(|line| line.id.clone()).collect::<Vec<_>>();
    let verdicts = match verdicts(&desk, &person, going, false).await {
        Ok(done) => done,
        Err(status) => {
            review.wrongs = Refused::of(status)?.beside(|_| None);
            return render(StatusCode::UNPROCESSABLE_ENTITY, &review);
        }
    };
    let (position, verdicts) = verdicts;
    let deleted = verdicts.iter().filter(|verdict| verdict.deleted);
    let deleted = deleted
        .map(|verdict| verdict.id.as_str())
        .collect::<Vec<_>>();
    let mut stayed = verdicts
        .iter()
        .filter(|verdict| !verdict.deleted)
        .map(stayed)
        .collect::<Vec<_>>();
    let position = match review.keys_too && review.frame.may_administer {
        true => {
            let gone = review
                .lines
                .iter()
                .filter(|line| deleted.contains(&line.id.as_str()));
            let keys = gone
                .map(|line| line.key_id.clone())
                .filter(|id| !id.is_empty());
            let destroyed = destroy(&desk, &person, keys.collect()).await;
            let (at, kept) = destroyed.unwrap_or_else(|status| (0, vec![Stayed::keys(&status)]));
            stayed.extend(kept);
            position.max(at)
        }
        false => position,
    };
    let list = after(&selection.list().url(), position, "deleted");
    if stayed.is_empty() {
        return Ok(see_other(&list));
    }
    let page = Told {
        frame: Frame::new(&person, PATH),
        deleted: deleted.len(),
        stayed,
        back: list,
    };
    render(StatusCode::OK, &page)
}

/// What the keystore says of each; with where the log has it.
async fn verdicts(
    desk: &Desk,
    person: &SignedIn,
    ids: Vec<String>,
    dry_run: bool,
) -> Result<(u64, Vec<DeletionVerdict>), tonic::Status> {
    let (mut position, mut verdicts) = (0, Vec::with_capacity(ids.len()));
    for some in ids.chunks(EACH) {
        let asked = DeleteCertificatesRequest {
            certificate_ids: some.to_vec(),
            dry_run,
        };
        let answer = desk.keystore(person).delete_certificates(asked).await?;
        let answer = answer.into_inner();
        position = answer.position.max(position);
        verdicts.extend(answer.certificates);
    }
    Ok((position, verdicts))
}

async fn destroy(
    desk: &Desk,
    person: &SignedIn,
    mut keys: Vec<String>,
) -> Result<(u64, Vec<Stayed>), tonic::Status> {
    keys.sort_unstable();
    keys.dedup();
    let (mut position, mut kept) = (0, Vec::new());
    for some in keys.chunks(EACH) {
        let asked = DestroyKeysRequest {
            key_ids: some.to_vec(),
            dry_run: false,
        };
        let answer = desk
            .keystore(person)
            .destroy_keys(asked)
            .await?
            .into_inner();
        position = answer.position.max(position);
        let stays = answer.keys.into_iter().filter(|verdict| !verdict.deleted);
        kept.extend(stays.map(|verdict| Stayed {
            name: format!("A private key ({})", verdict.name),
            why: sentence(&verdict.message),
        }));
    }
    Ok((position, kept))
}

/// Something that did not go.
struct Stayed {
    name: String,
    why: String,
}

impl Stayed {
    fn keys(status: &tonic::Status) -> Stayed {
        Stayed {
            name: "The private keys".to_owned(),
            why: sentence(status.message()),
        }
    }
}

fn stayed(verdict: &DeletionVerdict) -> Stayed {
    Stayed {
        name: verdict.name.clone(),
        why: sentence(&verdict.message),
    }
}

#[derive(Template)]
#[template(path = "certificates/deleted.html")]
struct Told {
    frame: Frame,
    deleted: usize,
    stayed: Vec<Stayed>,
    back: String,
}

#[derive(Template)]
#[template(path = "certificates/delete.html")]
struct Review {
    frame: Frame,
    lines: Vec<Line>,
    /// The list's query.
    from: String,
    back: String,
    typed: String,
    keys_too: bool,
    /// There are more than are taken at once.
    is_cut: bool,
    wrongs: Wrongs,
}

/// One that is to go.
struct Line {
    id: String,
    name: String,
    host: String,
    more: usize,
    chip: Chip,
    key_id: String,
    /// Its use, and what takes its place.
    use_words: String,
    is_in_use: bool,
    /// Why it does not go.
    stays: Option<String>,
    /// The review without it.
    kept: String,
}

impl Review {
    async fn of(desk: &Desk, person: &SignedIn, selection: &Selection) -> Result<Review, Problem> {
        let certificates = selection.certificates(desk, person).await?;
        let ids = certificates
            .iter()
            .map(|certificate| certificate.id.clone())
            .collect::<Vec<_>>();
        let (_, verdicts) = match ids.is_empty() {
            true => (0, Vec::new()),
            false => verdicts(desk, person, ids.clone(), true).await?,
        };
        let verdicts = verdicts
            .into_iter()
            .map(|verdict| (verdict.id.clone(), verdict));
        let verdicts = verdicts.collect::<HashMap<_, _>>();
        let now = desk.commands.clock.now();
        let (verdicts, ids) = (&verdicts, &ids);
        let lines = stream::iter(certificates).map(|certificate| async move {
            let instead = replacement(desk, person, &certificate).await;
            let verdict = verdicts.get(&certificate.id);
            let others = ids.iter().filter(|id| **id != certificate.id);
            let kept = without(others, &selection.from);
            Line::new(certificate, verdict, instead, kept, now)
        });
        let lines = lines.buffered(AT_ONCE).collect::<Vec<_>>().await;
        Ok(Review {
            frame: Frame::new(person, PATH),
            is_cut: !selection.all.is_empty() && lines.len() as u32 == MOST,
            lines,
            from: selection.from.clone(),
            back: selection.list().url(),
            typed: String::new(),
            keys_too: false,
            wrongs: Wrongs::default(),
        })
    }

    /// How many go.
    fn going(&self) -> usize {
        self.lines
            .iter()
            .filter(|line| line.stays.is_none())
            .count()
    }

    /// Whether it is to be typed: something that goes is in use.
    fn asks(&self) -> bool {
        let mut going = self.lines.iter().filter(|line| line.stays.is_none());
        going.any(|line| line.is_in_use)
    }

    fn phrase(&self) -> String {
        format!("delete {}", self.going())
    }

    /// How many keys nothing but these uses, as far as can be told before.
    fn has_keys(&self) -> bool {
        self.frame.may_administer && self.lines.iter().any(|line| !line.key_id.is_empty())
    }

    fn title(&self) -> String {
        match (self.lines.len(), self.going()) {
            (1, _) => "Delete this certificate?".to_owned(),
            (_, 0) => "None of these can be deleted".to_owned(),
            (all, going) if all == going => format!("Delete {all} certificates?"),
            (all, going) => format!("Delete {going} of {all} certificates?"),
        }
    }
}

impl Line {
    fn new(
        certificate: Certificate,
        verdict: Option<&DeletionVerdict>,
        instead: Option<String>,
        kept: String,
        now: OffsetDateTime,
    ) -> Line {
        let leaf = certificate.certificate.clone().unwrap_or_default();
        let names = words::names(&leaf);
        let ends = words::time(leaf.not_after.as_ref());
        let is_over = certificate.status() == CertificateStatus::Expired;
        let serves = certificate.serve && !certificate.key_id.is_empty() && !is_over;
        let is_in_use = serves && instead.is_none() && !leaf.is_ca;
        let instead = match instead {
            Some(name) => format!("Replaced by “{name}”."),
            None if leaf.is_ca => "It is a CA’s: chains that it is part of keep it.".to_owned(),
            None => "No replacement.".to_owned(),
        };
        let how = match ends {
            Some(end) if is_over => format!("Expired {}.", words::left(end, now)),
            _ if is_in_use => "Still in use: connections that ask for its names get it.".to_owned(),
            _ if certificate.key_id.is_empty() => "Its private key is not here.".to_owned(),
            _ => String::new(),
        };
        Line {
            use_words: match is_in_use {
                true => format!("{how} {instead}"),
                false => format!("{instead} {how}"),
            },
            is_in_use,
            stays: verdict
                .filter(|verdict| !verdict.deleted)
                .map(|verdict| sentence(&verdict.message)),
            host: names.first().cloned().unwrap_or_default(),
            more: names.len().saturating_sub(1),
            chip: certificate.status().into(),
            key_id: certificate.key_id,
            name: certificate.friendly_name,
            id: certificate.id,
            kept,
        }
    }
}

/// Another certificate that is good for the same names, with its key: its name.
async fn replacement(desk: &Desk, person: &SignedIn, certificate: &Certificate) -> Option<String> {
    let leaf = certificate.certificate.as_ref()?;
    let names = words::names(leaf);
    let asked = ListRequest {
        filter: format!("names=\"{}\" key=true", names.first()?),
        page_size: 20,
        ..ListRequest::default()
    };
    let answer = desk.queries(person).list_certificates(asked).await.ok()?;
    let good = [
        CertificateStatus::Valid,
        CertificateStatus::Renewing,
        CertificateStatus::Expiring,
    ];
    let others = answer
        .into_inner()
        .certificates
        .into_iter()
        .filter(|other| {
            let all = other
                .certificate
                .as_ref()
                .map(words::names)
                .unwrap_or_default();
            other.id != certificate.id
                && good.contains(&other.status())
                && names.iter().all(|name| all.contains(name))
        });
    others.map(|other| other.friendly_name).next()
}

/// The review of these alone.
fn without<'a>(ids: impl Iterator<Item = &'a String>, from: &str) -> String {
    let parts = ids
        .map(|id| ("select", id.as_str()))
        .chain([("from", from)]);
    let query = serde_urlencoded::to_string(parts.collect::<Vec<_>>());
    format!("/certificates/delete?{}", query.unwrap_or_default())
}

/// So many the keystore deletes in one call.
const EACH: usize = 100;
