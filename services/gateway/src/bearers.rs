//! Who holds a bearer token: the bootstrap token's holder, or an API token's.

use crate::{
    principal::{Principal, Who},
    tokens::{Bootstrap, TokenError},
};

/// The tokens that the gateway accepts. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Bearers {
    bootstrap: Bootstrap,
}

impl Bearers {
    /// These.
    pub fn new(bootstrap: Bootstrap) -> Bearers {
        Bearers { bootstrap }
    }

    /// Who holds the token that a caller presented.
    ///
    /// # Errors
    /// [`TokenError::Unknown`] where nobody does, [`TokenError::Unreadable`] where that cannot be told.
    pub async fn holder(&self, presented: &str) -> Result<Principal, TokenError> {
        self.bootstrap.holder(presented).await
    }

    /// Whether who was let in still would be, as the same. Where that cannot be told, he is: it is asked
    /// again soon, and his next call is refused.
    pub async fn still_hold(&self, principal: &Principal) -> bool {
        match principal.who {
            Who::Bootstrap => self.bootstrap.still_hold(principal).await,
            Who::Token { .. } | Who::Session { .. } => true,
        }
    }
}
