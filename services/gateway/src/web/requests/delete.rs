//! Requests are deleted once somebody has seen which.

use api::csr::v1::{DeleteRequestsRequest, DeleteRequestsResponse};
use axum::{extract::State, http::StatusCode, response::Response};

use super::{
    super::{
        at::after,
        form::Posted,
        page::{render, see_other},
        review::{Kind, Review, Selected, not_asked},
    },
    Asked, Desk, Frame, Problem, SignedIn,
};

/// `GET /requests/delete`: what would go.
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
    let page = Review::new(frame, &KIND, &would.requests);
    render(StatusCode::OK, &page)
}

/// `POST /requests/delete`
pub async fn delete(
    State(desk): State<Desk>,
    person: SignedIn,
    Posted(selected): Posted<Selected>,
) -> Result<Response, Problem> {
    let done = ask(&desk, &person, selected.select, false).await?;
    if done.requests.iter().all(|verdict| verdict.deleted) {
        return Ok(see_other(&after(KIND.list, done.position, "deleted")));
    }
    let frame = Frame::new(&person, KIND.list);
    let page = Review::left(frame, &KIND, &done.requests);
    render(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

async fn ask(
    desk: &Desk,
    person: &SignedIn,
    request_ids: Vec<String>,
    dry_run: bool,
) -> Result<DeleteRequestsResponse, Problem> {
    let request = DeleteRequestsRequest {
        request_ids,
        dry_run,
    };
    let answer = desk.requests(person).delete_requests(request).await;
    Ok(answer.map_err(not_asked)?.into_inner())
}

static KIND: Kind = Kind {
    one: "request",
    many: "requests",
    list: "/requests",
    sub: "Review the list, then confirm. A certificate that comes later for a request that is gone is imported all the same, \
          under a name of its own.",
    foot: "The keys stay, and can be used for another request.",
    typed: None,
};
