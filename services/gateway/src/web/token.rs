//! A person's tokens, which his command lines hold: asked of the same door as programs knock at, in his name.

use api::{
    convert,
    gateway::v1::{ApiToken, ListTokensRequest, RevokeTokenRequest},
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Desk, problem::Problem, visitor::SignedIn, wording};

/// A token in the list.
pub struct Line {
    /// Which one.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// When it was last used, in words.
    pub used: String,
    /// When it ends.
    pub expires: String,
}

/// Those of the person, by name.
///
/// # Errors
/// What the door says.
pub async fn list(desk: &Desk, person: &SignedIn) -> Result<Vec<Line>, Problem> {
    let listed = desk
        .tokens(person)
        .list_tokens(ListTokensRequest {})
        .await?;
    let user = person.session.user.to_string();
    let tokens = listed.into_inner().tokens.into_iter();
    // An administrator is shown all, and here only his.
    let his = tokens.filter(|token| token.user_id == user);
    Ok(his.map(Line::from).collect())
}

/// Ends one.
///
/// # Errors
/// What the door says.
pub async fn end(desk: &Desk, person: &SignedIn, token: Uuid) -> Result<(), Problem> {
    let token_id = token.to_string();
    let revoke = RevokeTokenRequest { token_id };
    desk.tokens(person).revoke_token(revoke).await?;
    Ok(())
}

impl From<ApiToken> for Line {
    fn from(token: ApiToken) -> Line {
        let (used, expires) = (&token.last_used, &token.expires);
        let (used, expires) = (used.as_ref(), expires.as_ref());
        let words = |at: Option<OffsetDateTime>| at.map_or_else(|| "never".into(), wording::time);
        Line {
            used: words(used.and_then(convert::time)),
            expires: words(expires.and_then(convert::time)),
            id: token.token_id,
            name: token.name,
        }
    }
}
