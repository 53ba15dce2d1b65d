//! Where a channel's messages go. Addresses are personal data: they are here, and not in the log, so that
//! they can be erased. What is secret of them is in the keystore.

pub mod row;

use std::net::IpAddr;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Where a channel's messages go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settings {
    /// By mail.
    Email(Email),
    /// To a program.
    Webhook(Webhook),
}

/// An SMTP server, and who writes to whom.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Email {
    /// The server's name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// Empty: no authentication.
    pub username: String,
    /// The sender.
    pub from: String,
    /// 1 to 50 recipients.
    pub to: Vec<String>,
    /// The roots to trust for the server, in place of the public ones.
    pub roots: Vec<Bytes>,
}

/// Addresses of people are not for logs.
impl std::fmt::Debug for Email {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Email")
    }
}

/// How a connection to an SMTP server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Security {
    /// TLS from the first octet.
    ImplicitTls,
    /// STARTTLS, and nothing is sent without it.
    StartTls,
    /// Not at all: on this machine alone.
    None,
}

impl Security {
    /// The port that it mostly has.
    pub fn port(self) -> u16 {
        match self {
            Self::ImplicitTls => 465,
            Self::StartTls => 587,
            Self::None => 25,
        }
    }
}

/// A webhook; its URL and what it signs with are secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// The roots to trust for the server, in place of the public ones.
    pub roots: Vec<Bytes>,
}

/// Whether a name or address means this machine, without asking anybody.
pub fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}
