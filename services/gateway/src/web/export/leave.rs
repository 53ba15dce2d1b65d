//! Who may take private keys out at this moment.

use axum::response::Response;
use secrecy::SecretString;

use super::super::{
    confirm, cookie::Cookie, desk::Desk, page::with_cookie, problem::Problem, refused::Wrongs,
    visitor::SignedIn,
};
use crate::code::Code;

/// A person who takes something out.
pub struct Leave {
    /// As he is now: he has shown his password.
    pub person: SignedIn,
    renewed: Option<Code>,
}

impl Leave {
    /// For what needs no password.
    pub fn without_keys(person: &SignedIn) -> Leave {
        Leave {
            person: person.clone(),
            renewed: None,
        }
    }

    /// With the answer goes the session's new cookie, where there is one.
    pub fn along(self, response: Response) -> Response {
        match self.renewed {
            Some(code) => with_cookie(response, Cookie::Session, &code),
            None => response,
        }
    }
}

/// For private keys: who has not shown his password lately shows it in this form.
///
/// # Errors
/// After too many wrong tries, and what the database says. That it is wrong is said beside its field.
pub async fn with_keys(
    desk: &Desk,
    person: &SignedIn,
    password: &SecretString,
    wrongs: &mut Wrongs,
) -> Result<Leave, Problem> {
    let mut leave = Leave::without_keys(person);
    // What else is wrong is mended first: a password is not taken in vain.
    if person.session.fresh || !wrongs.is_empty() {
        return Ok(leave);
    }
    match confirm::show_password(desk, person, password).await? {
        Some(shown) => {
            leave.person.session.fresh = true;
            leave.renewed = shown.renewed;
        }
        None => wrongs.add("password", "That password is not right"),
    }
    Ok(leave)
}
