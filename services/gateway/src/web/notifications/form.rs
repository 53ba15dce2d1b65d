//! The form of a channel: what was typed, and what that says to the notifier.

use api::notifier::v1::{
    Channel, CreateChannelRequest, EmailSettings, Rule, SmtpSecurity, UpdateChannelRequest,
    WebhookSettings, channel, create_channel_request as create, update_channel_request as update,
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::kinds;

/// What is typed.
#[derive(Deserialize, Clone)]
pub struct Typed {
    /// "email" or "webhook".
    #[serde(default)]
    pub by: String,
    /// What people call it.
    #[serde(default)]
    pub name: String,
    /// A word of [`kinds::SEVERITIES`], or "some": the kinds that are ticked.
    #[serde(default)]
    pub rule: String,
    /// Words of [`kinds::ALL`].
    #[serde(default)]
    pub kind: Vec<String>,
    /// Once a day.
    #[serde(default)]
    pub digest: Option<String>,
    /// The SMTP server.
    #[serde(default)]
    pub host: String,
    /// Its port.
    #[serde(default)]
    pub port: String,
    /// "tls", "starttls" or "none".
    #[serde(default)]
    pub security: String,
    /// Its user.
    #[serde(default)]
    pub username: String,
    /// And his password: empty, where it stays as it is.
    #[serde(default)]
    pub password: SecretString,
    /// Whose the messages are.
    #[serde(default)]
    pub from: String,
    /// Whom they go to, a line each.
    #[serde(default)]
    pub to: String,
    /// Where they are posted to: empty, where it stays as it is.
    #[serde(default)]
    pub url: String,
    /// What they are signed with, likewise.
    #[serde(default)]
    pub secret: SecretString,
    /// Roots to trust in place of the public ones, PEM.
    #[serde(default)]
    pub roots: String,
    /// What the form was made from.
    #[serde(default)]
    pub read: String,
}

impl Typed {
    /// An empty form for a channel of this kind.
    pub fn new(by: &str) -> Typed {
        Typed {
            by: match by {
                "webhook" => "webhook",
                _ => "email",
            }
            .to_owned(),
            name: String::new(),
            rule: "warning".to_owned(),
            kind: Vec::new(),
            digest: None,
            host: String::new(),
            port: String::new(),
            security: "tls".to_owned(),
            username: String::new(),
            password: SecretString::default(),
            from: String::new(),
            to: String::new(),
            url: String::new(),
            secret: SecretString::default(),
            roots: String::new(),
            read: String::new(),
        }
    }

    /// The form of a channel that is there.
    pub fn of(channel: Channel) -> Typed {
        let rule = channel.rule.unwrap_or_default();
        let kinds = rule.kinds();
        let ticked = kinds.filter_map(|kind| kinds::ALL.iter().find(|known| known.kind == kind));
        let severity = kinds::SEVERITIES
            .iter()
            .find(|(.., severity)| *severity == rule.minimum_severity());
        let typed = Typed {
            name: channel.name,
            kind: ticked.map(|kind| kind.word.to_owned()).collect(),
            rule: match (rule.kinds.is_empty(), severity) {
                (false, _) => "some",
                (true, Some((word, ..))) => word,
                (true, None) => "warning",
            }
            .to_owned(),
            digest: rule.digest.then(|| "on".to_owned()),
            ..Typed::new("")
        };
        match channel.settings {
            Some(channel::Settings::Webhook(hook)) => Typed {
                by: "webhook".to_owned(),
                roots: hook.trusted_roots_pem,
                ..typed
            },
            Some(channel::Settings::Email(email)) => Typed {
                security: match email.security() {
                    SmtpSecurity::Starttls => "starttls",
                    SmtpSecurity::None => "none",
                    SmtpSecurity::ImplicitTls | SmtpSecurity::Unspecified => "tls",
                }
                .to_owned(),
                port: match email.port {
                    0 => String::new(),
                    port => port.to_string(),
                },
                host: email.host,
                username: email.username,
                from: email.from,
                to: email.to.join("\n"),
                roots: email.trusted_roots_pem,
                ..typed
            },
            None => typed,
        }
    }

    /// Whether it goes by webhook.
    pub fn is_webhook(&self) -> bool {
        self.by == "webhook"
    }

    /// Whether a kind of message is ticked.
    pub fn has(&self, word: &str) -> bool {
        self.kind.iter().any(|kind| kind == word)
    }

    /// What it says, of a new channel.
    pub fn create(&self) -> CreateChannelRequest {
        CreateChannelRequest {
            name: self.name.clone(),
            rule: Some(self.told()),
            settings: Some(match self.is_webhook() {
                true => create::Settings::Webhook(self.webhook()),
                false => create::Settings::Email(self.email()),
            }),
        }
    }

    /// What it says, of one that is there.
    pub fn update(&self, channel_id: String) -> UpdateChannelRequest {
        UpdateChannelRequest {
            channel_id,
            name: self.name.clone(),
            rule: Some(self.told()),
            settings: Some(match self.is_webhook() {
                true => update::Settings::Webhook(self.webhook()),
                false => update::Settings::Email(self.email()),
            }),
        }
    }

    fn told(&self) -> Rule {
        let severity = kinds::SEVERITIES
            .iter()
            .find(|(word, ..)| *word == self.rule);
        let mut rule = Rule {
            digest: self.digest.is_some(),
            ..Rule::default()
        };
        match severity {
            Some((.., severity)) => rule.set_minimum_severity(*severity),
            None => {
                let ticked = kinds::ALL.iter().filter(|kind| self.has(kind.word));
                rule.kinds = ticked.map(|kind| kind.kind.into()).collect();
            }
        }
        rule
    }

    fn email(&self) -> EmailSettings {
        let security = match self.security.as_str() {
            "starttls" => SmtpSecurity::Starttls,
            "none" => SmtpSecurity::None,
            _ => SmtpSecurity::ImplicitTls,
        };
        let to = self.to.split(['\n', ',', ';']).map(str::trim);
        EmailSettings {
            host: self.host.trim().to_owned(),
            // What is no number is no port: the notifier says so.
            port: match self.port.trim() {
                "" => 0,
                port => port.parse().unwrap_or(u32::MAX),
            },
            security: security.into(),
            username: self.username.clone(),
            password: given(&self.password),
            from: self.from.trim().to_owned(),
            to: to.filter(|to| !to.is_empty()).map(str::to_owned).collect(),
            trusted_roots_pem: self.roots.clone(),
        }
    }

    fn webhook(&self) -> WebhookSettings {
        WebhookSettings {
            url: self.url.trim().to_owned(),
            signing_secret: given(&self.secret),
            trusted_roots_pem: self.roots.clone(),
        }
    }
}

/// A secret that was typed; one that was not stays as it is.
fn given(secret: &SecretString) -> Option<String> {
    let secret = secret.expose_secret();
    (!secret.is_empty()).then(|| secret.to_owned())
}

/// The form's field for one of the API's.
pub fn field(api: &str) -> Option<&'static str> {
    // A field of a list has its place behind it: "email.to[3]".
    let api = api.split('[').next().unwrap_or_default();
    Some(match api {
        "name" => "name",
        "rule.minimum_severity" | "rule.kinds" => "rule",
        "email.host" => "host",
        "email.port" => "port",
        "email.security" => "security",
        "email.username" => "username",
        "email.password" => "password",
        "email.from" => "from",
        "email.to" => "to",
        "webhook.url" => "url",
        "webhook.signing_secret" => "secret",
        "email.trusted_roots_pem" | "webhook.trusted_roots_pem" => "roots",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use api::notifier::v1::{MessageKind, Severity};

    use super::*;

    #[test]
    fn what_a_channel_is_comes_back_from_its_form() {
        let mut rule = Rule {
            digest: true,
            ..Rule::default()
        };
        rule.set_minimum_severity(Severity::Error);
        let email = EmailSettings {
            host: "mail.example".to_owned(),
            port: 2_525,
            security: SmtpSecurity::Starttls.into(),
            username: "chancery".to_owned(),
            from: "chancery@example.org".to_owned(),
            to: vec!["a@example.org".to_owned(), "b@example.org".to_owned()],
            ..EmailSettings::default()
        };
        let typed = Typed::of(Channel {
            name: "Operations".to_owned(),
            rule: Some(rule.clone()),
            settings: Some(channel::Settings::Email(email.clone())),
            ..Channel::default()
        });
        let update = typed.update("1".to_owned());
        assert_eq!(update.rule, Some(rule));
        // No password was typed: it stays.
        assert_eq!(update.settings, Some(update::Settings::Email(email)));
    }

    #[test]
    fn kinds_count_where_some_are_chosen() {
        let mut typed = Typed::new("webhook");
        typed.rule = "some".to_owned();
        typed.kind = vec!["expired".to_owned(), "unheard-of".to_owned()];
        let rule = typed.create().rule.unwrap();
        let expired = MessageKind::CertificateExpired;
        assert_eq!(rule.kinds().collect::<Vec<_>>(), [expired]);
    }
}
