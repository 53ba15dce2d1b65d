//! CopyFrom: what the next request can be made from.

use api::x509::v1::{Subject, SubjectAltNames};
use pki::Certificate;
use uuid::Uuid;

use super::{CommandError, Commands};
use crate::{certificate, key, refusal::Refusal};

/// What to copy from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A certificate, deleted or not.
    Certificate(Uuid),
    /// A request, pending or fulfilled.
    Request(Uuid),
}

/// What it was made from.
#[derive(Debug, Clone, PartialEq)]
pub struct Copied {
    /// Its name.
    pub friendly_name: String,
    /// Its key, where that is here.
    pub key_id: Option<Uuid>,
    /// The algorithm of its key, as messages have it; unspecified where Chancery makes no such keys.
    pub key_algorithm: i32,
    /// Who it is for.
    pub subject: Subject,
    /// The names that it is good for.
    pub names: SubjectAltNames,
}

impl Commands {
    /// What a certificate or a request was made from.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn copy_from(&self, source: Source) -> Result<Copied, CommandError> {
        let (mut copied, spki_sha256) = match source {
            Source::Certificate(id) => self.of_certificate(id).await?,
            Source::Request(id) => self.of_request(id).await?,
        };
        // A key that came or went just now counts: the caller has seen it on the log.
        let last = self.log.last_sequence().await.map_err(CommandError::Log)?;
        self.progress.reaches(last).await?;
        let key = key::of_public_key(&self.database, &spki_sha256).await;
        copied.key_id = key.map_err(CommandError::Database)?;
        Ok(copied)
    }

    async fn of_certificate(&self, id: Uuid) -> Result<(Copied, String), CommandError> {
        let known = certificate::load(&self.log, id).await;
        let known = known.map_err(CommandError::Log)?;
        let known = known.ok_or(Refusal::NoSuchCertificate)?;
        let message = known.certificate;
        let certificate = Certificate::parse(&message.der).map_err(CommandError::Unreadable)?;
        let copied = Copied {
            friendly_name: known.friendly_name,
            key_id: None,
            key_algorithm: message.key_algorithm,
            subject: certificate.subject_fields().into(),
            names: message.subject_alt_names.unwrap_or_default(),
        };
        Ok((copied, message.spki_sha256))
    }

    async fn of_request(&self, id: Uuid) -> Result<(Copied, String), CommandError> {
        let state = self.request(id).await?;
        let created = state.kept()?.created.clone();
        let copied = Copied {
            friendly_name: created.friendly_name,
            key_id: None,
            key_algorithm: created.key_algorithm,
            subject: created.subject.unwrap_or_default(),
            names: created.subject_alt_names.unwrap_or_default(),
        };
        Ok((copied, created.spki_sha256))
    }
}
