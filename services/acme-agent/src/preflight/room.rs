//! Whether the CA's rate limits have room for the order, by our own count.

use api::acme::v1::ServerRegistered;
use uuid::Uuid;

use super::{Preflight, Subject, finding::Finding};
use crate::{budget::Asked, worker::chain};

impl Preflight {
    /// When an order for these subjects would be placed.
    pub(super) async fn room(
        &self,
        server: Uuid,
        registered: &ServerRegistered,
        subjects: &[Subject],
    ) -> Finding {
        let target = registered.name.as_str();
        let names = subjects.iter().map(|subject| match subject {
            Subject::Name(name) => name.to_string(),
            Subject::Address(address) => address.to_string(),
        });
        let names = names.collect::<Vec<_>>();
        let asked = Asked {
            server,
            directory_url: &registered.directory_url,
            order: Uuid::nil(),
            names: &names,
        };
        match self.budget.room(&asked).await {
            Ok(None) => {
                let message = format!(
                    "The rate limits of {target} have room, as far as they are known here."
                );
                Finding::passed(KIND, target, message)
            }
            Ok(Some(at)) => Finding::warning(
                KIND,
                target,
                format!(
                    "The rate limits of {target} have no room before {at}: the order would wait."
                ),
                [
                    "Request it all the same: it is placed by itself when there is room."
                        .to_owned(),
                    "If it cannot wait, choose another server.".to_owned(),
                ],
            ),
            Err(error) => {
                tracing::warn!(
                    error = chain(&error),
                    "cannot read what was used of the limits"
                );
                Finding::unknown(KIND, target)
            }
        }
    }
}

const KIND: &str = "RATE_LIMIT";
