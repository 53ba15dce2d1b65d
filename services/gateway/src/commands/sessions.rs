//! Sessions: a person at a browser, who holds a cookie.
//!
//! A session opens as long as what its person showed still counts: not after its end, nor idle for too long, nor
//! once he is disabled, nor under credentials that changed. All of that is asked of the rows at each use.

use std::net::IpAddr;

use api::{
    gateway::v1::{SessionEnd, SignInMethod},
    options::v1::Role,
};
use eventlog::{Aggregate as _, Origin, RequestLedger};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{Checked, CommandError, Commands, Refusal, actor};
use crate::{
    code::{Code, CodeDigest},
    instant,
    rows::{
        session::{self, Ending, Row},
        user,
    },
    session::{Command, Refusal as SessionRefusal, State, decide},
};

/// Where somebody sits, and with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    /// The address that the connection came from.
    pub address: IpAddr,
    /// What his browser calls itself.
    pub user_agent: String,
    /// The page asks by itself, and nobody has done anything: that is no use of a session.
    pub by_itself: bool,
}

/// A session that began.
#[derive(Debug)]
pub struct NewSession {
    /// Which one.
    pub id: Uuid,
    /// Whose.
    pub user: Uuid,
    /// What its cookie holds.
    pub secret: Code,
    /// When it ends at the latest.
    pub expires: OffsetDateTime,
}

/// A session that is open, and who sits there.
#[derive(Debug, Clone)]
pub struct OpenSession {
    /// Which one.
    pub id: Uuid,
    /// Who.
    pub user: Uuid,
    /// What he signs in by.
    pub login_name: String,
    /// What others call him.
    pub display_name: String,
    /// What he may do, as of now.
    pub role: Role,
    /// He signs in with a code too.
    pub second_factor: bool,
    /// When he signed in.
    pub signed_in: OffsetDateTime,
    /// When it ends at the latest.
    pub expires: OffsetDateTime,
    /// Until when he has shown his password lately enough to export a key.
    pub fresh_until: OffsetDateTime,
    /// He has now.
    pub fresh: bool,
    /// What its cookie is to hold from now on, where that is another thing. The one before is good for a minute.
    pub renewed: Option<Code>,
}

impl Commands {
    /// Begins a session for a person who has shown who he is.
    ///
    /// # Errors
    /// [`Refusal::SignInAgain`] where what he showed has changed meanwhile, and what the log and the database say.
    pub async fn begin_session(
        &self,
        checked: &Checked,
        method: SignInMethod,
        visit: &Visit,
    ) -> Result<NewSession, CommandError> {
        let now = self.clock.now();
        let secret = Code::generate().map_err(|_| CommandError::Random)?;
        let begun = session::Begun {
            id: self.clock.new_id(),
            user: checked.user,
            secret: secret.digest(),
            credentials: checked.credentials,
            method,
            at: now,
            expires: now + self.lives.whole,
            address: visit.address.to_string(),
            user_agent: shortened(&visit.user_agent),
        };
        let new = NewSession {
            id: begun.id,
            user: begun.user,
            secret,
            expires: begun.expires,
        };
        let user = user::find(&self.database, checked.user).await?;
        let counts =
            |user: &user::User| user.is_let_in() && user.credentials == checked.credentials;
        if !user.is_some_and(|user| counts(&user)) {
            return Err(Refusal::SignInAgain.into());
        }
        // Step 1: the row. It opens nothing, and nobody has its cookie.
        session::begin(&self.database, begun).await?;
        // Step 2: append.
        let origin = self.origin_of(checked.user);
        let sign_in = Command::SignIn(checked.user, method);
        if let Err(error) = self.append_session(new.id, &origin, &sign_in).await {
            session::forget(&self.database, new.id).await?;
            return Err(error);
        }
        // Step 3: it opens. The follower does the same; who was faster does not matter.
        session::confirm(&self.database, new.id).await?;
        Ok(new)
    }

    /// The session that a cookie opens now, and who sits there. Its use is noted to the minute, and its cookie
    /// renewed every 15 minutes.
    ///
    /// # Errors
    /// What the database says.
    pub async fn session(
        &self,
        cookie: &str,
        visit: &Visit,
    ) -> Result<Option<OpenSession>, CommandError> {
        let now = self.clock.now();
        let Some(digest) = CodeDigest::of(cookie) else {
            return Ok(None);
        };
        let Some(row) = session::opened_by(&self.database, digest, now).await? else {
            return Ok(None);
        };
        let Some(mut open) = self.opened(&row).await? else {
            return Ok(None);
        };
        let current = row.secret == digest.to_vec();
        if current && instant::time(row.rotated) + ROTATE_AFTER <= now {
            open.renewed = self.rotate(&row).await?;
        }
        if !visit.by_itself && instant::time(row.last_used) + NOTE_USE_EVERY <= now {
            let (address, agent) = (visit.address.to_string(), shortened(&visit.user_agent));
            session::used(&self.database, row.id, now, &address, &agent).await?;
        }
        Ok(Some(open))
    }

    /// A session that was open a moment ago, as it is now: for answers that take long. Notes no use.
    ///
    /// # Errors
    /// What the database says.
    pub async fn still_open(&self, id: Uuid) -> Result<Option<OpenSession>, CommandError> {
        match session::find(&self.database, id).await? {
            Some(row) if row.confirmed && row.ending.is_none() => self.opened(&row).await,
            Some(_) | None => Ok(None),
        }
    }

    /// He shows his password again, before something that needs it: from now on the session is fresh, and its
    /// cookie another one.
    ///
    /// # Errors
    /// [`Refusal::PasswordWrong`], which the caller counts.
    pub async fn show_password(
        &self,
        session: &OpenSession,
        password: &str,
    ) -> Result<Option<Code>, CommandError> {
        self.check_own(session, password).await?;
        self.freshen(session).await
    }

    /// He has shown in another way that it is he: as [`Commands::show_password`].
    ///
    /// # Errors
    /// What the database says.
    pub async fn freshen(&self, session: &OpenSession) -> Result<Option<Code>, CommandError> {
        session::shown(&self.database, session.id, self.clock.now()).await?;
        match session::find(&self.database, session.id).await? {
            Some(row) => self.rotate(&row).await,
            None => Err(Refusal::SignInAgain.into()),
        }
    }

    /// Sessions that are open, of one person or of everybody; the last used first.
    ///
    /// # Errors
    /// What the database says.
    pub async fn sessions(
        &self,
        user: Option<Uuid>,
    ) -> Result<Vec<(Row, OpenSession)>, CommandError> {
        let now = self.clock.now();
        let rows = session::open(&self.database, user, now - self.lives.idle, now).await?;
        let mut sessions = Vec::with_capacity(rows.len());
        for row in rows {
            if let Some(open) = self.opened(&row).await? {
                sessions.push((row, open));
            }
        }
        Ok(sessions)
    }

    /// Signs a person out: his cookie opens nothing from now on, whether the log can be told now or later.
    ///
    /// # Errors
    /// What the database says.
    pub async fn sign_out(&self, session: &OpenSession) -> Result<(), CommandError> {
        let ending = self.ending(SessionEnd::SignedOut, actor(session.user));
        session::end(&self.database, session.id, &ending).await?;
        self.ending.notify_one();
        Ok(())
    }

    /// Ends all sessions of a person but the one he sits at. How many there were.
    ///
    /// # Errors
    /// What the database says.
    pub async fn end_other_sessions(&self, session: &OpenSession) -> Result<u64, CommandError> {
        let ending = self.ending(SessionEnd::Ended, actor(session.user));
        let (user, but) = (session.user, Some(session.id));
        let ended = session::end_all_of(&self.database, user, but, &ending).await?;
        self.ending.notify_one();
        Ok(ended)
    }

    /// Ends a session from the list: one's own (`of`), or, where `of` is nobody, anybody's. The position of the
    /// event.
    ///
    /// # Errors
    /// [`SessionRefusal::NoSuchSession`] where there is none, also where it is another's; and what the log says.
    pub async fn end_session(
        &self,
        origin: &Origin,
        id: Uuid,
        of: Option<Uuid>,
    ) -> Result<u64, CommandError> {
        let log = self.log()?;
        let loaded = log.load::<State>(&id.to_string()).await;
        let owner = match loaded.map_err(CommandError::Log)?.state {
            State::Open(owner) => Some(owner),
            State::Ended => None,
            State::Absent | State::Summed => {
                return Err(Refusal::from(SessionRefusal::NoSuchSession).into());
            }
        };
        if let (Some(of), Some(owner)) = (of, owner)
            && of != owner
        {
            return Err(Refusal::from(SessionRefusal::NoSuchSession).into());
        }
        RequestLedger::claim(&self.database, origin).await?;
        // Step 1: it opens nothing any more.
        let mut ending = self.ending(SessionEnd::Ended, origin.actor.clone());
        ending.correlation = origin.correlation_id;
        session::end(&self.database, id, &ending).await?;
        // Step 2: append. A crash before it leaves the row, which the chores see to; they say the same.
        let end = Command::End(SessionEnd::Ended);
        let position = self.append_session(id, &ending.origin(id), &end).await?;
        self.progress.reaches(position).await?;
        Ok(position)
    }

    /// Tells the log that a session ended, whose row says so.
    pub(super) async fn tell_end(&self, id: Uuid, ending: &Ending) -> Result<(), CommandError> {
        let end = Command::End(ending.reason);
        match self.append_session(id, &ending.origin(id), &end).await {
            // The log has it: the row follows.
            Ok(_) => Ok(()),
            // It has ended otherwise, or the log never had it: nothing is owed.
            Err(CommandError::Refused(_)) => Ok(session::forget(&self.database, id).await?),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn append_session(
        &self,
        id: Uuid,
        origin: &Origin,
        command: &Command,
    ) -> Result<u64, CommandError> {
        let decide = |state: &State| decide(state, command);
        let (text, now) = (id.to_string(), self.clock.now());
        let log = self.log()?;
        let done = log.execute(&text, origin, State::NAME, now, decide).await?;
        Ok(done.position)
    }

    /// Who sits there, where what he showed still counts.
    async fn opened(&self, row: &Row) -> Result<Option<OpenSession>, CommandError> {
        let now = self.clock.now();
        let idle = instant::time(row.last_used) + self.lives.idle <= now;
        let expires = instant::time(row.expires);
        if idle || expires <= now {
            return Ok(None);
        }
        let user = user::find(&self.database, row.user).await?;
        let counts = |user: &user::User| user.is_let_in() && user.credentials == row.credentials;
        let fresh_until = instant::time(row.shown) + FRESH;
        Ok(user.filter(counts).map(|user| OpenSession {
            id: row.id,
            user: user.id,
            role: user.role(),
            login_name: user.login_name,
            display_name: user.display_name,
            second_factor: user.second_factor,
            signed_in: instant::time(row.signed_in),
            expires,
            fresh_until,
            fresh: now < fresh_until,
            renewed: None,
        }))
    }

    /// Another cookie, unless another request was faster: then that one's answer has it.
    async fn rotate(&self, row: &Row) -> Result<Option<Code>, CommandError> {
        let code = Code::generate().map_err(|_| CommandError::Random)?;
        let now = self.clock.now();
        let rotated = session::rotate(&self.database, row, code.digest(), now).await?;
        Ok(rotated.then_some(code))
    }

    fn ending(&self, reason: SessionEnd, actor: String) -> Ending {
        Ending {
            reason,
            actor,
            correlation: self.clock.new_id(),
            cause: None,
        }
    }
}

/// What a browser calls itself, as far as people read it.
fn shortened(user_agent: &str) -> String {
    let readable = user_agent.chars().filter(|c| !c.is_control());
    readable.take(MAX_USER_AGENT).collect()
}

/// How long a cookie is used before it is another one.
const ROTATE_AFTER: Duration = Duration::minutes(15);

/// How long a password that was shown is good for what needs it.
const FRESH: Duration = Duration::minutes(15);

/// A page makes many requests, and none needs a write of its own.
const NOTE_USE_EVERY: Duration = Duration::minutes(1);

/// In characters.
const MAX_USER_AGENT: usize = 200;
