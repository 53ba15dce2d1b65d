//! What people and their names must be like: every field is checked, and all that is wrong is named at once.

pub mod tokens;

use std::fmt;

use api::{
    convert::id,
    gateway::v1::{ChangeRoleRequest, CreateUserRequest},
    options::v1::Role,
    refuse::Violations,
};
use pki::EmailAddress;
use tonic::Status;
use uuid::Uuid;

/// Who somebody is.
#[derive(Clone, PartialEq, Eq)]
pub struct Names {
    /// What he types to sign in.
    pub login_name: LoginName,
    /// What others call him; his login name where he gave none.
    pub display_name: String,
    /// Where he is written to.
    pub email: Option<Email>,
}

/// What somebody types to sign in.
#[derive(Clone, PartialEq, Eq)]
pub struct LoginName(String);

/// An e-mail address.
#[derive(Clone, PartialEq, Eq)]
pub struct Email(EmailAddress);

/// A text that is no login name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a login name is 1 to {MAX_LOGIN_NAME} of the letters a to z, digits, and . _ - @ +")]
pub struct NoLoginName;

impl LoginName {
    /// How it is compared, and is unique.
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl TryFrom<&str> for LoginName {
    type Error = NoLoginName;

    fn try_from(text: &str) -> Result<Self, NoLoginName> {
        let text = text.trim();
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-@+".contains(&b);
        match (1..=MAX_LOGIN_NAME).contains(&text.len()) && text.bytes().all(allowed) {
            true => Ok(Self(text.to_owned())),
            false => Err(NoLoginName),
        }
    }
}

impl Email {
    /// How it is compared, and is unique.
    pub fn folded(&self) -> String {
        self.0.to_string().to_lowercase()
    }
}

impl fmt::Display for LoginName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Personal: `Debug` prints the type's name only.
impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Names")
    }
}

/// Names as somebody filled them in. What is wrong is noted under `login_name`, `display_name`, `email`.
pub fn names(
    login_name: &str,
    display_name: &str,
    email: &str,
    violations: &mut Violations,
) -> Option<Names> {
    let login_name = violations.check("login_name", LoginName::try_from(login_name));
    let display_name = display_name.trim();
    let fits = display_name.chars().count() <= MAX_DISPLAY_NAME
        && !display_name.chars().any(char::is_control);
    if !fits {
        let wrong = format!("at most {MAX_DISPLAY_NAME} characters, and none that controls");
        violations.add("display_name", wrong);
    }
    let email = match email.trim() {
        "" => Some(None),
        email => {
            let parsed = EmailAddress::try_from(email);
            violations
                .check("email", parsed)
                .map(|email| Some(Email(email)))
        }
    };
    let (login_name, email) = (login_name?, email?);
    let display_name = match display_name {
        "" => login_name.to_string(),
        name => name.to_owned(),
    };
    fits.then_some(Names {
        login_name,
        display_name,
        email,
    })
}

/// A person to make.
pub fn create(request: &CreateUserRequest) -> Result<(Names, Role), Status> {
    let mut violations = Violations::new();
    let names = names(
        &request.login_name,
        &request.display_name,
        &request.email,
        &mut violations,
    );
    let role = role(request.role, &mut violations);
    match (names, role) {
        (Some(names), Some(role)) if violations.is_empty() => Ok((names, role)),
        _ => Err(violations.into_status()),
    }
}

/// A role to give, and the one that it is to take the place of, where that is said.
pub fn change_role(request: &ChangeRoleRequest) -> Result<(Uuid, Role, Option<Role>), Status> {
    let mut violations = Violations::new();
    let user = id("user_id", &request.user_id, &mut violations);
    let from = Some(request.only_from()).filter(|from| *from != Role::Unspecified);
    match (user, role(request.role, &mut violations)) {
        (Some(user), Some(role)) => Ok((user, role, from)),
        _ => Err(violations.into_status()),
    }
}

/// Which one.
pub fn one(field: &str, text: &str) -> Result<Uuid, Status> {
    let mut violations = Violations::new();
    id(field, text, &mut violations).ok_or_else(|| violations.into_status())
}

/// Which one, or all.
pub fn one_or_all(field: &str, text: &str) -> Result<Option<Uuid>, Status> {
    match text {
        "" => Ok(None),
        text => one(field, text).map(Some),
    }
}

fn role(number: i32, violations: &mut Violations) -> Option<Role> {
    match Role::try_from(number) {
        Ok(Role::Unspecified) | Err(_) => {
            violations.add("role", "it is viewer, operator or admin");
            None
        }
        Ok(role) => Some(role),
    }
}

const MAX_LOGIN_NAME: usize = 64;
const MAX_DISPLAY_NAME: usize = 100;

#[cfg(test)]
mod tests {
    use api::refuse;

    use super::*;

    #[test]
    fn all_that_is_wrong_is_named_at_once() {
        let wrong = create(&CreateUserRequest {
            login_name: "anna schmidt".into(),
            display_name: "a\nb".into(),
            email: "nobody".into(),
            role: 0,
        });
        let violations = refuse::violations(&wrong.unwrap_err());
        let fields = violations.iter().map(|v| v.field.as_str());
        assert_eq!(
            fields.collect::<Vec<_>>(),
            ["display_name", "email", "login_name", "role"]
        );
    }

    #[test]
    fn names_are_one_in_upper_and_lower_case() {
        let mut violations = Violations::new();
        let names = names(" Anna.S ", "", "Anna@Shop.example", &mut violations).unwrap();
        assert_eq!(names.login_name.to_string(), "Anna.S");
        assert_eq!(names.login_name.folded(), "anna.s");
        assert_eq!(names.display_name, "Anna.S");
        assert_eq!(names.email.as_ref().unwrap().folded(), "anna@shop.example");
        assert_eq!(format!("{names:?}"), "Names");
        for wrong in ["", " ", "ä", "a b", "a/b", "a\0", &"a".repeat(65)] {
            assert_eq!(
                LoginName::try_from(wrong).err(),
                Some(NoLoginName),
                "{wrong:?}"
            );
        }
    }
}
