//! The log as proof over gRPC.

mod export;

use std::{pin::Pin, time::Duration};

use api::{
    projection::v1::{
        self as answer, AddCosignaturesRequest, ExportEventsRequest, GetCheckpointRequest,
        ListDisclosuresRequest, ProveConsistencyRequest, ProveEventRequest, SealLogRequest,
        proof_service_server::ProofService,
    },
    refuse::Violations,
};
use eventlog::proof::{Hash, Note, NoteKey};
use futures_util::{Stream, StreamExt};
use prost::bytes::Bytes;
use runtime::Caller;
use tonic::{Request, Response, Status, metadata::MetadataMap};

use super::patience;
use crate::{
    query::{
        checkpoints, disclosures,
        page::{self, Cursor, Place, QuestionDigest},
        tree,
    },
    refusal::Refusal,
    seal::{SealError, Sealer},
};

/// Proves from the tables and the log.
#[derive(Clone)]
pub struct Proofs {
    /// Signs, and has all that is proven from.
    pub sealer: Sealer,
    /// Whose signatures are taken.
    pub witnesses: Vec<NoteKey>,
    /// How long a question waits for its `at_least`, where its caller sets no deadline.
    pub patience: Duration,
}

impl Proofs {
    async fn reached(&self, at_least: u64, metadata: &MetadataMap) -> Result<u64, Refusal> {
        let patience = patience::of(metadata).unwrap_or(self.patience);
        self.sealer
            .served
            .position()
            .reached(at_least, patience)
            .await
    }

    async fn checkpoint(&self, size: u64) -> Result<answer::Checkpoint, Refusal> {
        let database = &self.sealer.served.database();
        let row = checkpoints::get(database, size).await?;
        checkpoints::answered(database, row).await
    }
}

#[tonic::async_trait]
impl ProofService for Proofs {
    async fn get_checkpoint(
        &self,
        request: Request<GetCheckpointRequest>,
    ) -> Result<Response<answer::Checkpoint>, Status> {
        let GetCheckpointRequest { size, at_least } = *request.get_ref();
        self.reached(at_least, request.metadata()).await?;
        Ok(Response::new(self.checkpoint(size).await?))
    }

    async fn seal_log(
        &self,
        request: Request<SealLogRequest>,
    ) -> Result<Response<answer::Checkpoint>, Status> {
        let origin = Caller::of(&request)?.origin(request.get_ref());
        let at_least = request.get_ref().at_least;
        self.reached(at_least, request.metadata()).await?;
        let position = self.sealer.seal(&origin).await.map_err(Refusal::from)?;
        self.reached(position, request.metadata()).await?;
        Ok(Response::new(self.checkpoint(0).await?))
    }

    async fn add_cosignatures(
        &self,
        request: Request<AddCosignaturesRequest>,
    ) -> Result<Response<answer::AddCosignaturesResponse>, Status> {
        let origin = Caller::of(&request)?.origin(request.get_ref());
        let mut violations = Violations::new();
        let given = violations.check("note", Note::parse(&request.get_ref().note));
        let Some(given) = given else {
            return Err(violations.into_status());
        };
        // Size 0 is no checkpoint, and here not the newest either.
        let size = given.head.size.max(1);
        let row = checkpoints::get(&self.sealer.served.database(), size).await?;
        let own = Note::parse(&row.note).is_ok_and(|note| note.head == given.head);
        if !own {
            violations.add("note", "is not a checkpoint that this log has signed");
            return Err(violations.into_status());
        }
        let cosigned = self.sealer.cosign(&origin, &row, &given, &self.witnesses);
        let (added, position) = cosigned.await?;
        Ok(Response::new(answer::AddCosignaturesResponse {
            checkpoint: Some(self.checkpoint(size).await?),
            added,
            position,
        }))
    }

    async fn prove_event(
        &self,
        request: Request<ProveEventRequest>,
    ) -> Result<Response<answer::ProveEventResponse>, Status> {
        let ProveEventRequest { sequence, size } = *request.get_ref();
        let checkpoint = self.checkpoint(size).await?;
        let not_there = || Refusal::NotFound {
            what: "event",
            id: sequence.to_string(),
        };
        if sequence == 0 {
            return Err(not_there().into());
        }
        if sequence > checkpoint.size {
            return Err(Refusal::NotSealedYet {
                sequence,
                size: checkpoint.size,
            }
            .into());
        }
        let database = &self.sealer.served.database();
        let path = tree::inclusion(database, sequence, checkpoint.size).await;
        let leaves = tree::leaves(database, sequence, sequence).await;
        let leaf = tree::leaf(&leaves.map_err(Refusal::from)?, sequence);
        let stored = self.sealer.log.stored_at(sequence).await;
        let stored = stored.map_err(|e| Refusal::from(SealError::Log(e)))?;
        Ok(Response::new(answer::ProveEventResponse {
            event: Some(export::answered(sequence, stored, leaf)),
            path: octets(path.map_err(Refusal::from)?),
            checkpoint: Some(checkpoint),
        }))
    }

    async fn prove_consistency(
        &self,
        request: Request<ProveConsistencyRequest>,
    ) -> Result<Response<answer::ProveConsistencyResponse>, Status> {
        let ProveConsistencyRequest { earlier, later } = *request.get_ref();
        let mut violations = Violations::new();
        if earlier > later {
            violations.add("earlier", "is not the size of the earlier tree");
        }
        let position = self.sealer.served.position().now();
        if later > position {
            violations.add(
                "later",
                format!("is past the position of the tables, {position}"),
            );
        }
        if !violations.is_empty() {
            return Err(violations.into_status());
        }
        let database = &self.sealer.served.database();
        let path = tree::consistency(database, earlier, later).await;
        let root = tree::root(database, later).await.map_err(Refusal::from)?;
        Ok(Response::new(answer::ProveConsistencyResponse {
            path: octets(path.map_err(Refusal::from)?),
            root_hash: root.to_vec().into(),
        }))
    }

    type ExportEventsStream =
        Pin<Box<dyn Stream<Item = Result<answer::ExportEventsResponse, Status>> + Send>>;

    async fn export_events(
        &self,
        request: Request<ExportEventsRequest>,
    ) -> Result<Response<Self::ExportEventsStream>, Status> {
        let asked = *request.get_ref();
        let position = self.reached(asked.at_least, request.metadata()).await?;
        let through = match asked.through_sequence {
            0 => position,
            through => through.min(position),
        };
        let Sealer { log, served, .. } = &self.sealer;
        let events = export::export(log, served.database(), asked.after_sequence, through);
        let events = events.map(|some| some.map_err(Status::from));
        Ok(Response::new(Box::pin(events)))
    }

    async fn list_disclosures(
        &self,
        request: Request<ListDisclosuresRequest>,
    ) -> Result<Response<answer::ListDisclosuresResponse>, Status> {
        let asked = request.get_ref();
        let mut violations = Violations::new();
        let size = match asked.page_size {
            0 => page::DEFAULT_SIZE,
            size => size,
        };
        if size > page::MAX_SIZE {
            violations.add(
                "page_size",
                format!("is {size}; at most {} make a page", page::MAX_SIZE),
            );
        }
        let key = match asked.key.trim() {
            "" => Some(String::new()),
            key => violations.check("key", super::id(key)),
        };
        let digest = QuestionDigest::of(&["disclosures", asked.key.trim()]);
        let before = match asked.page_token.as_str() {
            "" => Some(i64::MAX),
            token => {
                let cursor = page::cursor(token, &digest);
                let cursor = violations.check("page_token", cursor);
                cursor.and_then(|cursor| match cursor.id {
                    Place::Number(sequence) => Some(sequence),
                    Place::Text(_) => None,
                })
            }
        };
        let (Some(key), Some(before), true) = (key, before, violations.is_empty()) else {
            return Err(violations.into_status());
        };
        let position = self.reached(asked.at_least, request.metadata()).await?;
        let database = &self.sealer.served.database();
        let of = disclosures::of(database, &key).await?;
        let page = disclosures::page(database, &of, before, size as usize).await;
        let (disclosures, more) = page.map_err(Refusal::from)?;
        let last = disclosures.last().filter(|_| more);
        let next = last.map(|last| {
            let place = Place::Number(last.sequence.cast_signed());
            let cursor = Cursor {
                value: place.clone(),
                id: place,
            };
            page::token(&cursor, &digest)
        });
        Ok(Response::new(answer::ListDisclosuresResponse {
            disclosures,
            next_page_token: next.unwrap_or_default(),
            position,
            key_ids: of.key_ids,
        }))
    }
}

fn octets(path: Vec<Hash>) -> Vec<Bytes> {
    let path = path.into_iter();
    path.map(|hash| Bytes::copy_from_slice(&hash)).collect()
}
