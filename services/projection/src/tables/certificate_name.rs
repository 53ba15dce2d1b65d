//! The names of each certificate's newest version, one a row, so that a name finds its certificates.

use sea_orm::entity::prelude::*;

/// One name of one certificate.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "certificate_name")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub certificate_id: String,
    /// A DNS name (A-labels, lower case) or an address.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub name: String,
    /// The name by [`reversed`], so that an index has all names of a domain together.
    #[sea_orm(column_type = "Text")]
    pub reversed: String,
}

/// None: found by the certificate's id.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// A name of this certificate.
    pub fn of(certificate_id: &str, name: String) -> Self {
        Self {
            certificate_id: certificate_id.to_owned(),
            reversed: reversed(&name),
            name,
        }
    }
}

/// The name's labels from the last to the first: "example.shop.www".
pub fn reversed(name: &str) -> String {
    let labels = name.rsplit('.').collect::<Vec<_>>();
    labels.join(".")
}
