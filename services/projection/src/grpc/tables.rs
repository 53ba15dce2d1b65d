//! The upkeep of the tables over gRPC.

use std::pin::Pin;

use api::{
    projection::v1::{
        EventSkipped, RebuildPhase, RebuildProgress, RebuildTablesRequest, SkipEventRequest,
        SkipEventResponse, TableVerdict, TablesVerdict, VerifyProgress, VerifyTablesRequest,
        tables_service_server::TablesService,
    },
    refuse::Violations,
};
use eventlog::{CommandError, EventLog};
use futures_util::{Stream, stream};
use runtime::{Caller, Clock, failure};
use tokio::sync::{mpsc, watch};
use tonic::{Code, Request, Response, Status};

use crate::{
    rebuild::{Progress, Rebuilds},
    refusal::{self, Refusal},
    served::Served,
    skipped::{MAX_ERROR, MAX_REASON, Skipped, TABLES},
    verify::{Compared, Verifier, over_all},
};

/// Looks after the tables.
#[derive(Clone)]
pub struct Upkeep {
    /// Those that are served.
    pub served: Served,
    /// Makes others.
    pub rebuilds: Rebuilds,
    /// Compares them.
    pub verifier: Verifier,
    /// Where it is said what is passed over.
    pub log: EventLog,
    /// The time.
    pub clock: Clock,
}

type Streamed<M> = Pin<Box<dyn Stream<Item = Result<M, Status>> + Send>>;

#[tonic::async_trait]
impl TablesService for Upkeep {
    type RebuildTablesStream = Streamed<RebuildProgress>;

    async fn rebuild_tables(
        &self,
        _request: Request<RebuildTablesRequest>,
    ) -> Result<Response<Self::RebuildTablesStream>, Status> {
        let progress = self.rebuilds.begin();
        Ok(Response::new(Box::pin(rebuilding(progress))))
    }

    type VerifyTablesStream = Streamed<VerifyProgress>;

    async fn verify_tables(
        &self,
        _request: Request<VerifyTablesRequest>,
    ) -> Result<Response<Self::VerifyTablesStream>, Status> {
        let (sender, progress) = mpsc::channel(PROGRESS);
        let (served, verifier) = (self.served.database(), self.verifier.clone());
        tokio::spawn(async move {
            let shown = |position, last| {
                // Who reads slowly misses a few.
                let _ = sender.try_send(Ok(VerifyProgress {
                    position,
                    last,
                    verdict: None,
                }));
            };
            let compared = tokio::select! {
                compared = verifier.compare(&served, shown) => compared,
                () = sender.closed() => return,
            };
            let answer = match compared {
                Ok(compared) => Ok(verdict(&compared)),
                Err(error) => Err(refusal::of_verify(&error)),
            };
            // Nobody may be there any more.
            let _ = sender.send(answer).await;
        });
        let progress = stream::unfold(progress, async |mut progress| {
            progress.recv().await.map(|one| (one, progress))
        });
        Ok(Response::new(Box::pin(progress)))
    }

    async fn skip_event(
        &self,
        request: Request<SkipEventRequest>,
    ) -> Result<Response<SkipEventResponse>, Status> {
        let origin = Caller::of(&request)?.origin(request.get_ref());
        let SkipEventRequest { sequence, reason } = request.get_ref();
        let mut violations = Violations::new();
        let reason = violations.check("reason", parse_reason(reason));
        let Some(reason) = reason else {
            return Err(Refusal::Invalid(violations).into());
        };
        let skipped = match self.poison(*sequence).await? {
            Some(skipped) => EventSkipped { reason, ..skipped },
            // A repeat, perhaps: then its event is found before anything is decided.
            None => EventSkipped {
                sequence: *sequence,
                ..EventSkipped::default()
            },
        };
        let decide = |state: &Skipped| match skipped.event_id.is_empty() {
            true => Err(self.not_stopped()),
            false => state.decide(&skipped).map_err(Refusal::from),
        };
        let now = self.clock.now();
        let done = self
            .log
            .execute::<Skipped, _>(TABLES, &origin, "", now, decide);
        match done.await {
            Ok(done) => Ok(Response::new(SkipEventResponse {
                position: done.position,
            })),
            Err(CommandError::Refused(refusal)) => Err(refusal.into()),
            Err(error) => {
                let (code, reason) = match &error {
                    CommandError::RequestIdReused => (Code::AlreadyExists, "REQUEST_ID_REUSED"),
                    CommandError::Contended => (Code::Aborted, "CONTENDED"),
                    CommandError::Changed(_) => (Code::Aborted, "CHANGED_MEANWHILE"),
                    CommandError::Failed(log) => failure::of_log(log),
                    // Answered above.
                    CommandError::Refused(_) => (Code::FailedPrecondition, "NOT_STOPPED"),
                };
                Err(failure::status(&error, code, reason))
            }
        }
    }
}

impl Upkeep {
    /// The event at which the tables stopped, where it is this one.
    async fn poison(&self, sequence: u64) -> Result<Option<EventSkipped>, Status> {
        let poison = self.served.position().poison();
        let Some(poison) = poison.filter(|poison| poison.sequence == sequence) else {
            return Ok(None);
        };
        let found = self.log.at(sequence).await.map_err(|error| {
            let (code, reason) = failure::of_log(&error);
            failure::status(&error, code, reason)
        })?;
        Ok(found.map(|event| EventSkipped {
            sequence,
            event_id: event.event_id.to_string(),
            event: poison.event.clone(),
            error: poison.error.chars().take(MAX_ERROR).collect(),
            reason: String::new(),
        }))
    }

    fn not_stopped(&self) -> Refusal {
        match self.served.position().poison() {
            Some(poison) => Refusal::StoppedElsewhere(poison.sequence),
            None => Refusal::NotStopped,
        }
    }
}

fn parse_reason(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        Err("is empty: say why the event may be passed over".to_owned())
    } else if text.chars().count() > MAX_REASON {
        Err(format!("is longer than {MAX_REASON} characters"))
    } else if text.chars().any(char::is_control) {
        Err("has a control character in it".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

/// Each step that a rebuild shows; the last is that it is served, or why not.
fn rebuilding(
    progress: watch::Receiver<Progress>,
) -> impl Stream<Item = Result<RebuildProgress, Status>> + Send {
    stream::unfold(Some((progress, true)), async |state| {
        let (mut progress, first) = state?;
        // Its sender is gone once it has ended: what it said last was told then.
        if !first && progress.changed().await.is_err() {
            return None;
        }
        let now = progress.borrow_and_update().clone();
        if let Some(error) = &now.failed {
            return Some((Err(refusal::of_rebuild(error)), None));
        }
        let over = now.phase == RebuildPhase::Served;
        let told = RebuildProgress {
            phase: now.phase.into(),
            position: now.position,
            last: now.last,
        };
        Some((Ok(told), (!over).then_some((progress, false))))
    })
}

fn verdict(compared: &Compared) -> VerifyProgress {
    let tables = compared.served.iter().zip(&compared.replayed);
    let tables = tables.map(|(served, replayed)| TableVerdict {
        table: served.table.to_owned(),
        equal: served == replayed,
        served_sha256: served.sha256.clone(),
        replayed_sha256: replayed.sha256.clone(),
        served_rows: served.rows,
        replayed_rows: replayed.rows,
    });
    VerifyProgress {
        position: compared.position,
        last: compared.position,
        verdict: Some(TablesVerdict {
            equal: compared.served == compared.replayed,
            served_sha256: over_all(&compared.served),
            replayed_sha256: over_all(&compared.replayed),
            tables: tables.collect(),
        }),
    }
}

/// Steps of a comparison that wait to be read.
const PROGRESS: usize = 16;
