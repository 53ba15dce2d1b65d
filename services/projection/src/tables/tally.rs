//! How many there are of what lists are counted by: kept with each change, because counting a million rows takes longer than
//! anybody waits. What the time decides is not among them.

use sea_orm::entity::prelude::*;

/// One count. There is no row of none.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tally")]
pub struct Model {
    /// [`What`].
    #[sea_orm(primary_key, auto_increment = false)]
    pub what: i32,
    /// Of which part of them: an ACME server's id. Empty, where there are no parts.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub part: String,
    /// How many.
    pub rows: i64,
}

/// None: it is found by what it counts.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What is counted. The numbers stand in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i32)]
pub enum What {
    /// Certificates, deleted ones too.
    Certificates = 1,
    /// Those that are deleted.
    DeletedCertificates = 2,
    /// Those that are links in others' chains alone, and not deleted.
    Links = 3,
    /// Keys that are here.
    Keys = 4,
    /// Requests that are here and wait for their certificate.
    PendingRequests = 5,
    /// Automations that go on, by their server.
    Automations = 6,
}
