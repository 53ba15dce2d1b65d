//! Keys are destroyed once somebody has seen which, and has typed that he means it.

use api::{
    keystore::v1::{DeletionVerdict, DestroyKeysRequest, DestroyKeysResponse},
    projection::v1::GetRequest,
};
use axum::{extract::State, http::StatusCode, response::Response};
use futures_util::{StreamExt, stream};

use super::{
    super::{
        at::after,
        form::Posted,
        page::{render, see_other},
        review::{Kind, Review, Selected, not_asked},
    },
    Asked, Desk, Frame, Problem, SignedIn, algorithm, start,
};

/// `GET /keys/delete`: what would go.
pub async fn review(
    State(desk): State<Desk>,
    person: SignedIn,
    Asked(selected): Asked<Selected>,
) -> Result<Response, Problem> {
    if selected.select.is_empty() {
        return Ok(see_other(KIND.list));
    }
    let would = ask(&desk, &person, selected.select, true).await?;
    let frame = Frame::new(&person, KIND.list);
    let page = Review::new(frame, &KIND, &would.keys);
    render(StatusCode::OK, &page)
}

/// `POST /keys/delete`
pub async fn delete(
    State(desk): State<Desk>,
    person: SignedIn,
    Posted(selected): Posted<Selected>,
) -> Result<Response, Problem> {
    let frame = || Frame::new(&person, KIND.list);
    let would = ask(&desk, &person, selected.select.clone(), true).await?;
    let mut page = Review::new(frame(), &KIND, &would.keys);
    if !page.confirmed(&selected.confirm) {
        return render(StatusCode::UNPROCESSABLE_ENTITY, &page);
    }
    let done = ask(&desk, &person, selected.select, false).await?;
    if done.keys.iter().all(|verdict| verdict.deleted) {
        return Ok(see_other(&after(KIND.list, done.position, "deleted")));
    }
    let page = Review::left(frame(), &KIND, &done.keys);
    render(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

async fn ask(
    desk: &Desk,
    person: &SignedIn,
    key_ids: Vec<String>,
    dry_run: bool,
) -> Result<DestroyKeysResponse, Problem> {
    let request = DestroyKeysRequest { key_ids, dry_run };
    let answer = desk.keystore(person).destroy_keys(request).await;
    let mut answer = answer.map_err(not_asked)?.into_inner();
    name(desk, person, &mut answer.keys).await;
    Ok(answer)
}

/// Keys have no names: what tells one from others is the start of its public half's hash. Where the tables cannot be
/// asked, its kind alone is shown.
async fn name(desk: &Desk, person: &SignedIn, verdicts: &mut [DeletionVerdict]) {
    let questions = verdicts.iter().map(|verdict| {
        let id = verdict.id.clone();
        let get = GetRequest {
            id,
            at_least: 0,
            ..GetRequest::default()
        };
        let mut queries = desk.queries(person);
        async move { queries.get_key(get).await }
    });
    let questions = stream::iter(questions.collect::<Vec<_>>());
    let found = questions.buffered(AT_ONCE).collect::<Vec<_>>().await;
    for (verdict, key) in verdicts.iter_mut().zip(found) {
        if let Ok(key) = key {
            let key = key.into_inner();
            let kind = algorithm::word(key.algorithm());
            verdict.name = format!("{kind} · {}…", start(&key));
        }
    }
}

const AT_ONCE: usize = 16;

static KIND: Kind = Kind {
    one: "key",
    many: "keys",
    list: "/keys",
    sub: "Review the list, then confirm. Only what nothing uses can go. What was encrypted or issued for a key is worth \
          nothing without it.",
    foot: "This cannot be undone.",
    typed: Some("A destroyed key cannot be brought back, not even from the log."),
};
