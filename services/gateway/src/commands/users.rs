//! What administrators do to users.

use api::options::v1::Role;
use eventlog::{Origin, RequestLedger, derive_id};
use runtime::database::begin_write;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{CommandError, Commands, LONGEST_COMMAND, Refusal, directory::Done};
use crate::{
    code::Code,
    directory::{self, Command},
    parse::Names,
    rows::{
        invitation::{self, Invitation},
        user::{self, User},
    },
    set_up::LINK_LIFE,
};

/// A person to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUser {
    /// Who he is.
    pub names: Names,
    /// What he may do.
    pub role: Role,
}

/// A person who was made.
#[derive(Debug)]
pub struct Created {
    /// Which one.
    pub id: Uuid,
    /// His row; `None` where he was deleted since.
    pub user: Option<User>,
    /// His link.
    pub invited: Invited,
}

/// A link that was made.
#[derive(Debug)]
pub struct Invited {
    /// Its code, and when it ends; `None` where it was used since, or another took its place.
    pub link: Option<(Code, OffsetDateTime)>,
    /// Where the log has the event.
    pub position: u64,
}

impl Commands {
    /// Makes a person, and a link with which he chooses his password. The same command again answers the same
    /// person, and gives his link another code.
    ///
    /// # Errors
    /// See [`CommandError`]. Nothing is kept of one who is refused.
    pub async fn create_user(
        &self,
        origin: &Origin,
        new: &NewUser,
    ) -> Result<Created, CommandError> {
        let id = derive_id(origin, "user");
        // Step 1: his names, and his link. A crash after this leaves a row that is nobody, and is swept.
        if self.directory().await?.person(id) == Err(directory::Refusal::NoSuchUser) {
            self.claim(id, &new.names).await?;
        }
        // The same id for another person changes nothing, not even the link.
        RequestLedger::claim(&self.database, origin).await?;
        let code = self.invite(origin, id).await?;
        // Step 2: append.
        let done = self.append(origin, &Command::Create(id, new.role)).await;
        if let Err(error) = &done
            && error.nothing_was_appended()
        {
            user::give_up(&self.database, id).await?;
        }
        let invited = self.invited(origin, code, done).await?;
        let user = user::find(&self.database, id).await?;
        Ok(Created {
            id,
            user: user.filter(|user| user.confirmed),
            invited,
        })
    }

    /// What he may do, from his next call on; only from one role, where that is said: the position of the event.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn change_role(
        &self,
        origin: &Origin,
        user: Uuid,
        role: Role,
        only_from: Option<Role>,
    ) -> Result<u64, CommandError> {
        let change = Command::ChangeRole(user, role, only_from);
        self.command(origin, &change).await
    }

    /// He may do nothing any more; his sessions end: the position of the event.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn disable_user(&self, origin: &Origin, user: Uuid) -> Result<u64, CommandError> {
        self.command(origin, &Command::Disable(user)).await
    }

    /// He may sign in again: the position of the event.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn enable_user(&self, origin: &Origin, user: Uuid) -> Result<u64, CommandError> {
        self.command(origin, &Command::Enable(user)).await
    }

    /// Erases him; his sessions end: the position of the event.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn delete_user(&self, origin: &Origin, user: Uuid) -> Result<u64, CommandError> {
        self.command(origin, &Command::Delete(user)).await
    }

    /// Takes his password and second factor from him, and makes a new link.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn reset_credentials(
        &self,
        origin: &Origin,
        user: Uuid,
    ) -> Result<Invited, CommandError> {
        self.directory()
            .await?
            .person(user)
            .map_err(Refusal::from)?;
        RequestLedger::claim(&self.database, origin).await?;
        // Step 1: the link. It opens once the log has that it was made.
        let code = self.invite(origin, user).await?;
        // Step 2: append.
        let done = self.append(origin, &Command::ResetCredentials(user)).await;
        self.invited(origin, code, done).await
    }

    /// A command that needs no row before its event.
    async fn command(&self, origin: &Origin, command: &Command) -> Result<u64, CommandError> {
        RequestLedger::claim(&self.database, origin).await?;
        self.say(origin, command).await
    }

    /// Keeps a person's names for him. What a crash left of another's, and no event followed, is swept.
    pub(super) async fn claim(&self, id: Uuid, names: &Names) -> Result<(), CommandError> {
        let (directory, now) = (self.directory().await?, self.clock.now());
        let tx = begin_write(&self.database).await?;
        if user::find(&tx, id)
            .await?
            .is_some_and(|user| user.confirmed)
        {
            // Another try of the same command was faster: what it said stands.
            return Ok(());
        }
        for other in user::with_names(&tx, names).await? {
            if other.id == id {
                continue;
            }
            let old = crate::instant::time(other.created) + LONGEST_COMMAND < now;
            let nobody = directory.person(other.id) == Err(directory::Refusal::NoSuchUser);
            if !other.confirmed && old && nobody {
                user::give_up(&tx, other.id).await?;
                continue;
            }
            return Err(match other.login_name_folded == names.login_name.folded() {
                true => Refusal::LoginNameTaken.into(),
                false => Refusal::EmailTaken.into(),
            });
        }
        user::claim(&tx, id, names, now).await?;
        Ok(tx.commit().await?)
    }

    async fn invite(&self, origin: &Origin, user: Uuid) -> Result<Code, CommandError> {
        let code = Code::generate().map_err(|_| CommandError::Random)?;
        let invitation = Invitation {
            actor: origin.actor.clone(),
            request_id: origin.request_id.clone(),
            user,
            expires: self.clock.now() + LINK_LIFE,
            by_machine: false,
        };
        invitation::keep(&self.database, code.digest(), &invitation).await?;
        Ok(code)
    }

    /// The link, where it opens now.
    async fn invited(
        &self,
        origin: &Origin,
        code: Code,
        done: Result<Done, CommandError>,
    ) -> Result<Invited, CommandError> {
        let position = match done {
            Ok(done) => {
                self.progress.reaches(done.position).await?;
                done.position
            }
            Err(error) => {
                if error.nothing_was_appended() {
                    let (actor, request) = (&origin.actor, &origin.request_id);
                    invitation::give_up(&self.database, actor, request).await?;
                }
                return Err(error);
            }
        };
        let found = invitation::find(&self.database, code.digest()).await?;
        if found.is_none() {
            // A late repeat: the first try's link was used, and this one's would open nothing.
            let (actor, request) = (&origin.actor, &origin.request_id);
            invitation::give_up(&self.database, actor, request).await?;
        }
        Ok(Invited {
            link: found.map(|found| (code, found.expires)),
            position,
        })
    }
}
