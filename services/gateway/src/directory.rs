//! The aggregate `directory`, of which there is one: who may sign in, and what each may do. One, so that the
//! last administrator who can sign in stays: two commands that would each take one of two cannot both win.

use std::collections::BTreeMap;

use api::{
    gateway::v1::{
        CredentialsReset, PasswordChanged, RecoveryCodeUsed, RoleChanged, SecondFactorAdded,
        SecondFactorRemoved, SetUpDone, UserCreated, UserDeleted, UserDisabled, UserEnabled,
    },
    options::v1::Role,
};
use eventlog::{Aggregate, Envelope};
use uuid::Uuid;

use crate::events::DirectoryEvent;

/// Everybody, as the log has them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directory {
    /// The set-up link was used.
    pub set_up: bool,
    people: BTreeMap<Uuid, Standing>,
}

/// What the log says of one who is, or was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Here(Person),
    Deleted,
}

/// What the log says of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Person {
    /// What he may do.
    pub role: Role,
    /// He may do nothing for now.
    pub disabled: bool,
    /// He has chosen a password.
    pub has_password: bool,
    /// He signs in with a code too.
    pub second_factor: bool,
}

/// What can be asked of the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// The first administrator chose a password.
    SetUp(Uuid),
    /// There is to be a person more.
    Create(Uuid, Role),
    /// He is to be able to do another thing; only if he could do this until then, where that is said.
    ChangeRole(Uuid, Role, Option<Role>),
    /// He is to be able to do nothing.
    Disable(Uuid),
    /// He is to be able to sign in again.
    Enable(Uuid),
    /// He is to be forgotten.
    Delete(Uuid),
    /// His password and second factor are to go.
    ResetCredentials(Uuid),
    /// He chose a password.
    ChangePassword(Uuid),
    /// He is to sign in with a code too.
    AddSecondFactor(Uuid),
    /// He is to sign in with a password alone.
    RemoveSecondFactor(Uuid),
    /// He used one of the codes that he wrote down, and has so many left.
    UseRecoveryCode(Uuid, u32),
}

/// The rules said no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The set-up link was used before.
    #[error("this Chancery is set up already")]
    AlreadySetUp,
    /// The id is taken.
    #[error("there is a user with this id already")]
    UserExists,
    /// He never was.
    #[error("there is no such user")]
    NoSuchUser,
    /// He was deleted.
    #[error("this user was deleted")]
    UserDeleted,
    /// He may do nothing.
    #[error("this user is disabled; enable him first")]
    UserDisabled,
    /// He may sign in as it is.
    #[error("this user is not disabled")]
    NotDisabled,
    /// He has that role.
    #[error("this user has that role already")]
    RoleUnchanged,
    /// It is not the one that was to be changed.
    #[error("somebody changed this user's role meanwhile")]
    RoleChanged,
    /// Nobody could administer.
    #[error("this is the last administrator who can sign in: make another one first")]
    LastAdministrator,
    /// He has not used his link.
    #[error("this user has no password yet; he chooses one with his link")]
    NoPassword,
    /// He has one.
    #[error("this user has a second factor already")]
    SecondFactorExists,
    /// He has none.
    #[error("this user has no second factor")]
    NoSecondFactor,
}

impl Directory {
    /// The id of the one there is.
    pub const ID: &str = "default";

    /// A person, disabled or not.
    ///
    /// # Errors
    /// [`Refusal::NoSuchUser`], [`Refusal::UserDeleted`].
    pub fn person(&self, user: Uuid) -> Result<Person, Refusal> {
        match self.people.get(&user) {
            Some(Standing::Here(person)) => Ok(*person),
            Some(Standing::Deleted) => Err(Refusal::UserDeleted),
            None => Err(Refusal::NoSuchUser),
        }
    }

    /// A person who may sign in.
    fn enabled(&self, user: Uuid) -> Result<Person, Refusal> {
        match self.person(user)? {
            person if person.disabled => Err(Refusal::UserDisabled),
            person => Ok(person),
        }
    }

    /// Refuses where this one administers, and nobody else does.
    fn can_spare(&self, user: Uuid) -> Result<(), Refusal> {
        let administers = |standing: &Standing| match standing {
            Standing::Here(person) => person.administers(),
            Standing::Deleted => false,
        };
        let him = self.people.get(&user).is_some_and(administers);
        let others = self.people.iter().filter(|(id, _)| **id != user);
        match him && !others.map(|(_, standing)| standing).any(administers) {
            true => Err(Refusal::LastAdministrator),
            false => Ok(()),
        }
    }
}

impl Person {
    /// Whether he can sign in, and may then do all.
    fn administers(&self) -> bool {
        self.role == Role::Admin && !self.disabled && self.has_password
    }
}

/// What happens to the directory.
///
/// # Errors
/// [`Refusal`]: somebody who can administer stays, and who was deleted is not brought back.
pub fn decide(directory: &Directory, command: &Command) -> Result<DirectoryEvent, Refusal> {
    let free = |user: &Uuid| match directory.people.contains_key(user) {
        true => Err(Refusal::UserExists),
        false => Ok(()),
    };
    match command {
        Command::SetUp(user) => {
            if directory.set_up {
                return Err(Refusal::AlreadySetUp);
            }
            free(user)?;
            Ok(DirectoryEvent::SetUpDone(SetUpDone {
                user_id: user.to_string(),
            }))
        }
        Command::Create(user, role) => {
            free(user)?;
            Ok(DirectoryEvent::UserCreated(UserCreated {
                user_id: user.to_string(),
                role: (*role).into(),
            }))
        }
        Command::ChangeRole(user, role, only_from) => {
            let person = directory.person(*user)?;
            if only_from.is_some_and(|from| from != person.role) {
                return Err(Refusal::RoleChanged);
            }
            if person.role == *role {
                return Err(Refusal::RoleUnchanged);
            }
            // Whoever had all has less now.
            directory.can_spare(*user)?;
            Ok(DirectoryEvent::RoleChanged(RoleChanged {
                user_id: user.to_string(),
                role: (*role).into(),
            }))
        }
        Command::Disable(user) => {
            directory.enabled(*user)?;
            directory.can_spare(*user)?;
            Ok(DirectoryEvent::Disabled(UserDisabled {
                user_id: user.to_string(),
            }))
        }
        Command::Enable(user) => {
            if !directory.person(*user)?.disabled {
                return Err(Refusal::NotDisabled);
            }
            Ok(DirectoryEvent::Enabled(UserEnabled {
                user_id: user.to_string(),
            }))
        }
        Command::Delete(user) => {
            directory.person(*user)?;
            directory.can_spare(*user)?;
            Ok(DirectoryEvent::Deleted(UserDeleted {
                user_id: user.to_string(),
            }))
        }
        Command::ResetCredentials(user) => {
            directory.person(*user)?;
            Ok(DirectoryEvent::CredentialsReset(CredentialsReset {
                user_id: user.to_string(),
            }))
        }
        Command::ChangePassword(user) => {
            directory.enabled(*user)?;
            Ok(DirectoryEvent::PasswordChanged(PasswordChanged {
                user_id: user.to_string(),
            }))
        }
        Command::AddSecondFactor(user) => {
            let person = directory.enabled(*user)?;
            if !person.has_password {
                return Err(Refusal::NoPassword);
            }
            if person.second_factor {
                return Err(Refusal::SecondFactorExists);
            }
            Ok(DirectoryEvent::SecondFactorAdded(SecondFactorAdded {
                user_id: user.to_string(),
            }))
        }
        Command::RemoveSecondFactor(user) => {
            if !directory.enabled(*user)?.second_factor {
                return Err(Refusal::NoSecondFactor);
            }
            Ok(DirectoryEvent::SecondFactorRemoved(SecondFactorRemoved {
                user_id: user.to_string(),
            }))
        }
        Command::UseRecoveryCode(user, left) => {
            if !directory.enabled(*user)?.second_factor {
                return Err(Refusal::NoSecondFactor);
            }
            Ok(DirectoryEvent::RecoveryCodeUsed(RecoveryCodeUsed {
                user_id: user.to_string(),
                left: *left,
            }))
        }
    }
}

impl Aggregate for Directory {
    const NAME: &'static str = "directory";
    type Event = DirectoryEvent;

    fn evolve(&mut self, event: &DirectoryEvent, _: &Envelope) {
        // Ids in the log are ones that were written here.
        let Ok(user) = Uuid::parse_str(user_id(event)) else {
            return;
        };
        match event {
            DirectoryEvent::SetUpDone(_) => {
                self.set_up = true;
                let first = Person {
                    has_password: true,
                    ..Person::new(Role::Admin)
                };
                self.people.insert(user, Standing::Here(first));
            }
            DirectoryEvent::UserCreated(created) => {
                let person = Person::new(created.role());
                self.people.insert(user, Standing::Here(person));
            }
            DirectoryEvent::Deleted(_) => {
                self.people.insert(user, Standing::Deleted);
            }
            _ => {
                if let Some(Standing::Here(person)) = self.people.get_mut(&user) {
                    person.evolve(event);
                }
            }
        }
    }
}

impl Person {
    fn new(role: Role) -> Self {
        Self {
            role,
            disabled: false,
            has_password: false,
            second_factor: false,
        }
    }

    fn evolve(&mut self, event: &DirectoryEvent) {
        match event {
            DirectoryEvent::RoleChanged(changed) => self.role = changed.role(),
            DirectoryEvent::Disabled(_) => self.disabled = true,
            DirectoryEvent::Enabled(_) => self.disabled = false,
            DirectoryEvent::CredentialsReset(_) => {
                self.has_password = false;
                self.second_factor = false;
            }
            DirectoryEvent::PasswordChanged(_) => self.has_password = true,
            DirectoryEvent::SecondFactorAdded(_) => self.second_factor = true,
            DirectoryEvent::SecondFactorRemoved(_) => self.second_factor = false,
            DirectoryEvent::RecoveryCodeUsed(_)
            | DirectoryEvent::SetUpDone(_)
            | DirectoryEvent::UserCreated(_)
            | DirectoryEvent::Deleted(_) => {}
        }
    }
}

/// Whom an event is about.
pub fn user_id(event: &DirectoryEvent) -> &str {
    match event {
        DirectoryEvent::SetUpDone(e) => &e.user_id,
        DirectoryEvent::UserCreated(e) => &e.user_id,
        DirectoryEvent::RoleChanged(e) => &e.user_id,
        DirectoryEvent::Disabled(e) => &e.user_id,
        DirectoryEvent::Enabled(e) => &e.user_id,
        DirectoryEvent::Deleted(e) => &e.user_id,
        DirectoryEvent::CredentialsReset(e) => &e.user_id,
        DirectoryEvent::PasswordChanged(e) => &e.user_id,
        DirectoryEvent::SecondFactorAdded(e) => &e.user_id,
        DirectoryEvent::SecondFactorRemoved(e) => &e.user_id,
        DirectoryEvent::RecoveryCodeUsed(e) => &e.user_id,
    }
}

#[cfg(test)]
mod tests;
