//! A refusal as a gRPC status that a person can act on.

use std::collections::HashMap;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// The domain of every `ErrorInfo` of ours.
pub const DOMAIN: &str = "chancery";

/// What is wrong with one field of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldViolation {
    /// Path in the message, proto names: `dns_names[1]`.
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

    /// `INVALID_ARGUMENT` with `BadRequest` details, by field: as many as a client takes in a header; the
    /// message says how many more there are.
    pub fn into_status(mut self) -> Status {
        self.0.sort_by(|a, b| a.field.cmp(&b.field));
        let mut details = ErrorDetails::new();
        details.set_error_info("INVALID_REQUEST", DOMAIN, HashMap::new());
        let (mut room, mut told) = (MAX_DETAILS, 0);
        for violation in &self.0 {
            let description = shortened(&violation.description, MAX_MESSAGE);
            let Some(left) = room.checked_sub(violation.field.len() + description.len()) else {
                break;
            };
            room = left;
            told += 1;
            details.add_bad_request_violation(&violation.field, description);
        }
        let (told, untold) = self.0.split_at(told);
        let mut fields = told.iter().map(|v| v.field.as_str()).collect::<Vec<_>>();
        fields.dedup();
        let mut message = format!("the request is not valid: see {}", fields.join(", "));
        if !untold.is_empty() {
            message = shortened(&message, MAX_MESSAGE / 2).to_owned();
            message.push_str(&format!(" and {} more", untold.len()));
        }
        let message = shortened(&message, MAX_MESSAGE);
        Status::with_error_details(Code::InvalidArgument, message, details)
    }
}

/// A status with a stable reason (`ErrorInfo`): what every refusal outside of [`Violations`] becomes. A message
/// that is longer than a client takes in a header is cut.
pub fn status(code: Code, reason: &str, message: impl Into<String>) -> Status {
    let mut details = ErrorDetails::new();
    details.set_error_info(reason, DOMAIN, HashMap::new());
    let message = message.into();
    Status::with_error_details(code, shortened(&message, MAX_MESSAGE), details)
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

fn shortened(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// The longest message, in bytes; in its header each may become three.
const MAX_MESSAGE: usize = 1_000;

/// Violations together, in bytes. A status travels in the headers of the answer, and most clients drop an answer
/// whose headers are over 16 KiB.
const MAX_DETAILS: usize = 6_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn header_bytes(status: &Status) -> usize {
        let headers = status.clone().into_http::<()>().into_parts().0.headers;
        // As HTTP/2 counts them (RFC 9113, section 6.5.2).
        let each = headers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len() + 32);
        each.sum()
    }

    #[test]
    fn what_is_wrong_is_told_by_field() {
        let mut wrong = Violations::new();
        wrong.add("name", "is empty");
        wrong.add("dns_names[0]", "is no name");
        wrong.add("dns_names[0]", "is too long");
        let status = wrong.into_status();
        assert_eq!(
            status.message(),
            "the request is not valid: see dns_names[0], name"
        );
        assert_eq!(violations(&status).len(), 3);
        assert_eq!(reason(&status).as_deref(), Some("INVALID_REQUEST"));
    }

    #[test]
    fn however_much_is_wrong_the_client_still_gets_the_answer() {
        for (count, description) in [
            (500, "is not what it must be".to_owned()),
            (100, "ü".repeat(200)),
            (3, "x".repeat(1_000_000)),
            (20, "\u{10ffff}".repeat(5_000)),
        ] {
            let mut wrong = Violations::new();
            for n in 0..count {
                wrong.add(format!("dns_names[{n}]"), &description);
            }
            let status = wrong.into_status();
            assert!(header_bytes(&status) < 16 * 1024, "{count}");
            let told = violations(&status).len();
            assert!(told > 0);
            let more = status
                .message()
                .ends_with(&format!("and {} more", count - told));
            assert!(more || told == count, "{}", status.message());
        }
        let long = self::status(Code::NotFound, "NOT_FOUND", "ü".repeat(100_000));
        assert!(header_bytes(&long) < 16 * 1024);
        assert_eq!(reason(&long).as_deref(), Some("NOT_FOUND"));
    }
}
