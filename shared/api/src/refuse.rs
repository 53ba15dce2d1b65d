//! A refusal as a gRPC status that a person can act on.

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// The domain of every `ErrorInfo` of ours.
pub const DOMAIN: &str = "chancery";

/// What is wrong with one field of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldViolation {
    /// Path in the message, proto names: "dns_names[1]".
    pub field: String,
    /// What is wrong, and what would be right.
    pub description: String,
}

/// Collects what is wrong with a request, all fields at once.
#[derive(Debug, Default)]
pub struct Violations(Vec<FieldViolation>);

impl Violations {
    /// Nothing wrong so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes that a field is wrong.
    pub fn add(&mut self, field: impl Into<String>, description: impl ToString) {
        self.0.push(FieldViolation {
            field: field.into(),
            description: description.to_string(),
        });
    }

    /// The parsed value, or `None` with the violation noted.
    pub fn check<T, E: ToString>(&mut self, field: &str, parsed: Result<T, E>) -> Option<T> {
        parsed.map_err(|wrong| self.add(field, wrong)).ok()
    }

    /// Nothing was noted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `INVALID_ARGUMENT` with `BadRequest` details, by field.
    pub fn into_status(mut self) -> Status {
        self.0.sort_by(|a, b| a.field.cmp(&b.field));
        let fields = self.0.iter().map(|v| v.field.as_str()).collect::<Vec<_>>();
        let message = format!("the request is not valid: see {}", fields.join(", "));
        let mut details = ErrorDetails::new();
        details.set_error_info("INVALID_REQUEST", DOMAIN, std::collections::HashMap::new());
        for violation in &self.0 {
            details.add_bad_request_violation(&violation.field, &violation.description);
        }
        Status::with_error_details(Code::InvalidArgument, message, details)
    }
}

/// A status with a stable reason (`ErrorInfo`): what every refusal outside of [`Violations`] becomes.
pub fn status(code: Code, reason: &str, message: impl Into<String>) -> Status {
    let mut details = ErrorDetails::new();
    details.set_error_info(reason, DOMAIN, std::collections::HashMap::new());
    Status::with_error_details(code, message, details)
}

/// The stable reason of a status, where it has one of ours.
pub fn reason(status: &Status) -> Option<String> {
    let info = status.get_details_error_info()?;
    (info.domain == DOMAIN).then_some(info.reason)
}

/// The field violations of a status.
pub fn violations(status: &Status) -> Vec<FieldViolation> {
    let Some(request) = status.get_details_bad_request() else {
        return Vec::new();
    };
    let violations = request.field_violations.into_iter();
    violations
        .map(|v| FieldViolation {
            field: v.field,
            description: v.description,
        })
        .collect()
}
