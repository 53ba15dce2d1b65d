//! Whether the CA answers, knows our account, and agrees with us about the time.

use api::acme::v1::{CheckOutcome, Failure, ServerRegistered, Step};
use eventlog::Origin;
use time::Duration;
use uuid::Uuid;

use super::{Preflight, finding::Finding};
use crate::{
    accounts::AccountError,
    failure::{self, About},
};

impl Preflight {
    /// What there is to say about the server.
    pub(super) async fn server(
        &self,
        origin: &Origin,
        server: Uuid,
        registered: &ServerRegistered,
    ) -> Finding {
        let name = registered.name.as_str();
        match self.ask(origin, server, registered).await {
            Ok(ahead) => clock(name, ahead),
            Err(AccountError::Keystore(_) | AccountError::Database(_)) => Finding::warning(
                KIND,
                name,
                "Our account there could not be looked up: a service of this system did not answer.".to_owned(),
                ["Check again in a moment.".to_owned()],
            ),
            Err(AccountError::Ca(error)) => {
                let about = About {
                    directory_url: &registered.directory_url,
                    names: &[],
                };
                failed(name, failure::explain(Step::Connect, &error, about))
            }
            Err(AccountError::Roots(error)) => failed(name, failure::roots(&error)),
            Err(AccountError::Key(error)) => failed(name, failure::account_key(&error.to_string())),
        }
    }

    /// Reads the directory anew, and lets the CA say that it takes our word: how far its clock is ahead.
    async fn ask(
        &self,
        origin: &Origin,
        server: Uuid,
        registered: &ServerRegistered,
    ) -> Result<Option<Duration>, AccountError> {
        let roots = &registered.trusted_roots_der;
        let ca = self
            .accounts
            .discover(&registered.directory_url, roots)
            .await?;
        let account = self.accounts.at(server, registered, origin).await?;
        account.check().await.map_err(AccountError::Ca)?;
        Ok(ca.ahead())
    }
}

fn clock(name: &str, ahead: Option<Duration>) -> Finding {
    match ahead {
        Some(ahead) if ahead.abs() > MOST_APART => {
            let which = if ahead.is_positive() {
                "behind"
            } else {
                "ahead of"
            };
            let minutes = ahead.abs().whole_minutes();
            Finding::failed(
                KIND,
                name,
                format!(
                    "This machine's clock is {minutes} minutes {which} the CA's: certificates would be judged by a wrong time."
                ),
                ["Set the clock, and let NTP keep it right: timedatectl set-ntp true".to_owned()],
            )
        }
        _ => {
            let message = format!("{name} answers, knows our account, and has our time.");
            Finding::passed(KIND, name, message)
        }
    }
}

fn failed(name: &str, failure: Failure) -> Finding {
    Finding {
        kind: KIND,
        target: name.to_owned(),
        outcome: CheckOutcome::Failed,
        message: failure.message,
        fixes: vec![failure.advice],
    }
}

const KIND: &str = "SERVER";

/// Beyond it renewals pause as well.
const MOST_APART: Duration = Duration::HOUR;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_may_be_an_hour_apart() {
        for (ahead, outcome, words) in [
            (None, CheckOutcome::Passed, "answers"),
            (Some(Duration::minutes(59)), CheckOutcome::Passed, "answers"),
            (
                Some(Duration::minutes(61)),
                CheckOutcome::Failed,
                "61 minutes behind",
            ),
            (
                Some(Duration::minutes(-90)),
                CheckOutcome::Failed,
                "90 minutes ahead of",
            ),
        ] {
            let finding = clock("pebble", ahead);
            assert_eq!(finding.outcome, outcome);
            assert!(finding.message.contains(words), "{}", finding.message);
        }
    }
}
