//! Rotation of the key-encryption key, while everything goes on: what was sealed with the old one is sealed with the new
//! one, a few rows at a time. [`crate::keyring`] says which these are.
//!
//! A row is replaced by one that has opened to the same, and only while it is what was read; so a crash at any step, or
//! another keystore that does the same, leaves each row whole under one of the two. That the old key is needed no more is
//! for the database to say: it lets the key go once no row names it, and from then on takes no row that does.

use std::time::Duration;

use api::keystore::v1::KekRotated;
use eventlog::Origin;
use runtime::{Layout, database};
use sea_orm::{
    ActiveModelTrait as _,
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait as _},
};
use uuid::Uuid;

use crate::{
    commands::Commands,
    envelope::{self, Label},
    internal_ca::{InternalCa, InternalCaError},
    kek::Kek,
    keyring::{self, Keyring, KeyringError},
    rotation::{self, AlreadyRotated},
    secrets,
    tables::{kek, retired_kek, sealed_key, sealed_secret},
    vault,
};

/// What keeps an eye on the keys, and seals anew. One for each running keystore.
pub struct Rewrap {
    /// The keys.
    pub keyring: Keyring,
    /// The database, the log, and who writes.
    pub commands: Commands,
    /// Where the internal CA's key is.
    pub layout: Layout,
}

/// Why a rotation does not go on. All of it is tried again.
#[derive(Debug, thiserror::Error)]
pub enum RewrapError {
    /// The keys that are there cannot be taken up.
    #[error("the key-encryption keys that are there are not taken up; those of before are used")]
    Keyring(#[from] KeyringError),
    /// The two changed places.
    #[error(
        "{current} holds a key-encryption key that was rotated away ({retired}), and everything is sealed with {sealing}: let the two change places"
    )]
    Misplaced {
        /// Where the current one should be.
        current: String,
        /// What is there.
        retired: String,
        /// What is sealed with.
        sealing: String,
    },
    /// The internal CA's key.
    #[error("the internal CA's key cannot be sealed with the new key-encryption key")]
    InternalCa(#[from] InternalCaError),
    /// Rows that open with neither.
    #[error(
        "{rows} sealed rows open with no key-encryption key that is here, the first of them {first}: the previous one is needed until they are destroyed, or restored from a backup"
    )]
    Unopened {
        /// How many.
        rows: usize,
        /// Which one, for people.
        first: String,
    },
    /// The database did not answer.
    #[error("the database of sealed keys does not answer")]
    Database(#[from] DbErr),
    /// The event log did not take the event.
    #[error("the event log did not take the event")]
    Log(#[source] eventlog::CommandError<AlreadyRotated>),
}

/// What came of one way through the rows.
#[derive(Debug, Default)]
struct Pass {
    rewrapped: usize,
    unopened: Vec<String>,
}

impl Rewrap {
    /// Looks now and then, for as long as it is polled. What stands in the way is said once.
    pub async fn run(self) {
        let mut said = None;
        loop {
            let problem = self.turn().await.err();
            let text = problem.as_ref().map(ToString::to_string);
            if let Some(error) = &problem
                && said != text
            {
                let error: &dyn std::error::Error = error;
                tracing::error!(error, "the key-encryption key is not in order");
            }
            said = text;
            self.commands.clock.sleep(LOOK).await;
        }
    }

    /// Looks at the keys, and does what is to be done.
    ///
    /// # Errors
    /// [`RewrapError`].
    pub async fn turn(&self) -> Result<(), RewrapError> {
        self.keyring.look().await?;
        let (keks, sealing) = (self.keyring.keks(), self.keyring.sealing());
        if InternalCa::rewrap(&self.layout, &keks, &sealing)? {
            tracing::info!("the internal CA's key is sealed with the new key-encryption key");
        }
        let newest = keyring::in_use(&self.commands.database).await?;
        if let [_, .., newest] = &newest[..] {
            self.rewrap(&sealing).await?;
            // Those who share the database look as often, and by then seal with the new one, too.
            let settled = newest.since + 3 * LOOK.as_secs() as i64;
            if self.commands.clock.now().unix_timestamp() >= settled {
                self.retire(&sealing, newest).await?;
            }
        }
        self.tell().await?;
        match sealing.id() == keks.current.id() {
            true => Ok(()),
            false => Err(RewrapError::Misplaced {
                current: self.keyring.sources().current.to_string(),
                retired: keks.current.id(),
                sealing: sealing.id(),
            }),
        }
    }

    /// Seals every row with this key, those too that come meanwhile.
    ///
    /// # Errors
    /// [`RewrapError`], where a row does not open: all others were rewrapped.
    pub async fn rewrap(&self, to: &Kek) -> Result<(), RewrapError> {
        loop {
            let (keys, secrets) = (self.keys(to).await?, self.secrets(to).await?);
            let unopened = [keys.unopened, secrets.unopened].concat();
            if let Some(first) = unopened.first() {
                let (rows, first) = (unopened.len(), first.clone());
                return Err(RewrapError::Unopened { rows, first });
            }
            if keys.rewrapped + secrets.rewrapped == 0 {
                return Ok(());
            }
        }
    }

    /// The private keys, in the order of their ids.
    async fn keys(&self, to: &Kek) -> Result<Pass, DbErr> {
        use sealed_key::{Column, Entity};
        let mut pass = Pass::default();
        let mut after = None::<Uuid>;
        loop {
            let mut rows = Entity::find().filter(other_than(Column::KekId, to));
            if let Some(after) = after {
                rows = rows.filter(Column::Id.gt(after));
            }
            let rows = rows
                .select_only()
                .columns([Column::Id, Column::Sealed])
                .order_by_asc(Column::Id)
                .limit(AT_ONCE)
                .into_tuple::<(Uuid, Vec<u8>)>()
                .all(&self.commands.database)
                .await?;
            let Some((last, _)) = rows.last() else {
                return Ok(pass);
            };
            after = Some(*last);
            let rows = rows.into_iter();
            let rows = rows.map(|(id, sealed)| (id, vault::label(id), sealed, format!("key {id}")));
            let anew = self.anew(to, rows, &mut pass);
            let kek_id = to.id();
            let written = self.commands.writer.write(move |tx| {
                Box::pin(async move {
                    for (id, was, is) in anew {
                        Entity::update_many()
                            .col_expr(Column::Sealed, Expr::value(is))
                            .col_expr(Column::KekId, Expr::value(kek_id.as_str()))
                            .filter(Column::Id.eq(id))
                            .filter(Column::Sealed.eq(was))
                            .exec(tx)
                            .await?;
                    }
                    Ok(())
                })
            });
            written.await?;
        }
    }

    /// The secrets of services, in the order of their owners and names.
    async fn secrets(&self, to: &Kek) -> Result<Pass, DbErr> {
        use sealed_secret::{Column, Entity};
        let mut pass = Pass::default();
        let mut after = None::<(String, String)>;
        loop {
            let mut rows = Entity::find().filter(other_than(Column::KekId, to));
            if let Some((owner, name)) = after {
                let later = Column::Owner.eq(&owner).and(Column::Name.gt(name));
                rows = rows.filter(Column::Owner.gt(owner).or(later));
            }
            let rows = rows
                .order_by_asc(Column::Owner)
                .order_by_asc(Column::Name)
                .limit(AT_ONCE)
                .all(&self.commands.database)
                .await?;
            let Some(last) = rows.last() else {
                return Ok(pass);
            };
            after = Some((last.owner.clone(), last.name.clone()));
            let rows = rows.into_iter().map(|row| {
                let label = secrets::label(&row.owner, &row.name);
                let called = format!("secret {} of {}", row.name, row.owner);
                ((row.owner, row.name), label, row.sealed, called)
            });
            let anew = self.anew(to, rows, &mut pass);
            let kek_id = to.id();
            let written = self.commands.writer.write(move |tx| {
                Box::pin(async move {
                    for ((owner, name), was, is) in anew {
                        Entity::update_many()
                            .col_expr(Column::Sealed, Expr::value(is))
                            .col_expr(Column::KekId, Expr::value(kek_id.as_str()))
                            .filter(Column::Owner.eq(owner))
                            .filter(Column::Name.eq(name))
                            .filter(Column::Sealed.eq(was))
                            .exec(tx)
                            .await?;
                    }
                    Ok(())
                })
            });
            written.await?;
        }
    }

    /// What each row was, and is to be.
    fn anew<Id>(
        &self,
        to: &Kek,
        rows: impl Iterator<Item = (Id, Label, Vec<u8>, String)>,
        pass: &mut Pass,
    ) -> Vec<(Id, Vec<u8>, Vec<u8>)> {
        let keks = self.keyring.keks();
        let mut anew = Vec::new();
        for (id, label, was, called) in rows {
            match envelope::rewrap(&keks, to, &label, &was) {
                Ok(is) => anew.push((id, was, is)),
                Err(_) => pass.unopened.push(called),
            }
        }
        pass.rewrapped += anew.len();
        anew
    }

    /// Lets the old keys go, where nothing is sealed with them.
    async fn retire(&self, to: &Kek, newest: &kek::Model) -> Result<(), RewrapError> {
        let tx = database::begin_write(&self.commands.database).await?;
        let keys = other_than(sealed_key::Column::KekId, to);
        let keys = sealed_key::Entity::find().filter(keys).one(&tx).await?;
        let secrets = other_than(sealed_secret::Column::KekId, to);
        let secrets = sealed_secret::Entity::find()
            .filter(secrets)
            .one(&tx)
            .await?;
        // Another keystore has sealed something meanwhile: the next time.
        if keys.is_some() || secrets.is_some() || newest.id != to.id() {
            return Ok(tx.rollback().await?);
        }
        let old = kek::Entity::find()
            .filter(kek::Column::Number.lt(newest.number))
            .all(&tx)
            .await?;
        for old in old {
            kek::Entity::delete_by_id(&old.id).exec(&tx).await?;
            let retired = retired_kek::ActiveModel {
                id: Set(old.id),
                successor: Set(newest.id.clone()),
                keys: Set(count::<sealed_key::Entity>(&tx).await?),
                secrets: Set(count::<sealed_secret::Entity>(&tx).await?),
                recorded: Set(false),
            };
            retired.insert(&tx).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Tells the log of each rotation that has ended, and people what they may do now.
    async fn tell(&self) -> Result<(), RewrapError> {
        let ended = retired_kek::Entity::find().filter(retired_kek::Column::Recorded.eq(false));
        for retired in ended.all(&self.commands.database).await? {
            let rotated = KekRotated {
                old_kek_id: retired.id.clone(),
                new_kek_id: retired.successor.clone(),
                keys: u64::try_from(retired.keys).unwrap_or_default(),
                secrets: u64::try_from(retired.secrets).unwrap_or_default(),
            };
            let decide = |state: &rotation::State| rotation::decide(state, &rotated);
            let (origin, now) = (origin(&retired), self.commands.clock.now());
            let log = &self.commands.log;
            match log.execute(rotation::ID, &origin, "kek", now, decide).await {
                Ok(_) | Err(eventlog::CommandError::Refused(AlreadyRotated)) => {}
                Err(error) => return Err(RewrapError::Log(error)),
            }
            retired_kek::Entity::update_many()
                .col_expr(retired_kek::Column::Recorded, Expr::value(true))
                .filter(retired_kek::Column::Id.eq(&retired.id))
                .exec(&self.commands.database)
                .await?;
            let previous = self.keyring.sources().previous.as_ref();
            tracing::info!(
                old = retired.id,
                new = retired.successor,
                previous = previous.map(tracing::field::display),
                "everything is sealed with the new key-encryption key: the old one opens nothing here any more, and may be destroyed"
            );
        }
        Ok(())
    }
}

/// The rows that are sealed with another key than this one, or it is not known with which.
fn other_than(column: impl ColumnTrait, kek: &Kek) -> Condition {
    let id = kek.id();
    // Not `<>`, which no index answers.
    Condition::any()
        .add(column.lt(&id))
        .add(column.gt(&id))
        .add(column.is_null())
}

async fn count<E>(db: &impl ConnectionTrait) -> Result<i64, DbErr>
where
    E: EntityTrait<Model: Sync>,
{
    let rows = E::find().count(db).await?;
    Ok(i64::try_from(rows).unwrap_or(i64::MAX))
}

/// One for each rotation: keystores that tell it at the same time tell it once.
fn origin(retired: &retired_kek::Model) -> Origin {
    let request_id = format!("kek-{}-{}", retired.id, retired.successor);
    Origin {
        actor: "service/keystore".into(),
        request_digest: pki::fingerprint::sha256_hex(request_id.as_bytes()),
        correlation_id: Uuid::new_v5(&Uuid::NAMESPACE_OID, request_id.as_bytes()),
        request_id,
        causation_id: None,
        unchanged_since: None,
    }
}

/// How soon keys that were put in their place are taken up.
pub const LOOK: Duration = Duration::from_secs(5);

/// Rows of one transaction: those who wait for it do not wait long.
const AT_ONCE: u64 = 64;
