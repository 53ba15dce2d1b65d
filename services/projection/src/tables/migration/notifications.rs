//! The tables of channels and alerts.

use sea_orm_migration::{prelude::*, schema};

use crate::tables::{alert, channel};

pub(super) fn channel_table() -> TableCreateStatement {
    use channel::Column;
    Table::create()
        .table(channel::Entity)
        .col(schema::text(Column::Id).primary_key())
        .col(schema::text(Column::Name))
        .col(schema::text(Column::NameFolded))
        .col(schema::integer(Column::Kind))
        .col(schema::blob(Column::Rule))
        .col(schema::big_integer(Column::Created))
        .col(schema::big_integer(Column::LastNotified))
        .col(schema::big_integer(Column::LastFailed))
        .col(schema::text(Column::LastFailure))
        .col(schema::big_integer(Column::DeletedAt))
        .to_owned()
}

pub(super) fn alert_table() -> TableCreateStatement {
    use alert::Column;
    Table::create()
        .table(alert::Entity)
        .col(schema::text(Column::Id).primary_key())
        .col(schema::integer(Column::Kind))
        .col(schema::integer(Column::Severity))
        .col(schema::text(Column::SubjectKind))
        .col(schema::text(Column::SubjectId))
        .col(schema::text(Column::SubjectName))
        .col(schema::text(Column::SubjectNameFolded))
        .col(schema::text(Column::Message))
        .col(schema::text(Column::Advice))
        .col(schema::big_integer(Column::Deadline))
        .col(schema::big_integer(Column::Raised))
        .col(schema::boolean(Column::Up))
        .col(schema::big_integer(Column::ClearedAt))
        .col(schema::big_integer(Column::Urgency))
        .col(schema::big_integer(Column::Notified))
        .col(schema::big_integer(Column::LastNotified))
        .to_owned()
}
