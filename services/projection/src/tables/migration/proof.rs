//! The tables of the log as proof.

use sea_orm_migration::{prelude::*, schema};

use crate::tables::{checkpoint, cosignature, disclosure, tile};

pub(super) fn tile_table() -> TableCreateStatement {
    use tile::Column;
    Table::create()
        .table(tile::Entity)
        .col(schema::integer(Column::Level))
        .col(schema::big_integer(Column::Place))
        .col(schema::blob(Column::Hashes))
        .primary_key(Index::create().col(Column::Level).col(Column::Place))
        .to_owned()
}

pub(super) fn checkpoint_table() -> TableCreateStatement {
    use checkpoint::Column;
    Table::create()
        .table(checkpoint::Entity)
        .col(schema::big_integer(Column::Size).primary_key())
        .col(schema::text(Column::Origin))
        .col(schema::blob(Column::RootHash))
        .col(schema::text(Column::Note))
        .col(schema::text(Column::VerifierKey))
        .col(schema::big_integer(Column::Time))
        .col(schema::big_integer(Column::Sequence))
        .to_owned()
}

pub(super) fn cosignature_table() -> TableCreateStatement {
    use cosignature::Column;
    Table::create()
        .table(cosignature::Entity)
        .col(schema::big_integer(Column::Size))
        .col(schema::text(Column::Witness))
        .col(schema::text(Column::Line))
        .primary_key(Index::create().col(Column::Size).col(Column::Witness))
        .to_owned()
}

pub(super) fn disclosure_table() -> TableCreateStatement {
    use disclosure::Column;
    Table::create()
        .table(disclosure::Entity)
        .col(schema::big_integer(Column::Sequence).primary_key())
        .col(schema::text(Column::KeyId))
        .col(schema::text(Column::Gateway))
        .col(schema::text(Column::Actor))
        .col(schema::big_integer(Column::Time))
        .col(schema::text(Column::Format))
        .col(schema::boolean(Column::Protected))
        .col(schema::text(Column::CertificateId))
        .col(schema::big_integer(Column::Certificates))
        .to_owned()
}
