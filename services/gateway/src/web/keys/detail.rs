//! One key.

use api::{
    convert,
    projection::v1::{GetRequest, Key},
};
use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};

use super::{
    super::page::render, Asked, At, Desk, Frame, Moment, Problem, SignedIn, Use, algorithm, origin,
    start, uses,
};

/// `GET /keys/{id}`
pub async fn page(
    State(desk): State<Desk>,
    person: SignedIn,
    Path(id): Path<String>,
    Asked(at): Asked<At>,
) -> Result<Response, Problem> {
    let mut frame = Frame::new(&person, "/keys");
    frame.late = at.reached(&desk, &person).await;
    let get = GetRequest {
        id,
        at_least: 0,
        ..GetRequest::default()
    };
    let key = desk.queries(&person).get_key(get).await?.into_inner();
    let uses = uses::all_of(&desk, &person, &key, MOST_USES).await;
    render(StatusCode::OK, &Detail::new(frame, &key, uses))
}

#[derive(Template)]
#[template(path = "keys/detail.html")]
struct Detail {
    frame: Frame,
    id: String,
    kind: &'static str,
    start: String,
    spki: String,
    origin: &'static str,
    created: Option<Moment>,
    destroyed: Option<Moment>,
    exports: u32,
    exported: Option<Moment>,
    uses: Vec<Use>,
    more: usize,
}

impl Detail {
    fn new(frame: Frame, key: &Key, uses: Vec<Use>) -> Detail {
        let moment = |at: &Option<_>| at.as_ref().and_then(convert::time).map(Moment::new);
        let all = key.certificate_ids.len() + key.request_ids.len();
        Detail {
            frame,
            id: key.id.clone(),
            kind: algorithm::word(key.algorithm()),
            start: start(key),
            spki: key.spki_sha256.clone(),
            origin: origin(key.origin()),
            created: moment(&key.created),
            destroyed: moment(&key.destroyed),
            exports: key.exports,
            exported: moment(&key.last_exported),
            more: all.saturating_sub(uses.len()),
            uses,
        }
    }
}

const MOST_USES: usize = 50;
