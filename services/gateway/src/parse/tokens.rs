//! What a token must be like, and a command line that signs in.

use api::{
    CertificateFilter,
    gateway::v1::{BeginLoginRequest, CreateTokenRequest},
    options::v1::Role,
    refuse::Violations,
};
use time::Duration;
use tonic::Status;

use crate::principal::rank;

/// A token to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// What it is for.
    pub certificates: CertificateFilter,
    /// It may export private keys.
    pub key_export: bool,
    /// How long it opens.
    pub life: Duration,
}

/// A token that a program is to have.
///
/// # Errors
/// All that is wrong with it, by field.
pub fn create(request: &CreateTokenRequest) -> Result<NewToken, Status> {
    let mut violations = Violations::new();
    let name = violations.check("name", line(&request.name, MAX_NAME));
    let role = match Role::try_from(request.role) {
        Ok(Role::Unspecified) | Err(_) => Err("is none: viewer, operator or admin"),
        Ok(role) => Ok(role),
    };
    let role = violations.check("role", role);
    let names = &request.certificate_filter;
    let certificates = match names.len() {
        0..=MAX_NAMES => CertificateFilter::new(names).map_err(|e| e.to_string()),
        count => Err(format!(
            "has {count} names; at most {MAX_NAMES} make a filter"
        )),
    };
    let certificates = violations.check("certificate_filter", certificates);
    if request.key_export && role.is_some_and(|role| rank(role) < rank(Role::Operator)) {
        violations.add("key_export", "needs the role of an operator");
    }
    let days = match request.days {
        0 => DEFAULT_DAYS,
        days => days,
    };
    if days > MAX_DAYS {
        violations.add(
            "days",
            format!("is {days}; a token opens 1 to {MAX_DAYS} days"),
        );
    }
    match (name, role, certificates) {
        (Some(name), Some(role), Some(certificates)) if violations.is_empty() => Ok(NewToken {
            name,
            role,
            certificates,
            key_export: request.key_export,
            life: Duration::days(days.into()),
        }),
        _ => Err(violations.into_status()),
    }
}

/// Where a command line says that it runs.
///
/// # Errors
/// Where it cannot be shown.
pub fn device_name(request: &BeginLoginRequest) -> Result<String, Status> {
    let mut violations = Violations::new();
    let name = violations.check("device_name", line(&request.device_name, MAX_DEVICE_NAME));
    name.ok_or_else(|| violations.into_status())
}

fn line(text: &str, most: usize) -> Result<String, String> {
    let text = text.trim();
    let length = text.chars().count();
    if !(1..=most).contains(&length) || text.contains(char::is_control) {
        return Err(format!("must be 1 to {most} characters on one line"));
    }
    Ok(text.to_owned())
}

const MAX_NAME: usize = 100;
const MAX_DEVICE_NAME: usize = 64;
/// They travel in a header.
const MAX_NAMES: usize = 20;
const DEFAULT_DAYS: u32 = 90;
const MAX_DAYS: u32 = 366;

#[cfg(test)]
mod tests {
    use api::refuse;

    use super::*;

    #[test]
    fn all_that_is_wrong_with_a_token_is_told_at_once() {
        let request = CreateTokenRequest {
            name: "\n".into(),
            certificate_filter: vec!["ä".into()],
            days: 367,
            ..CreateTokenRequest::default()
        };
        let refused = create(&request).unwrap_err();
        let fields = refuse::violations(&refused).into_iter().map(|v| v.field);
        let fields = fields.collect::<Vec<_>>();
        assert_eq!(fields, ["certificate_filter", "days", "name", "role"]);
        let request = CreateTokenRequest {
            name: "monitoring".into(),
            role: Role::Viewer.into(),
            key_export: true,
            ..CreateTokenRequest::default()
        };
        let refused = create(&request).unwrap_err();
        assert_eq!(refuse::violations(&refused)[0].field, "key_export");
        let most = vec!["*.sub.shop.example".to_owned(); MAX_NAMES + 1];
        let request = CreateTokenRequest {
            key_export: false,
            certificate_filter: most,
            ..request
        };
        let refused = create(&request).unwrap_err();
        assert_eq!(refuse::violations(&refused)[0].field, "certificate_filter");
    }

    #[test]
    fn a_token_opens_for_ninety_days_where_nothing_is_said() {
        let request = CreateTokenRequest {
            name: " deploy ".into(),
            role: Role::Operator.into(),
            certificate_filter: vec!["*.Shop.example".into()],
            ..CreateTokenRequest::default()
        };
        let new = create(&request).unwrap();
        assert_eq!(
            (new.name.as_str(), new.life),
            ("deploy", Duration::days(90))
        );
        assert_eq!(new.certificates.names(), ["*.shop.example"]);
    }
}
