//! A person's second factor: added, asked for, removed.

use std::{error::Error, time::Duration};

use sea_orm::DbErr;
use tokio_util::sync::CancellationToken;
use tracing::warn;
use uuid::Uuid;

use super::{
    TotpSecret,
    recovery::RecoveryCode,
    row,
    secret::{SecretError, Secrets},
};
use crate::{
    commands::{CommandError, Commands, OpenSession},
    directory::{Command, Refusal},
};

/// Second factors. Cheap to clone.
#[derive(Clone)]
pub struct Factors {
    commands: Commands,
    secrets: Secrets,
}

/// Why a factor was not looked at, or not changed.
#[derive(Debug, thiserror::Error)]
pub enum FactorError {
    /// The command was not done.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The sealed secret is not to be had.
    #[error("cannot use the sealed secret of a second factor")]
    Secret(#[from] SecretError),
    /// The machine gave no random numbers.
    #[error("the machine gave no random numbers")]
    Random,
}

impl From<DbErr> for FactorError {
    fn from(error: DbErr) -> Self {
        Self::Command(error.into())
    }
}

impl Factors {
    /// Second factors of people, whose secrets the keystore keeps.
    pub fn new(commands: Commands, secrets: Secrets) -> Factors {
        Factors { commands, secrets }
    }

    /// Makes a secret for a person who wants to add a factor, in place of one that he never finished.
    ///
    /// # Errors
    /// [`Refusal::SecondFactorExists`] where he has one, and what does not work.
    pub async fn begin(&self, session: &OpenSession) -> Result<(), FactorError> {
        if session.second_factor {
            return Err(refused(Refusal::SecondFactorExists));
        }
        let secret = TotpSecret::generate().map_err(|_| FactorError::Random)?;
        self.secrets.seal(session.user, &secret).await?;
        Ok(row::begin(&self.commands.database, session.user).await?)
    }

    /// The secret of a factor that a person is about to add: for his device.
    ///
    /// # Errors
    /// [`Refusal::SecondFactorExists`] where he has one: it is never shown again. And what does not work.
    pub async fn begun(&self, session: &OpenSession) -> Result<Option<TotpSecret>, FactorError> {
        if session.second_factor {
            return Err(refused(Refusal::SecondFactorExists));
        }
        match row::last_step(&self.commands.database, session.user).await? {
            Some(_) => Ok(self.secrets.open(session.user).await?),
            None => Ok(None),
        }
    }

    /// Adds the factor, where this is its code; his other sessions end. His recovery codes; `None`: the code is wrong.
    ///
    /// # Errors
    /// What does not work.
    pub async fn add(
        &self,
        session: &OpenSession,
        code: &str,
    ) -> Result<Option<Vec<RecoveryCode>>, FactorError> {
        let user = session.user;
        // Step 1: his device and we have the same secret.
        if session.second_factor || !self.is_code(user, code).await? {
            return Ok(None);
        }
        // Step 2: the recovery codes. After a crash here he is not asked for a code, and they open nothing.
        let codes = self.new_codes(user).await?;
        // Step 3: append. From now on he is asked.
        let origin = self.commands.origin_of(user);
        self.commands
            .say(&origin, &Command::AddSecondFactor(user))
            .await?;
        self.commands.end_other_sessions(session).await?;
        Ok(Some(codes))
    }

    /// Removes a person's factor; his other sessions end.
    ///
    /// # Errors
    /// [`Refusal::NoSecondFactor`], and what does not work.
    pub async fn remove(&self, session: &OpenSession) -> Result<(), FactorError> {
        let origin = self.commands.origin_of(session.user);
        let removal = Command::RemoveSecondFactor(session.user);
        // The rows follow from it, and what is sealed is destroyed after them.
        self.commands.say(&origin, &removal).await?;
        self.commands.end_other_sessions(session).await?;
        self.destroy_gone().await
    }

    /// Whether this is a code of now of a person's factor. It is accepted once.
    ///
    /// # Errors
    /// What does not work.
    pub async fn is_code(&self, user: Uuid, code: &str) -> Result<bool, FactorError> {
        let Some(last) = row::last_step(&self.commands.database, user).await? else {
            return Ok(false);
        };
        let Some(secret) = self.secrets.open(user).await? else {
            return Ok(false);
        };
        match secret.accepts(code, self.commands.clock.now(), last) {
            Some(step) => Ok(row::accept(&self.commands.database, user, step).await?),
            None => Ok(false),
        }
    }

    /// Whether this is one of a person's recovery codes. It is used up, and the log has that.
    ///
    /// # Errors
    /// What does not work.
    pub async fn is_recovery_code(&self, user: Uuid, typed: &str) -> Result<bool, FactorError> {
        let Some(code) = RecoveryCode::typed(typed) else {
            return Ok(false);
        };
        let database = &self.commands.database;
        // Step 1: it opens nothing any more, whatever comes.
        if !row::use_code(database, user, code.digest()).await? {
            return Ok(false);
        }
        // Step 2: append.
        let left = row::codes_left(database, user).await?;
        let used = Command::UseRecoveryCode(user, u32::try_from(left).unwrap_or(u32::MAX));
        self.commands
            .say(&self.commands.origin_of(user), &used)
            .await?;
        Ok(true)
    }

    /// Makes recovery codes for a person, in place of those that he had.
    ///
    /// # Errors
    /// What does not work.
    pub async fn new_codes(&self, user: Uuid) -> Result<Vec<RecoveryCode>, FactorError> {
        let codes = (0..RecoveryCode::COUNT).map(|_| RecoveryCode::generate());
        let codes = codes.collect::<Result<Vec<_>, _>>();
        let codes = codes.map_err(|_| FactorError::Random)?;
        let digests = codes.iter().map(RecoveryCode::digest).collect::<Vec<_>>();
        row::keep_codes(&self.commands.database, user, &digests).await?;
        Ok(codes)
    }

    /// How many recovery codes a person has left.
    ///
    /// # Errors
    /// What the database says.
    pub async fn codes_left(&self, user: Uuid) -> Result<u64, FactorError> {
        Ok(row::codes_left(&self.commands.database, user).await?)
    }

    /// Destroys what is sealed of factors that are gone, until `stopping`: also of people who were deleted, or whose
    /// credentials were reset.
    pub async fn sweep(&self, stopping: &CancellationToken) {
        let work = async {
            loop {
                if let Err(error) = self.destroy_gone().await {
                    let error = &error as &dyn Error;
                    warn!(
                        error,
                        "cannot destroy the secrets of second factors, trying again"
                    );
                }
                self.commands.clock.sleep(SWEEP_EVERY).await;
            }
        };
        stopping.run_until_cancelled(work).await;
    }

    async fn destroy_gone(&self) -> Result<(), FactorError> {
        for user in row::gone(&self.commands.database).await? {
            self.secrets.destroy(user).await?;
            row::forget(&self.commands.database, user).await?;
        }
        Ok(())
    }
}

fn refused(refusal: Refusal) -> FactorError {
    FactorError::Command(CommandError::Refused(refusal.into()))
}

const SWEEP_EVERY: Duration = Duration::from_secs(60);
