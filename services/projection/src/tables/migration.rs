//! The tables and their indices, as each version of Chancery made them. A released one is never edited.

use sea_orm_migration::{prelude::*, schema};

use super::{
    automation, certificate, certificate_issuer, certificate_name, certificate_version, event,
    issuer, key, server,
};

/// All migrations, oldest first; the follower's checkpoint is among them.
pub fn all() -> Vec<Box<dyn MigrationTrait>> {
    vec![eventlog::checkpoint::migration(), Box::new(FirstTables)]
}

/// Certificates, keys, servers, automations, events.
struct FirstTables;

impl MigrationName for FirstTables {
    fn name(&self) -> &str {
        "m20260101_000001_first_tables"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for FirstTables {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in tables() {
            manager.create_table(table).await?;
        }
        for index in indices() {
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

fn tables() -> Vec<TableCreateStatement> {
    vec![
        certificate_table(),
        certificate_name_table(),
        certificate_version_table(),
        certificate_issuer_table(),
        issuer_table(),
        key_table(),
        server_table(),
        automation_table(),
        event_table(),
    ]
}

fn certificate_table() -> TableCreateStatement {
    use certificate::Column;
    Table::create()
        .table(certificate::Entity)
        .col(schema::text(Column::Id).primary_key())
        .col(schema::text(Column::FriendlyName))
        .col(schema::text(Column::FriendlyNameFolded))
        .col(schema::integer(Column::Source))
        .col(schema::big_integer(Column::Version))
        .col(schema::text(Column::KeyId))
        .col(schema::text(Column::AutomationId))
        .col(schema::boolean(Column::Serve))
        .col(schema::blob(Column::Certificate))
        .col(schema::text(Column::IssuerFolded))
        .col(schema::big_integer(Column::NotBefore))
        .col(schema::big_integer(Column::NotAfter))
        .col(schema::big_integer(Column::RenewAt))
        .col(schema::big_integer(Column::Created))
        .col(schema::big_integer(Column::Updated))
        .to_owned()
}

fn certificate_name_table() -> TableCreateStatement {
    use certificate_name::Column;
    Table::create()
        .table(certificate_name::Entity)
        .col(schema::text(Column::CertificateId))
        .col(schema::text(Column::Name))
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
        .col(schema::text(Column::KeyId))
        .col(schema::text(Column::Sha256Fingerprint))
        .col(schema::big_integer(Column::Created))
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

fn issuer_table() -> TableCreateStatement {
    use issuer::Column;
    Table::create()
        .table(issuer::Entity)
        .col(schema::text(Column::Sha256Fingerprint).primary_key())
        .col(schema::blob(Column::Certificate))
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
        .col(schema::big_integer(Column::Created))
        .to_owned()
}

fn server_table() -> TableCreateStatement {
    use server::Column;
    Table::create()
        .table(server::Entity)
        .col(schema::text(Column::Id).primary_key())
        .col(schema::text(Column::Name))
        .col(schema::text(Column::NameFolded))
        .col(schema::text(Column::DirectoryUrl))
        .col(schema::text(Column::DirectoryUrlFolded))
        .col(schema::text(Column::AccountUrl))
        .col(schema::text(Column::AccountKeyThumbprint))
        .col(schema::text(Column::TermsOfServiceUrl))
        .col(schema::text(Column::WebsiteUrl))
        .col(schema::json_binary(Column::CaaIdentities))
        .col(schema::json_binary(Column::Profiles))
        .col(schema::text(Column::ExternalAccountKeyId))
        .col(schema::big_integer(Column::Created))
        .to_owned()
}

fn automation_table() -> TableCreateStatement {
    use automation::Column;
    Table::create()
        .table(automation::Entity)
        .col(schema::text(Column::Id).primary_key())
        .col(schema::text(Column::FriendlyName))
        .col(schema::text(Column::FriendlyNameFolded))
        .col(schema::integer(Column::Status))
        .col(schema::text(Column::ServerId))
        .col(schema::json_binary(Column::DnsNames))
        .col(schema::integer(Column::KeyAlgorithm))
        .col(schema::integer(Column::ChallengeType))
        .col(schema::text(Column::Profile))
        .col(schema::text(Column::CertificateId))
        .col(schema::big_integer(Column::CertificateVersion))
        .col(schema::big_integer(Column::NotAfter))
        .col(schema::big_integer(Column::Attempt))
        .col(schema::text(Column::OrderUrl))
        .col(schema::text(Column::LastEvent))
        .col(schema::json_binary_null(Column::LastFailure))
        .col(schema::big_integer(Column::Created))
        .col(schema::big_integer(Column::Updated))
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

/// One for every field that a list is filtered or sorted by: the value, then what tells equals
/// apart, which is a keyset's order.
fn indices() -> Vec<IndexCreateStatement> {
    let mut all = Vec::new();
    {
        use certificate::Column;
        let mut on = |name, column| {
            all.push(index(name, certificate::Entity, [column, Column::Id]));
        };
        on("ix_certificate_name", Column::FriendlyNameFolded);
        on("ix_certificate_source", Column::Source);
        on("ix_certificate_issuer", Column::IssuerFolded);
        on("ix_certificate_not_before", Column::NotBefore);
        on("ix_certificate_not_after", Column::NotAfter);
        on("ix_certificate_renew_at", Column::RenewAt);
        on("ix_certificate_created", Column::Created);
    }
    {
        use certificate_name::Column;
        let columns = [Column::Name, Column::CertificateId];
        all.push(index(
            "ix_certificate_name_name",
            certificate_name::Entity,
            columns,
        ));
    }
    {
        use certificate_version::{Column, Entity};
        let fingerprint = [Column::Sha256Fingerprint, Column::CertificateId];
        all.push(index(
            "ix_certificate_version_fingerprint",
            Entity,
            fingerprint,
        ));
        let key = [Column::KeyId, Column::CertificateId];
        all.push(index("ix_certificate_version_key", Entity, key));
    }
    {
        use key::Column;
        let mut on = |name, column| all.push(index(name, key::Entity, [column, Column::Id]));
        on("ix_private_key_algorithm", Column::Algorithm);
        on("ix_private_key_spki", Column::SpkiSha256);
        on("ix_private_key_created", Column::Created);
    }
    {
        use server::Column;
        let mut on = |name, column| all.push(index(name, server::Entity, [column, Column::Id]));
        on("ix_acme_server_name", Column::NameFolded);
        on("ix_acme_server_directory_url", Column::DirectoryUrlFolded);
        on("ix_acme_server_created", Column::Created);
    }
    {
        use automation::Column;
        let mut on = |name, column| all.push(index(name, automation::Entity, [column, Column::Id]));
        on("ix_automation_name", Column::FriendlyNameFolded);
        on("ix_automation_status", Column::Status);
        on("ix_automation_server", Column::ServerId);
        on("ix_automation_not_after", Column::NotAfter);
        on("ix_automation_created", Column::Created);
    }
    {
        use event::Column;
        let mut on =
            |name, column| all.push(index(name, event::Entity, [column, Column::Sequence]));
        on("ix_event_aggregate", Column::Aggregate);
        on("ix_event_aggregate_id", Column::AggregateId);
        on("ix_event_event", Column::Event);
        on("ix_event_actor", Column::Actor);
        on("ix_event_time", Column::Time);
        on("ix_event_correlation_id", Column::CorrelationId);
    }
    all
}

fn index<C: IntoIden>(
    name: &str,
    table: impl IntoTableRef,
    columns: [C; 2],
) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(name).table(table);
    for column in columns {
        index.col(column.into_iden());
    }
    index
}
