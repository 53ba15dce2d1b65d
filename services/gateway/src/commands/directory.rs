//! Commands on the directory: decided, appended, and waited for until the rows have them.

use eventlog::{Aggregate as _, Origin};

use super::{CommandError, Commands};
use crate::directory::{Command, Directory, decide};

/// A command that was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Done {
    /// Where the log has its event.
    pub position: u64,
    /// An earlier try had stored it.
    pub repeated: bool,
}

impl Commands {
    /// Says something to the log, and waits until the rows have it: its position. For what needs no row before its
    /// event, or has it.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn say(&self, origin: &Origin, command: &Command) -> Result<u64, CommandError> {
        let done = self.append(origin, command).await?;
        self.progress.reaches(done.position).await?;
        Ok(done.position)
    }

    /// What the log has of everybody.
    pub(super) async fn directory(&self) -> Result<Directory, CommandError> {
        let loaded = self.log()?.load::<Directory>(Directory::ID).await;
        Ok(loaded.map_err(CommandError::Log)?.state)
    }

    pub(super) async fn append(
        &self,
        origin: &Origin,
        command: &Command,
    ) -> Result<Done, CommandError> {
        let decide = |directory: &Directory| decide(directory, command);
        let (item, now) = (Directory::NAME, self.clock.now());
        let log = self.log()?;
        let done = log
            .execute(Directory::ID, origin, item, now, decide)
            .await?;
        Ok(Done {
            position: done.position,
            repeated: done.repeated,
        })
    }
}

impl CommandError {
    /// Whether it is sure that the log has not taken the event of this try.
    pub(super) fn nothing_was_appended(&self) -> bool {
        match self {
            Self::Log(error) => !matches!(error, eventlog::LogError::Unavailable(_)),
            Self::Refused(_) | Self::LogAway | Self::Contended | Self::Changed(_) => true,
            // It says that there is an event.
            Self::RequestIdReused => false,
            Self::Behind
            | Self::Database(_)
            | Self::Hash(_)
            | Self::Random
            | Self::SetUpFile(_) => false,
        }
    }
}
