//! Deletion: first a page that shows what would go, with its use and what replaces it.

mod review;

use api::keystore::v1::{DeleteCertificatesRequest, DeletionVerdict, DestroyKeysRequest};
use askama::Template;
use axum::{extract::State as Shared, http::StatusCode, response::Response};
use serde::Deserialize;

use self::review::Review;
use super::{selection::Selection, state::PATH};
use crate::web::{
    asked::Asked,
    at::after,
    desk::Desk,
    form::Posted,
    frame::Frame,
    page::{render, see_other},
    problem::Problem,
    refused::Refused,
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

/// So many the keystore deletes in one call.
const EACH: usize = 100;
