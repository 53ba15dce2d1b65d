//! Sending a message to a channel: by [`mail`] or to a [`webhook`].

pub mod mail;
pub mod signature;
pub mod webhook;

use std::time::Duration;

use runtime::{Clock, Egress, EgressError};
use sea_orm::DatabaseConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    item::Item,
    keystore::{Keystore, Secret},
    letter::Letter,
    origin,
    roster::Recipient,
    settings::{self, Settings},
};

/// Sends. Cheap to clone.
#[derive(Clone)]
pub struct Deliverer {
    /// The way out.
    pub egress: Egress,
    /// Where the secrets are.
    pub keystore: Keystore,
    /// Where the addresses are.
    pub database: DatabaseConnection,
    /// The time.
    pub clock: Clock,
}

/// A message was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct DeliveryError {
    /// Why not, in a few words and without addresses: it is kept and shown.
    pub reason: String,
    /// The other side's own words, for who tries the channel out; they may hold addresses.
    pub answer: Option<String>,
    /// How long the other side wants to be left alone.
    pub retry_after: Option<time::Duration>,
}

impl DeliveryError {
    /// For this reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            answer: None,
            retry_after: None,
        }
    }
}

impl From<EgressError> for DeliveryError {
    fn from(error: EgressError) -> Self {
        let reason = match &error {
            EgressError::Url { .. } => "its URL cannot be asked",
            EgressError::Refused { .. } => "its address is one that [egress] allow does not name",
            EgressError::Unresolved { .. } => "its server's name does not resolve",
            EgressError::Unreachable { .. } => "its server cannot be reached",
            EgressError::Untrusted { .. } => "its server's certificate is not trusted",
            EgressError::TimedOut { .. } => "its server did not answer in time",
            EgressError::TooLarge { .. } => "its server answered too much",
            EgressError::Redirected { .. } => {
                "its server redirects elsewhere, which is not followed"
            }
            EgressError::Roots { .. } => "the trusted roots cannot be used",
        };
        Self {
            answer: Some(error.to_string()),
            ..Self::new(reason)
        }
    }
}

impl Deliverer {
    /// Sends a message; answers what the other side said. `created`: when it was first to be sent.
    ///
    /// # Errors
    /// [`DeliveryError`]: it may have been taken all the same, where the answer was lost.
    pub async fn deliver(
        &self,
        to: &Recipient,
        message: Uuid,
        letter: &Letter,
        items: &[Item],
        created: OffsetDateTime,
    ) -> Result<String, DeliveryError> {
        let sending = self.send(to, message, letter, items, created);
        match tokio::time::timeout(LONGEST, sending).await {
            Ok(sent) => sent,
            Err(_) => Err(DeliveryError::new("its server did not answer in time")),
        }
    }

    async fn send(
        &self,
        to: &Recipient,
        message: Uuid,
        letter: &Letter,
        items: &[Item],
        created: OffsetDateTime,
    ) -> Result<String, DeliveryError> {
        let settings = settings::row::of(&self.database, to.id).await;
        let settings = settings.map_err(|error| {
            tracing::error!(channel = %to.id, error = &error as &dyn std::error::Error, "cannot read a channel's settings");
            DeliveryError::new("its settings cannot be read")
        })?;
        match settings {
            Some(Settings::Email(email)) => {
                let password = match email.username.is_empty() {
                    true => None,
                    false => self.secret(to.id, Secret::Password).await?,
                };
                let mail = mail::Mail {
                    message,
                    letter,
                    created,
                };
                mail::send(&self.egress, &email, password, &mail).await
            }
            Some(Settings::Webhook(hook)) => {
                let url = self.secret(to.id, Secret::Url).await?;
                let key = self.secret(to.id, Secret::Signing).await?;
                let (Some(url), Some(key)) = (url, key) else {
                    return Err(DeliveryError::new(
                        "its URL or signing secret is not there: set them anew",
                    ));
                };
                let event = webhook::event(to, message, letter, items, created);
                webhook::send(&self.egress, &hook, &url, &key, event, self.clock.now()).await
            }
            None => Err(DeliveryError::new(
                "its addresses are not there: set them anew",
            )),
        }
    }

    async fn secret(
        &self,
        channel: Uuid,
        secret: Secret,
    ) -> Result<Option<zeroize::Zeroizing<String>>, DeliveryError> {
        let origin = origin::own(&self.clock, None);
        let opened = self.keystore.open(&origin, channel, secret).await;
        opened.map_err(|error| {
            tracing::warn!(%channel, error = &error as &dyn std::error::Error, "cannot open a channel's secret");
            DeliveryError::new("the keystore did not give its secret")
        })
    }
}

/// How long one message may take.
pub const LONGEST: Duration = Duration::from_secs(45);
