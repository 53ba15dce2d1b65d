//! What follows in the rows from what the log says of people and their sessions.
//!
//! Two gateways on one database do no harm: each event takes effect on the rows once, whoever brings it.

use std::{sync::Arc, time::Duration};

use api::{gateway::v1::SessionEnd, options::v1::Role};
use eventlog::{Aggregate, Apply, ApplyError, Recorded};
use sea_orm::{DatabaseTransaction, DbErr};
use tokio::sync::{Notify, watch};
use uuid::Uuid;

use crate::{
    api_token,
    commands::CommandError,
    directory::{self, Directory},
    events::{ApiTokenEvent, DirectoryEvent, SessionEvent},
    rows::{intended_password, invitation, session, set_up, token, user},
    second_factor::row as factor,
    session::State,
    sign_in::browser,
};

/// Keeps the rows.
pub struct Rows {
    position: watch::Sender<u64>,
    changed: watch::Sender<u64>,
    set_up: watch::Sender<bool>,
    ending: Arc<Notify>,
}

impl Rows {
    /// The name of the follower's checkpoint.
    pub const FOLLOWER: &str = "people";

    /// The kinds of aggregates that it follows.
    pub const KINDS: [&str; 3] = [Directory::NAME, State::NAME, api_token::State::NAME];

    /// `changed` is told the position of the last event that changed rows; `ending` is notified where sessions may have to end.
    pub fn new(
        position: watch::Sender<u64>,
        changed: watch::Sender<u64>,
        set_up: watch::Sender<bool>,
        ending: Arc<Notify>,
    ) -> Self {
        Self {
            position,
            changed,
            set_up,
            ending,
        }
    }
}

/// How far the rows are. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Progress(watch::Receiver<u64>);

impl Progress {
    /// Of those who tell `position`.
    pub fn of(position: &watch::Sender<u64>) -> Self {
        Self(position.subscribe())
    }

    /// Waits until they have the events up to this position.
    ///
    /// # Errors
    /// [`CommandError::Behind`] where they do not in time.
    pub async fn reaches(&self, position: u64) -> Result<(), CommandError> {
        let mut rows = self.0.clone();
        let reached = rows.wait_for(|at| *at >= position);
        match tokio::time::timeout(PATIENCE, reached).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(CommandError::Behind),
        }
    }

    /// Whether they have them now.
    pub fn has(&self, position: u64) -> bool {
        *self.0.borrow() >= position
    }
}

#[async_trait::async_trait]
impl Apply for Rows {
    async fn apply(
        &mut self,
        tx: &DatabaseTransaction,
        events: &[Recorded],
    ) -> Result<(), ApplyError> {
        for recorded in events {
            match recorded.aggregate.as_str() {
                Directory::NAME => of_directory(tx, recorded).await?,
                State::NAME => of_session(tx, recorded).await?,
                api_token::State::NAME => of_token(tx, recorded).await?,
                // Only what KINDS names was asked for.
                _ => {}
            }
        }
        Ok(())
    }

    async fn committed(&mut self, position: u64, events: &[Recorded]) {
        let done = |recorded: &Recorded| {
            let event = recorded.decode_known::<DirectoryEvent>();
            recorded.aggregate == Directory::NAME
                && matches!(event, Ok(Some(DirectoryEvent::SetUpDone(_))))
        };
        if events.iter().any(done) {
            self.set_up.send_replace(true);
        }
        if !events.is_empty() {
            self.changed.send_replace(position);
        }
        self.position.send_replace(position);
        // Also without events of ours: another replica may have written the rows, and be gone.
        self.ending.notify_one();
    }
}

async fn of_directory(tx: &DatabaseTransaction, recorded: &Recorded) -> Result<(), ApplyError> {
    let event = recorded.decode_known::<DirectoryEvent>();
    // What a later version wrote is for a later version.
    let Some(event) = event.map_err(|e| ApplyError::event(recorded, e))? else {
        return Ok(());
    };
    let user = Uuid::parse_str(directory::user_id(&event));
    let user = user.map_err(|e| ApplyError::event(recorded, e))?;
    Ok(of_person(tx, recorded, &event, user).await?)
}

async fn of_person(
    tx: &DatabaseTransaction,
    recorded: &Recorded,
    event: &DirectoryEvent,
    user: Uuid,
) -> Result<(), DbErr> {
    match event {
        DirectoryEvent::SetUpDone(_) => {
            set_up::note(tx).await?;
            user::confirm(tx, user, Role::Admin, recorded.time).await?;
            new_password(tx, recorded, user).await
        }
        DirectoryEvent::UserCreated(created) => {
            user::confirm(tx, user, created.role(), recorded.time).await?;
            invitation::confirm(tx, user, &recorded.actor, &recorded.request_id).await
        }
        DirectoryEvent::RoleChanged(changed) => {
            user::set_role(tx, user, changed.role()).await?;
            session::rotate_soon(tx, user).await
        }
        DirectoryEvent::Disabled(_) => {
            user::set_disabled(tx, user, true).await?;
            user::begin_credentials(tx, user, recorded.sequence).await?;
            end_sessions(tx, recorded, user, None).await
        }
        DirectoryEvent::Enabled(_) => user::set_disabled(tx, user, false).await,
        DirectoryEvent::Deleted(_) => {
            factor::remove(tx, user).await?;
            browser::forget_all(tx, user).await?;
            end_sessions(tx, recorded, user, None).await?;
            invitation::forget(tx, user).await?;
            intended_password::forget(tx, user).await?;
            user::erase(tx, user).await
        }
        DirectoryEvent::CredentialsReset(_) => {
            factor::remove(tx, user).await?;
            browser::forget_all(tx, user).await?;
            user::set_password(tx, user, None).await?;
            user::set_second_factor(tx, user, false).await?;
            user::begin_credentials(tx, user, recorded.sequence).await?;
            invitation::confirm(tx, user, &recorded.actor, &recorded.request_id).await?;
            end_sessions(tx, recorded, user, None).await
        }
        DirectoryEvent::PasswordChanged(_) => new_password(tx, recorded, user).await,
        DirectoryEvent::SecondFactorAdded(_) => user::set_second_factor(tx, user, true).await,
        DirectoryEvent::SecondFactorRemoved(_) => {
            factor::remove(tx, user).await?;
            user::set_second_factor(tx, user, false).await
        }
        DirectoryEvent::RecoveryCodeUsed(_) => Ok(()),
    }
}

/// The password that was chosen takes its place, and all that the one before opened ends.
async fn new_password(
    tx: &DatabaseTransaction,
    recorded: &Recorded,
    user: Uuid,
) -> Result<(), DbErr> {
    let (actor, request_id) = (&recorded.actor, &recorded.request_id);
    let intended = intended_password::take(tx, actor, request_id).await?;
    let intended = intended.filter(|intended| intended.user == user);
    let keeps = intended.as_ref().and_then(|intended| intended.keeps);
    // Where the hash is lost, so is the password: he needs a new link.
    let hash = intended.map(|intended| intended.hash);
    user::set_password(tx, user, hash).await?;
    user::begin_credentials(tx, user, recorded.sequence).await?;
    invitation::forget(tx, user).await?;
    if let Some(keeps) = keeps {
        session::go_on(tx, keeps, recorded.sequence).await?;
    }
    end_sessions(tx, recorded, user, keeps).await
}

async fn end_sessions(
    tx: &DatabaseTransaction,
    recorded: &Recorded,
    user: Uuid,
    but: Option<Uuid>,
) -> Result<(), DbErr> {
    let ending = session::Ending {
        reason: SessionEnd::CredentialsChanged,
        actor: ACTOR.to_owned(),
        correlation: recorded.correlation_id,
        cause: Some(recorded.event_id),
    };
    session::end_all_of(tx, user, but, &ending).await?;
    Ok(())
}

async fn of_session(tx: &DatabaseTransaction, recorded: &Recorded) -> Result<(), ApplyError> {
    let event = recorded.decode_known::<SessionEvent>();
    let Some(event) = event.map_err(|e| ApplyError::event(recorded, e))? else {
        return Ok(());
    };
    let parse = |text: &str| Uuid::parse_str(text).map_err(|e| ApplyError::event(recorded, e));
    let id = parse(&recorded.id)?;
    match event {
        SessionEvent::SignedIn(signed_in) => {
            session::confirm(tx, id).await?;
            user::set_signed_in(tx, parse(&signed_in.user_id)?, recorded.time).await?;
        }
        SessionEvent::Ended(_) => session::forget(tx, id).await?,
        SessionEvent::RefusalsSummed(_) => {}
    }
    Ok(())
}

async fn of_token(tx: &DatabaseTransaction, recorded: &Recorded) -> Result<(), ApplyError> {
    let event = recorded.decode_known::<ApiTokenEvent>();
    let Some(event) = event.map_err(|e| ApplyError::event(recorded, e))? else {
        return Ok(());
    };
    let id = Uuid::parse_str(&recorded.id).map_err(|e| ApplyError::event(recorded, e))?;
    match event {
        // Where the row is lost, so is the hash: the token opens nothing.
        ApiTokenEvent::Created(_) => token::confirm(tx, id).await?,
        ApiTokenEvent::Revoked(_) => token::revoke(tx, id).await?,
    }
    Ok(())
}

/// Who says what follows from another event.
pub const ACTOR: &str = "service/gateway";

/// How long a command waits for the rows.
const PATIENCE: Duration = Duration::from_secs(10);
