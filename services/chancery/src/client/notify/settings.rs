//! What a person may set of a channel: its rule, and where its messages go.

use std::{fs, path::PathBuf};

use api::notifier::v1::{
    EmailSettings, MessageKind, Rule, Severity, SmtpSecurity, WebhookSettings,
};
use clap::{Args, ValueEnum};
use secrecy::ExposeSecret as _;

use super::{super::ClientError, secret};

/// What a channel is told.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "What it is told")]
pub struct RuleArgs {
    /// From this severity on; warnings and errors where it is left out.
    #[arg(long, value_enum, value_name = "SEVERITY")]
    pub minimum_severity: Option<SeverityName>,
    /// Messages of this kind alone, of any severity; may be given several times.
    #[arg(long, value_enum, value_name = "KIND")]
    pub kind: Vec<KindName>,
    /// One message a day with all that can wait; errors are never held back.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub digest: Option<bool>,
}

/// A severity, as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SeverityName {
    /// It went well, or is good to know.
    Info,
    /// Somebody will have to act.
    Warning,
    /// Somebody has to act now.
    Error,
}

/// A kind of message, as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KindName {
    /// Nothing renews a certificate that expires soon.
    CertificateExpiring,
    /// A certificate has expired.
    CertificateExpired,
    /// A renewal still fails.
    RenewalFailing,
    /// A renewal is overdue, and nothing is heard of it.
    RenewalAbsent,
    /// A first certificate could not be had.
    IssuanceFailed,
    /// A renewal failed, and is tried again.
    RenewalFailed,
    /// A certificate was issued or renewed.
    CertificateRenewed,
    /// A private key was exported.
    PrivateKeyExported,
    /// A certificate was revoked.
    CertificateRevoked,
    /// Another channel does not take messages.
    DeliveryFailing,
    /// The tables stopped at an event, and no list goes on.
    TablesStopped,
    /// The event log is not what was recorded.
    LogDamaged,
}

/// How a connection to an SMTP server is protected, as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SecurityName {
    /// TLS from the first octet (port 465).
    ImplicitTls,
    /// STARTTLS, required (port 587).
    Starttls,
    /// None: to this machine alone (port 25).
    None,
}

/// E-mail.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "E-mail")]
pub struct EmailArgs {
    /// A recipient; may be given several times.
    #[arg(long, value_name = "ADDRESS")]
    pub email: Vec<String>,
    /// The SMTP server.
    #[arg(long, value_name = "HOST")]
    pub smtp: Option<String>,
    /// Its port, where it is not the one of the protection.
    #[arg(long, value_name = "PORT")]
    pub smtp_port: Option<u16>,
    /// How the connection is protected [default: implicit-tls].
    #[arg(long, value_enum, value_name = "SECURITY")]
    pub smtp_security: Option<SecurityName>,
    /// The sender: "Chancery <chancery@example.com>".
    #[arg(long, value_name = "ADDRESS")]
    pub from: Option<String>,
    /// Who signs in to the SMTP server; nobody where it is left out.
    #[arg(long, value_name = "NAME")]
    pub username: Option<String>,
    /// File with the password, its first line; "-" reads it from stdin. Asked for where it is needed and left out.
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
}

/// A webhook.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Webhook")]
pub struct WebhookArgs {
    /// Post to a program. Its URL and the signing secret are asked for, or come from files.
    #[arg(long, conflicts_with_all = ["email", "smtp", "smtp_port", "smtp_security", "from", "username", "password_file"])]
    pub webhook: bool,
    /// File with the URL, its first line; "-" reads it from stdin.
    #[arg(long, value_name = "FILE")]
    pub url_file: Option<PathBuf>,
    /// File with the secret to sign with (16 to 200 characters), its first line; "-" reads it from stdin.
    #[arg(long, value_name = "FILE")]
    pub signing_secret_file: Option<PathBuf>,
}

/// Roots to trust.
#[derive(Debug, Clone, Args)]
pub struct RootsArgs {
    /// Roots (PEM) to trust for the server, in place of the public ones.
    #[arg(long, value_name = "FILE")]
    pub trusted_roots: Option<PathBuf>,
}

impl RuleArgs {
    /// A rule with what is given, and the rest as it is.
    pub fn change(&self, rule: &mut Rule) {
        if let Some(least) = self.minimum_severity {
            let severity = match least {
                SeverityName::Info => Severity::Info,
                SeverityName::Warning => Severity::Warning,
                SeverityName::Error => Severity::Error,
            };
            rule.minimum_severity = severity.into();
            // Who says from which severity on does not want the kinds that were named before.
            rule.kinds.clear();
        }
        if !self.kind.is_empty() {
            rule.kinds = self.kind.iter().map(|kind| kind.message().into()).collect();
        }
        if let Some(digest) = self.digest {
            rule.digest = digest;
        }
    }
}

impl KindName {
    fn message(self) -> MessageKind {
        match self {
            Self::CertificateExpiring => MessageKind::CertificateExpiring,
            Self::CertificateExpired => MessageKind::CertificateExpired,
            Self::RenewalFailing => MessageKind::RenewalFailing,
            Self::RenewalAbsent => MessageKind::RenewalAbsent,
            Self::IssuanceFailed => MessageKind::IssuanceFailed,
            Self::RenewalFailed => MessageKind::RenewalFailed,
            Self::CertificateRenewed => MessageKind::CertificateRenewed,
            Self::PrivateKeyExported => MessageKind::PrivateKeyExported,
            Self::CertificateRevoked => MessageKind::CertificateRevoked,
            Self::DeliveryFailing => MessageKind::DeliveryFailing,
            Self::TablesStopped => MessageKind::TablesStopped,
            Self::LogDamaged => MessageKind::LogDamaged,
        }
    }
}

impl EmailArgs {
    /// Settings with what is given, and the rest as it is. A password is asked for where `username` is new.
    pub fn change(&self, email: &mut EmailSettings, roots: &RootsArgs) -> Result<(), ClientError> {
        if !self.email.is_empty() {
            email.to.clone_from(&self.email);
        }
        if let Some(host) = &self.smtp {
            email.host.clone_from(host);
        }
        if let Some(security) = self.smtp_security {
            email.security = match security {
                SecurityName::ImplicitTls => SmtpSecurity::ImplicitTls,
                SecurityName::Starttls => SmtpSecurity::Starttls,
                SecurityName::None => SmtpSecurity::None,
            }
            .into();
            // Its own port, unless another is given.
            email.port = 0;
        }
        if let Some(port) = self.smtp_port {
            email.port = port.into();
        }
        if let Some(from) = &self.from {
            email.from.clone_from(from);
        }
        let is_new = self
            .username
            .as_ref()
            .is_some_and(|name| *name != email.username);
        if let Some(username) = &self.username {
            email.username.clone_from(username);
        }
        let file = self.password_file.as_deref();
        let password = match is_new && !email.username.is_empty() {
            true => Some(secret::needed(file, "password", "--password-file")?),
            false => secret::given(file, "password")?,
        };
        email.password = password.map(|password| password.expose_secret().to_owned());
        roots.change(&mut email.trusted_roots_pem)
    }
}

impl WebhookArgs {
    /// Settings with what is given, and the rest as it is.
    pub fn change(
        &self,
        hook: &mut WebhookSettings,
        is_new: bool,
        roots: &RootsArgs,
    ) -> Result<(), ClientError> {
        let (url, key) = (
            self.url_file.as_deref(),
            self.signing_secret_file.as_deref(),
        );
        let (url, key) = match is_new {
            true => (
                Some(secret::needed(url, "URL", "--url-file")?),
                Some(secret::needed(
                    key,
                    "signing secret",
                    "--signing-secret-file",
                )?),
            ),
            false => (
                secret::given(url, "URL")?,
                secret::given(key, "signing secret")?,
            ),
        };
        hook.url = url
            .map(|url| url.expose_secret().to_owned())
            .unwrap_or_default();
        hook.signing_secret = key.map(|key| key.expose_secret().to_owned());
        roots.change(&mut hook.trusted_roots_pem)
    }
}

impl RootsArgs {
    fn change(&self, pem: &mut String) -> Result<(), ClientError> {
        if let Some(file) = &self.trusted_roots {
            *pem = fs::read_to_string(file).map_err(ClientError::reading(file))?;
        }
        Ok(())
    }
}
