//! Signing in: a password, then a code where the person has a second factor.
//!
//! Each try is counted before anybody looks whether it is right ([`tries`]); how many may be wrong stands in
//! [`limiter`]. A [`browser`] that its person has signed in with before has a count of its own. Who is [`half_way`] has
//! five minutes for the code. A name that is nobody's is treated as any other, in all of it.

pub mod browser;
pub mod half_way;
pub mod limiter;
pub mod tries;

use std::{net::IpAddr, sync::Arc};

use api::gateway::v1::SignInMethod;
use uuid::Uuid;

use crate::{
    code::{Code, CodeDigest},
    commands::{
        Checked, CommandError, Commands, Credentials, NewSession, OpenSession, Refusals, Visit,
    },
    parse::LoginName,
    rows::user,
    second_factor::factor::{FactorError, Factors},
};

use self::{
    half_way::HalfWay,
    limiter::{NameDigest, Subject},
    tries::{Admitted, NotNow, Tries},
};

/// The way in. Cheap to clone.
#[derive(Clone)]
pub struct SignIn {
    commands: Commands,
    refusals: Refusals,
    factors: Factors,
    tries: Arc<Tries>,
}

/// Where a try comes from.
#[derive(Debug, Clone)]
pub struct Whence {
    /// As it stands in the list of sessions.
    pub visit: Visit,
    /// What counts as one address.
    pub network: IpAddr,
    /// What the browser has from an earlier sign-in.
    pub browser: Option<CodeDigest>,
}

/// What became of a try.
#[derive(Debug)]
pub enum Step {
    /// He is in.
    In(Entered),
    /// The password is right. With this he has five minutes to show a code.
    CodeNeeded(Code),
    /// It is not right, whatever of it.
    Wrong,
}

/// A person who got in.
#[derive(Debug)]
pub struct Entered {
    /// His session.
    pub session: NewSession,
    /// By what his browser is known from now on.
    pub browser: Code,
}

/// Why it cannot be told whether somebody gets in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Too many were wrong, or it is not known how many.
    #[error(transparent)]
    NotNow(#[from] NotNow),
    /// A command was not done.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The second factor could not be looked at.
    #[error(transparent)]
    Factor(#[from] FactorError),
}

impl From<sea_orm::DbErr> for SignInError {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Command(error.into())
    }
}

impl SignIn {
    /// The way in for these people.
    pub fn new(commands: Commands, refusals: Refusals, factors: Factors) -> SignIn {
        let tries = Arc::new(Tries::new(commands.database.clone()));
        SignIn {
            commands,
            refusals,
            factors,
            tries,
        }
    }

    /// A login name and a password.
    ///
    /// # Errors
    /// [`NotNow::Until`] after too many wrong ones, and what does not work.
    pub async fn by_password(
        &self,
        name: &str,
        password: &str,
        whence: &Whence,
    ) -> Result<Step, SignInError> {
        let admitted = self.begin(name, whence).await?;
        let checked = match self.commands.check_password(name, password).await {
            Ok(Credentials::Right(checked)) => checked,
            Ok(Credentials::Wrong(user)) => {
                self.refusals.count(user, self.commands.clock.now());
                return Ok(Step::Wrong);
            }
            Err(error) => {
                self.tries.was_nothing(&admitted).await?;
                return Err(error.into());
            }
        };
        if !checked.second_factor {
            let entered = self.enter(&checked, SignInMethod::Password, whence, admitted);
            return Ok(Step::In(entered.await?));
        }
        let secret = Code::generate().map_err(|_| CommandError::Random)?;
        let half_way = HalfWay {
            user: checked.user,
            credentials: checked.credentials,
        };
        let (database, now) = (&self.commands.database, self.commands.clock.now());
        half_way::keep(database, secret.digest(), half_way, now).await?;
        // His name is counted until the code is right too: so many codes cannot be tried.
        self.tries.is_half_right(&admitted).await?;
        Ok(Step::CodeNeeded(secret))
    }

    /// The code, or a recovery code, of one who is half way. `None`: he is not, or no longer.
    ///
    /// # Errors
    /// As [`Self::by_password`].
    pub async fn by_code(
        &self,
        secret: CodeDigest,
        code: &str,
        whence: &Whence,
    ) -> Result<Option<Step>, SignInError> {
        let Some((half_way, name)) = self.half_way(secret).await? else {
            return Ok(None);
        };
        let admitted = self.begin(&name, whence).await?;
        let method = self.method_of(half_way.user, code).await?;
        let Some(method) = method else {
            let now = self.commands.clock.now();
            self.refusals.count(Some(half_way.user), now);
            return Ok(Some(Step::Wrong));
        };
        // One who is half way gets in once.
        if !half_way::take(&self.commands.database, secret).await? {
            return Ok(None);
        }
        let checked = Checked {
            user: half_way.user,
            second_factor: true,
            credentials: half_way.credentials,
        };
        let entered = self.enter(&checked, method, whence, admitted).await?;
        Ok(Some(Step::In(entered)))
    }

    /// Whether somebody is half way with this.
    ///
    /// # Errors
    /// What the database says.
    pub async fn is_half_way(&self, secret: CodeDigest) -> Result<bool, SignInError> {
        Ok(self.half_way(secret).await?.is_some())
    }

    /// Something that only the person who is signed in can know, or only so often try: counted for him alone.
    ///
    /// # Errors
    /// [`NotNow`].
    pub async fn begin_own(&self, session: &OpenSession) -> Result<Admitted, SignInError> {
        let own = [Subject::Person(session.user)];
        Ok(self.tries.begin(&own, self.commands.clock.now()).await?)
    }

    /// It was right.
    ///
    /// # Errors
    /// What the database says.
    pub async fn was_right(&self, admitted: Admitted) -> Result<(), SignInError> {
        Ok(self.tries.was_right(admitted).await?)
    }

    /// It was wrong: the log is told, with others.
    pub fn was_wrong(&self, session: &OpenSession) {
        let now = self.commands.clock.now();
        self.refusals.count(Some(session.user), now);
    }

    /// A browser whose person has just used a link there is known from now on.
    ///
    /// # Errors
    /// What the database says.
    pub async fn know_browser(
        &self,
        user: Uuid,
        old: Option<CodeDigest>,
    ) -> Result<Code, SignInError> {
        let browser = Code::generate().map_err(|_| CommandError::Random)?;
        let (database, now) = (&self.commands.database, self.commands.clock.now());
        if let Some(old) = old {
            browser::forget(database, old).await?;
        }
        browser::remember(database, user, browser.digest(), now).await?;
        Ok(browser)
    }

    /// Counts a try with this name.
    async fn begin(&self, name: &str, whence: &Whence) -> Result<Admitted, SignInError> {
        let database = &self.commands.database;
        let login_name = LoginName::try_from(name).map(|name| name.folded());
        let owner = match &login_name {
            Ok(folded) => user::by_login_name(database, folded).await?,
            Err(_) => None,
        };
        let known = match whence.browser {
            Some(browser) => browser::person_of(database, browser).await?,
            None => None,
        };
        let folded = login_name.unwrap_or_else(|_| name.to_lowercase());
        let subjects = match (whence.browser, known, owner) {
            (Some(browser), Some(known), Some(owner)) if known == owner.id => {
                vec![Subject::Browser(browser)]
            }
            _ => vec![
                Subject::Network(whence.network),
                Subject::Name(NameDigest::of(&folded)),
            ],
        };
        Ok(self
            .tries
            .begin(&subjects, self.commands.clock.now())
            .await?)
    }

    async fn enter(
        &self,
        checked: &Checked,
        method: SignInMethod,
        whence: &Whence,
        admitted: Admitted,
    ) -> Result<Entered, SignInError> {
        let begun = self.commands.begin_session(checked, method, &whence.visit);
        let session = match begun.await {
            Ok(session) => session,
            Err(error) => {
                self.tries.was_nothing(&admitted).await?;
                return Err(error.into());
            }
        };
        self.tries.was_right(admitted).await?;
        let browser = self.know_browser(checked.user, whence.browser).await?;
        Ok(Entered { session, browser })
    }

    /// How a person showed that it is he; `None`: he did not.
    async fn method_of(&self, user: Uuid, code: &str) -> Result<Option<SignInMethod>, SignInError> {
        if self.factors.is_code(user, code).await? {
            return Ok(Some(SignInMethod::PasswordAndCode));
        }
        let recovered = self.factors.is_recovery_code(user, code).await?;
        Ok(recovered.then_some(SignInMethod::PasswordAndRecoveryCode))
    }

    /// Who is half way, and his name; not one whose password has changed meanwhile.
    async fn half_way(&self, secret: CodeDigest) -> Result<Option<(HalfWay, String)>, SignInError> {
        let (database, now) = (&self.commands.database, self.commands.clock.now());
        let Some(half_way) = half_way::find(database, secret, now).await? else {
            return Ok(None);
        };
        let user = user::find(database, half_way.user).await?;
        let user = user.filter(|user| user.is_let_in() && user.credentials == half_way.credentials);
        Ok(user.map(|user| (half_way, user.login_name)))
    }
}
