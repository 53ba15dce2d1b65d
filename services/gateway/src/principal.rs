//! Who is calling from outside, and what he may do.

use api::{CertificateFilter, options::v1::Role};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::refusal::Refusal;

/// Who is calling from outside: made anew for every call, from what is known of him then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// As it stands in events: `user/<uuid>`, `token/<uuid>`.
    pub actor: String,
    /// What people know him by: a person's login name, a token's name.
    pub name: String,
    /// What he may do.
    pub role: Role,
    /// The certificates that he is held to.
    pub certificates: CertificateFilter,
    /// Whether private keys may be handed to him.
    pub key_export: KeyExport,
    /// What let him in.
    pub who: Who,
    /// When that ends at the latest; `None`: with the set-up.
    pub expires: Option<OffsetDateTime>,
}

/// What let a caller in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The token that `chancery init` made.
    Bootstrap,
    /// An API token: a program's, or the command line's of a person.
    Token {
        /// The token's.
        id: Uuid,
        /// The person's.
        user_id: Option<Uuid>,
    },
    /// A person at a browser.
    Session {
        /// The session's.
        id: Uuid,
        /// The person's.
        user_id: Uuid,
    },
}

/// Whether private keys may be handed to a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyExport {
    /// They may: a token with `key:export`, a person who has shown his password within 15 minutes.
    Allowed,
    /// They may once he has shown his password again.
    PasswordFirst,
    /// They may not: a token without `key:export`.
    Denied,
}

impl Principal {
    /// The person behind the call, where there is one.
    pub fn user_id(&self) -> Option<Uuid> {
        match self.who {
            Who::Bootstrap => None,
            Who::Token { user_id, .. } => user_id,
            Who::Session { user_id, .. } => Some(user_id),
        }
    }

    /// Whether private keys may be handed to him now.
    ///
    /// # Errors
    /// Why not, and what he can do about it.
    pub fn may_export_keys(&self) -> Result<(), Refusal> {
        match self.key_export {
            KeyExport::Allowed => Ok(()),
            KeyExport::PasswordFirst => Err(Refusal::SignInAgain),
            KeyExport::Denied => Err(Refusal::KeyExportNotAllowed),
        }
    }

    /// Whether he may see and end what is others': all the tokens, all the sessions. One who is held to some
    /// certificates is nobody's administrator.
    pub fn administers(&self) -> bool {
        self.role == Role::Admin && self.certificates.is_open()
    }
}

/// Roles in their order: each includes those before it.
pub fn rank(role: Role) -> u8 {
    match role {
        Role::Unspecified => 0,
        Role::Viewer => 1,
        Role::Operator => 2,
        Role::Admin => 3,
    }
}

/// The smaller of two roles.
pub fn lesser(one: Role, other: Role) -> Role {
    if rank(one) <= rank(other) { one } else { other }
}
