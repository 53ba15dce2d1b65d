//! One thing that a message says.

use api::notifier::v1::{MessageKind, Severity};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

/// One thing that a message says, whole: a message that is sent again says the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// What it stands for.
    pub about: About,
    /// Its kind.
    pub kind: MessageKind,
    /// How much it wants somebody.
    pub severity: Severity,
    /// "certificate", "automation", "channel", "key".
    pub subject_kind: String,
    /// Which one.
    pub subject_id: String,
    /// What people call it.
    pub name: String,
    /// One sentence: what is wrong, or what has become of it.
    pub message: String,
    /// One sentence: what to do; may be empty.
    pub advice: String,
    /// Until when.
    #[serde(with = "time::serde::rfc3339::option")]
    pub deadline: Option<OffsetDateTime>,
    /// Since when it is so.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
}

/// What an item stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// An alert is up, on this day.
    Alert {
        /// Its id.
        id: Uuid,
        /// "2026-11-25".
        day: String,
        /// When it was raised, in microseconds: it may come back on the same day.
        at: i64,
    },
    /// An alert is over.
    AllClear {
        /// Its id.
        id: Uuid,
        /// "2026-11-25".
        day: String,
        /// When it was cleared, in microseconds.
        at: i64,
    },
    /// Something happened once.
    Notice {
        /// The notice's id.
        id: Uuid,
    },
    /// Somebody tries whether messages arrive.
    Test,
}

impl About {
    /// The alert, with the day, and whether it is over.
    pub fn alert(&self) -> Option<(Uuid, &str, bool)> {
        match self {
            Self::Alert { id, day, .. } => Some((*id, day, false)),
            Self::AllClear { id, day, .. } => Some((*id, day, true)),
            Self::Notice { .. } | Self::Test => None,
        }
    }

    /// Names what a channel is told of: of two items with one name only one waits to be told.
    pub fn of(&self) -> (Option<Uuid>, bool) {
        match self {
            Self::Alert { id, .. } | Self::Notice { id } => (Some(*id), false),
            Self::AllClear { id, .. } => (Some(*id), true),
            Self::Test => (None, false),
        }
    }

    /// Names this telling of it, among all that a channel is ever told.
    pub fn telling(&self) -> String {
        match self {
            Self::Alert { id, day, at } => format!("alert/{id}/{day}/{at}"),
            Self::AllClear { id, day, at } => format!("all-clear/{id}/{day}/{at}"),
            Self::Notice { id } => format!("notice/{id}"),
            Self::Test => "test".to_owned(),
        }
    }
}
