//! API tokens: made, listed, ended.

use api::gateway::v1::ApiTokenCreated;
use eventlog::{Aggregate as _, Executed, Origin, RequestLedger, derive_id};
use runtime::database::begin_write;
use uuid::Uuid;

use super::{CommandError, Commands, LONGEST_COMMAND, Refusal};
use crate::{
    api_token::{self, Command, State, decide},
    instant,
    parse::tokens::NewToken,
    rows::token::{self, Token},
    tokens,
};

/// A token that was made.
#[derive(Debug)]
pub struct CreatedToken {
    /// Which one.
    pub token: Token,
    /// What its holder presents.
    pub text: tokens::Token,
    /// Where the log has the event.
    pub position: u64,
}

/// Whose tokens a caller may see and end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// All.
    Anybodys,
    /// His own: the one that he calls with, and those of the same person.
    Own {
        /// The one that he calls with.
        token: Option<Uuid>,
        /// The person.
        user: Option<Uuid>,
    },
}

impl Whose {
    /// Whether this one is among them.
    pub fn has(self, token: Uuid, user: Option<Uuid>) -> bool {
        match self {
            Whose::Anybodys => true,
            Whose::Own {
                token: own,
                user: me,
            } => own == Some(token) || (me.is_some() && me == user),
        }
    }
}

impl Commands {
    /// Makes a token. The same command again answers the same token under another text: the one before, which was
    /// lost, opens nothing any more.
    ///
    /// # Errors
    /// See [`CommandError`]. Nothing is kept of one that is refused.
    pub async fn create_token(
        &self,
        origin: &Origin,
        new: &NewToken,
        user: Option<Uuid>,
        label: Option<&str>,
    ) -> Result<CreatedToken, CommandError> {
        let id = derive_id(origin, State::NAME);
        let text = tokens::Token::generate().map_err(|_| CommandError::Random)?;
        let now = self.clock.now();
        let row = token::New {
            id,
            name: label.unwrap_or(&new.name).to_owned(),
            digest: text.digest(),
            role: new.role,
            certificates: new.certificates.clone(),
            key_export: new.key_export,
            created: now,
            expires: now + new.life,
            user_id: user,
        };
        // An earlier try's life began earlier: what the log has of it stays.
        let before = self.token(id).await?;
        let created = match before {
            State::Open(created) => created,
            State::Absent => created(&row, new, user),
            State::Revoked(_) => {
                return Err(Refusal::Token(api_token::Refusal::AlreadyRevoked).into());
            }
        };
        RequestLedger::claim(&self.database, origin).await?;
        // Step 1: the row, with the name and the hash. A crash after this leaves a row that opens nothing, and is
        // swept.
        self.claim_token(row).await?;
        // Step 2: append.
        let done = self
            .append_token(origin, id, &Command::Create(created))
            .await;
        if let Err(error) = &done
            && error.nothing_was_appended()
        {
            token::give_up(&self.database, id).await?;
        }
        let position = done?;
        self.progress.reaches(position).await?;
        let token = token::find(&self.database, id).await?;
        let token = token.ok_or(Refusal::Token(api_token::Refusal::NoSuchToken))?;
        Ok(CreatedToken {
            token,
            text,
            position,
        })
    }

    /// Ends a token: the position of the event.
    ///
    /// # Errors
    /// [`api_token::Refusal::NoSuchToken`] also where it is not his to end; see [`CommandError`].
    pub async fn revoke_token(
        &self,
        origin: &Origin,
        id: Uuid,
        whose: Whose,
    ) -> Result<u64, CommandError> {
        let state = self.token(id).await?;
        let created = state.created().map_err(Refusal::Token)?;
        if !whose.has(id, Uuid::parse_str(&created.user_id).ok()) {
            return Err(Refusal::Token(api_token::Refusal::NoSuchToken).into());
        }
        RequestLedger::claim(&self.database, origin).await?;
        let position = self.append_token(origin, id, &Command::Revoke).await?;
        self.progress.reaches(position).await?;
        Ok(position)
    }

    /// Tokens that open, by name.
    ///
    /// # Errors
    /// What the database says.
    pub async fn tokens(&self, whose: Whose) -> Result<Vec<Token>, CommandError> {
        let mut tokens = token::open(&self.database, self.clock.now()).await?;
        tokens.retain(|token| whose.has(token.id, token.user_id));
        Ok(tokens)
    }

    async fn token(&self, id: Uuid) -> Result<State, CommandError> {
        let loaded = self.log()?.load::<State>(&id.to_string()).await;
        Ok(loaded.map_err(CommandError::Log)?.state)
    }

    /// Keeps the row. What a crash left of another's, and no event followed, is swept.
    async fn claim_token(&self, new: token::New) -> Result<(), CommandError> {
        let tx = begin_write(&self.database).await?;
        if let Some(other) = token::by_name(&tx, &new.name, new.created).await?
            && other.id != new.id
        {
            let old = instant::time(other.created) + LONGEST_COMMAND < new.created;
            let nobody = self.token(other.id).await? == State::Absent;
            if other.confirmed || !old || !nobody {
                return Err(Refusal::TokenNameTaken.into());
            }
            token::give_up(&tx, other.id).await?;
        }
        token::keep(&tx, new).await?;
        Ok(tx.commit().await?)
    }

    async fn append_token(
        &self,
        origin: &Origin,
        id: Uuid,
        command: &Command,
    ) -> Result<u64, CommandError> {
        let decide = |state: &State| decide(state, command);
        let (text, now) = (id.to_string(), self.clock.now());
        let log = self.log()?;
        let done = log.execute(&text, origin, State::NAME, now, decide).await?;
        let Executed { position, .. } = done;
        Ok(position)
    }
}

/// What the log is told: never a label, which may say where somebody works.
fn created(row: &token::New, new: &NewToken, user: Option<Uuid>) -> ApiTokenCreated {
    ApiTokenCreated {
        name: new.name.clone(),
        role: new.role.into(),
        certificate_filter: new.certificates.names().to_vec(),
        key_export: new.key_export,
        expires: Some(api::convert::timestamp(row.expires)),
        user_id: user.map(|user| user.to_string()).unwrap_or_default(),
    }
}
