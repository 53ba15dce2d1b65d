//! The services whose tables are not all made from the log. The projection's are: it makes them again.

use sea_orm_migration::MigrationTrait;

/// A service with a database that must be kept.
#[derive(Clone, Copy)]
pub struct Part {
    /// Its name.
    pub service: &'static str,
    /// What makes its tables.
    pub migrations: fn() -> Vec<Box<dyn MigrationTrait>>,
}

/// All of them.
pub const PARTS: [Part; 5] = [
    Part {
        service: "keystore",
        migrations: keystore::migrations,
    },
    Part {
        service: "csr-service",
        migrations: csr_service::migrations,
    },
    Part {
        service: "acme-agent",
        migrations: acme_agent::migrations,
    },
    Part {
        service: "notifier",
        migrations: notifier::migrations,
    },
    Part {
        service: "gateway",
        migrations: gateway::migrations,
    },
];

impl Part {
    /// The one of this name.
    pub fn named(service: &str) -> Option<Self> {
        PARTS.into_iter().find(|part| part.service == service)
    }
}
