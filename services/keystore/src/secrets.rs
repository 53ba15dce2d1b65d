//! Secrets of other services, each open to the service that sealed it alone.

use sea_orm::{ActiveValue::Set, DatabaseConnection, DbErr, EntityTrait, sea_query::OnConflict};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::{
    envelope::{EnvelopeError, Label},
    keyring::Keyring,
    tables::sealed_secret::{ActiveModel, Column, Entity},
};

/// The sealed secrets. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Secrets {
    keyring: Keyring,
    database: DatabaseConnection,
}

/// What a service calls a secret of its own: 1 to 200 characters of `[a-z0-9/-]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretName(String);

impl SecretName {
    /// For a secret of the keystore's own.
    pub fn of_our_own(name: &'static str) -> Self {
        Self(name.to_owned())
    }
}

/// The text is no name for a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret's name has 1 to 200 lower-case letters, digits, slashes and hyphens")]
pub struct InvalidSecretName;

impl TryFrom<&str> for SecretName {
    type Error = InvalidSecretName;

    fn try_from(text: &str) -> Result<Self, InvalidSecretName> {
        let allowed =
            |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'/' || b == b'-';
        if (1..=200).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidSecretName)
        }
    }
}

/// Why a secret was not kept or given.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// It could not be sealed or opened.
    #[error("a secret cannot be sealed or opened")]
    Envelope(#[source] EnvelopeError),
    /// The database did not answer.
    #[error("the database of secrets does not answer")]
    Database(#[from] DbErr),
}

impl Secrets {
    /// The secrets in this database, which the keyring opens.
    pub fn new(keyring: Keyring, database: DatabaseConnection) -> Self {
        Self { keyring, database }
    }

    /// Keeps a secret of this service, in place of an earlier one of that name.
    ///
    /// # Errors
    /// [`SecretError`].
    pub async fn seal(
        &self,
        owner: &str,
        name: &SecretName,
        secret: &[u8],
        now: OffsetDateTime,
    ) -> Result<(), SecretError> {
        let replace = OnConflict::columns([Column::Owner, Column::Name])
            .update_columns([Column::Sealed, Column::KekId, Column::SealedAt])
            .to_owned();
        self.keep(owner, name, secret, now, replace).await
    }

    /// The same, where there is none of that name; an earlier one stays.
    ///
    /// # Errors
    /// [`SecretError`].
    pub async fn seal_first(
        &self,
        owner: &str,
        name: &SecretName,
        secret: &[u8],
        now: OffsetDateTime,
    ) -> Result<(), SecretError> {
        let stay = OnConflict::columns([Column::Owner, Column::Name])
            .do_nothing()
            .to_owned();
        self.keep(owner, name, secret, now, stay).await
    }

    async fn keep(
        &self,
        owner: &str,
        name: &SecretName,
        secret: &[u8],
        now: OffsetDateTime,
        where_there_is_one: OnConflict,
    ) -> Result<(), SecretError> {
        let sealed = self.keyring.seal(&label(owner, &name.0), secret);
        let sealed = sealed.map_err(SecretError::Envelope)?;
        let row = ActiveModel {
            owner: Set(owner.to_owned()),
            name: Set(name.0.clone()),
            sealed: Set(sealed.octets),
            kek_id: Set(Some(sealed.kek_id)),
            sealed_at: Set(now.unix_timestamp()),
        };
        Entity::insert(row)
            .on_conflict(where_there_is_one)
            .exec_without_returning(&self.database)
            .await?;
        Ok(())
    }

    /// The secret of this service, if it has one of that name.
    ///
    /// # Errors
    /// [`SecretError`].
    pub async fn open(
        &self,
        owner: &str,
        name: &SecretName,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, SecretError> {
        let key = (owner.to_owned(), name.0.clone());
        let Some(row) = Entity::find_by_id(key).one(&self.database).await? else {
            return Ok(None);
        };
        let label = label(owner, &name.0);
        let opened = self.keyring.unseal(&label, &row.sealed).await;
        opened.map(Some).map_err(SecretError::Envelope)
    }

    /// Destroys the secret of this service, if it has one of that name.
    ///
    /// # Errors
    /// [`SecretError::Database`].
    pub async fn destroy(&self, owner: &str, name: &SecretName) -> Result<(), SecretError> {
        let key = (owner.to_owned(), name.0.clone());
        Entity::delete_by_id(key).exec(&self.database).await?;
        Ok(())
    }
}

/// What a secret is, as part of its seal.
pub fn label(owner: &str, name: &str) -> Label {
    Label::new("secret", &[owner, name])
}

#[cfg(test)]
mod tests {
    use super::SecretName;

    #[test]
    fn names_are_plain_and_bounded() {
        assert!(SecretName::try_from("account-key/0b0a5c0e").is_ok());
        for no in ["", "Account", "a b", "a.b", &"a".repeat(201)] {
            assert!(SecretName::try_from(no).is_err(), "{no:?}");
        }
    }
}
