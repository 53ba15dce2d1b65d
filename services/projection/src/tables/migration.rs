//! The tables and their indices, as this version makes them.
//!
//! They are a function of the log, so no row is ever migrated: a version with other tables than the
//! one before has another [`VERSION`], and makes its own, empty, in a place of their own (see [`crate::store`]). What is
//! migrated is the database that remembers the place.

mod acme;
mod indices;
mod notifications;
mod proof;

use sea_orm::{DatabaseConnection, DbBackend};
use sea_orm_migration::{prelude::*, schema};

use self::indices::{indices, is_needed_to_write};
use super::{
    certificate, certificate_gram, certificate_issuer, certificate_name, certificate_version,
    default_certificate, event, issuer, key, request, request_name, tally,
};
use crate::{follow::FOLLOWER, store::pointer};

/// What tells these tables from those of other versions.
pub const VERSION: &str = "m20260801_000008_domains";

/// Makes the tables in an empty place, with what is needed to write them: many rows are written sooner than rows that
/// are put in order one by one.
///
/// # Errors
/// What the database says.
pub async fn make(database: &DatabaseConnection) -> Result<(), DbErr> {
    let manager = SchemaManager::new(database);
    eventlog::checkpoint::migration().up(&manager).await?;
    for mut table in tables() {
        let narrow = table.get_table_name().is_some_and(is_narrow);
        if narrow && database.get_database_backend() == DbBackend::Sqlite {
            // Its key is all of it: SQLite would keep it twice.
            table.extra("WITHOUT ROWID");
        }
        manager.create_table(table).await?;
    }
    runtime::database::octets(database).await?;
    for index in indices().into_iter().filter(is_needed_to_write) {
        manager.create_index(index).await?;
    }
    Ok(())
}

/// Whether a table is very long, and has nothing but its key.
fn is_narrow(table: &TableRef) -> bool {
    *table == certificate_gram::Entity.into_table_ref()
}

/// Makes all that is needed to read them.
///
/// # Errors
/// What the database says.
pub async fn index(database: &DatabaseConnection) -> Result<(), DbErr> {
    let manager = SchemaManager::new(database);
    let read = |index: &IndexCreateStatement| !is_needed_to_write(index);
    for index in indices().into_iter().filter(read) {
        manager.create_index(index).await?;
    }
    Ok(())
}

/// All migrations of the database that remembers where the tables are, oldest first.
pub fn all() -> Vec<Box<dyn MigrationTrait>> {
    vec![
        eventlog::checkpoint::migration(),
        Box::new(Superseded("m20260101_000001_first_tables")),
        Box::new(Superseded("m20260201_000002_requests_and_what_is_gone")),
        Box::new(Superseded("m20260301_000003_renewals_and_notifications")),
        Box::new(Superseded("m20260401_000004_names_of_automations")),
        Box::new(Superseded("m20260501_000005_views_of_certificates")),
        Box::new(TablesMoveOut),
    ]
}

/// The tables of an earlier version. Databases remember its name; a new database needs nothing of it.
struct Superseded(&'static str);

impl MigrationName for Superseded {
    fn name(&self) -> &str {
        self.0
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Superseded {
    async fn up(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Ok(())
    }
}

/// From then on the tables are in a place of their own, and this database says which.
struct TablesMoveOut;

impl MigrationName for TablesMoveOut {
    fn name(&self) -> &str {
        VERSION_OF_POINTER
    }
}

#[async_trait::async_trait]
impl MigrationTrait for TablesMoveOut {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let forget = Query::delete()
            .from_table(CHECKPOINTS)
            .and_where(Expr::col("follower").eq(FOLLOWER))
            .to_owned();
        manager.exec_stmt(forget).await?;
        // What refers to others goes before them.
        for table in tables().iter().rev() {
            if let Some(table) = table.get_table_name() {
                let drop = Table::drop().table(table.clone()).if_exists().to_owned();
                manager.drop_table(drop).await?;
            }
        }
        manager.create_table(pointer::table()).await
    }
}

fn tables() -> Vec<TableCreateStatement> {
    vec![
        certificate_table(),
        certificate_name_table(),
        certificate_version_table(),
        certificate_issuer_table(),
        certificate_gram_table(),
        issuer_table(),
        default_certificate_table(),
        key_table(),
        request_table(),
        request_name_table(),
        acme::server_table(),
        acme::dns_provider_table(),
        acme::automation_table(),
        acme::automation_name_table(),
        notifications::channel_table(),
        notifications::alert_table(),
        event_table(),
        proof::tile_table(),
        proof::checkpoint_table(),
        proof::cosignature_table(),
        proof::disclosure_table(),
        tally_table(),
    ]
}

fn certificate_table() -> TableCreateStatement {
    use certificate::Column;
    Table::create()
        .table(certificate::Entity)
        .col(schema::text(Column::Id).primary_key())
        .col(schema::big_integer(Column::Number))
        .col(schema::text(Column::FriendlyName))
        .col(schema::text(Column::FriendlyNameFolded))
        .col(schema::integer(Column::Source))
        .col(schema::big_integer(Column::Version))
        .col(schema::text(Column::SpkiSha256))
        .col(schema::text(Column::KeyId))
        .col(schema::boolean(Column::Keyless))
        .col(schema::text(Column::AutomationId))
        .col(schema::boolean(Column::Automated))
        .col(schema::text(Column::RequestId))
        .col(schema::boolean(Column::Serve))
        .col(schema::blob(Column::Certificate))
        .col(schema::text(Column::IssuerFolded))
        .col(schema::integer(Column::KeyAlgorithm))
        .col(schema::boolean(Column::IsCa))
        .col(schema::boolean(Column::Own))
        .col(schema::boolean(Column::ChainComplete))
        .col(schema::text(Column::MissingIssuer))
        .col(schema::big_integer(Column::NotBefore))
        .col(schema::big_integer(Column::NotAfter))
        .col(schema::boolean(Column::Revoked))
        .col(schema::big_integer(Column::DueAt))
        .col(schema::big_integer(Column::ErrorAt))
        .col(schema::integer(Column::Renewal))
        .col(schema::big_integer(Column::CalmUntil))
        .col(schema::big_integer(Column::Created))
        .col(schema::big_integer(Column::Updated))
        .col(schema::boolean(Column::Deleted))
        .col(schema::big_integer(Column::DeletedAt))
        .to_owned()
}

fn certificate_name_table() -> TableCreateStatement {
    use certificate_name::Column;
    Table::create()
        .table(certificate_name::Entity)
        .col(schema::text(Column::CertificateId))
        .col(schema::text(Column::Name))
        .col(schema::text(Column::Reversed))
        .primary_key(Index::create().col(Column::CertificateId).col(Column::Name))
        .foreign_key(&mut of_certificate(
            certificate_name::Entity,
            Column::CertificateId,
        ))
        .to_owned()
}

fn certificate_version_table() -> TableCreateStatement {
    use certificate_version::Column;
    Table::create()
        .table(certificate_version::Entity)
        .col(schema::text(Column::CertificateId))
        .col(schema::big_integer(Column::Version))
        .col(schema::text(Column::SpkiSha256))
        .col(schema::text(Column::Sha256Fingerprint))
        .col(schema::text(Column::SerialNumber))
        .col(schema::big_integer(Column::NotBefore))
        .col(schema::big_integer(Column::NotAfter))
        .col(schema::big_integer(Column::Created))
        .col(schema::big_integer(Column::RevokedAt))
        .col(schema::integer(Column::RevocationReason))
        .primary_key(
            Index::create()
                .col(Column::CertificateId)
                .col(Column::Version),
        )
        .foreign_key(&mut of_certificate(
            certificate_version::Entity,
            Column::CertificateId,
        ))
        .to_owned()
}

fn certificate_issuer_table() -> TableCreateStatement {
    use certificate_issuer::Column;
    Table::create()
        .table(certificate_issuer::Entity)
        .col(schema::text(Column::CertificateId))
        .col(schema::integer(Column::Place))
        .col(schema::text(Column::Sha256Fingerprint))
        .primary_key(
            Index::create()
                .col(Column::CertificateId)
                .col(Column::Place),
        )
        .foreign_key(&mut of_certificate(
            certificate_issuer::Entity,
            Column::CertificateId,
        ))
        .to_owned()
}

fn certificate_gram_table() -> TableCreateStatement {
    use certificate_gram::Column;
    Table::create()
        .table(certificate_gram::Entity)
        .col(schema::integer(Column::Gram))
        .col(schema::big_integer(Column::Number))
        .primary_key(Index::create().col(Column::Gram).col(Column::Number))
        .to_owned()
}

fn tally_table() -> TableCreateStatement {
    use tally::Column;
    Table::create()
        .table(tally::Entity)
        .col(schema::integer(Column::What))
        .col(schema::text(Column::Part))
        .col(schema::big_integer(Column::Rows))
        .primary_key(Index::create().col(Column::What).col(Column::Part))
        .to_owned()
}

fn issuer_table() -> TableCreateStatement {
    use issuer::Column;
    Table::create()
        .table(issuer::Entity)
        .col(schema::text(Column::Sha256Fingerprint).primary_key())
        .col(schema::blob(Column::Certificate))
        .to_owned()
}

fn default_certificate_table() -> TableCreateStatement {
    use default_certificate::Column;
    Table::create()
        .table(default_certificate::Entity)
        .col(schema::text(Column::Id).primary_key())
        .col(schema::text(Column::CertificateId))
        .to_owned()
}

fn key_table() -> TableCreateStatement {
    use key::Column;
    Table::create()
        .table(key::Entity)
        .col(schema::text(Column::Id).primary_key())
        .col(schema::integer(Column::Algorithm))
        .col(schema::blob(Column::SpkiDer))
        .col(schema::text(Column::SpkiSha256))
        .col(schema::integer(Column::Origin))
        .col(schema::boolean(Column::Used))
        .col(schema::big_integer(Column::Exports))
        .col(schema::big_integer(Column::LastExported))
        .col(schema::big_integer(Column::Created))
        .col(schema::big_integer(Column::DestroyedAt))
        .to_owned()
}

fn request_table() -> TableCreateStatement {
    use request::Column;
    Table::create()
        .table(request::Entity)
        .col(schema::text(Column::Id).primary_key())
        .col(schema::text(Column::FriendlyName))
        .col(schema::text(Column::FriendlyNameFolded))
        .col(schema::integer(Column::Status))
        .col(schema::integer(Column::KeyAlgorithm))
        .col(schema::text(Column::SpkiSha256))
        .col(schema::blob(Column::CsrDer))
        .col(schema::blob(Column::Subject))
        .col(schema::blob(Column::SubjectAltNames))
        .col(schema::text(Column::RenewsCertificateId))
        .col(schema::text(Column::CertificateId))
        .col(schema::big_integer(Column::Created))
        .col(schema::big_integer(Column::FulfilledAt))
        .col(schema::big_integer(Column::DeletedAt))
        .to_owned()
}

fn request_name_table() -> TableCreateStatement {
    use request_name::Column;
    Table::create()
        .table(request_name::Entity)
        .col(schema::text(Column::RequestId))
        .col(schema::text(Column::Name))
        .primary_key(Index::create().col(Column::RequestId).col(Column::Name))
        .foreign_key(
            ForeignKey::create()
                .from(request_name::Entity, Column::RequestId)
                .to(request::Entity, request::Column::Id)
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}

fn event_table() -> TableCreateStatement {
    use event::Column;
    Table::create()
        .table(event::Entity)
        .col(schema::big_integer(Column::Sequence).primary_key())
        .col(schema::text(Column::EventId))
        .col(schema::text(Column::Aggregate))
        .col(schema::text(Column::AggregateId))
        .col(schema::text(Column::Event))
        .col(schema::text(Column::Actor))
        .col(schema::big_integer(Column::Time))
        .col(schema::text(Column::CorrelationId))
        .col(schema::text(Column::CausationId))
        .col(schema::text(Column::Schema))
        .col(schema::text(Column::Traceparent))
        .col(schema::text(Column::Body))
        .to_owned()
}

/// Rows of a certificate go with it.
fn of_certificate(table: impl IntoTableRef, column: impl IntoIden) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .from(table, column)
        .to(certificate::Entity, certificate::Column::Id)
        .on_delete(ForeignKeyAction::Cascade)
        .to_owned()
}

/// Never changes, other than [`VERSION`].
const VERSION_OF_POINTER: &str = "m20260601_000006_places_of_tables";

/// Where [`eventlog::checkpoint`] keeps how far each follower has come.
const CHECKPOINTS: &str = "follower_checkpoint";
