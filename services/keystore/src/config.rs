//! The `[keystore]` table of `chancery.toml`.

use std::path::PathBuf;

use serde::Deserialize;

/// How the keystore is set up. The defaults work.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the key-encryption key lies: 32 random bytes, base64. Default: `kek` in the data
    /// folder. The environment's `CHANCERY_KEK` goes before any file.
    pub kek_file: Option<PathBuf>,
    /// Where the one before lies while it is rotated. Default: beside the other, as `kek.previous`, where there is
    /// one. The environment's `CHANCERY_PREVIOUS_KEK` goes before any file.
    pub previous_kek_file: Option<PathBuf>,
}
