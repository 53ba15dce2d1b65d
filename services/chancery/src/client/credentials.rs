//! Which gateways were signed in to, and with which token: `credentials.toml`, 0600.
//!
//! A token belongs to its gateway's URL: it is never sent to another one.

use std::{
    collections::BTreeMap,
    env, fs, io,
    path::{Path, PathBuf},
};

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::{
    error::ClientError,
    trust::{Fingerprint, FingerprintError},
};
use crate::files;

/// A gateway and who we are to it.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// `https://host:port`
    pub url: String,
    /// The bearer token.
    pub token: SecretString,
    /// The gateway's certificate, where it is pinned.
    pub fingerprint: Option<Fingerprint>,
}

/// Why the credentials cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// Nobody has signed in.
    #[error("you are not signed in{}: chancery login {} < TOKEN-FILE", url.as_ref().map(|u| format!(" to {u}")).unwrap_or_default(), url.as_deref().unwrap_or("URL"))]
    None {
        /// The gateway that was asked for.
        url: Option<String>,
    },
    /// There is no home folder to keep them in.
    #[error(
        "there is no folder for credentials: set HOME or XDG_CONFIG_HOME, or use CHANCERY_URL and CHANCERY_TOKEN"
    )]
    NoFolder,
    /// The file cannot be read or written.
    #[error("cannot use {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file is not what `login` writes.
    ///
    /// The parser's own words would show the line, and with it a token.
    #[error(
        "{path} is not right in line {line}: correct it, or remove it and sign in again (`chancery login`)"
    )]
    Format {
        /// The file.
        path: PathBuf,
        /// Where the parser stopped.
        line: usize,
    },
    /// A fingerprint in the environment or the file.
    #[error(transparent)]
    Fingerprint(#[from] FingerprintError),
}

/// The file.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    /// The gateway of the last login.
    #[serde(default)]
    current: String,
    #[serde(default)]
    gateways: BTreeMap<String, Gateway>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Gateway {
    token: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gateway")
    }
}

impl Credentials {
    /// For the gateway at `url`, else for the one of the last login. `CHANCERY_TOKEN` and
    /// `CHANCERY_FINGERPRINT` stand above the file.
    pub fn find(url: Option<&str>) -> Result<Self, ClientError> {
        Ok(Self::resolve(url.map(normal), &path(), &|name| {
            env::var(name).ok()
        })?)
    }

    fn resolve(
        url: Option<String>,
        path: &Option<PathBuf>,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, CredentialsError> {
        let mut kept = match path {
            Some(path) => read(path)?,
            None => Kept::default(),
        };
        let none = CredentialsError::None { url: url.clone() };
        let url = url.or_else(|| (!kept.current.is_empty()).then(|| kept.current.clone()));
        let Some(url) = url else {
            return Err(none);
        };
        let kept = kept.gateways.remove(&url);
        let given = variable("CHANCERY_FINGERPRINT").or_else(|| kept.as_ref()?.fingerprint.clone());
        let token = variable("CHANCERY_TOKEN")
            .or_else(|| Some(kept?.token))
            .ok_or(none)?;
        Ok(Self {
            url,
            token: token.into(),
            fingerprint: given.map(|text| text.parse()).transpose()?,
        })
    }

    /// Keeps them, and makes this gateway the one that commands talk to.
    pub fn keep(&self) -> Result<PathBuf, ClientError> {
        let path = path().ok_or(CredentialsError::NoFolder)?;
        self.keep_in(&path)?;
        Ok(path)
    }

    fn keep_in(&self, path: &Path) -> Result<(), CredentialsError> {
        let mut kept = read(path)?;
        kept.current.clone_from(&self.url);
        let gateway = Gateway {
            token: self.token.expose_secret().to_owned(),
            fingerprint: self.fingerprint.map(|f| f.to_string()),
        };
        kept.gateways.insert(self.url.clone(), gateway);
        let failed = |source| CredentialsError::File {
            path: path.to_owned(),
            source,
        };
        // Strings in tables: it always serializes.
        let text = toml::to_string(&kept).map_err(|error| failed(io::Error::other(error)))?;
        if let Some(folder) = path.parent() {
            files::private_folder(folder).map_err(failed)?;
        }
        files::write_private(path, text.as_bytes()).map_err(failed)
    }
}

/// A URL as it is compared: without the slash at the end.
pub fn normal(url: &str) -> String {
    url.trim_end_matches('/').to_owned()
}

fn read(path: &Path) -> Result<Kept, CredentialsError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Kept::default()),
        Err(source) => {
            return Err(CredentialsError::File {
                path: path.to_owned(),
                source,
            });
        }
    };
    toml::from_str(&text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start));
        CredentialsError::Format {
            path: path.to_owned(),
            line: before.unwrap_or_default().matches('\n').count() + 1,
        }
    })
}

/// `$XDG_CONFIG_HOME/chancery/credentials.toml`, else below `~/.config`.
fn path() -> Option<PathBuf> {
    let given = |name| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let folder = given("XDG_CONFIG_HOME").or_else(|| Some(given("HOME")?.join(".config")))?;
    Some(folder.join("chancery").join("credentials.toml"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn credentials(url: &str, token: &str) -> Credentials {
        Credentials {
            url: url.into(),
            token: token.into(),
            fingerprint: Some("ab".repeat(32).parse().unwrap()),
        }
    }

    #[test]
    fn a_token_is_kept_for_its_gateway_and_sent_to_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = Some(folder.path().join("new/credentials.toml"));
        let file = path.as_deref().unwrap();
        credentials("https://one:443", "first")
            .keep_in(file)
            .unwrap();
        credentials("https://two:443", "second")
            .keep_in(file)
            .unwrap();
        assert_eq!(
            fs::metadata(file).unwrap().permissions().mode() & 0o777,
            0o600
        );

        let find =
            |url: Option<&str>| Credentials::resolve(url.map(str::to_owned), &path, &|_| None);
        assert_eq!(find(None).unwrap().token.expose_secret(), "second");
        assert_eq!(
            find(Some("https://one:443")).unwrap().token.expose_secret(),
            "first"
        );
        let refusal = find(Some("https://three:443")).unwrap_err();
        assert!(matches!(refusal, CredentialsError::None { url: Some(_) }));
        assert!(!format!("{:?}", read(file).unwrap()).contains("first"));
    }

    #[test]
    fn a_damaged_file_is_named_with_its_line_and_without_its_tokens() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials.toml");
        let damaged =
            "current = \"https://one\"\n\n[gateways.\"https://one\"]\ntoken = \"chancery_secret\n";
        fs::write(&path, damaged).unwrap();
        let error = read(&path).unwrap_err();
        let said = format!("{error} {error:?}");
        assert!(said.contains("in line 4"), "{said}");
        assert!(!said.contains("chancery_secret"), "{said}");
    }

    #[test]
    fn the_environment_stands_above_the_file() {
        let variable =
            |name: &str| (name == "CHANCERY_TOKEN").then(|| "from the environment".to_owned());
        let found = Credentials::resolve(Some("https://one".into()), &None, &variable).unwrap();
        assert_eq!(found.token.expose_secret(), "from the environment");
        assert!(found.fingerprint.is_none());
    }
}
