//! The tables of ACME servers, DNS providers and automations.

use sea_orm_migration::{prelude::*, schema};

use crate::tables::{automation, automation_name, dns_provider, server};

pub(super) fn server_table() -> TableCreateStatement {
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
        .col(schema::text(Column::CaaIdentities))
        .col(schema::text(Column::Profiles))
        .col(schema::text(Column::ExternalAccountKeyId))
        .col(schema::big_integer(Column::Created))
        .col(schema::big_integer(Column::DeactivatedAt))
        .to_owned()
}

pub(super) fn dns_provider_table() -> TableCreateStatement {
    use dns_provider::Column;
    Table::create()
        .table(dns_provider::Entity)
        .col(schema::text(Column::Id).primary_key())
        .col(schema::text(Column::Name))
        .col(schema::text(Column::NameFolded))
        .col(schema::text(Column::Kind))
        .col(schema::text(Column::Settings))
        .col(schema::big_integer(Column::Created))
        .col(schema::big_integer(Column::RemovedAt))
        .to_owned()
}

pub(super) fn automation_table() -> TableCreateStatement {
    use automation::Column;
    Table::create()
        .table(automation::Entity)
        .col(schema::text(Column::Id).primary_key())
        .col(schema::text(Column::FriendlyName))
        .col(schema::text(Column::FriendlyNameFolded))
        .col(schema::text(Column::ServerId))
        .col(schema::text(Column::FallbackServerId))
        .col(schema::text(Column::DnsNames))
        .col(schema::text(Column::IpAddresses))
        .col(schema::integer(Column::KeyAlgorithm))
        .col(schema::integer(Column::ChallengeType))
        .col(schema::text(Column::DnsProviderId))
        .col(schema::text(Column::Profile))
        .col(schema::text(Column::PreferredChain))
        .col(schema::text(Column::CertificateId))
        .col(schema::big_integer(Column::CertificateVersion))
        .col(schema::big_integer(Column::NotBefore))
        .col(schema::big_integer(Column::NotAfter))
        .col(schema::boolean(Column::Revoked))
        .col(schema::big_integer(Column::DueAt))
        .col(schema::big_integer(Column::ErrorAt))
        .col(schema::integer(Column::Renewal))
        .col(schema::big_integer(Column::RenewAt))
        .col(schema::integer(Column::ScheduleReason))
        .col(schema::big_integer(Column::WindowStart))
        .col(schema::big_integer(Column::WindowEnd))
        .col(schema::text(Column::ExplanationUrl))
        .col(schema::big_integer(Column::Attempt))
        .col(schema::text(Column::OrderUrl))
        .col(schema::boolean(Column::Ordering))
        .col(schema::big_integer(Column::Failures))
        .col(schema::big_integer(Column::FailingSince))
        .col(schema::big_integer(Column::RetryAt))
        .col(schema::boolean(Column::Refused))
        .col(schema::text_null(Column::LastFailure))
        .col(schema::text_null(Column::RevocationFailure))
        .col(schema::boolean(Column::Paused))
        .col(schema::big_integer(Column::PausedAt))
        .col(schema::text(Column::PauseReason))
        .col(schema::boolean(Column::Cancelled))
        .col(schema::big_integer(Column::CancelledAt))
        .col(schema::text(Column::LastEvent))
        .col(schema::big_integer(Column::Created))
        .col(schema::big_integer(Column::Updated))
        .to_owned()
}

pub(super) fn automation_name_table() -> TableCreateStatement {
    use automation_name::Column;
    Table::create()
        .table(automation_name::Entity)
        .col(schema::text(Column::AutomationId))
        .col(schema::text(Column::Name))
        .primary_key(Index::create().col(Column::AutomationId).col(Column::Name))
        .foreign_key(
            ForeignKey::create()
                .from(automation_name::Entity, Column::AutomationId)
                .to(automation::Entity, automation::Column::Id)
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}
