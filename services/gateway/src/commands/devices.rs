//! Command lines that sign in by a person's browser (after RFC 8628).

use std::net::IpAddr;

use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{CommandError, Commands, CreatedToken, Refusal};
use crate::{
    code::{Code, CodeDigest},
    parse::tokens::NewToken,
    rows::{
        device_login::{self, Answer},
        user,
    },
    user_code::UserCode,
};

/// A login that begins.
#[derive(Debug)]
pub struct BegunLogin {
    /// What the command line polls with.
    pub device: Code,
    /// What its person types.
    pub user_code: UserCode,
    /// When it is over.
    pub expires: OffsetDateTime,
}

/// A command line that waits, as its person is shown it before he lets it in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingLogin {
    /// What he typed.
    pub user_code: UserCode,
    /// Where it runs, as it says.
    pub device_name: String,
    /// The address that it calls from.
    pub source: String,
    /// When it began.
    pub began: OffsetDateTime,
    /// When it is over.
    pub expires: OffsetDateTime,
}

impl Commands {
    /// Begins a login for a command line at this address.
    ///
    /// # Errors
    /// [`Refusal::TooManyLogins`], or what the database says.
    pub async fn begin_login(
        &self,
        device_name: String,
        source: IpAddr,
    ) -> Result<BegunLogin, CommandError> {
        let now = self.clock.now();
        device_login::sweep(&self.database, now).await?;
        let source = source.to_string();
        let (his, all) = device_login::waiting(&self.database, &source).await?;
        if his >= MOST_EACH || all >= MOST {
            return Err(Refusal::TooManyLogins.into());
        }
        let begun = BegunLogin {
            device: Code::generate().map_err(|_| CommandError::Random)?,
            user_code: UserCode::generate().map_err(|_| CommandError::Random)?,
            expires: now + LOGIN_LIFE,
        };
        let login = device_login::New {
            device: begun.device.digest(),
            user_code: begun.user_code.clone(),
            device_name,
            source,
            began: now,
            expires: begun.expires,
        };
        // The same code twice at once is one in millions: then the table refuses it, and the command line begins anew.
        device_login::begin(&self.database, login).await?;
        Ok(begun)
    }

    /// The token of a login that its person has allowed: given out once.
    ///
    /// # Errors
    /// [`Refusal::LoginPending`], [`Refusal::SlowDown`], [`Refusal::LoginDenied`], [`Refusal::LoginExpired`];
    /// see [`CommandError`].
    pub async fn poll_login(&self, device_code: &str) -> Result<CreatedToken, CommandError> {
        let now = self.clock.now();
        let device = CodeDigest::of(device_code).ok_or(Refusal::LoginExpired)?;
        let login = device_login::of_device(&self.database, device).await?;
        let login = login.filter(|login| now < login.expires());
        let login = login.ok_or(Refusal::LoginExpired)?;
        let not_since = now - POLL_EVERY;
        if !device_login::poll(&self.database, device, not_since, now).await? {
            return Err(Refusal::SlowDown.into());
        }
        match login.answer() {
            Answer::Pending => return Err(Refusal::LoginPending.into()),
            Answer::Denied => return Err(Refusal::LoginDenied.into()),
            Answer::Given => return Err(Refusal::LoginExpired.into()),
            Answer::Allowed => {}
        }
        let user = login.user_id.ok_or(Refusal::LoginDenied)?;
        let person = user::find(&self.database, user).await?;
        let person = person.filter(|person| person.is_let_in());
        let person = person.ok_or(Refusal::LoginDenied)?;
        // Step 1: it is this call's. A crash after this leaves a login that is over, and no token.
        if !device_login::take(&self.database, device).await? {
            return Err(Refusal::LoginExpired.into());
        }
        // Step 2: the token, in his name.
        let code = UserCode::parse(&login.user_code).ok_or(Refusal::LoginExpired)?;
        let new = NewToken {
            name: format!("command line {code}"),
            role: person.role(),
            certificates: api::CertificateFilter::default(),
            key_export: false,
            life: TOKEN_LIFE,
        };
        let label = format!("command line {code} on {}", login.device_name);
        let origin = self.origin_of(user);
        self.create_token(&origin, &new, Some(user), Some(&label))
            .await
    }

    /// The command line that waits for this code, for the person who typed it.
    ///
    /// # Errors
    /// What the database says.
    pub async fn waiting_login(&self, typed: &str) -> Result<Option<WaitingLogin>, CommandError> {
        let Some(user_code) = UserCode::parse(typed) else {
            return Ok(None);
        };
        let now = self.clock.now();
        let login = device_login::of_user_code(&self.database, &user_code, now).await?;
        Ok(login.map(|login| WaitingLogin {
            began: login.began(),
            expires: login.expires(),
            device_name: login.device_name,
            source: login.source,
            user_code,
        }))
    }

    /// Its person lets it in: it may do for 30 days what he may, but for exporting private keys.
    ///
    /// # Errors
    /// [`Refusal::LoginExpired`] where it does not wait any more, or what the database says.
    pub async fn allow_login(&self, login: &WaitingLogin, user: Uuid) -> Result<(), CommandError> {
        self.answer_login(login, user, Answer::Allowed).await
    }

    /// Its person does not.
    ///
    /// # Errors
    /// Likewise.
    pub async fn deny_login(&self, login: &WaitingLogin, user: Uuid) -> Result<(), CommandError> {
        self.answer_login(login, user, Answer::Denied).await
    }

    async fn answer_login(
        &self,
        login: &WaitingLogin,
        user: Uuid,
        answer: Answer,
    ) -> Result<(), CommandError> {
        let now = self.clock.now();
        let (database, code) = (&self.database, &login.user_code);
        match device_login::answer(database, code, user, answer, now).await? {
            true => Ok(()),
            false => Err(Refusal::LoginExpired.into()),
        }
    }
}

/// How often a command line may ask.
pub const POLL_EVERY: Duration = Duration::seconds(5);

/// How long its person has.
const LOGIN_LIFE: Duration = Duration::minutes(10);

/// How long he has let it in for.
const TOKEN_LIFE: Duration = Duration::days(30);

/// How many wait at once: of one address (IPv6: one /64), and of all.
const MOST_EACH: u64 = 10;
const MOST: u64 = 1_000;
