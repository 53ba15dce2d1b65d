//! One index for every field that a list is filtered or sorted by: the value, then what tells equals
//! apart, which is a keyset's order.
//!
//! A value that nearly all rows may have ([`List::is_common`](crate::query::question::List::is_common)) has a second
//! one, in which equals stand in the order in which the list comes where none is asked for: to find them
//! first and sort them then would be to sort the table.
//!
//! A field with two values is found by the rarer one alone ([`crate::query::condition::flag`]), in
//! the order in which the list comes where none is asked for. That goes for what is deleted too, and
//! nothing else begins with it: SQLite takes an equality for few rows, and would sort them all where
//! walking in the list's order fills a page at once.

use sea_orm_migration::prelude::*;

use crate::tables::{
    alert, automation, certificate, certificate_name, certificate_version, channel, disclosure,
    dns_provider, event, key, request, request_name, server,
};

/// All of them.
pub(super) fn indices() -> Vec<IndexCreateStatement> {
    let mut all = certificates();
    all.extend(keys());
    all.extend(requests());
    all.extend(servers());
    all.extend(dns_providers());
    all.extend(automations());
    all.extend(channels());
    all.extend(alerts());
    all.extend(events());
    all.extend(disclosures());
    all
}

/// Those without which rows cannot be written: the follower looks rows up by what they have in common.
pub(super) fn is_needed_to_write(index: &IndexCreateStatement) -> bool {
    let name = index.get_index_spec().get_name().unwrap_or_default();
    WRITING.contains(&name)
}

const WRITING: [&str; 5] = [
    "ix_certificate_spki",
    "ix_certificate_automation",
    "ix_certificate_version_spki",
    "ix_private_key_spki",
    "ix_request_spki",
];

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
    // Walked in such an order, rows are told apart by what lists are filtered by without a look at the certificates
    // themselves: a page is full soon even where few of very many fit.
    let walk = |name, column| {
        let told = TOLD_APART
            .into_iter()
            .filter(|told| *told as u32 != column as u32);
        index(name, Entity, [column, Column::Id].into_iter().chain(told))
    };
    let mut all = vec![
        walk("ix_certificate_name", Column::FriendlyNameFolded),
        walk("ix_certificate_not_after", Column::NotAfter),
        walk("ix_certificate_created", Column::Created),
        // Those that a search has found are put in order without them, too.
        index(
            "ix_certificate_number",
            Entity,
            [
                Column::Number,
                Column::FriendlyNameFolded,
                Column::Id,
                Column::Deleted,
            ],
        ),
        on("ix_certificate_source", Column::Source),
        on("ix_certificate_issuer", Column::IssuerFolded),
        named("ix_certificate_of_source", Column::Source),
        named("ix_certificate_of_issuer", Column::IssuerFolded),
        named("ix_certificate_revoked", Column::Revoked),
        named("ix_certificate_keyless", Column::Keyless),
        named("ix_certificate_automated", Column::Automated),
        named("ix_certificate_algorithm", Column::KeyAlgorithm),
        named("ix_certificate_chain", Column::ChainComplete),
        named("ix_certificate_authority", Column::IsCa),
        named("ix_certificate_own", Column::Own),
        named("ix_certificate_deleted", Column::Deleted),
        // A key that comes or goes finds its certificates.
        on("ix_certificate_spki", Column::SpkiSha256),
        // Likewise an automation that changes.
        on("ix_certificate_automation", Column::AutomationId),
        on("ix_certificate_not_before", Column::NotBefore),
        // Those that want somebody are counted in the index alone, and all of them by the day of their end.
        index(
            "ix_certificate_calm",
            Entity,
            [
                Column::CalmUntil,
                Column::Own,
                Column::Deleted,
                Column::Renewal,
                Column::Revoked,
                Column::NotBefore,
                Column::NotAfter,
                Column::DueAt,
                Column::ErrorAt,
                Column::Id,
                Column::Version,
                Column::Source,
                Column::Updated,
            ],
        ),
    ];
    {
        use certificate_name::{Column, Entity};
        let columns = [Column::Name, Column::CertificateId];
        all.push(index("ix_certificate_name_name", Entity, columns));
        let columns = [Column::Reversed, Column::CertificateId];
        all.push(index("ix_certificate_name_reversed", Entity, columns));
    }
    {
        use certificate_version::{Column, Entity};
        let mut on = |name, column| all.push(index(name, Entity, [column, Column::CertificateId]));
        on(
            "ix_certificate_version_fingerprint",
            Column::Sha256Fingerprint,
        );
        on("ix_certificate_version_spki", Column::SpkiSha256);
        on("ix_certificate_version_serial", Column::SerialNumber);
    }
    all
}

/// What certificates are filtered by that is short.
const TOLD_APART: [certificate::Column; 14] = {
    use certificate::Column;
    [
        Column::Deleted,
        Column::Own,
        Column::Revoked,
        Column::NotBefore,
        Column::NotAfter,
        Column::DueAt,
        Column::ErrorAt,
        Column::Renewal,
        Column::Keyless,
        Column::Automated,
        Column::ChainComplete,
        Column::IsCa,
        Column::KeyAlgorithm,
        Column::Source,
    ]
};

fn keys() -> Vec<IndexCreateStatement> {
    use key::{Column, Entity};
    let on = |name, column| index(name, Entity, [column, Column::Id]);
    let newest = |name, column| index(name, Entity, [column, Column::Created, Column::Id]);
    vec![
        on("ix_private_key_algorithm", Column::Algorithm),
        on("ix_private_key_spki", Column::SpkiSha256),
        on("ix_private_key_origin", Column::Origin),
        on("ix_private_key_created", Column::Created),
        newest("ix_private_key_of_algorithm", Column::Algorithm),
        newest("ix_private_key_of_origin", Column::Origin),
        newest("ix_private_key_used", Column::Used),
    ]
}

fn requests() -> Vec<IndexCreateStatement> {
    use request::{Column, Entity};
    let on = |name, column| index(name, Entity, [column, Column::Id]);
    let mut all = vec![
        on("ix_request_name", Column::FriendlyNameFolded),
        on("ix_request_status", Column::Status),
        on("ix_request_created", Column::Created),
        index(
            "ix_request_of_status",
            Entity,
            [Column::Status, Column::FriendlyNameFolded, Column::Id],
        ),
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

fn dns_providers() -> Vec<IndexCreateStatement> {
    use dns_provider::{Column, Entity};
    let on = |name, column| index(name, Entity, [column, Column::Id]);
    let of_kind = [Column::Kind, Column::NameFolded, Column::Id];
    vec![
        on("ix_dns_provider_name", Column::NameFolded),
        on("ix_dns_provider_kind", Column::Kind),
        on("ix_dns_provider_created", Column::Created),
        index("ix_dns_provider_of_kind", Entity, of_kind),
    ]
}

fn automations() -> Vec<IndexCreateStatement> {
    use automation::{Column, Entity};
    let on = |name, column| index(name, Entity, [column, Column::Id]);
    let named = |name, column| {
        index(
            name,
            Entity,
            [column, Column::FriendlyNameFolded, Column::Id],
        )
    };
    vec![
        on("ix_automation_name", Column::FriendlyNameFolded),
        on("ix_automation_not_after", Column::NotAfter),
        on("ix_automation_renew_at", Column::RenewAt),
        on("ix_automation_created", Column::Created),
        named("ix_automation_revoked", Column::Revoked),
        named("ix_automation_paused", Column::Paused),
        named("ix_automation_cancelled", Column::Cancelled),
        // A DNS provider finds the automations that use it.
        on("ix_automation_dns_provider", Column::DnsProviderId),
    ]
}

fn channels() -> Vec<IndexCreateStatement> {
    use channel::{Column, Entity};
    let on = |name, column| index(name, Entity, [column, Column::Id]);
    let of_kind = [Column::Kind, Column::NameFolded, Column::Id];
    vec![
        on("ix_channel_name", Column::NameFolded),
        on("ix_channel_kind", Column::Kind),
        on("ix_channel_created", Column::Created),
        index("ix_channel_of_kind", Entity, of_kind),
    ]
}

fn alerts() -> Vec<IndexCreateStatement> {
    use alert::{Column, Entity};
    let on = |name, column| index(name, Entity, [column, Column::Id]);
    let urgent = |name, column| index(name, Entity, [column, Column::Urgency, Column::Id]);
    vec![
        on("ix_alert_kind", Column::Kind),
        on("ix_alert_severity", Column::Severity),
        on("ix_alert_subject", Column::SubjectNameFolded),
        on("ix_alert_urgency", Column::Urgency),
        on("ix_alert_raised", Column::Raised),
        urgent("ix_alert_of_kind", Column::Kind),
        urgent("ix_alert_of_severity", Column::Severity),
        urgent("ix_alert_up", Column::Up),
        on("ix_alert_subject_id", Column::SubjectId),
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

fn disclosures() -> Vec<IndexCreateStatement> {
    use disclosure::{Column, Entity};
    let on = |name, column| index(name, Entity, [column, Column::Sequence]);
    vec![
        on("ix_disclosure_key_id", Column::KeyId),
        on("ix_disclosure_gateway", Column::Gateway),
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
