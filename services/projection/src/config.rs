//! The `[projection]` table.

use std::time::Duration;

use serde::Deserialize;

/// How this service works; every key may be left out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// For how many seconds a question waits for its `at_least` where the caller sets no deadline;
    /// never longer than a caller's deadline. Default 10.
    pub patience_seconds: u32,
}

impl Config {
    /// [`Config::patience_seconds`].
    pub fn patience(&self) -> Duration {
        Duration::from_secs(self.patience_seconds.into())
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            patience_seconds: 10,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_not_known_is_an_error() {
        let read = |json: &str| serde_json::from_str::<Config>(json);
        assert_eq!(read("{}").unwrap(), Config::default());
        assert_eq!(
            read(r#"{"patience_seconds": 2}"#).unwrap().patience(),
            Duration::from_secs(2)
        );
        assert!(read(r#"{"patience": 2}"#).is_err());
    }
}
