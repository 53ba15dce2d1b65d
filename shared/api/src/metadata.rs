//! The gRPC metadata that Chancery's parts exchange, spelled once.

/// Everything that begins like this is ours: the gateway removes it from what comes from outside.
pub const PREFIX: &str = "chancery-";

/// Who acts: `token/<id>`. Set by the gateway, and believed from the gateway's identity; from another
/// service's only by a method that names it in `actor_from`.
pub const ACTOR: &str = "chancery-actor";

/// The certificates that the caller is held to ([`crate::CertificateFilter`]); left out where to none. Set by the
/// gateway, and believed where [`ACTOR`] is.
pub const CERTIFICATE_FILTER: &str = "chancery-certificate-filter";

/// The request id of a command, at most [`MAX_REQUEST_ID`] characters.
pub const REQUEST_ID: &str = "chancery-request-id";

/// The correlation id: one UUID for all that a command sets going.
pub const CORRELATION_ID: &str = "chancery-correlation-id";

/// The event that made a service call another, a UUID.
pub const CAUSATION_ID: &str = "chancery-causation-id";

/// What a client from outside sends to name its request: the gateway turns it into [`REQUEST_ID`].
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The position that the caller of a command had read ([`UNCHANGED_SINCE`] from outside).
pub const READ_AT: &str = "chancery-read-at";

/// What a client from outside sends with a command on what he has read: the position of the log that he read it at.
/// Where another has changed it since, the command is refused.
pub const UNCHANGED_SINCE: &str = "unchanged-since";

/// Which version of Chancery a service is: in its answer to who asks how it is.
pub const VERSION: &str = "chancery-version";

/// The longest request id; printable ASCII.
pub const MAX_REQUEST_ID: usize = 100;
