//! What a request must be like: every field is checked, and all that is wrong is named at once.

use api::{
    convert::id,
    notifier::v1::{
        CreateChannelRequest, EmailSettings, MessageKind, Rule, Severity, SmtpSecurity,
        UpdateChannelRequest, WebhookSettings, create_channel_request, update_channel_request,
    },
    refuse::Violations,
};
use bytes::Bytes;
use lettre::{Address, message::Mailbox};
use pki::{DnsName, FriendlyName};
use tonic::Status;
use url::Url;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    commands::{Form, Secrets},
    keystore::Secret,
    settings::{self, Email, Security, Settings, Webhook},
};

/// A channel to make.
pub fn create(request: &CreateChannelRequest) -> Result<Form, Status> {
    use create_channel_request::Settings as S;
    let settings = request.settings.as_ref().map(|settings| match settings {
        S::Email(email) => Given::Email(email),
        S::Webhook(hook) => Given::Webhook(hook),
    });
    form(
        &request.name,
        request.rule.as_ref(),
        settings,
        true,
        Violations::new(),
    )
}

/// A channel to set anew.
pub fn update(request: &UpdateChannelRequest) -> Result<(Uuid, Form), Status> {
    use update_channel_request::Settings as S;
    let settings = request.settings.as_ref().map(|settings| match settings {
        S::Email(email) => Given::Email(email),
        S::Webhook(hook) => Given::Webhook(hook),
    });
    let mut violations = Violations::new();
    let id = id("channel_id", &request.channel_id, &mut violations);
    let form = form(
        &request.name,
        request.rule.as_ref(),
        settings,
        false,
        violations,
    )?;
    // Without an id there is a violation, and so no form.
    Ok((id.unwrap_or_default(), form))
}

/// A channel to delete.
pub fn delete(text: &str) -> Result<Uuid, Status> {
    let mut violations = Violations::new();
    id("channel_id", text, &mut violations).ok_or_else(|| violations.into_status())
}

/// Settings as they come in.
enum Given<'a> {
    Email(&'a EmailSettings),
    Webhook(&'a WebhookSettings),
}

fn form(
    name: &str,
    given_rule: Option<&Rule>,
    given: Option<Given>,
    is_new: bool,
    mut violations: Violations,
) -> Result<Form, Status> {
    let name = violations.check("name", FriendlyName::try_from(name));
    let rule = rule(given_rule, &mut violations);
    let settings = match given {
        Some(Given::Email(given)) => email(given, is_new, &mut violations),
        Some(Given::Webhook(given)) => webhook(given, is_new, &mut violations),
        None => {
            violations.add("settings", "say where its messages go: email or webhook");
            None
        }
    };
    match (name, settings) {
        (Some(name), Some((settings, secrets))) if violations.is_empty() => Ok(Form {
            name,
            rule,
            settings,
            secrets,
        }),
        _ => Err(violations.into_status()),
    }
}

fn rule(given: Option<&Rule>, violations: &mut Violations) -> Rule {
    let given = given.cloned().unwrap_or_default();
    let severity = match Severity::try_from(given.minimum_severity) {
        Ok(Severity::Unspecified) => Severity::Warning,
        Ok(severity) => severity,
        Err(_) => {
            violations.add("rule.minimum_severity", "choose info, warning or error");
            Severity::Warning
        }
    };
    let mut kinds = Vec::new();
    for (n, kind) in given.kinds.iter().enumerate() {
        match MessageKind::try_from(*kind) {
            Ok(MessageKind::Unspecified) | Err(_) => {
                violations.add(
                    format!("rule.kinds[{n}]"),
                    "there is no such kind of message",
                );
            }
            Ok(_) if kinds.contains(kind) => {}
            Ok(_) => kinds.push(*kind),
        }
    }
    Rule {
        minimum_severity: severity.into(),
        kinds,
        digest: given.digest,
    }
}

fn email(
    given: &EmailSettings,
    is_new: bool,
    violations: &mut Violations,
) -> Option<(Settings, Secrets)> {
    let security = security(given.security, violations);
    let host = violations.check("email.host", host(&given.host));
    if security == Some(Security::None)
        && host
            .as_deref()
            .is_some_and(|host| !settings::is_loopback(host))
    {
        violations.add(
            "email.security",
            "mail goes without TLS to this machine alone (localhost, 127.0.0.1, ::1): use implicit TLS or STARTTLS",
        );
    }
    let default_port = security.map_or(0, Security::port);
    let port = match given.port {
        0 => Ok(default_port),
        port => u16::try_from(port).map_err(|_| "a port is a number from 1 to 65535"),
    };
    let port = violations.check("email.port", port);
    check_text("email.username", &given.username, MAX_USERNAME, violations);
    let mut secrets = Vec::new();
    match (&given.password, given.username.is_empty()) {
        (Some(password), false) if password.is_empty() || password.len() > MAX_PASSWORD => {
            violations.add(
                "email.password",
                format!("a password has 1 to {MAX_PASSWORD} characters"),
            );
        }
        (Some(password), false) => {
            secrets.push((Secret::Password, Zeroizing::new(password.clone())));
        }
        (Some(password), true) if !password.is_empty() => {
            violations.add("email.username", "say whose password it is");
        }
        (None, false) if is_new => {
            violations.add("email.password", "a username needs its password")
        }
        (Some(_) | None, _) => {}
    }
    let from = violations.check("email.from", mailbox(&given.from));
    let to = recipients(&given.to, violations);
    let roots = roots(
        "email.trusted_roots_pem",
        &given.trusted_roots_pem,
        violations,
    );
    let settings = Settings::Email(Email {
        host: host?,
        port: port?,
        security: security?,
        username: given.username.clone(),
        from: from?,
        to,
        roots: roots?,
    });
    Some((settings, Secrets(secrets)))
}

fn security(number: i32, violations: &mut Violations) -> Option<Security> {
    match SmtpSecurity::try_from(number) {
        Ok(SmtpSecurity::Unspecified | SmtpSecurity::ImplicitTls) => Some(Security::ImplicitTls),
        Ok(SmtpSecurity::Starttls) => Some(Security::StartTls),
        Ok(SmtpSecurity::None) => Some(Security::None),
        Err(_) => {
            violations.add("email.security", "choose implicit TLS, STARTTLS or none");
            None
        }
    }
}

/// A host name or an address.
fn host(text: &str) -> Result<String, String> {
    let text = text.trim();
    if let Ok(address) = text.parse::<std::net::IpAddr>() {
        return Ok(address.to_string());
    }
    let name = DnsName::try_from(text).map_err(|error| error.to_string())?;
    match name.is_wildcard() {
        true => Err("it is not the name of one server".to_owned()),
        false => Ok(name.to_string()),
    }
}

/// "Chancery <chancery@example.org>", or the address alone.
fn mailbox(text: &str) -> Result<String, &'static str> {
    let wrong =
        "it is not an address such as \"ops@example.com\" or \"Chancery <chancery@example.com>\"";
    if text.len() > MAX_MAILBOX || text.chars().any(char::is_control) {
        return Err(wrong);
    }
    let mailbox: Mailbox = text.trim().parse().map_err(|_| wrong)?;
    Ok(mailbox.to_string())
}

fn recipients(given: &[String], violations: &mut Violations) -> Vec<String> {
    if given.is_empty() || given.len() > MAX_RECIPIENTS {
        violations.add("email.to", format!("give 1 to {MAX_RECIPIENTS} addresses"));
        return Vec::new();
    }
    let mut seen = Vec::<Address>::new();
    let mut to = Vec::new();
    for (n, text) in given.iter().enumerate() {
        let Some(mailbox) = violations.check(&format!("email.to[{n}]"), mailbox(text)) else {
            continue;
        };
        let address = mailbox.parse::<Mailbox>().map(|mailbox| mailbox.email);
        // Twice the same address is one recipient.
        if let Ok(address) = address
            && !seen.contains(&address)
        {
            seen.push(address);
            to.push(mailbox);
        }
    }
    to
}

fn webhook(
    given: &WebhookSettings,
    is_new: bool,
    violations: &mut Violations,
) -> Option<(Settings, Secrets)> {
    let mut secrets = Vec::new();
    match given.url.trim() {
        "" if is_new => violations.add("webhook.url", "give the URL to post to"),
        "" => {}
        text => {
            if let Some(url) = violations.check("webhook.url", url(text)) {
                secrets.push((Secret::Url, Zeroizing::new(url)));
            }
        }
    }
    match &given.signing_secret {
        Some(secret) if !(MIN_SIGNING..=MAX_SIGNING).contains(&secret.chars().count()) => {
            violations.add(
                "webhook.signing_secret",
                format!("a signing secret has {MIN_SIGNING} to {MAX_SIGNING} characters"),
            );
        }
        Some(secret) => secrets.push((Secret::Signing, Zeroizing::new(secret.clone()))),
        None if is_new => violations.add("webhook.signing_secret", "give a secret to sign with"),
        None => {}
    }
    let roots = roots(
        "webhook.trusted_roots_pem",
        &given.trusted_roots_pem,
        violations,
    );
    let settings = Settings::Webhook(Webhook { roots: roots? });
    Some((settings, Secrets(secrets)))
}

/// What is wrong is said without the URL: it may be a capability.
fn url(text: &str) -> Result<String, &'static str> {
    if text.len() > MAX_URL {
        return Err("a URL has at most 2000 characters");
    }
    let url = Url::parse(text)
        .map_err(|_| "it is not a URL such as \"https://hooks.example.com/abc\"")?;
    if !matches!(url.scheme(), "https" | "http") || url.host().is_none() {
        return Err("it must begin with https://");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it must not carry a user name or password");
    }
    Ok(url.to_string())
}

fn roots(field: &str, pem: &str, violations: &mut Violations) -> Option<Vec<Bytes>> {
    if pem.trim().is_empty() {
        return Some(Vec::new());
    }
    if pem.len() > MAX_ROOTS {
        violations.add(field, "at most 100 KiB of certificates");
        return None;
    }
    let chain = pki::parse_pem_chain(pem).map_err(|error| error.to_string());
    let chain = violations.check(field, chain)?;
    Some(
        chain
            .into_iter()
            .map(|root| Bytes::from(root.der))
            .collect(),
    )
}

fn check_text(field: &str, text: &str, max: usize, violations: &mut Violations) {
    if text.len() > max || text.chars().any(char::is_control) {
        violations.add(field, format!("at most {max} visible characters"));
    }
}

const MAX_USERNAME: usize = 200;
const MAX_PASSWORD: usize = 1_000;
const MAX_MAILBOX: usize = 320;
const MAX_RECIPIENTS: usize = 50;
const MAX_URL: usize = 2_000;
const MIN_SIGNING: usize = 16;
const MAX_SIGNING: usize = 200;
const MAX_ROOTS: usize = 100 * 1024;
