//! Certificates that come from outside.

use std::collections::{HashMap, HashSet};

use eventlog::{LogError, Origin};
use futures_util::{StreamExt, TryStreamExt, stream};
use pki::{FriendlyName, chain};
use uuid::Uuid;

use super::{
    AT_ONCE,
    claim::{self, Claim, Claimed, Incoming, Leaf},
};
use crate::{
    certificate::{self, Command, KeyedChain, State},
    commands::{CommandError, Commands},
    refusal::Refusal,
};

/// A certificate that was in a file.
#[derive(Debug, Clone)]
pub struct Imported {
    /// Its id.
    pub certificate_id: Uuid,
    /// What people call it.
    pub friendly_name: String,
    /// SHA-256 of its DER, hex.
    pub fingerprint: String,
    /// It was here before.
    pub already_here: bool,
    /// It had been deleted.
    pub restored: bool,
    /// Its key, where that is here.
    pub key_id: Option<Uuid>,
    /// The request that it answers.
    pub request_id: Option<Uuid>,
    /// Who would have to be imported to complete its chain.
    pub missing: Option<chain::MissingIssuer>,
    pub(super) position: u64,
}

/// What is to be done.
pub(super) struct Planned {
    /// In the order of the certificates.
    plans: Vec<Plan>,
    /// What is refused, by fingerprint and hash of the public half.
    pub refused: HashMap<String, Refusal>,
}

enum Plan {
    /// It is new.
    Append {
        name: FriendlyName,
        request: Option<Uuid>,
        key_id: Option<Uuid>,
    },
    /// It is, or was, a version of this one.
    Again {
        by: Uuid,
        state: Box<State>,
        key_id: Option<Uuid>,
    },
    Refuse,
}

impl Commands {
    /// Looks at what is here already, and says what is to be done.
    pub(super) async fn plan(
        &self,
        incoming: &Incoming,
        claimed: Claimed,
    ) -> Result<Planned, CommandError> {
        let mut refused = claim::refusals(incoming, &claimed);
        let plans = stream::iter(claimed.certificates).map(|claim| async {
            Ok::<_, CommandError>(match claim {
                Claim::Free {
                    name,
                    request,
                    key_id,
                } => Plan::Append {
                    name,
                    request,
                    key_id,
                },
                Claim::Held { by, key_id } => Plan::Again {
                    by,
                    state: Box::new(self.certificate(by).await?),
                    key_id,
                },
                Claim::Refused => Plan::Refuse,
            })
        });
        let plans = plans.buffered(AT_ONCE);
        let plans = plans.try_collect::<Vec<_>>().await?;
        for (one, plan) in incoming.certificates.iter().zip(&plans) {
            let fingerprint = &one.leaf.sha256_fingerprint;
            // Claimed as a version that has not been appended yet.
            if let Plan::Again { state, .. } = plan
                && state.version_of(fingerprint).is_none()
            {
                refused.insert(fingerprint.clone(), Refusal::BeingAdded);
            }
        }
        Ok(Planned { plans, refused })
    }

    /// Keeps those of the certificates that are going; by fingerprint. Of one that is refused only now others of its file
    /// may be in already: a repeat takes in the rest.
    pub(super) async fn import_certificates(
        &self,
        origin: &Origin,
        incoming: &Incoming,
        planned: Planned,
        going: &HashSet<String>,
    ) -> Result<HashMap<String, Result<Imported, Refusal>>, CommandError> {
        let all = incoming.certificates.iter().zip(planned.plans);
        let all = all.filter(|(one, _)| going.contains(&one.leaf.sha256_fingerprint));
        let imports = all.map(|(one, plan)| async move {
            let imported = match self.import_certificate(origin, one, plan).await {
                Ok(imported) => Ok(imported),
                Err(CommandError::Refused(refusal)) => Err(refusal),
                Err(CommandError::Log(LogError::TooLarge(_))) => Err(Refusal::TooLargeForLog),
                Err(error) => return Err(error),
            };
            Ok((one.leaf.sha256_fingerprint.clone(), imported))
        });
        stream::iter(imports.collect::<Vec<_>>())
            .buffered(AT_ONCE)
            .try_collect()
            .await
    }

    async fn import_certificate(
        &self,
        origin: &Origin,
        one: &Leaf,
        plan: Plan,
    ) -> Result<Imported, CommandError> {
        let imported = Imported {
            certificate_id: one.id,
            friendly_name: one.name.to_string(),
            fingerprint: one.leaf.sha256_fingerprint.clone(),
            already_here: true,
            restored: false,
            key_id: None,
            request_id: None,
            missing: one.path.missing_issuer(&one.leaf),
            position: 0,
        };
        let (name, request, key_id) = match plan {
            Plan::Append {
                name,
                request,
                key_id,
            } => (name, request, key_id),
            Plan::Again { by, state, key_id } => {
                let held = Imported {
                    certificate_id: by,
                    key_id,
                    ..imported
                };
                return self.again(origin, *state, held).await;
            }
            Plan::Refuse => return Err(Refusal::KeyBeingDestroyed.into()),
        };
        let command = Command::Import {
            friendly_name: name.clone(),
            chain: KeyedChain {
                key_id: key_id.map(|id| id.to_string()).unwrap_or_default(),
                leaf: one.leaf.clone(),
                issuers: one.path.issuers.clone(),
            },
            request_id: request.map(|id| id.to_string()).unwrap_or_default(),
        };
        let decide = |state: &State| certificate::decide(state, &command);
        let (id, now) = (one.id.to_string(), self.clock.now());
        let log = &self.log;
        match log.execute(&id, origin, "certificate", now, decide).await {
            Ok(done) => Ok(Imported {
                friendly_name: name.to_string(),
                already_here: false,
                key_id,
                request_id: request,
                position: done.position,
                ..imported
            }),
            // Another has brought it in the meantime.
            Err(eventlog::CommandError::Refused(Refusal::AlreadyHere { .. })) => {
                let state = self.certificate(one.id).await?;
                let here = Imported { key_id, ..imported };
                self.again(origin, state, here).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A certificate that is here, or was deleted: then it is restored.
    async fn again(
        &self,
        origin: &Origin,
        state: State,
        imported: Imported,
    ) -> Result<Imported, CommandError> {
        match state {
            State::Kept(kept) => Ok(Imported {
                friendly_name: kept.friendly_name,
                ..imported
            }),
            State::Deleted(_) => {
                let id = imported.certificate_id;
                let (name, position) = self.restore(origin, id, &imported.fingerprint).await?;
                Ok(Imported {
                    friendly_name: name.to_string(),
                    already_here: false,
                    restored: true,
                    position,
                    ..imported
                })
            }
            State::Absent => Err(Refusal::BeingAdded.into()),
        }
    }
}
