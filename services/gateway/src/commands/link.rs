//! Using a link: the set-up link, or one that an administrator or the machine made.

use api::gateway::v1::SignInMethod;
use eventlog::Origin;
use uuid::Uuid;

use super::{Checked, CommandError, Commands, NewSession, Refusal, Visit, actor};
use crate::{
    code::CodeDigest,
    directory::{self, Command},
    parse::Names,
    rows::{
        invitation::{self, Invitation},
        user,
    },
    set_up::Known,
};

/// What a link is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// The first administrator makes himself: [`Commands::set_up`].
    SetUp,
    /// This person chooses a password: [`Commands::use_link`].
    Password {
        /// What he signs in by.
        login_name: String,
        /// What others call him.
        display_name: String,
    },
}

impl Commands {
    /// What the link with this code is for. Looking uses nothing up.
    ///
    /// # Errors
    /// [`Refusal::LinkUnknown`], [`Refusal::LinkExpired`].
    pub async fn link(&self, code: &str) -> Result<Link, CommandError> {
        let digest = CodeDigest::of(code).ok_or(Refusal::LinkUnknown)?;
        if self.is_set_up_code(&digest).await? {
            return Ok(Link::SetUp);
        }
        let invitation = self.invitation(digest).await?;
        let user = user::find(&self.database, invitation.user).await?;
        let user = user.filter(user::User::is_let_in);
        let user = user.ok_or(Refusal::LinkUnknown)?;
        Ok(Link::Password {
            login_name: user.login_name,
            display_name: user.display_name,
        })
    }

    /// Makes the first administrator, with the set-up link, and a session for him. The link ends, and so does the
    /// bootstrap token.
    ///
    /// # Errors
    /// [`Refusal::LinkUnknown`], [`Refusal::LinkExpired`], [`Refusal::Unfit`], a name that is taken.
    pub async fn set_up(
        &self,
        code: &str,
        names: &Names,
        password: &str,
        visit: &Visit,
    ) -> Result<NewSession, CommandError> {
        let digest = CodeDigest::of(code).ok_or(Refusal::LinkUnknown)?;
        if !self.is_set_up_code(&digest).await? {
            return Err(Refusal::LinkUnknown.into());
        }
        let request = format!("set-up-{}", &digest.to_hex()[..32]);
        // One code makes one person, however often the button is pressed.
        let user = Uuid::new_v5(&NAMESPACE, digest.to_hex().as_bytes());
        if self.directory().await?.set_up {
            return Err(Refusal::from(directory::Refusal::AlreadySetUp).into());
        }
        // Step 1: his names and his password's hash. A crash after this leaves a row that is nobody.
        self.claim(user, names).await?;
        self.intend(user, &request, password, None).await?;
        // Step 2: append. The rows follow, and with them the end of the code and of the bootstrap token.
        let origin = self.once(user, actor(user), &request);
        self.use_up(user, &origin, &Command::SetUp(user), visit)
            .await
    }

    /// Sets the password of the person whose link this is, and begins a session for him. His other sessions end.
    ///
    /// # Errors
    /// [`Refusal::LinkUnknown`], [`Refusal::LinkExpired`], [`Refusal::LinkInUse`], [`Refusal::Unfit`].
    pub async fn use_link(
        &self,
        code: &str,
        password: &str,
        visit: &Visit,
    ) -> Result<NewSession, CommandError> {
        let digest = CodeDigest::of(code).ok_or(Refusal::LinkUnknown)?;
        let invitation = self.invitation(digest).await?;
        self.log()?;
        // Step 1: the link is ours for a minute.
        let taken = invitation::take(&self.database, digest, self.clock.now()).await?;
        if !taken {
            return Err(Refusal::LinkInUse.into());
        }
        let used = self.use_taken(digest, &invitation, password, visit).await;
        if let Err(error) = &used
            && (error.nothing_was_appended() || matches!(error, CommandError::Hash(_)))
        {
            invitation::let_go(&self.database, digest).await?;
        }
        used
    }

    async fn use_taken(
        &self,
        digest: CodeDigest,
        invitation: &Invitation,
        password: &str,
        visit: &Visit,
    ) -> Result<NewSession, CommandError> {
        let user = invitation.user;
        let request = format!("link-{}", &digest.to_hex()[..32]);
        // Step 2: the password's hash. A crash after this leaves one that counts for nothing.
        self.intend(user, &request, password, None).await?;
        // Step 3: a link that the machine made says only now what it stands for.
        if invitation.by_machine {
            let reset = self.once(user, invitation.actor.clone(), &invitation.request_id);
            self.append(&reset, &Command::ResetCredentials(user))
                .await?;
        }
        // Step 4: append. The rows follow: the password, and the end of the link.
        let origin = self.once(user, actor(user), &request);
        self.use_up(user, &origin, &Command::ChangePassword(user), visit)
            .await
    }

    /// Says that the link was used, and lets its person in.
    async fn use_up(
        &self,
        user: Uuid,
        origin: &Origin,
        command: &Command,
        visit: &Visit,
    ) -> Result<NewSession, CommandError> {
        let done = self.append(origin, command).await?;
        if done.repeated {
            // Somebody was faster with the same link: it is his.
            return Err(Refusal::LinkUnknown.into());
        }
        self.progress.reaches(done.position).await?;
        let row = user::find(&self.database, user).await?;
        let row = row.ok_or(Refusal::SignInAgain)?;
        let checked = Checked {
            user,
            second_factor: false,
            credentials: row.credentials,
        };
        self.begin_session(&checked, SignInMethod::Link, visit)
            .await
    }

    async fn is_set_up_code(&self, digest: &CodeDigest) -> Result<bool, CommandError> {
        if self.is_set_up().await? {
            return Ok(false);
        }
        let known = Known::read(&self.set_up_file).map_err(CommandError::SetUpFile)?;
        match known {
            Some(known) if !known.digest.is(digest) => Ok(false),
            Some(known) if known.until <= self.clock.now() => Err(Refusal::LinkExpired.into()),
            Some(_) => Ok(true),
            None => Ok(false),
        }
    }

    async fn invitation(&self, digest: CodeDigest) -> Result<Invitation, CommandError> {
        let found = invitation::find(&self.database, digest).await?;
        let found = found.ok_or(Refusal::LinkUnknown)?;
        match found.expires <= self.clock.now() {
            true => Err(Refusal::LinkExpired.into()),
            false => Ok(found),
        }
    }

    /// The origin of what happens once: it is the same however often somebody tries.
    fn once(&self, user: Uuid, actor: String, request: &str) -> Origin {
        Origin {
            actor,
            request_id: request.to_owned(),
            request_digest: user.to_string(),
            correlation_id: self.clock.new_id(),
            causation_id: None,
            unchanged_since: None,
        }
    }
}

/// Under which set-up codes are made into the ids of first administrators.
const NAMESPACE: Uuid = Uuid::from_u128(0x2c11_8a5e_94d0_4f7b_b1c3_6a0d_53e7_9f28);
