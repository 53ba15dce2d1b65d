//! Where configuration comes from, and how a typo in it is found.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use figment::{
    Figment,
    providers::{Env, Format, Serialized, Toml},
};
use serde::{
    Deserialize, Serialize,
    de::{DeserializeOwned, IgnoredAny},
};
use thiserror::Error;

use super::{Database, Egress, Nats, Peers, Shared, Telemetry};
use crate::Layout;

/// The whole configuration of one process, read but not yet typed.
#[derive(Clone)]
pub struct Settings {
    figment: Figment,
}

impl Settings {
    /// Reads `config`, else `chancery.toml` in the data folder if it is there; then the environment:
    /// `CHANCERY_DATA_DIR`, `CHANCERY_IDENTITY_DIR`, and `CHANCERY_<TABLE>__<KEY>`.
    ///
    /// `data_dir` (the command line's) goes before all others.
    ///
    /// # Errors
    /// When a file that was asked for is not there, and when anything cannot be read as configuration or has a
    /// name that is not known.
    pub fn read(config: Option<&Path>, data_dir: Option<&Path>) -> Result<Self, ConfigError> {
        let environment = Figment::new().merge(environment());
        let figment = match config {
            Some(path) if !path.is_file() => return Err(ConfigError::NotThere(path.into())),
            Some(path) => Figment::from(Toml::file_exact(path)),
            None => {
                // The folder must be known before its file can be read: so the file cannot name it.
                let named = data_dir.map(PathBuf::from);
                let named = named.or_else(|| environment.extract_inner("data_dir").ok());
                let folder = named.unwrap_or_else(|| Shared::default().data_dir);
                let path = Layout::under(folder).config_file();
                match path.is_file() {
                    true => Figment::from(Toml::file_exact(path)),
                    false => Figment::new(),
                }
            }
        };
        let figment = match data_dir {
            Some(folder) => figment
                .merge(environment)
                .merge(Serialized::default("data_dir", folder)),
            None => figment.merge(environment),
        };
        let settings = Self { figment };
        settings.shared()?;
        Ok(settings)
    }

    /// With this value of `table.key`, where none is configured.
    pub fn or(&self, key: &str, value: impl Serialize) -> Self {
        Self {
            figment: self.figment.clone().join((key, value)),
        }
    }

    /// Everything outside of the services' own tables.
    ///
    /// # Errors
    /// When a value does not fit, or a name is not known.
    pub fn shared(&self) -> Result<Shared, ConfigError> {
        let file: File = self.figment.extract().map_err(ConfigError::wrong)?;
        Ok(Shared {
            data_dir: file.data_dir,
            identity_dir: file.identity_dir,
            nats: file.nats,
            database: file.database,
            peers: file.peers,
            egress: file.egress,
            telemetry: file.telemetry,
            listen: self.of_each(&LISTENERS, "listen")?,
            metrics: self.of_each(&SERVICES, "metrics")?,
        })
    }

    /// The values of one key that stands in the services' own tables, by the services' names.
    fn of_each<T: DeserializeOwned>(
        &self,
        tables: &[&str],
        key: &str,
    ) -> Result<BTreeMap<String, T>, ConfigError> {
        let mut values = BTreeMap::new();
        for table in tables {
            match self.figment.extract_inner(&format!("{table}.{key}")) {
                Ok(value) => {
                    values.insert(table.replace('_', "-"), value);
                }
                Err(error) if error.missing() => {}
                Err(error) => return Err(ConfigError::wrong(error)),
            }
        }
        Ok(values)
    }

    /// The table of one service, "acme_agent"; its defaults when there is none.
    ///
    /// `listen` in it belongs to [`Shared::listen`] and `metrics` to [`Shared::metrics`]; the service sees neither.
    ///
    /// # Errors
    /// When a value does not fit, or a name is not known.
    pub fn table<T: DeserializeOwned>(&self, name: &str) -> Result<T, ConfigError> {
        let mut table: figment::value::Dict = match self.figment.extract_inner(name) {
            Ok(table) => table,
            Err(error) if error.missing() => figment::value::Dict::new(),
            Err(error) => return Err(ConfigError::wrong(error)),
        };
        if LISTENERS.contains(&name) {
            table.remove("listen");
        }
        if SERVICES.contains(&name) {
            table.remove("metrics");
        }
        let figment = Figment::from(Serialized::defaults(table));
        figment.extract().map_err(|mut error| {
            // The copy of the table does not know where it came from: the original does.
            error.path.insert(0, name.to_owned());
            error.metadata = self.figment.find_metadata(&error.path.join(".")).cloned();
            ConfigError::wrong(error)
        })
    }
}

/// The configuration cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file that was asked for is not there.
    #[error("there is no configuration at {0}")]
    NotThere(PathBuf),
    /// A name is not known, or a value is not what it must be.
    #[error("the configuration is wrong")]
    Wrong(#[source] Box<figment::Error>),
}

impl ConfigError {
    fn wrong(error: figment::Error) -> Self {
        Self::Wrong(Box::new(error))
    }
}

/// Only what names a table and a key, or one of the two folders: other `CHANCERY_*` variables (CHANCERY_KEK,
/// CHANCERY_TOKEN, …) are the program's, and not configuration.
fn environment() -> Env {
    Env::prefixed("CHANCERY_")
        .filter(|key| key.as_str().contains("__") || key == "data_dir" || key == "identity_dir")
        .map(
            |key| match key.as_str().to_ascii_lowercase().strip_prefix("peers__") {
                // A variable's name cannot hold the hyphen of a service's.
                Some(service) => format!("peers__{}", service.replace('_', "-")).into(),
                None => key.into(),
            },
        )
        .split("__")
}

/// Every name that may stand at the top.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(
    dead_code,
    reason = "the services' tables are only named here: each is read by its service"
)]
struct File {
    data_dir: PathBuf,
    identity_dir: Option<PathBuf>,
    nats: Nats,
    database: Database,
    peers: Peers,
    egress: Egress,
    telemetry: Telemetry,
    keystore: IgnoredAny,
    csr_service: IgnoredAny,
    acme_agent: IgnoredAny,
    notifier: IgnoredAny,
    projection: IgnoredAny,
    gateway: IgnoredAny,
}

impl Default for File {
    fn default() -> Self {
        let shared = Shared::default();
        Self {
            data_dir: shared.data_dir,
            identity_dir: shared.identity_dir,
            nats: shared.nats,
            database: shared.database,
            peers: shared.peers,
            egress: shared.egress,
            telemetry: shared.telemetry,
            keystore: IgnoredAny,
            csr_service: IgnoredAny,
            acme_agent: IgnoredAny,
            notifier: IgnoredAny,
            projection: IgnoredAny,
            gateway: IgnoredAny,
        }
    }
}

/// The tables whose `listen` is where the service's internal gRPC listens.
const LISTENERS: [&str; 5] = [
    "keystore",
    "csr_service",
    "acme_agent",
    "notifier",
    "projection",
];

/// The services' own tables.
const SERVICES: [&str; 6] = [
    "keystore",
    "csr_service",
    "acme_agent",
    "notifier",
    "projection",
    "gateway",
];
