//! Who holds a bearer token: the bootstrap token's holder, or an API token's.
//!
//! A call costs no look into the database where nothing has changed: what was read is remembered for
//! [`REMEMBERED`], and no longer than until this gateway follows an event of people or tokens. So a revocation counts
//! at once here, and within that time in other gateways on the same database.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use sea_orm::DbErr;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};
use uuid::Uuid;

use crate::{
    commands::Commands,
    principal::{KeyExport, Principal, Who, lesser},
    rows::{
        token::{self, Token},
        user,
    },
    tokens::{Bootstrap, TokenDigest, TokenError, is_token},
};

/// The tokens that the gateway accepts. Cheap to clone.
#[derive(Clone)]
pub struct Bearers {
    inner: Arc<Inner>,
}

struct Inner {
    bootstrap: Bootstrap,
    commands: Commands,
    known: Mutex<Known>,
    used: Mutex<HashMap<Uuid, Used>>,
}

/// What was read lately.
#[derive(Default)]
struct Known {
    by_digest: HashMap<TokenDigest, Entry>,
    by_id: HashMap<Uuid, Entry>,
    /// When it was read that the set-up is still to come, and the last change of the rows before that.
    to_be_set_up: Option<(Instant, u64)>,
}

struct Entry {
    read: Instant,
    /// The last change of the rows before that.
    position: u64,
    principal: Principal,
}

/// When a token was used last.
#[derive(Debug, Clone, Copy)]
struct Used {
    minute: OffsetDateTime,
    written: bool,
}

impl Bearers {
    /// The bootstrap token, and those in the database.
    pub fn new(bootstrap: Bootstrap, commands: Commands) -> Bearers {
        Bearers {
            inner: Arc::new(Inner {
                bootstrap,
                commands,
                known: Mutex::default(),
                used: Mutex::default(),
            }),
        }
    }

    /// Who holds the token that a caller presented.
    ///
    /// # Errors
    /// [`TokenError::Unknown`] where nobody does, [`TokenError`] else where that cannot be told.
    pub async fn holder(&self, presented: &str) -> Result<Principal, TokenError> {
        if !is_token(presented) {
            return Err(TokenError::Unknown);
        }
        let digest = TokenDigest::of(presented);
        let position = match self.remembered(|known| &mut known.by_digest, &digest) {
            Ok(principal) => {
                self.note_use(&principal);
                return Ok(principal);
            }
            Err(position) => position,
        };
        // While there is no such file, this costs a look at the folder; and with an API token once in a while.
        let not_bootstrap = match self.inner.bootstrap.holder(presented) {
            Ok(principal) => {
                // Its file goes with the set-up, and may not be this gateway's to remove.
                let ended = self.is_set_up().await;
                return match ended.map_err(TokenError::Database)? {
                    true => Err(TokenError::Unknown),
                    false => Ok(principal),
                };
            }
            Err(e) => e,
        };
        let token = token::by_digest(&self.inner.commands.database, &digest).await;
        let token = token.map_err(TokenError::Database)?;
        let token = token.ok_or(not_bootstrap)?;
        let principal = self.principal(&token).await.map_err(TokenError::Database)?;
        let principal = principal.ok_or(TokenError::Unknown)?;
        self.remember(|known| &mut known.by_digest, digest, position, &principal);
        self.note_use(&principal);
        Ok(principal)
    }

    /// Whether who was let in still would be, as the same. Where that cannot be told, he is: it is asked
    /// again soon, and his next call is refused.
    pub async fn still_hold(&self, principal: &Principal) -> bool {
        match principal.who {
            Who::Bootstrap => {
                let ended = self.is_set_up().await.unwrap_or(false);
                !ended && self.inner.bootstrap.still_hold(principal)
            }
            Who::Token { id, .. } => match self.of_token(id).await {
                Ok(now) => now.as_ref() == Some(principal),
                Err(e) => {
                    warn!(
                        error = &e as &dyn std::error::Error,
                        "cannot check a token again"
                    );
                    true
                }
            },
            Who::Session { id, .. } => match self.inner.commands.still_open(id).await {
                Ok(open) => open.is_some_and(|open| open.role == principal.role),
                Err(e) => {
                    let error = &e as &dyn std::error::Error;
                    warn!(error, "cannot check a session again");
                    true
                }
            },
        }
    }

    /// Whether the set-up is done: then the bootstrap token has ended.
    async fn is_set_up(&self) -> Result<bool, DbErr> {
        let position = *self.inner.commands.changed.borrow();
        let remembered = self.known().to_be_set_up;
        if remembered.is_some_and(|(read, at)| at == position && read.elapsed() < REMEMBERED) {
            return Ok(false);
        }
        let done = self.inner.commands.is_set_up().await?;
        self.known().to_be_set_up = (!done).then(|| (Instant::now(), position));
        Ok(done)
    }

    async fn of_token(&self, id: Uuid) -> Result<Option<Principal>, DbErr> {
        let position = match self.remembered(|known| &mut known.by_id, &id) {
            Ok(principal) => return Ok(Some(principal)),
            Err(position) => position,
        };
        let Some(token) = token::find(&self.inner.commands.database, id).await? else {
            return Ok(None);
        };
        let principal = self.principal(&token).await?;
        if let Some(principal) = &principal {
            self.remember(|known| &mut known.by_id, id, position, principal);
        }
        Ok(principal)
    }

    /// Writes down when tokens were used, now and then until `stopping`, and once more then.
    pub async fn keep_uses(&self, stopping: &CancellationToken) {
        while stopping
            .run_until_cancelled(tokio::time::sleep(WRITE_USES))
            .await
            .is_some()
        {
            self.write_uses().await;
        }
        self.write_uses().await;
    }

    /// Writes down when tokens were used.
    pub async fn write_uses(&self) {
        let used = || {
            self.inner
                .used
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        let new = used()
            .iter()
            .filter(|(_, used)| !used.written)
            .map(|(id, used)| (*id, used.minute))
            .collect::<Vec<_>>();
        for (id, minute) in new {
            if let Err(e) = token::used(&self.inner.commands.database, id, minute).await {
                error!(
                    error = &e as &dyn std::error::Error,
                    "cannot note when tokens were used"
                );
                return;
            }
            // Unless it was used again meanwhile, in another minute.
            if let Some(used) = used().get_mut(&id).filter(|used| used.minute == minute) {
                used.written = true;
            }
        }
    }

    fn note_use(&self, principal: &Principal) {
        let Who::Token { id, .. } = principal.who else {
            return;
        };
        let now = self.inner.commands.clock.now();
        let minute = now
            .replace_second(0)
            .and_then(|now| now.replace_nanosecond(0));
        let minute = minute.unwrap_or(now);
        let mut used = self
            .inner
            .used
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if used.get(&id).is_none_or(|used| used.minute < minute) {
            let written = false;
            used.insert(id, Used { minute, written });
        }
    }

    /// Who calls with this token; nobody, where it does not open, or its person may not call.
    async fn principal(&self, token: &Token) -> Result<Option<Principal>, DbErr> {
        let Some(certificates) = token.certificates() else {
            return Ok(None);
        };
        let role = match token.user_id {
            None => token.role(),
            Some(id) => {
                let person = user::find(&self.inner.commands.database, id).await?;
                match person.filter(|person| person.is_let_in()) {
                    // Never more than he may himself, now.
                    Some(person) => lesser(token.role(), person.role()),
                    None => return Ok(None),
                }
            }
        };
        Ok(token
            .opens(self.inner.commands.clock.now())
            .then(|| Principal {
                actor: format!("token/{}", token.id),
                name: token.name.clone(),
                role,
                certificates,
                key_export: match token.key_export {
                    true => KeyExport::Allowed,
                    false => KeyExport::Denied,
                },
                who: Who::Token {
                    id: token.id,
                    user_id: token.user_id,
                },
                expires: Some(token.expires()),
            }))
    }

    /// What is remembered; else the last change of the rows, to read them after it.
    fn remembered<K: Eq + Hash>(
        &self,
        among: impl Fn(&mut Known) -> &mut HashMap<K, Entry>,
        key: &K,
    ) -> Result<Principal, u64> {
        let now = self.inner.commands.clock.now();
        let position = *self.inner.commands.changed.borrow();
        let counts = |entry: &Entry| {
            let expired = entry
                .principal
                .expires
                .is_some_and(|expires| expires <= now);
            entry.position == position && entry.read.elapsed() < REMEMBERED && !expired
        };
        let mut known = self.known();
        let entry = among(&mut known).get(key).filter(|entry| counts(entry));
        entry.map(|entry| entry.principal.clone()).ok_or(position)
    }

    /// `position`: the last change of the rows before they were read.
    fn remember<K: Eq + Hash>(
        &self,
        among: impl Fn(&mut Known) -> &mut HashMap<K, Entry>,
        key: K,
        position: u64,
        principal: &Principal,
    ) {
        let entry = Entry {
            read: Instant::now(),
            position,
            principal: principal.clone(),
        };
        let mut known = self.known();
        let entries = among(&mut known);
        if entries.len() >= MOST_REMEMBERED {
            entries.clear();
        }
        entries.insert(key, entry);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.inner
            .known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long what was read counts, where no event tells that it has changed.
const REMEMBERED: Duration = Duration::from_secs(4);

/// Tokens that are remembered at once.
const MOST_REMEMBERED: usize = 10_000;

/// How often it is written down when tokens were used: to the minute is what is told.
const WRITE_USES: Duration = Duration::from_secs(30);
