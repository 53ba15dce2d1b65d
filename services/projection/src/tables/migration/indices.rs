//! One index for every field that a list is filtered or sorted by: the value, then what tells equals
//! apart, which is a keyset's order.
//!
//! A field with two values is found by the rarer one alone ([`crate::query::condition::flag`]), in
//! the order in which the list comes where none is asked for. That goes for what is deleted too, and
//! nothing else begins with it: SQLite takes an equality for few rows, and would sort them all where
//! walking in the list's order fills a page at once.

use sea_orm_migration::prelude::*;

use crate::tables::{
    automation, certificate, certificate_name, certificate_version, event, key, request,
    request_name, server,
};

/// All of them.
pub(super) fn indices() -> Vec<IndexCreateStatement> {
    let mut all = certificates();
    all.extend(keys());
    all.extend(requests());
    all.extend(servers());
    all.extend(automations());
    all.extend(events());
    all
}

fn certificates() -> Vec<IndexCreateStatement> {
    use certificate::{Column, Entity};
    let on = |name, column| index(name, Entity, [column, Column::Id]);
    let named = |name, column| {
        index(
            name,
            Entity,
            [column, Column::FriendlyNameFolded, Column::Id],
        )
    };
    let mut all = vec![
        on("ix_certificate_name", Column::FriendlyNameFolded),
        on("ix_certificate_source", Column::Source),
        on("ix_certificate_issuer", Column::IssuerFolded),
        on("ix_certificate_not_before", Column::NotBefore),
        on("ix_certificate_not_after", Column::NotAfter),
        on("ix_certificate_renew_at", Column::RenewAt),
        on("ix_certificate_created", Column::Created),
        named("ix_certificate_key", Column::KeyId),
        named("ix_certificate_chain", Column::ChainComplete),
        named("ix_certificate_authority", Column::IsCa),
        named("ix_certificate_deleted", Column::Deleted),
        // A key that comes or goes finds its certificates.
        on("ix_certificate_spki", Column::SpkiSha256),
    ];
    {
        use certificate_name::{Column, Entity};
        let columns = [Column::Name, Column::CertificateId];
        all.push(index("ix_certificate_name_name", Entity, columns));
    }
    {
        use certificate_version::{Column, Entity};
        let mut on = |name, column| all.push(index(name, Entity, [column, Column::CertificateId]));
        on(
            "ix_certificate_version_fingerprint",
            Column::Sha256Fingerprint,
        );
        on("ix_certificate_version_spki", Column::SpkiSha256);
    }
    all
}

fn keys() -> Vec<IndexCreateStatement> {
    use key::{Column, Entity};
    let on = |name, column| index(name, Entity, [column, Column::Id]);
    vec![
        on("ix_private_key_algorithm", Column::Algorithm),
        on("ix_private_key_spki", Column::SpkiSha256),
        on("ix_private_key_origin", Column::Origin),
        on("ix_private_key_created", Column::Created),
        index(
            "ix_private_key_used",
            Entity,
            [Column::Used, Column::Created, Column::Id],
        ),
    ]
}

fn requests() -> Vec<IndexCreateStatement> {
    use request::{Column, Entity};
    let on = |name, column| index(name, Entity, [column, Column::Id]);
    let mut all = vec![
        on("ix_request_name", Column::FriendlyNameFolded),
        on("ix_request_status", Column::Status),
        on("ix_request_created", Column::Created),
        // A key finds the requests that use it.
        on("ix_request_spki", Column::SpkiSha256),
    ];
    {
        use request_name::{Column, Entity};
        let columns = [Column::Name, Column::RequestId];
        all.push(index("ix_request_name_name", Entity, columns));
    }
    all
}

fn servers() -> Vec<IndexCreateStatement> {
    use server::{Column, Entity};
    let on = |name, column| index(name, Entity, [column, Column::Id]);
    vec![
        on("ix_acme_server_name", Column::NameFolded),
        on("ix_acme_server_directory_url", Column::DirectoryUrlFolded),
        on("ix_acme_server_created", Column::Created),
    ]
}

fn automations() -> Vec<IndexCreateStatement> {
    use automation::{Column, Entity};
    let on = |name, column| index(name, Entity, [column, Column::Id]);
    vec![
        on("ix_automation_name", Column::FriendlyNameFolded),
        on("ix_automation_status", Column::Status),
        on("ix_automation_server", Column::ServerId),
        on("ix_automation_not_after", Column::NotAfter),
        on("ix_automation_created", Column::Created),
    ]
}

fn events() -> Vec<IndexCreateStatement> {
    use event::{Column, Entity};
    let on = |name, column| index(name, Entity, [column, Column::Sequence]);
    vec![
        on("ix_event_aggregate", Column::Aggregate),
        on("ix_event_aggregate_id", Column::AggregateId),
        on("ix_event_event", Column::Event),
        on("ix_event_actor", Column::Actor),
        on("ix_event_time", Column::Time),
        on("ix_event_correlation_id", Column::CorrelationId),
    ]
}

fn index<C: IntoIden>(
    name: &str,
    table: impl IntoTableRef,
    columns: impl IntoIterator<Item = C>,
) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(name).table(table);
    for column in columns {
        index.col(column.into_iden());
    }
    index
}
