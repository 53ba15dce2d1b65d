//! What is done with an automated certificate by its buttons. What has consequences is asked on a page of its own.

use api::{
    acme::v1::{
        CancelAutomationRequest, PauseAutomationRequest, RenewNowRequest, ResumeAutomationRequest,
    },
    projection::v1::GetRequest,
};
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;
use tonic::Status;
use uuid::Uuid;

use crate::web::{
    ask::Ask,
    at,
    desk::Desk,
    form::Posted,
    frame::Frame,
    page::{render, see_other},
    problem::Problem,
    refused::{Refused, Wrongs},
    sign_in::Nothing,
    visitor::SignedIn,
};

/// Why.
#[derive(Default, Deserialize)]
pub struct Because {
    #[serde(default)]
    reason: String,
}

/// `POST /automated/{id}/try`
pub async fn try_now(
    State(desk): State<Desk>,
    person: SignedIn,
    Path(id): Path<Uuid>,
    Posted(Nothing {}): Posted<Nothing>,
) -> Result<Response, Problem> {
    let order = RenewNowRequest {
        automation_id: id.to_string(),
    };
    let answer = desk.acme(&person).renew_now(order).await?;
    Ok(done(id, answer.into_inner().position, "trying"))
}

/// `POST /automated/{id}/resume`
pub async fn resume(
    State(desk): State<Desk>,
    person: SignedIn,
    Path(id): Path<Uuid>,
    Posted(Nothing {}): Posted<Nothing>,
) -> Result<Response, Problem> {
    let order = ResumeAutomationRequest {
        automation_id: id.to_string(),
    };
    let answer = desk.acme(&person).resume_automation(order).await?;
    Ok(done(id, answer.into_inner().position, "resumed"))
}

/// `GET /automated/{id}/pause`
pub async fn ask_pause(
    State(desk): State<Desk>,
    person: SignedIn,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    What::Pause.page(&desk, &person, id).await
}

/// `POST /automated/{id}/pause`
pub async fn pause(
    State(desk): State<Desk>,
    person: SignedIn,
    Path(id): Path<Uuid>,
    Posted(because): Posted<Because>,
) -> Result<Response, Problem> {
    let order = PauseAutomationRequest {
        automation_id: id.to_string(),
        reason: because.reason.clone(),
    };
    let answer = desk.acme(&person).pause_automation(order).await;
    let position = answer.map(|answer| answer.into_inner().position);
    What::Pause
        .answer(&desk, &person, id, because, position)
        .await
}

/// `GET /automated/{id}/cancel`
pub async fn ask_cancel(
    State(desk): State<Desk>,
    person: SignedIn,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    What::Cancel.page(&desk, &person, id).await
}

/// `POST /automated/{id}/cancel`
pub async fn cancel(
    State(desk): State<Desk>,
    person: SignedIn,
    Path(id): Path<Uuid>,
    Posted(Nothing {}): Posted<Nothing>,
) -> Result<Response, Problem> {
    let order = CancelAutomationRequest {
        automation_id: id.to_string(),
    };
    let answer = desk.acme(&person).cancel_automation(order).await;
    let position = answer.map(|answer| answer.into_inner().position);
    What::Cancel
        .answer(&desk, &person, id, Because::default(), position)
        .await
}

/// What is asked before it is done.
#[derive(Clone, Copy)]
enum What {
    Pause,
    Cancel,
}

impl What {
    async fn page(self, desk: &Desk, person: &SignedIn, id: Uuid) -> Result<Response, Problem> {
        let ask = self.ask(desk, person, id, Because::default()).await?;
        render(StatusCode::OK, &ask)
    }

    async fn answer(
        self,
        desk: &Desk,
        person: &SignedIn,
        id: Uuid,
        because: Because,
        position: Result<u64, Status>,
    ) -> Result<Response, Problem> {
        match position {
            Ok(position) => Ok(done(id, position, self.done())),
            Err(status) => {
                let refused = Refused::of(status)?;
                let mut ask = self.ask(desk, person, id, because).await?;
                ask.wrongs = refused.beside(|field| (field == "reason").then_some("reason"));
                render(StatusCode::UNPROCESSABLE_ENTITY, &ask)
            }
        }
    }

    async fn ask(
        self,
        desk: &Desk,
        person: &SignedIn,
        id: Uuid,
        because: Because,
    ) -> Result<Ask, Problem> {
        let question = GetRequest {
            id: id.to_string(),
            at_least: 0,
            ..GetRequest::default()
        };
        let automation = desk
            .queries(person)
            .get_automation(question)
            .await?
            .into_inner();
        let name = &automation.friendly_name;
        let above = vec![
            ("/automated".to_owned(), "Automated".to_owned()),
            (format!("/automated/{id}"), name.clone()),
        ];
        let reason = match self {
            What::Pause => Some(because.reason),
            What::Cancel => None,
        };
        Ok(Ask {
            frame: Frame::new(person, "/automated"),
            above,
            heading: self.heading(name),
            words: self.words(),
            reason,
            action: format!("/automated/{id}/{}", self.word()),
            button: self.button(),
            for_good: !matches!(self, What::Pause),
            back: format!("/automated/{id}"),
            wrongs: Wrongs::default(),
        })
    }

    fn word(self) -> &'static str {
        match self {
            What::Pause => "pause",
            What::Cancel => "cancel",
        }
    }

    fn done(self) -> &'static str {
        match self {
            What::Pause => "paused",
            What::Cancel => "cancelled",
        }
    }

    fn button(self) -> &'static str {
        match self {
            What::Pause => "Pause renewals",
            What::Cancel => "End the automation",
        }
    }

    fn heading(self, name: &str) -> String {
        match self {
            What::Pause => format!("Pause the renewals of “{name}”?"),
            What::Cancel => format!("End the automation of “{name}”?"),
        }
    }

    fn words(self) -> Vec<String> {
        let words: &[&str] = match self {
            What::Pause => &[
                "Nothing is renewed until you resume it. An order that is under way comes to its end, and alerts go on.",
            ],
            What::Cancel => &[
                "It is never renewed again. Its certificate stays, is served until it expires, and can be deleted.",
                "To have it renewed once more, ask for a new automated certificate.",
            ],
        };
        words
            .iter()
            .map(|sentence| (*sentence).to_owned())
            .collect()
    }
}

fn done(id: Uuid, position: u64, done: &str) -> Response {
    see_other(&at::after(&format!("/automated/{id}"), position, done))
}
