//! Calling another service.

use api::metadata::{ACTOR, CAUSATION_ID, CORRELATION_ID, REQUEST_ID};
use tonic::{Request, metadata::MetadataValue};
use uuid::Uuid;

use crate::telemetry;

/// Why a service calls another: what the called one writes into its events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The same for every repeat of this call: a repeated command is found by it. At most
    /// [`api::metadata::MAX_REQUEST_ID`] characters of printable ASCII.
    pub request_id: String,
    /// One id for all that a first command set going.
    pub correlation_id: Uuid,
    /// The event that this call follows from, if it follows from one.
    pub causation_id: Option<Uuid>,
}

/// A request to another service, with its cause and the current trace in the metadata.
///
/// A request id that cannot stand in metadata is left out; the called service then makes one of its own, so
/// that a repeat is not found. Use ids made by [`crate::Clock::new_id`] or derived from an event.
pub fn call<M>(message: M, cause: &Cause) -> Request<M> {
    let mut request = Request::new(message);
    let metadata = request.metadata_mut();
    if let Ok(id) = MetadataValue::try_from(&cause.request_id) {
        metadata.insert(REQUEST_ID, id);
    }
    for (name, id) in [
        (CORRELATION_ID, Some(cause.correlation_id)),
        (CAUSATION_ID, cause.causation_id),
    ] {
        // A UUID is always valid metadata.
        if let Some(Ok(id)) = id.map(|id| MetadataValue::try_from(id.to_string())) {
            metadata.insert(name, id);
        }
    }
    telemetry::inject(metadata);
    request
}

/// The same, in the name of who asked this service. Only methods that name this service in `actor_from`
/// believe it; for any other the actor is the service itself.
pub fn call_for<M>(message: M, cause: &Cause, actor: &str) -> Request<M> {
    let mut request = call(message, cause);
    // An actor came in as metadata, or is made of a service's name: it can stand in metadata.
    if let Ok(actor) = MetadataValue::try_from(actor) {
        request.metadata_mut().insert(ACTOR, actor);
    }
    request
}
