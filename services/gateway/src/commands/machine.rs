//! `chancery users reset-admin`: a link that is made on the machine itself, for an administrator who cannot get in.

use runtime::{DatabaseError, Runtime};
use sea_orm::DbErr;
use time::OffsetDateTime;

use crate::{
    code::Code,
    parse::LoginName,
    rows::{
        invitation::{self, Invitation},
        user::{self, User},
    },
    set_up::LINK_LIFE,
};

/// A link that was made.
#[derive(Debug)]
pub struct MachineLink {
    /// Whose it is.
    pub login_name: String,
    /// Its code.
    code: Code,
    /// When it ends.
    pub until: OffsetDateTime,
}

impl MachineLink {
    /// What stands in the link. Secret.
    pub fn code(&self) -> &str {
        self.code.text()
    }
}

/// Why no link was made.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// The gateway's database cannot be used.
    #[error("cannot use the gateway's database")]
    Open(#[source] DatabaseError),
    /// It does not answer.
    #[error("the gateway's database does not answer")]
    Database(#[from] DbErr),
    /// The machine gave no random numbers.
    #[error("the machine gave no random numbers")]
    Random,
    /// There is nobody to make it for.
    #[error("there is no administrator here yet: use the set-up link")]
    NoAdministrator,
    /// It is not said for whom.
    #[error("there are several administrators: name one of {}", .0.join(", "))]
    Several(Vec<String>),
    /// He is none.
    #[error("there is no administrator with the login name {0:?} who is not disabled")]
    NotOne(String),
}

/// Makes a link for this administrator, or for the only one. Until it is used nothing else changes; then his
/// password and second factor are gone, and the log has that the machine took them.
///
/// # Errors
/// [`MachineError`].
pub async fn reset_admin(
    runtime: &Runtime,
    login_name: Option<&str>,
) -> Result<MachineLink, MachineError> {
    let database = runtime.database(crate::rows::migrations()).await;
    let database = database.map_err(MachineError::Open)?;
    let user = administrator(user::all(&database).await?, login_name)?;
    let code = Code::generate().map_err(|_| MachineError::Random)?;
    let until = runtime.clock().now() + LINK_LIFE;
    let invitation = Invitation {
        actor: ACTOR.to_owned(),
        request_id: format!("reset-{}", &code.digest().to_hex()[..32]),
        user: user.id,
        expires: until,
        by_machine: true,
    };
    invitation::keep(&database, code.digest(), &invitation).await?;
    Ok(MachineLink {
        login_name: user.login_name,
        code,
        until,
    })
}

fn administrator(users: Vec<User>, login_name: Option<&str>) -> Result<User, MachineError> {
    let is_one = |user: &User| user.role() == api::options::v1::Role::Admin && user.is_let_in();
    let mut administrators = users.into_iter().filter(is_one).collect::<Vec<_>>();
    if let Some(name) = login_name {
        let not_one = || MachineError::NotOne(name.to_owned());
        let folded = LoginName::try_from(name).map_err(|_| not_one())?.folded();
        administrators.retain(|user| user.login_name_folded == folded);
        return administrators.pop().ok_or_else(not_one);
    }
    match (administrators.pop(), administrators.is_empty()) {
        (None, _) => Err(MachineError::NoAdministrator),
        (Some(user), true) => Ok(user),
        (Some(user), false) => {
            administrators.push(user);
            let names = administrators.into_iter().map(|user| user.login_name);
            Err(MachineError::Several(names.collect()))
        }
    }
}

/// Who acts where nobody has signed in: whoever has the machine.
const ACTOR: &str = "machine";
