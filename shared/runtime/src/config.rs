//! Configuration: defaults, then `chancery.toml`, then `CHANCERY_*`. What is not known is an error.

mod cidr;
mod settings;

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

use database::{Home, ServerUrl};
use serde::Deserialize;

use crate::Layout;

pub use self::{
    cidr::{Cidr, CidrError},
    settings::{ConfigError, Settings},
};

/// What all services read: everything outside of the services' own tables.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Shared {
    /// The data folder; default `chancery-data` in the working directory. See [`crate::Layout`].
    pub data_dir: PathBuf,
    /// The folder of identities; default `identity` in the data folder.
    pub identity_dir: Option<PathBuf>,
    /// The event log's server.
    pub nats: Nats,
    /// What the services keep their rows in.
    pub database: Database,
    /// Where each service's internal gRPC is.
    pub peers: Peers,
    /// What outgoing connections may reach.
    pub egress: Egress,
    /// Logs, traces and metrics.
    pub telemetry: Telemetry,
    /// Where a service listens, "host:port", when that is not its entry in `[peers]`; by the service's name.
    /// In the file it is `listen` in the service's own table.
    #[serde(skip)]
    pub listen: BTreeMap<String, String>,
    /// Where a service shows its metrics, when that is not where [`Telemetry::metrics`] says; by the service's name.
    /// In the file it is `metrics` in the service's own table.
    #[serde(skip)]
    pub metrics: BTreeMap<String, SocketAddr>,
}

impl Shared {
    /// Where a service's database is.
    pub fn home(&self, service: &'static str) -> Home {
        match &self.database.url {
            None => Home::sqlite(service, Layout::of(self).database_dir()),
            Some(url) => Home::postgresql(service, url),
        }
    }

    /// Where a service that runs by itself shows its metrics, and says how it is; `None`: nowhere.
    pub fn metrics_of(&self, service: &str) -> Option<SocketAddr> {
        let own = self.metrics.get(service).copied();
        own.or(self.telemetry.metrics)
    }
}

/// `[nats]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Nats {
    /// `tls://host:port`, several with commas between; default `tls://127.0.0.1:7422`.
    pub url: String,
    /// Where the servers of a cluster meet each other, "host:port", one for each in `url` and in its order; the log
    /// is then kept three times. Default none: one server.
    pub routes: Vec<String>,
}

/// `[database]`
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// A PostgreSQL, `postgresql://user:password@host/database?sslmode=verify-full`, in which each service has a schema of
    /// its own; `{service}` in it is the service's name. Default: SQLite files in the data folder.
    pub url: Option<ServerUrl>,
}

/// `[peers]`: "host:port" of each service's internal gRPC.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Peers {
    /// Default `127.0.0.1:7401`.
    pub keystore: String,
    /// Default `127.0.0.1:7402`.
    pub acme_agent: String,
    /// Default `127.0.0.1:7403`.
    pub projection: String,
    /// Default `127.0.0.1:7404`.
    pub csr_service: String,
    /// Default `127.0.0.1:7405`.
    pub notifier: String,
}

impl Peers {
    /// Where the service with this name is, if it is one with internal gRPC.
    pub fn of(&self, service: &str) -> Option<&str> {
        match service {
            "keystore" => Some(&self.keystore),
            "acme-agent" => Some(&self.acme_agent),
            "projection" => Some(&self.projection),
            "csr-service" => Some(&self.csr_service),
            "notifier" => Some(&self.notifier),
            _ => None,
        }
    }
}

/// `[egress]`
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Egress {
    /// Addresses that outgoing connections may reach although they are private, local or reserved; default none.
    pub allow: Vec<Cidr>,
}

/// `[telemetry]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Telemetry {
    /// What is logged, as `tracing` writes its filters: "info", "warn,keystore=debug"; default
    /// "info,async_nats=warn,sea_orm_migration=warn": ours, and what goes wrong in these.
    pub log: LogFilter,
    /// How it is written to stderr; default text.
    pub log_format: LogFormat,
    /// Where traces go (OTLP over gRPC), `http://host:4317`; default nowhere.
    pub otlp_endpoint: Option<String>,
    /// Where metrics are shown (`/metrics`) and the process says how it is (`/healthz`, `/readyz`), by plain HTTP to
    /// whoever can reach it: "127.0.0.1:9464"; default nowhere.
    pub metrics: Option<SocketAddr>,
}

/// A filter that `tracing` understands.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct LogFilter(String);

impl LogFilter {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for LogFilter {
    type Error = tracing_subscriber::filter::ParseError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        tracing_subscriber::EnvFilter::try_new(&text)?;
        Ok(Self(text))
    }
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            data_dir: "chancery-data".into(),
            identity_dir: None,
            nats: Nats::default(),
            database: Database::default(),
            peers: Peers::default(),
            egress: Egress::default(),
            telemetry: Telemetry::default(),
            listen: BTreeMap::new(),
            metrics: BTreeMap::new(),
        }
    }
}

impl Default for Nats {
    fn default() -> Self {
        Self {
            url: "tls://127.0.0.1:7422".into(),
            routes: Vec::new(),
        }
    }
}

impl Default for Peers {
    fn default() -> Self {
        Self {
            keystore: "127.0.0.1:7401".into(),
            acme_agent: "127.0.0.1:7402".into(),
            projection: "127.0.0.1:7403".into(),
            csr_service: "127.0.0.1:7404".into(),
            notifier: "127.0.0.1:7405".into(),
        }
    }
}

impl Default for Telemetry {
    fn default() -> Self {
        Self {
            log: LogFilter("info,async_nats=warn,sea_orm_migration=warn".into()),
            log_format: LogFormat::default(),
            otlp_endpoint: None,
            metrics: None,
        }
    }
}
