//! The key-encryption keys that this keystore holds, and with which of them it seals.
//!
//! Where they come from says no more than what may be opened; which one is sealed with is for the database to say, so
//! that keystores that share it agree: the newest of [`kek`]. A current key that is not there yet is what begins a
//! rotation; [`crate::rewrap`] carries it through.

use std::{fmt, sync::Arc};

use runtime::Clock;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, DatabaseConnection, DbErr, EntityTrait, QueryFilter, QueryOrder,
    sea_query::OnConflict,
};
use tokio::sync::watch;
use zeroize::Zeroizing;

use crate::{
    envelope::{self, EnvelopeError, Label},
    kek::{Kek, KekError, KekSources, Keks},
    tables::{kek, retired_kek},
};

/// The keys. Cheap to clone.
#[derive(Clone)]
pub struct Keyring(Arc<Inner>);

struct Inner {
    sources: KekSources,
    database: DatabaseConnection,
    clock: Clock,
    held: watch::Sender<Held>,
}

#[derive(Clone)]
struct Held {
    keks: Keks,
    sealing: Kek,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring of Keks")
    }
}

/// A secret as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// See [`envelope`].
    pub octets: Vec<u8>,
    /// What it is sealed with.
    pub kek_id: String,
}

/// Why there are no keys to work with.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// They cannot be read.
    #[error(transparent)]
    Kek(#[from] KekError),
    /// What the database holds was sealed with another one.
    #[error(
        "the key-encryption key {given} is not the one that this database was sealed with ({sealed_with}); nothing was changed: bring back the right key. If it was to be rotated, the one before has to be there too, at {previous}"
    )]
    Wrong {
        /// The id of the key that was given.
        given: String,
        /// The id of the key that it was sealed with.
        sealed_with: String,
        /// Where the one before is looked for.
        previous: String,
    },
    /// It was rotated away.
    #[error(
        "the key-encryption key {given} was rotated away: this database is sealed with {sealed_with}; nothing was changed: put that one in its place"
    )]
    Retired {
        /// The id of the key that was given.
        given: String,
        /// The id of the key that it is sealed with.
        sealed_with: String,
    },
    /// A rotation has not ended.
    #[error(
        "rows of this database are still sealed with the key-encryption key {needed}, and {given} is all that is here; nothing was changed: bring {needed} back, at {place}, until the log has kek.rotated for it"
    )]
    Needed {
        /// The id of the key that is not here.
        needed: String,
        /// The ids of those that are.
        given: String,
        /// Where it is looked for.
        place: String,
    },
    /// What shows that a key is the right one could not be sealed.
    #[error("a key-encryption key cannot be tried")]
    Seal(#[source] EnvelopeError),
    /// The database did not answer.
    #[error("the database of sealed keys does not answer")]
    Database(#[from] DbErr),
}

impl Keyring {
    /// Reads the keys, and holds them against the database; the first time, notes what it is sealed with.
    ///
    /// # Errors
    /// [`KeyringError`] for keys that do not open all that is there.
    pub async fn open(
        sources: KekSources,
        database: DatabaseConnection,
        clock: Clock,
    ) -> Result<Self, KeyringError> {
        let keks = Keks::read(&sources)?;
        let sealing = settle(&database, &sources, &keks, &clock).await?;
        let held = watch::Sender::new(Held { keks, sealing });
        Ok(Self(Arc::new(Inner {
            sources,
            database,
            clock,
            held,
        })))
    }

    /// Does the same again: keys that were put in their place meanwhile are taken up. Where they do not fit, those
    /// that are held stay.
    ///
    /// # Errors
    /// See [`KeyringError`].
    pub async fn look(&self) -> Result<(), KeyringError> {
        let inner = &*self.0;
        let keks = Keks::read(&inner.sources)?;
        let sealing = settle(&inner.database, &inner.sources, &keks, &inner.clock).await?;
        inner.held.send_replace(Held { keks, sealing });
        Ok(())
    }

    /// Those that are held.
    pub fn keks(&self) -> Keks {
        self.0.held.borrow().keks.clone()
    }

    /// The one to seal with.
    pub fn sealing(&self) -> Kek {
        self.0.held.borrow().sealing.clone()
    }

    /// Where they are looked for.
    pub fn sources(&self) -> &KekSources {
        &self.0.sources
    }

    /// Seals a secret.
    ///
    /// # Errors
    /// [`EnvelopeError::Seal`].
    pub fn seal(&self, label: &Label, secret: &[u8]) -> Result<Sealed, EnvelopeError> {
        let kek = self.sealing();
        Ok(Sealed {
            octets: envelope::seal(&kek, label, secret)?,
            kek_id: kek.id(),
        })
    }

    /// Opens what any of the keys sealed.
    ///
    /// # Errors
    /// [`EnvelopeError::Open`].
    pub async fn unseal(
        &self,
        label: &Label,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
        let opened = envelope::open_with_any(&self.keks(), label, sealed);
        if opened.is_ok() {
            return opened;
        }
        // Another keystore may have taken up a new key a moment before this one.
        match self.look().await {
            Ok(()) => envelope::open_with_any(&self.keks(), label, sealed),
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::debug!(error, "no other key-encryption key is here");
                opened
            }
        }
    }
}

/// The keys that rows may be sealed with, the newest last.
///
/// # Errors
/// What the database says.
pub async fn in_use(database: &DatabaseConnection) -> Result<Vec<kek::Model>, DbErr> {
    kek::Entity::find()
        .order_by_asc(kek::Column::Number)
        .all(database)
        .await
}

/// The ids of the keys that rows may be sealed with, where these ones open them all; writes nothing.
///
/// # Errors
/// [`KeyringError`], where they do not.
pub async fn sealed_with(
    database: &DatabaseConnection,
    sources: &KekSources,
    keks: &Keks,
) -> Result<Vec<String>, KeyringError> {
    let rows = check(database, sources, keks).await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Whether these keys open all that is there.
async fn check(
    database: &DatabaseConnection,
    sources: &KekSources,
    keks: &Keks,
) -> Result<Vec<kek::Model>, KeyringError> {
    let rows = in_use(database).await?;
    for row in &rows {
        if !keks.each().any(|kek| sealed(row, kek)) {
            return Err(missing(database, sources, keks, &rows, row).await?);
        }
    }
    Ok(rows)
}

/// Finds the key to seal with: the newest that the database knows, after the current one was made known to it.
async fn settle(
    database: &DatabaseConnection,
    sources: &KekSources,
    keks: &Keks,
    clock: &Clock,
) -> Result<Kek, KeyringError> {
    let mut rows = check(database, sources, keks).await?;
    let id = keks.current.id();
    if !rows.iter().any(|row| row.id == id) && !is_retired(database, &id).await? {
        sources.current.sync();
        let sealed = envelope::seal(&keks.current, &check_label(), CHECK);
        let row = kek::ActiveModel {
            number: Set(rows.last().map_or(1, |newest| newest.number + 1)),
            sealed: Set(sealed.map_err(KeyringError::Seal)?),
            since: Set(clock.now().unix_timestamp()),
            id: Set(id),
        };
        let made = kek::Entity::insert(row)
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .exec_without_returning(database)
            .await?;
        if made == 1 && !rows.is_empty() {
            tracing::info!(
                new = keks.current.id(),
                old = rows.last().map(|old| old.id.as_str()),
                "a new key-encryption key is here: all that is sealed is sealed anew with it"
            );
        }
        // Read back also what was just written: another keystore may have been first, with the same one or another.
        rows = check(database, sources, keks).await?;
    }
    let newest = rows.last().map(|newest| newest.id.as_str());
    let sealing = keks.each().find(|kek| Some(kek.id().as_str()) == newest);
    // `check` has found each of them among ours, and there is at least the one that was made.
    Ok(sealing.unwrap_or(&keks.current).clone())
}

/// Why this row's key is not among ours, in the words for what is to be done.
async fn missing(
    database: &DatabaseConnection,
    sources: &KekSources,
    keks: &Keks,
    rows: &[kek::Model],
    row: &kek::Model,
) -> Result<KeyringError, DbErr> {
    let given = keks.current.id();
    let previous = sources.previous.as_ref();
    let previous = previous.map_or_else(
        || "CHANCERY_PREVIOUS_KEK or [keystore] previous_kek_file".to_owned(),
        ToString::to_string,
    );
    let newest = rows.last().map(|newest| newest.id.as_str());
    Ok(if rows.len() > 1 {
        let ids = keks.each().map(Kek::id).collect::<Vec<_>>();
        KeyringError::Needed {
            needed: row.id.clone(),
            given: ids.join(" and "),
            place: match newest == Some(row.id.as_str()) {
                true => sources.current.to_string(),
                false => previous,
            },
        }
    } else if is_retired(database, &given).await? {
        KeyringError::Retired {
            given,
            sealed_with: row.id.clone(),
        }
    } else {
        KeyringError::Wrong {
            given,
            sealed_with: row.id.clone(),
            previous,
        }
    })
}

async fn is_retired(database: &DatabaseConnection, id: &str) -> Result<bool, DbErr> {
    let found = retired_kek::Entity::find()
        .filter(retired_kek::Column::Id.eq(id))
        .one(database)
        .await?;
    Ok(found.is_some())
}

/// Whether the row is this key's own.
fn sealed(row: &kek::Model, kek: &Kek) -> bool {
    let opened = envelope::open(kek, &check_label(), &row.sealed);
    row.id == kek.id() && opened.is_ok_and(|text| text.as_slice() == CHECK)
}

fn check_label() -> Label {
    Label::new("kek-check", &[])
}

const CHECK: &[u8] = b"this key-encryption key is the right one";
