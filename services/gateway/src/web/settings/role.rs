//! Roles, as somebody chooses one.

use api::options::v1::Role;

/// A role in a form.
pub struct Choice {
    /// What the form sends.
    pub value: &'static str,
    /// What it is called.
    pub name: &'static str,
    /// What it may do.
    pub hint: &'static str,
    /// It is the one that is chosen.
    pub chosen: bool,
}

/// What a form sent.
pub fn of(value: &str) -> Role {
    match value {
        "viewer" => Role::Viewer,
        "operator" => Role::Operator,
        "admin" => Role::Admin,
        // Refused by who is asked for it.
        _ => Role::Unspecified,
    }
}

/// What a form sends for it.
pub fn value(role: Role) -> &'static str {
    let known = ALL.iter().find(|(known, ..)| *known == role);
    known.map_or("", |(_, value, ..)| value)
}

/// All, one of them chosen.
pub fn choices(chosen: Role) -> [Choice; 3] {
    ALL.map(|(role, value, name, hint)| Choice {
        value,
        name,
        hint,
        chosen: role == chosen,
    })
}

const ALL: [(Role, &str, &str, &str); 3] = [
    (
        Role::Viewer,
        "viewer",
        "Viewer",
        "Reads everything that is not secret.",
    ),
    (
        Role::Operator,
        "operator",
        "Operator",
        "Also gets, renews, exports and deletes certificates.",
    ),
    (
        Role::Admin,
        "admin",
        "Administrator",
        "Also ACME servers, people, tokens and settings.",
    ),
];
