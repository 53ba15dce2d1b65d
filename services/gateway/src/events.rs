//! What the gateway writes to the log, each event its message of `chancery.gateway.v1`.

use api::gateway::v1;

eventlog::events! {
    /// What happens to the directory of people.
    pub enum DirectoryEvent {
        /// The first administrator is there.
        SetUpDone("set-up-done"): v1::SetUpDone = "chancery.gateway.v1.SetUpDone",
        /// There is a person more.
        UserCreated("user-created"): v1::UserCreated = "chancery.gateway.v1.UserCreated",
        /// What he may do is another thing.
        RoleChanged("role-changed"): v1::RoleChanged = "chancery.gateway.v1.RoleChanged",
        /// He may do nothing.
        Disabled("disabled"): v1::UserDisabled = "chancery.gateway.v1.UserDisabled",
        /// He may sign in again.
        Enabled("enabled"): v1::UserEnabled = "chancery.gateway.v1.UserEnabled",
        /// His name and addresses are erased.
        Deleted("deleted"): v1::UserDeleted = "chancery.gateway.v1.UserDeleted",
        /// His password and second factor are gone.
        CredentialsReset("credentials-reset"): v1::CredentialsReset = "chancery.gateway.v1.CredentialsReset",
        /// He chose a password.
        PasswordChanged("password-changed"): v1::PasswordChanged = "chancery.gateway.v1.PasswordChanged",
        /// He signs in with a code too.
        SecondFactorAdded("second-factor-added"): v1::SecondFactorAdded = "chancery.gateway.v1.SecondFactorAdded",
        /// He signs in with a password alone.
        SecondFactorRemoved("second-factor-removed"): v1::SecondFactorRemoved = "chancery.gateway.v1.SecondFactorRemoved",
        /// One of the codes that he wrote down is used up.
        RecoveryCodeUsed("recovery-code-used"): v1::RecoveryCodeUsed = "chancery.gateway.v1.RecoveryCodeUsed",
    }
}

eventlog::events! {
    /// What happens to an API token.
    pub enum ApiTokenEvent {
        /// A program may call.
        Created("created"): v1::ApiTokenCreated = "chancery.gateway.v1.ApiTokenCreated",
        /// It opens nothing any more.
        Revoked("revoked"): v1::ApiTokenRevoked = "chancery.gateway.v1.ApiTokenRevoked",
    }
}

eventlog::events! {
    /// What happens to a session, and to those that never came to be.
    pub enum SessionEvent {
        /// A person sits at a browser.
        SignedIn("signed-in"): v1::SignedIn = "chancery.gateway.v1.SignedIn",
        /// Its cookie opens nothing any more.
        Ended("ended"): v1::SessionEnded = "chancery.gateway.v1.SessionEnded",
        /// Somebody did not get in.
        RefusalsSummed("refusals-summed"): v1::RefusalsSummed = "chancery.gateway.v1.RefusalsSummed",
    }
}

#[cfg(test)]
mod tests {
    use eventlog::EventBody;

    use super::*;

    /// A golden file is never edited: every later version must still read it, and write it so.
    fn golden<E: EventBody>(name: &str, json: &str) {
        let event = E::from_json(name, json.as_bytes()).unwrap();
        assert_eq!(event.name(), name);
        let written: serde_json::Value = serde_json::from_slice(&event.to_json().unwrap()).unwrap();
        let kept: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(written, kept, "{name}");
    }

    macro_rules! golden {
        ($event:ty, $aggregate:literal, [$($name:literal),+ $(,)?]) => {
            $( golden::<$event>($name, include_str!(concat!("golden/", $aggregate, ".", $name, ".json"))); )+
        };
    }

    #[test]
    fn every_event_ever_written_is_still_read() {
        golden!(
            DirectoryEvent,
            "directory",
            [
                "set-up-done",
                "user-created",
                "role-changed",
                "disabled",
                "enabled",
                "deleted",
                "credentials-reset",
                "password-changed",
                "second-factor-added",
                "second-factor-removed",
                "recovery-code-used",
            ]
        );
        golden!(ApiTokenEvent, "api-token", ["created", "revoked"]);
        golden!(
            SessionEvent,
            "session",
            ["signed-in", "ended", "refusals-summed"]
        );
    }
}
