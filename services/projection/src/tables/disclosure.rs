//! Who could read private keys: each export of one, and each gateway that was given those of what it serves.

use api::keystore::v1::{KeyExported, ServingGranted};
use eventlog::Recorded;
use sea_orm::entity::prelude::*;

use super::{indexed, instant::micros};

/// One event through which somebody could.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "disclosure")]
pub struct Model {
    /// The position in the log.
    #[sea_orm(primary_key, auto_increment = false)]
    pub sequence: i64,
    /// The key that was given out; empty for a gateway's.
    #[sea_orm(column_type = "Text")]
    pub key_id: String,
    /// The gateway; empty for an export.
    #[sea_orm(column_type = "Text")]
    pub gateway: String,
    /// Who did it.
    #[sea_orm(column_type = "Text")]
    pub actor: String,
    /// When, microseconds since 1970.
    pub time: i64,
    /// The export's form.
    #[sea_orm(column_type = "Text")]
    pub format: String,
    /// It was encrypted with a passphrase.
    pub protected: bool,
    /// The certificate that the key left with; empty where there was none.
    #[sea_orm(column_type = "Text")]
    pub certificate_id: String,
    /// How many certificates the gateway was given.
    pub certificates: i64,
}

/// None: found by the key or the gateway.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The row of an export.
    pub fn export(recorded: &Recorded, event: KeyExported) -> Self {
        Self {
            key_id: recorded.id.clone(),
            format: event.format,
            protected: event.protected,
            certificate_id: event.certificate_id,
            ..Self::of(recorded)
        }
    }

    /// The row of a grant to a gateway.
    pub fn grant(recorded: &Recorded, event: ServingGranted) -> Self {
        Self {
            gateway: indexed(event.gateway),
            certificates: event.certificates.into(),
            ..Self::of(recorded)
        }
    }

    fn of(recorded: &Recorded) -> Self {
        Self {
            sequence: recorded.sequence.cast_signed(),
            key_id: String::new(),
            gateway: String::new(),
            actor: indexed(recorded.actor.clone()),
            time: micros(recorded.time),
            format: String::new(),
            protected: false,
            certificate_id: String::new(),
            certificates: 0,
        }
    }
}
