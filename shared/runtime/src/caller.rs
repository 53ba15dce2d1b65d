//! Who called, and in whose name.

use api::CertificateFilter;
use tonic::{Code, Request, Status};
use uuid::Uuid;
use zeroize::Zeroizing;

/// Who called a method of ours: made by [`crate::Runtime::serve`] for every call that it lets through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The service whose mTLS identity made the call: "gateway".
    pub service: String,
    /// In whose name: `token/<id>`, believed from the gateway and from the services that the method names
    /// in `actor_from`; else `service/<name>`.
    pub actor: String,
    /// What he is held to; believed where `actor` is.
    pub certificates: CertificateFilter,
    /// The same for every repeat of this command.
    pub request_id: String,
    /// One id for all that a first command set going.
    pub correlation_id: Uuid,
    /// The event that this call follows from.
    pub causation_id: Option<Uuid>,
    /// The position of the log that he had read: what has changed since is not his to change.
    pub unchanged_since: Option<u64>,
    /// The path of the method: "/chancery.acme.v1.AcmeService/RenewNow".
    pub method: String,
}

impl Caller {
    /// Who made this request.
    ///
    /// # Errors
    /// `INTERNAL` when the request did not come through [`crate::Runtime::serve`].
    pub fn of<T>(request: &Request<T>) -> Result<&Self, Status> {
        let caller = request.extensions().get();
        caller.ok_or_else(|| {
            api::refuse::status(
                Code::Internal,
                "NO_CALLER",
                "the call came in past the runtime",
            )
        })
    }

    /// What this command brings into the event that it makes.
    ///
    /// The digest covers the method and the whole message: the same request id with anything else in it is
    /// another command, and refused as one.
    pub fn origin(&self, message: &impl prost::Message) -> eventlog::Origin {
        let mut digest = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
        digest.update(self.method.as_bytes());
        digest.update(&[0]);
        // It may have passphrases and keys in it. Encoded into a buffer of its length, so that none is outgrown.
        digest.update(&Zeroizing::new(message.encode_to_vec()));
        eventlog::Origin {
            actor: self.actor.clone(),
            request_id: self.request_id.clone(),
            request_digest: hex(digest.finish().as_ref()),
            correlation_id: self.correlation_id,
            causation_id: self.causation_id,
            unchanged_since: self.unchanged_since,
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;

    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
