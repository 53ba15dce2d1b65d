//! Certificates, each through all its versions: the row is the newest version. Deleted ones are here too.

use api::{projection::v1::Source, x509};
use prost::Message;
use sea_orm::entity::prelude::*;

use super::{
    Unusable, automation, folded,
    instant::{NEVER, required},
};
use crate::status::{self, Renewal};

/// One certificate.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "certificate")]
pub struct Model {
    /// The aggregate's id.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    /// The event that made it: a number that is its own, as its id is.
    pub number: i64,
    /// What people call it; unique among those that are not deleted.
    #[sea_orm(column_type = "Text")]
    pub friendly_name: String,
    /// The name as it is compared.
    #[sea_orm(column_type = "Text")]
    pub friendly_name_folded: String,
    /// `chancery.projection.v1.Source`.
    pub source: i32,
    /// 1, and one more with each renewal.
    pub version: i64,
    /// SHA-256 of the newest version's subjectPublicKeyInfo, lower-case hex: what links it to its key.
    #[sea_orm(column_type = "Text")]
    pub spki_sha256: String,
    /// The key of the newest version that is here now; empty where there is none.
    #[sea_orm(column_type = "Text")]
    pub key_id: String,
    /// There is none. Beside `key_id`, so that it has an index of two values.
    pub keyless: bool,
    /// Empty where no automation renews it.
    #[sea_orm(column_type = "Text")]
    pub automation_id: String,
    /// One does. Beside `automation_id`, likewise.
    pub automated: bool,
    /// The request that it answered; empty where there is none.
    #[sea_orm(column_type = "Text")]
    pub request_id: String,
    /// Gateways serve it.
    pub serve: bool,
    /// The newest version whole: `chancery.x509.v1.Certificate`, encoded, as it will be answered.
    #[sea_orm(column_type = "Blob")]
    pub certificate: Vec<u8>,
    /// The issuer's name as it is compared (RFC 5280, section 7.1: without regard to case).
    #[sea_orm(column_type = "Text")]
    pub issuer_folded: String,
    /// `chancery.x509.v1.KeyAlgorithm` of its own key.
    pub key_algorithm: i32,
    /// basicConstraints cA.
    pub is_ca: bool,
    /// It is more than a link in others' chains: not a CA's, or its key is here.
    pub own: bool,
    /// The chain, or the certificate itself, ends in a self-signed one.
    pub chain_complete: bool,
    /// The first issuer that is not here, RFC 4514; empty where the chain is complete.
    #[sea_orm(column_type = "Text")]
    pub missing_issuer: String,
    /// Valid from then on, microseconds since 1970.
    pub not_before: i64,
    /// Valid up to then.
    pub not_after: i64,
    /// The newest version is revoked.
    pub revoked: bool,
    /// From then on it is due for renewal: as its automation has it, where it has one.
    pub due_at: i64,
    /// From then on it is an error that it was not renewed, likewise.
    pub error_at: i64,
    /// [`Renewal`]: how the next version comes.
    pub renewal: i32,
    /// Up to then time alone leaves it valid: see [`status::Standing::calm_until`].
    pub calm_until: i64,
    /// When version 1 came.
    pub created: i64,
    /// When the newest version came.
    pub updated: i64,
    /// It is gone, and can be restored. Beside `deleted_at`, so that it has an index of two values.
    pub deleted: bool,
    /// When it was deleted; [`NEVER`] while it is here.
    pub deleted_at: i64,
}

/// None: names, versions and issuers are found by the certificate's id.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What an automation says about the certificate that it renews.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renewing {
    /// The version that it knows of.
    pub version: i64,
    /// When that is due.
    pub due_at: i64,
    /// When that is late.
    pub error_at: i64,
    /// How the next one comes.
    pub renewal: Renewal,
}

impl From<&automation::Model> for Renewing {
    fn from(row: &automation::Model) -> Self {
        Self {
            version: row.certificate_version,
            due_at: row.due_at,
            error_at: row.error_at,
            renewal: row.renewal.into(),
        }
    }
}

/// What stays the same through all versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The aggregate's id.
    pub id: String,
    /// What people call it.
    pub friendly_name: String,
    /// How it came here.
    pub source: Source,
    /// Empty where no automation renews it.
    pub automation_id: String,
    /// Empty where it answered no request.
    pub request_id: String,
    /// Gateways serve it.
    pub serve: bool,
}

/// What each version brings.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    /// 1 for the first.
    pub number: u32,
    /// The certificate whole.
    pub certificate: x509::v1::Certificate,
    /// Valid from then on, microseconds since 1970.
    pub not_before: i64,
    /// Valid up to then.
    pub not_after: i64,
    /// The issuers in order, without the leaf.
    pub issuers: Vec<x509::v1::Certificate>,
}

impl Version {
    /// The version that an event tells of.
    ///
    /// # Errors
    /// [`Unusable::Missing`] where the event holds no certificate, or the certificate no validity.
    pub fn new(
        number: u32,
        certificate: Option<x509::v1::Certificate>,
        issuers: Vec<x509::v1::Certificate>,
    ) -> Result<Self, Unusable> {
        let certificate = certificate.ok_or(Unusable::Missing("certificate"))?;
        Ok(Self {
            number,
            not_before: required("certificate.not_before", certificate.not_before.as_ref())?,
            not_after: required("certificate.not_after", certificate.not_after.as_ref())?,
            certificate,
            issuers,
        })
    }
}

impl Model {
    /// The row of a certificate that was not here before: `number` is the event that tells of it.
    pub fn first(number: i64, standing: Standing, version: &Version, at: i64) -> Self {
        let certificate = &version.certificate;
        let last = version.issuers.last().unwrap_or(certificate);
        let (due_at, error_at) = status::marks(version.not_before, version.not_after);
        Self {
            id: standing.id,
            number,
            friendly_name_folded: folded(&standing.friendly_name),
            friendly_name: standing.friendly_name,
            source: standing.source.into(),
            version: version.number.into(),
            spki_sha256: folded(&certificate.spki_sha256),
            key_id: String::new(),
            keyless: true,
            automated: !standing.automation_id.is_empty(),
            automation_id: standing.automation_id,
            request_id: standing.request_id,
            serve: standing.serve,
            certificate: certificate.encode_to_vec(),
            issuer_folded: folded(&certificate.issuer),
            key_algorithm: certificate.key_algorithm,
            is_ca: certificate.is_ca,
            own: !certificate.is_ca,
            chain_complete: last.self_signed,
            missing_issuer: missing_issuer(last),
            not_before: version.not_before,
            not_after: version.not_after,
            revoked: false,
            due_at,
            error_at,
            renewal: Renewal::None.into(),
            // Told when all of its batch is taken in.
            calm_until: i64::MIN,
            created: at,
            updated: at,
            deleted: false,
            deleted_at: NEVER,
        }
    }

    /// The row with a newer version in it.
    pub fn renewed(self, version: &Version, at: i64) -> Self {
        let standing = Standing {
            id: self.id,
            friendly_name: self.friendly_name,
            source: Source::try_from(self.source).unwrap_or_default(),
            automation_id: self.automation_id,
            request_id: self.request_id,
            serve: self.serve,
        };
        Self {
            created: self.created,
            deleted: self.deleted,
            deleted_at: self.deleted_at,
            ..Self::first(self.number, standing, version, at)
        }
    }

    /// The chain ends in this one now.
    pub fn ends_in(&mut self, last: &x509::v1::Certificate) {
        self.chain_complete = last.self_signed;
        self.missing_issuer = missing_issuer(last);
    }

    /// People call it so now.
    pub fn named(&mut self, friendly_name: String) {
        self.friendly_name_folded = folded(&friendly_name);
        self.friendly_name = friendly_name;
    }

    /// No automation renews it any more.
    pub fn released(&mut self) {
        self.automation_id.clear();
        self.automated = false;
    }

    /// Its key is the one with this id; empty where that is not here.
    pub fn keyed(&mut self, key_id: String) {
        self.keyless = key_id.is_empty();
        self.own = !self.is_ca || !self.keyless;
        self.key_id = key_id;
    }

    /// How it is renewed follows from this, which its automation tells; nothing, where it has none.
    pub fn renewed_by(&mut self, automation: Option<&Renewing>) {
        self.due_by(automation);
        self.calm_until = self.stands().calm_until();
    }

    fn due_by(&mut self, automation: Option<&Renewing>) {
        (self.due_at, self.error_at) = status::marks(self.not_before, self.not_after);
        let Some(automation) = automation else {
            self.renewal = Renewal::None.into();
            return;
        };
        self.renewal = automation.renewal.into();
        if automation.version == self.version {
            self.due_at = automation.due_at;
            self.error_at = automation.error_at;
        } else if automation.version < self.version && automation.renewal == Renewal::Ordering {
            // The order has brought this version; the automation's own word of it comes next.
            self.renewal = Renewal::Scheduled.into();
        }
    }

    /// What its status is told from.
    pub fn stands(&self) -> status::Standing {
        status::Standing {
            revoked: self.revoked,
            not_before: self.not_before,
            not_after: self.not_after,
            due_at: self.due_at,
            error_at: self.error_at,
            renewal: self.renewal.into(),
        }
    }

    /// It is gone since then; here again where that is [`NEVER`].
    pub fn deleted_since(&mut self, at: i64) {
        self.deleted = at != NEVER;
        self.deleted_at = at;
    }
}

/// Which issuer a chain that ends in this certificate misses.
fn missing_issuer(last: &x509::v1::Certificate) -> String {
    if last.self_signed {
        String::new()
    } else {
        last.issuer.clone()
    }
}
