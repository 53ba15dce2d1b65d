//! ReserveRequest and ReleaseRequest: what csr-service does before it appends a request, or that it is deleted.

use eventlog::Origin;
use pki::{FriendlyName, KeyAlgorithm, Subject, SubjectAltNames};
use prost::Message;
use uuid::Uuid;

use super::{CommandError, Commands, KeyChoice, key_choice::ChosenKey};
use crate::{
    claims::{self, Reservation},
    refusal::Refusal,
    vault,
};

/// A request that is about to be appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReserveRequest {
    /// The request's id.
    pub request_id: Uuid,
    /// What people are to call it.
    pub friendly_name: FriendlyName,
    /// The key.
    pub key: KeyChoice,
    /// Who the certificate is for.
    pub subject: Subject,
    /// The names that are asked for.
    pub names: SubjectAltNames,
}

/// A request that is signed, under a name and a key that are its own now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reserved {
    /// The key.
    pub key_id: Uuid,
    /// What it is.
    pub algorithm: KeyAlgorithm,
    /// SHA-256 of its subjectPublicKeyInfo, hex.
    pub spki_sha256: String,
    /// The request, DER.
    pub csr_der: Vec<u8>,
}

impl Commands {
    /// Claims what a request needs, and signs it.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn reserve_request(
        &self,
        origin: &Origin,
        reserve: ReserveRequest,
    ) -> Result<Reserved, CommandError> {
        let (chosen, csr_der) = loop {
            // Step 1: make or open the key, and sign.
            let chosen = self.choose_key(origin, reserve.key).await?;
            let key = chosen.key.clone();
            let (subject, names) = (reserve.subject.clone(), reserve.names.clone());
            let csr_der = self.vault.sign_request(key, subject, names).await?;
            // Step 2: the key into the vault, and the claims; swept if csr-service does not append the request.
            let reserved = match self.try_reserve(&reserve, &chosen).await {
                Err(CommandError::Refused(
                    Refusal::NameTaken { .. } | Refusal::KeyBeingDestroyed,
                )) => {
                    // It may just have been given free.
                    self.settled().await?;
                    self.try_reserve(&reserve, &chosen).await?
                }
                reserved => reserved?,
            };
            if reserved {
                break (chosen, csr_der);
            }
            // Another try of this request has put its key there meanwhile: that is the one.
        };
        // Step 3: append that there is a new key.
        self.record_generated(origin, reserve.key, &chosen).await?;
        Ok(Reserved {
            key_id: chosen.id,
            algorithm: chosen.key.algorithm(),
            spki_sha256: chosen.key.spki_sha256(),
            csr_der,
        })
    }

    /// False where its key is not the one that is in the vault by now.
    async fn try_reserve(
        &self,
        reserve: &ReserveRequest,
        chosen: &ChosenKey,
    ) -> Result<bool, CommandError> {
        let now = self.clock.now();
        let reservation = Reservation {
            request_id: reserve.request_id,
            key_id: chosen.id,
            spki_sha256: chosen.key.spki_sha256(),
            names: api::x509::v1::SubjectAltNames::from(&reserve.names).encode_to_vec(),
            // Fits until the year 294,247.
            reserved_at: (now.unix_timestamp_nanos() / 1_000) as i64,
            touched_at: now.unix_timestamp(),
            recorded: false,
        };
        let (name, sealed) = (reserve.friendly_name.clone(), chosen.sealed.clone());
        let reserved = self.writer.write(move |tx| {
            Box::pin(async move {
                let key_id = reservation.key_id;
                match sealed {
                    Some(sealed) if !sealed.put(tx).await? => return Ok(Ok(false)),
                    None if !vault::is_here(tx, key_id).await? => {
                        return Ok(Err(Refusal::NoSuchKey));
                    }
                    Some(_) | None => {}
                }
                Ok(
                    match claims::reserve_request(tx, &name, reservation, now).await? {
                        claims::Reserved::Made => Ok(true),
                        claims::Reserved::NameTaken => Err(Refusal::NameTaken {
                            name: name.to_string(),
                        }),
                        claims::Reserved::KeyBeingDestroyed => Err(Refusal::KeyBeingDestroyed),
                    },
                )
            })
        });
        Ok(reserved.await.map_err(CommandError::Database)??)
    }

    /// Gives up what a request claimed, before it is deleted. Where it claimed nothing, that is fine.
    ///
    /// # Errors
    /// [`Refusal::RequestAnswered`]: it is too late to delete it as one that waits.
    pub async fn release_request(&self, request_id: Uuid) -> Result<(), CommandError> {
        let released = self.writer.write(move |tx| {
            Box::pin(async move { claims::release_request(tx, request_id).await })
        });
        match released.await.map_err(CommandError::Database)? {
            true => Ok(()),
            false => Err(Refusal::RequestAnswered.into()),
        }
    }
}
