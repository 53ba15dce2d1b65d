//! What a person shows, and what he may change about it himself.

use uuid::Uuid;

use super::{CommandError, Commands, OpenSession, Refusal, actor};
use crate::{
    directory::Command,
    parse::LoginName,
    password::Password,
    rows::{intended_password, user},
};

/// A login name and a password, checked.
#[derive(Debug)]
pub enum Credentials {
    /// They are right.
    Right(Checked),
    /// They are not, or the person may not sign in. Whose account it was is for counting, and never for an answer.
    Wrong(Option<Uuid>),
}

/// A person who has shown his password: the proof of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checked {
    /// Who.
    pub user: Uuid,
    /// He must show a code too.
    pub second_factor: bool,
    /// What he showed counts until it changes.
    pub(crate) credentials: i64,
}

impl Commands {
    /// Whether this is somebody's login name and password. It takes as long whether there is such a person or not.
    /// A refusal is not counted here ([`super::Refusals`]).
    ///
    /// # Errors
    /// The database; [`crate::password::HashError::Busy`] where too many are checked.
    pub async fn check_password(
        &self,
        login_name: &str,
        password: &str,
    ) -> Result<Credentials, CommandError> {
        let user = match LoginName::try_from(login_name) {
            Ok(name) => user::by_login_name(&self.database, &name.folded()).await?,
            Err(_) => None,
        };
        let hash = user.as_ref().and_then(|user| user.password.clone());
        let presented = Password::presented(password);
        let right = self.passwords.check(presented, hash).await?;
        Ok(match user {
            Some(user) if right && user.is_let_in() => Credentials::Right(Checked {
                user: user.id,
                second_factor: user.second_factor,
                credentials: user.credentials,
            }),
            user => Credentials::Wrong(user.map(|user| user.id)),
        })
    }

    /// Whether this is the password of who sits there.
    ///
    /// # Errors
    /// [`Refusal::PasswordWrong`], which the caller counts.
    pub(super) async fn check_own(
        &self,
        session: &OpenSession,
        password: &str,
    ) -> Result<(), CommandError> {
        let user = user::find(&self.database, session.user).await?;
        let hash = user.and_then(|user| user.password);
        let presented = Password::presented(password);
        match self.passwords.check(presented, hash).await? {
            true => Ok(()),
            false => Err(Refusal::PasswordWrong.into()),
        }
    }

    /// Changes a person's password by himself. His other sessions end; his own gets another cookie at its next use.
    ///
    /// # Errors
    /// [`Refusal::PasswordWrong`] where `old` is not his, which the caller counts; [`Refusal::Unfit`].
    pub async fn change_password(
        &self,
        session: &OpenSession,
        old: &str,
        new: &str,
    ) -> Result<u64, CommandError> {
        self.check_own(session, old).await?;
        let origin = self.origin_of(session.user);
        // Step 1: the hash. A crash after this leaves one that counts for nothing, and is swept.
        self.intend(session.user, &origin.request_id, new, Some(session.id))
            .await?;
        // Step 2: append. The rows follow: the password, and the end of his other sessions.
        self.say(&origin, &Command::ChangePassword(session.user))
            .await
    }

    /// Keeps the hash of a password that a person chose, until the log has that he did.
    pub(super) async fn intend(
        &self,
        user: Uuid,
        request_id: &str,
        password: &str,
        keeps: Option<Uuid>,
    ) -> Result<(), CommandError> {
        let known = user::find(&self.database, user).await?;
        let names = known.map(|known| {
            let email = known.email.unwrap_or_default();
            [known.login_name, known.display_name, email]
        });
        let names = names.unwrap_or_default();
        let names = names.iter().map(String::as_str).collect::<Vec<_>>();
        let chosen = Password::chosen(password, &names).map_err(Refusal::from)?;
        let intended = intended_password::Intended {
            actor: actor(user),
            request_id: request_id.to_owned(),
            user,
            hash: self.passwords.hash(chosen).await?,
            keeps,
        };
        let now = self.clock.now();
        Ok(intended_password::keep(&self.database, intended, now).await?)
    }
}
