//! The `[projection]` table.

use std::time::Duration;

use eventlog::proof::{NoteError, NoteKey, note};
use serde::Deserialize;

/// How this service works; every key may be left out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// For how many seconds a question waits for its `at_least` where the caller sets no deadline;
    /// never longer than a caller's deadline. Default 10.
    pub patience_seconds: u32,
    /// After how many seconds at most an event is under a signed checkpoint; 0: only when somebody asks for one.
    /// Default 600.
    pub checkpoint_seconds: u32,
    /// What the log is called in its checkpoints, and its key with it: 1 to 200 printable characters of ASCII without
    /// space and plus, usually a name of yours without a scheme, "chancery.example.com/log". Never change it: checkpoints
    /// that were kept elsewhere are of another log then. Default: "chancery/" and the id of the log's first event.
    pub log_origin: Option<String>,
    /// After how many seconds the whole log is read through again, and held against what was recorded of each event when
    /// it came; 0: never. Default 86,400.
    pub scrub_seconds: u32,
    /// How many of the log's last events are held against that before any question is answered; the service does not start
    /// where they are others. 0: none. Default 1,000.
    pub scrub_tail_events: u32,
    /// Verifier keys of the witnesses whose signatures on checkpoints are taken. Default: none.
    pub witnesses: Vec<String>,
}

impl Config {
    /// [`Config::patience_seconds`].
    pub fn patience(&self) -> Duration {
        Duration::from_secs(self.patience_seconds.into())
    }

    /// [`Config::checkpoint_seconds`].
    pub fn checkpoint_every(&self) -> Option<Duration> {
        let seconds = self.checkpoint_seconds;
        (seconds > 0).then(|| Duration::from_secs(seconds.into()))
    }

    /// [`Config::scrub_seconds`].
    pub fn scrub_every(&self) -> Option<Duration> {
        let seconds = self.scrub_seconds;
        (seconds > 0).then(|| Duration::from_secs(seconds.into()))
    }

    /// [`Config::log_origin`].
    ///
    /// # Errors
    /// Where it is no name.
    pub fn origin(&self) -> Result<Option<String>, NoteError> {
        match &self.log_origin {
            Some(name) if !note::is_name(name) => Err(NoteError::NotAName),
            name => Ok(name.clone()),
        }
    }

    /// [`Config::witnesses`].
    ///
    /// # Errors
    /// Where one is no key.
    pub fn witnesses(&self) -> Result<Vec<NoteKey>, NoteError> {
        self.witnesses
            .iter()
            .map(|key| NoteKey::parse(key))
            .collect()
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            patience_seconds: 10,
            checkpoint_seconds: 600,
            scrub_seconds: 86_400,
            scrub_tail_events: 1_000,
            log_origin: None,
            witnesses: Vec::new(),
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
        assert_eq!(
            read(r#"{"checkpoint_seconds": 0}"#)
                .unwrap()
                .checkpoint_every(),
            None
        );
        let never = read(r#"{"scrub_seconds": 0}"#).unwrap();
        assert_eq!(never.scrub_every(), None);
        assert!(
            read(r#"{"log_origin": "two words"}"#)
                .unwrap()
                .origin()
                .is_err()
        );
        assert!(
            read(r#"{"witnesses": ["somebody"]}"#)
                .unwrap()
                .witnesses()
                .is_err()
        );
    }
}
