//! Who asks for a page: a person who is signed in, or a stranger; from where, and with which browser.

use std::net::IpAddr;
use uuid::Uuid;
use super::form;
use crate::{code::CodeDigest, connections::network};

#[derive(Debug, Clone)]
pub struct Person { pub session: Uuid }

/// What the connection tells of who is at its other end.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    /// His address.
    pub address: IpAddr,
    /// The connection is under a certificate for the name that he asked for.
    pub own_certificate: bool,
}

/// Who asks.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// The person, where one is signed in.
    pub person: Option<Person>,
    /// What the browser's forms are bound to.
    pub form: CodeDigest,
    /// The browser is one that somebody signed in with before.
    pub browser: Option<CodeDigest>,
    /// A sign-in that is half way.
    pub half_way: Option<CodeDigest>,
    /// Where he is.
    pub address: IpAddr,
    /// What the browser calls itself.
    pub user_agent: String,
}

/// A person who is signed in.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// He.
    pub person: Person,
    /// All else of him.
    pub visitor: Visitor,
}

impl Visitor {
    /// The session, where there is one.
    pub fn session_id(&self) -> Option<Uuid> {
        self.person.as_ref().map(|person| person.session)
    }

    /// The token of this browser's forms, as it is now.
    pub fn token(&self) -> String {
        form::token(self.form, self.session_id())
    }

    /// What counts as his address.
    pub fn network(&self) -> IpAddr {
        network(self.address)
    }
}
