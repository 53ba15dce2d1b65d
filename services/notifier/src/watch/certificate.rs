//! A certificate: whether somebody has to see to it, because nothing renews it.

pub mod judge;
pub mod row;

use api::{convert, keystore::v1, x509};
use eventlog::Recorded;
use sea_orm::{ConnectionTrait, DbErr};
use time::OffsetDateTime;
use uuid::Uuid;

use super::foreign::CertificateEvent;

pub use self::row::Certificate;

/// Takes in what happened to a certificate; answers it as it is now, where it is known.
///
/// # Errors
/// What the database says.
pub async fn take_in(
    db: &impl ConnectionTrait,
    id: Uuid,
    recorded: &Recorded,
    event: &CertificateEvent,
) -> Result<Option<Certificate>, DbErr> {
    use CertificateEvent as E;
    let certificate = match event {
        E::Issued(v1) => Some(Certificate {
            automation: Uuid::parse_str(&v1.automation_id).ok(),
            ..new(id, &v1.friendly_name, v1.certificate.as_ref(), recorded)
        }),
        E::SelfSigned(v1) => Some(Certificate {
            factory: v1.factory,
            ..new(id, &v1.friendly_name, v1.certificate.as_ref(), recorded)
        }),
        E::Imported(v1) => Some(new(
            id,
            &v1.friendly_name,
            v1.certificate.as_ref(),
            recorded,
        )),
        later => {
            let known = row::find(db, id).await?;
            known.map(|certificate| changed(certificate, later, recorded))
        }
    };
    if let Some(certificate) = &certificate {
        row::keep(db, certificate).await?;
    }
    Ok(certificate)
}

fn new(
    id: Uuid,
    name: &str,
    message: Option<&x509::v1::Certificate>,
    recorded: &Recorded,
) -> Certificate {
    let empty = x509::v1::Certificate::default();
    let message = message.unwrap_or(&empty);
    let mut certificate = Certificate {
        id,
        name: name.to_owned(),
        names: Vec::new(),
        version: 1,
        not_before: recorded.time,
        not_after: recorded.time,
        automation: None,
        spki_sha256: String::new(),
        is_ca: message.is_ca,
        self_signed: message.self_signed,
        factory: false,
        revoked: false,
        deleted: false,
        cause: recorded.event_id,
    };
    certificate.take_version(message);
    certificate
}

fn changed(mut this: Certificate, event: &CertificateEvent, recorded: &Recorded) -> Certificate {
    use CertificateEvent as E;
    match event {
        E::Renewed(v1::CertificateRenewed {
            version,
            certificate,
            automation_id,
            ..
        }) => {
            this.version = *version;
            this.revoked = false;
            this.cause = recorded.event_id;
            // A certificate that an automation renews is the automation's.
            this.automation = Uuid::parse_str(automation_id).ok().or(this.automation);
            if let Some(message) = certificate {
                this.take_version(message);
            }
        }
        E::Renamed(renamed) => this.name.clone_from(&renamed.friendly_name),
        E::Released(_) => this.automation = None,
        E::Revoked(revoked) => this.revoked |= revoked.version == this.version,
        E::Deleted(_) => this.deleted = true,
        E::Restored(restored) => {
            this.deleted = false;
            this.name.clone_from(&restored.friendly_name);
        }
        E::Issued(_) | E::SelfSigned(_) | E::Imported(_) => {}
    }
    this
}

impl Certificate {
    /// Another certificate is in its place.
    fn take_version(&mut self, message: &x509::v1::Certificate) {
        let time =
            |at: &Option<_>, otherwise| at.as_ref().and_then(convert::time).unwrap_or(otherwise);
        self.not_before = time(&message.not_before, self.not_before);
        self.not_after = time(&message.not_after, self.not_after);
        self.spki_sha256.clone_from(&message.spki_sha256);
        let names = message.subject_alt_names.clone().unwrap_or_default();
        self.names = [names.dns_names, names.ip_addresses].concat();
        if self.names.is_empty() && !message.common_name.is_empty() {
            self.names.push(message.common_name.clone());
        }
    }

    /// Its life.
    pub fn lifetime(&self) -> pki::Lifetime {
        pki::Lifetime {
            not_before: self.not_before,
            not_after: self.not_after,
        }
    }

    /// Whether this one is good for all that the other is good for, and for longer.
    pub fn replaces(&self, other: &Certificate, now: OffsetDateTime) -> bool {
        let lives =
            !self.deleted && !self.revoked && self.not_before <= now && now < self.not_after;
        let covers = |name: &String| {
            let parent = name
                .split_once('.')
                .map(|(_, parent)| format!("*.{parent}"));
            self.names.contains(name)
                || parent.is_some_and(|wildcard| self.names.contains(&wildcard))
        };
        // One that was made here is no successor of one that a CA issued.
        let as_good = !self.factory && (!self.self_signed || other.self_signed);
        self.id != other.id
            && lives
            && as_good
            && !self.is_ca
            && self.not_after > other.not_after
            && !other.names.is_empty()
            && other.names.iter().all(covers)
    }
}
