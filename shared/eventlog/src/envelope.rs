//! What surrounds an event: who, when, why.

use bytes::Bytes;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    aggregate::{Aggregate, DecodeError, EventBody},
    error::LogError,
    proof::Hash,
};

/// What a command brings: who asks, and how a repeat is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Who acts, for example `token/<uuid>` or `service/acme-agent`.
    pub actor: String,
    /// The same for every repeat of one command.
    pub request_id: String,
    /// SHA-256 of the command, hex: the same request id with another digest is refused.
    pub request_digest: String,
    /// One for all that a command sets going.
    pub correlation_id: Uuid,
    /// The event that this follows from, where it follows from one.
    pub causation_id: Option<Uuid>,
    /// The position that the caller had read: who wants to change what he saw is refused where the aggregate has a
    /// later event.
    pub unchanged_since: Option<u64>,
}

impl Origin {
    /// The origin of what nobody asked for: a request of its own, under a fresh id, that begins a story of its own.
    pub fn unasked(actor: impl Into<String>, id: Uuid) -> Self {
        Self {
            actor: actor.into(),
            request_id: id.to_string(),
            request_digest: id.to_string(),
            correlation_id: id,
            causation_id: None,
            unchanged_since: None,
        }
    }

    /// The origin of a reaction: the same cause is always the same request.
    pub fn reaction(actor: impl Into<String>, cause: Uuid, correlation_id: Uuid) -> Self {
        let event_id = cause.to_string();
        Self {
            actor: actor.into(),
            // A cause never changes, so its id is the digest of all that it asks for.
            request_digest: event_id.clone(),
            request_id: event_id,
            correlation_id,
            causation_id: Some(cause),
            unchanged_since: None,
        }
    }
}

/// The id of a new aggregate that this command makes: the same for every repeat (UUIDv5).
/// `item` tells apart several that one command makes.
pub fn derive_id(origin: &Origin, item: &str) -> Uuid {
    name_based(&[&origin.actor, &origin.request_id, item])
}

/// The id of the event that this command appends to this aggregate.
pub(crate) fn event_id<A: Aggregate>(origin: &Origin, id: &str, item: &str) -> Uuid {
    name_based(&[&origin.actor, &origin.request_id, A::NAME, id, item])
}

fn name_based(parts: &[&str]) -> Uuid {
    let mut name = Vec::new();
    for part in parts {
        // Each part with its length, so that no two lists make one name.
        name.extend_from_slice(&(part.len() as u64).to_be_bytes());
        name.extend_from_slice(part.as_bytes());
    }
    Uuid::new_v5(&NAMESPACE, &name)
}

/// What a state may know of an event beside its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The event's sequence in the stream.
    pub sequence: u64,
    /// The event's own id.
    pub event_id: Uuid,
    /// When it was decided (the writer's clock, microseconds).
    pub time: OffsetDateTime,
    /// Who did it.
    pub actor: String,
    /// One for all that a command set going.
    pub correlation_id: Uuid,
}

/// An event as the log holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its sequence in the stream.
    pub sequence: u64,
    /// The kind of aggregate.
    pub aggregate: String,
    /// Which one.
    pub id: String,
    /// What happened to it.
    pub event: String,
    /// The event's own id.
    pub event_id: Uuid,
    /// When it was decided (the writer's clock, microseconds).
    pub time: OffsetDateTime,
    /// When the server stored it (nanoseconds).
    pub stored: OffsetDateTime,
    /// Who did it.
    pub actor: String,
    /// One for all that a command set going.
    pub correlation_id: Uuid,
    /// The event that it follows from.
    pub causation_id: Option<Uuid>,
    /// The command's request id.
    pub request_id: String,
    /// SHA-256 of the command, hex.
    pub request_digest: String,
    /// The full name of the proto message in the body.
    pub schema: String,
    /// W3C trace context of the command.
    pub traceparent: Option<String>,
    /// Its leaf in the tree over the log.
    pub leaf: Hash,
    /// Proto3 JSON.
    pub body: Bytes,
}

impl Recorded {
    /// The event in the body.
    ///
    /// # Errors
    /// [`LogError::Decode`] where it is not one of `E`.
    pub fn decode<E: EventBody>(&self) -> Result<E, LogError> {
        E::from_json(&self.event, &self.body).map_err(|source| LogError::Decode {
            sequence: self.sequence,
            source,
        })
    }

    /// The event in the body, where it is one of `E`: for who knows a part of another service's events.
    ///
    /// # Errors
    /// [`LogError::Decode`] where it is one by its name, and cannot be read.
    pub fn decode_known<E: EventBody>(&self) -> Result<Option<E>, LogError> {
        match self.decode() {
            Ok(event) => Ok(Some(event)),
            Err(LogError::Decode {
                source: DecodeError::UnknownName(_),
                ..
            }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What a state may know of this event.
    pub fn envelope(&self) -> Envelope {
        Envelope {
            sequence: self.sequence,
            event_id: self.event_id,
            time: self.time,
            actor: self.actor.clone(),
            correlation_id: self.correlation_id,
        }
    }
}

/// Under which names of ours are made into ids.
const NAMESPACE: Uuid = Uuid::from_u128(0x6fd1_9e7c_2a43_4f0e_9a5b_3c1d_7be2_0a94);

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(actor: &str, request_id: &str) -> Origin {
        Origin {
            actor: actor.into(),
            request_id: request_id.into(),
            request_digest: "d".into(),
            correlation_id: Uuid::nil(),
            causation_id: None,
            unchanged_since: None,
        }
    }

    #[test]
    fn ids_stay_what_they_were_in_every_version() {
        // A repeat of a command that an older version did must find what that version made.
        let id = derive_id(&origin("token/1", "r-1"), "key");
        assert_eq!(id.to_string(), "c04ed4fe-0238-583c-9f5d-0a3fa338e14a");
    }

    #[test]
    fn no_two_commands_make_one_id() {
        let ids = [
            derive_id(&origin("token/1", "r"), "key"),
            derive_id(&origin("token/1", "r"), "certificate"),
            derive_id(&origin("token/1", "rk"), "ey"),
            derive_id(&origin("token/1r", ""), "key"),
            derive_id(&origin("token/2", "r"), "key"),
        ];
        for (n, id) in ids.iter().enumerate() {
            assert!(!ids[..n].contains(id), "{n}");
        }
    }

    #[test]
    fn a_reaction_is_one_request_per_cause() {
        let (cause, correlation) = (Uuid::from_u128(7), Uuid::from_u128(8));
        let reaction = || Origin::reaction("service/acme-agent", cause, correlation);
        let id = |origin: &Origin| derive_id(origin, "key");
        assert_eq!(id(&reaction()), id(&reaction()));
        let other = Origin::reaction("service/acme-agent", Uuid::from_u128(9), correlation);
        assert_ne!(id(&reaction()), id(&other));
        assert_eq!(reaction().causation_id, Some(cause));
        assert_eq!(reaction().correlation_id, correlation);
    }
}
