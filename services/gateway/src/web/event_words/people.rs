//! People, programs, and who is told.

use super::{Body, Tone, Words, terms};

/// `directory`
pub(super) fn directory(event: &str, body: &Body) -> Option<Words> {
    let role = || terms::role(body.text("/role"));
    let words = match event {
        "set-up-done" => Words::new("Set-up done", " by ", "check", Tone::Good)
            .with(["the first administrator is here".to_owned()]),
        "user-created" => Words::new("Person added", ": ", "user", Tone::Plain).with([role()]),
        "role-changed" => Words::new("Role changed", " of ", "user", Tone::Plain)
            .with([format!("now {}", role())]),
        "disabled" => Words::new("Person disabled", ": ", "lock", Tone::Warn)
            .with(["sessions and tokens have ended".to_owned()]),
        "enabled" => Words::new("Person enabled", ": ", "user", Tone::Plain),
        "deleted" => Words::new("Person deleted", ": ", "trash", Tone::Warn)
            .with(["names and addresses are erased".to_owned()]),
        "credentials-reset" => Words::new("New sign-in link made", " for ", "lock", Tone::Warn)
            .with(["the old password opens nothing".to_owned()]),
        "password-changed" => Words::new("Password changed", " of ", "lock", Tone::Plain),
        "second-factor-added" => Words::new("Second factor added", " for ", "shield", Tone::Good),
        "second-factor-removed" => {
            Words::new("Second factor removed", " for ", "shield", Tone::Warn)
        }
        "recovery-code-used" => Words::new("Recovery code used", " by ", "lock", Tone::Warn)
            .with([format!("{} left", body.number("/left"))]),
        _ => return None,
    };
    Some(words)
}

/// `session`
pub(super) fn session(event: &str, body: &Body) -> Option<Words> {
    let words = match event {
        "signed-in" => {
            let how = match body.text("/method") {
                "SIGN_IN_METHOD_PASSWORD" => "with a password",
                "SIGN_IN_METHOD_PASSWORD_AND_CODE" => "with a password and a code",
                "SIGN_IN_METHOD_PASSWORD_AND_RECOVERY_CODE" => {
                    "with a password and a recovery code"
                }
                "SIGN_IN_METHOD_LINK" => "with a link",
                _ => "",
            };
            Words::new("Signed in", ": ", "user", Tone::Plain).with([how.to_owned()])
        }
        "ended" => {
            let (what, why) = match body.text("/reason") {
                "SESSION_END_ENDED" => ("Session ended", "from the list of sessions"),
                "SESSION_END_CREDENTIALS_CHANGED" => {
                    ("Session ended", "what opened it has changed")
                }
                _ => ("Signed out", ""),
            };
            Words::new(what, ": ", "lock", Tone::Plain).with([why.to_owned()])
        }
        "refusals-summed" => {
            let times = match body.number("/refused") {
                1 => "once".to_owned(),
                n => format!("{n} times"),
            };
            Words::new("Sign-in refused", " to ", "lock", Tone::Bad).with([
                times,
                body.moment("from ", "/since"),
                body.moment("until ", "/until"),
            ])
        }
        _ => return None,
    };
    Some(words)
}

/// `api-token`
pub(super) fn api_token(event: &str, body: &Body) -> Option<Words> {
    let words = match event {
        "created" => {
            let what = match body.text("/userId") {
                "" => "API token created",
                _ => "Command line connected",
            };
            let exports = match body.is("/keyExport") {
                true => "may export private keys".to_owned(),
                false => String::new(),
            };
            Words::new(what, ": ", "key", Tone::Plain).with([
                terms::role(body.text("/role")),
                exports,
                body.day("until ", "/expires"),
            ])
        }
        "revoked" => Words::new("API token revoked", ": ", "key", Tone::Plain)
            .with(["it opens nothing any more".to_owned()]),
        _ => return None,
    };
    Some(words)
}

/// `channel`
pub(super) fn channel(event: &str, body: &Body) -> Option<Words> {
    let kind = || {
        let kind = match body.text("/kind") {
            "CHANNEL_KIND_EMAIL" => "e-mail",
            "CHANNEL_KIND_WEBHOOK" => "webhook",
            _ => "",
        };
        kind.to_owned()
    };
    let words = match event {
        "created" => Words::new("Channel added", ": ", "bell", Tone::Plain).with([kind()]),
        "updated" => Words::new("Channel changed", ": ", "bell", Tone::Plain),
        "deleted" => Words::new("Channel deleted", ": ", "trash", Tone::Plain)
            .with(["it is told no more".to_owned()]),
        _ => return None,
    };
    Some(words)
}

/// `alert`
pub(super) fn alert(event: &str, body: &Body) -> Option<Words> {
    let words = match event {
        "raised" => {
            let tone = match body.text("/severity") {
                "SEVERITY_ERROR" => Tone::Bad,
                "SEVERITY_INFO" => Tone::Plain,
                _ => Tone::Warn,
            };
            Words::new("Alert raised", " about ", "bell", tone)
                .with([body.text("/message").trim_end_matches('.').to_owned()])
        }
        "notified" => {
            let what = match body.is("/allClear") {
                true => "All-clear sent",
                false => "Notification sent",
            };
            Words::new(what, " about ", "mail", Tone::Plain)
        }
        "notify-failed" => {
            let tries = match body.number("/attempts") {
                0 => String::new(),
                1 => "1 try".to_owned(),
                n => format!("{n} tries"),
            };
            Words::new("Notification failed", " about ", "mail", Tone::Bad)
                .with([body.text("/reason").trim_end_matches('.').to_owned(), tries])
        }
        "cleared" => Words::new("Alert cleared", " about ", "check", Tone::Good)
            .with([body.text("/message").trim_end_matches('.').to_owned()]),
        _ => return None,
    };
    Some(words)
}
