//! The `[csr_service]` table of `chancery.toml`.

use serde::Deserialize;

/// How this service is set up. There is nothing to set but where it listens, which the runtime reads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {}
