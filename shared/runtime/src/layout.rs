//! Where everything lies in the data folder, spelled once.

use std::path::{Path, PathBuf};

use crate::config::Shared;

/// The paths of one data folder. Making it touches no file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    data: PathBuf,
    identity: PathBuf,
}

impl Layout {
    /// The layout that the configuration asks for.
    pub fn of(shared: &Shared) -> Self {
        let data = shared.data_dir.clone();
        let identity = shared.identity_dir.clone();
        Self {
            identity: identity.unwrap_or_else(|| data.join("identity")),
            data,
        }
    }

    /// The layout of a data folder whose identities lie in it.
    pub fn under(data_dir: impl Into<PathBuf>) -> Self {
        let data = data_dir.into();
        Self {
            identity: data.join("identity"),
            data,
        }
    }

    /// The data folder itself.
    pub fn data_dir(&self) -> &Path {
        &self.data
    }

    /// The optional configuration.
    pub fn config_file(&self) -> PathBuf {
        self.data.join("chancery.toml")
    }

    /// Locked by the one `chancery up` that may use this folder.
    pub fn lock(&self) -> PathBuf {
        self.data.join("lock")
    }

    /// There while a backup is restored: nothing starts on what was half restored.
    pub fn unfinished_restore(&self) -> PathBuf {
        self.data.join("restore-unfinished")
    }

    /// The key-encryption key (0600): 32 random bytes in base64. Leave it out of backups.
    pub fn kek(&self) -> PathBuf {
        self.data.join("kek")
    }

    /// The folder of certificates, keys and nkeys that services identify themselves with.
    pub fn identity_dir(&self) -> &Path {
        &self.identity
    }

    /// The certificate of the internal CA, PEM. May hold several while a CA is replaced.
    pub fn ca_certificate(&self) -> PathBuf {
        self.identity.join("ca.pem")
    }

    /// The key of the internal CA, sealed by the key-encryption key.
    pub fn sealed_ca_key(&self) -> PathBuf {
        self.identity.join("ca.key.sealed")
    }

    /// The certificate of one identity and the internal CA's, PEM.
    pub fn leaf(&self, name: &str) -> PathBuf {
        self.identity.join(format!("{name}.pem"))
    }

    /// The private key of one identity (0600), PKCS#8 PEM.
    pub fn leaf_key(&self, name: &str) -> PathBuf {
        self.identity.join(format!("{name}.key"))
    }

    /// The seed with which one identity signs in to NATS (0600).
    pub fn nkey(&self, name: &str) -> PathBuf {
        self.identity.join(format!("{name}.nkey"))
    }

    /// The configuration of the nats-server that `chancery up` runs.
    pub fn nats_config(&self) -> PathBuf {
        self.data.join("nats").join("nats.conf")
    }

    /// Where that nats-server keeps its streams.
    pub fn nats_store(&self) -> PathBuf {
        self.data.join("nats").join("store")
    }

    /// The folder of the databases.
    pub fn database_dir(&self) -> PathBuf {
        self.data.join("db")
    }

    /// The database of one service.
    pub fn database(&self, service: &str) -> PathBuf {
        self.database_dir().join(format!("{service}.sqlite"))
    }

    /// The bearer token that `chancery init` made (0600).
    pub fn bootstrap_token(&self) -> PathBuf {
        self.data.join("bootstrap-token")
    }

    /// What the local test CA needs; there only with `chancery up --test-ca`.
    pub fn test_ca(&self) -> PathBuf {
        self.data.join("test-ca")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_may_lie_outside_of_the_data_folder() {
        let shared = Shared {
            data_dir: "/data".into(),
            identity_dir: Some("/run/identity".into()),
            ..Shared::default()
        };
        let layout = Layout::of(&shared);
        assert_eq!(
            layout.leaf("gateway"),
            Path::new("/run/identity/gateway.pem")
        );
        assert_eq!(
            layout.database("gateway"),
            Path::new("/data/db/gateway.sqlite")
        );
        assert_eq!(
            Layout::under("/data").leaf_key("nats"),
            Path::new("/data/identity/nats.key")
        );
    }
}
