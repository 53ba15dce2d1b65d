//! What a service refused, for the form that asked for it: its own words, beside the fields that they are about.

use std::borrow::Cow;

use api::refuse::{self, FieldViolation};
use axum::http::StatusCode;
use tonic::{Code, Status};

use super::{meanwhile::Conflict, problem::Problem, wrong::sentence};

/// Why a command was refused. The words are the API's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The stable reason, for example `NAME_TAKEN`.
    pub reason: Option<String>,
    /// Why, and what to do.
    pub message: String,
    /// What is wrong in which field of the API.
    pub fields: Vec<FieldViolation>,
}

impl Refused {
    /// What a person can mend himself.
    ///
    /// # Errors
    /// Everything else: a service is away, or something broke.
    pub fn of(status: Status) -> Result<Refused, Problem> {
        match status.code() {
            Code::InvalidArgument
            | Code::FailedPrecondition
            | Code::AlreadyExists
            | Code::NotFound
            | Code::OutOfRange
            | Code::Aborted
            | Code::PermissionDenied
            | Code::ResourceExhausted => Ok(Refused::plain(&status)),
            _ => Err(status.into()),
        }
    }

    /// Whatever it is, as a part of a page says it.
    pub fn plain(status: &Status) -> Refused {
        Refused {
            reason: refuse::reason(status),
            message: sentence(status.message()),
            fields: refuse::violations(status),
        }
    }

    /// Beside the fields of a form. `field` names the form's field for one of the API's; what has none there, and what
    /// the refusal says of none, stands over the form.
    pub fn beside(self, field: impl Fn(&str) -> Option<&'static str>) -> Wrongs {
        let mut wrongs = Wrongs::default();
        for violation in &self.fields {
            wrongs.add(
                field(&violation.field).unwrap_or_default(),
                &violation.description,
            );
        }
        if wrongs.is_empty() {
            wrongs.add("", &self.message);
        }
        wrongs
    }
}

/// All that is to be mended in a form, at once; or who was first with what it was about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wrongs {
    fields: Vec<(Cow<'static, str>, String)>,
    conflict: Option<Conflict>,
}

impl From<Conflict> for Wrongs {
    fn from(conflict: Conflict) -> Wrongs {
        Wrongs {
            fields: Vec::new(),
            conflict: Some(conflict),
        }
    }
}

impl Wrongs {
    /// In this field, by the id that it has on the page; empty: in none.
    pub fn add(&mut self, field: impl Into<Cow<'static, str>>, why: &str) {
        self.fields.push((field.into(), sentence(why)));
    }

    /// Who was first, where that is what is wrong.
    pub fn conflict(&self) -> Option<&Conflict> {
        self.conflict.as_ref()
    }

    /// The status of a page that shows the form again.
    pub fn code(&self) -> StatusCode {
        match self.conflict {
            Some(_) => StatusCode::CONFLICT,
            None => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }

    /// What stands in no field is about this one, where there is one.
    pub fn place(&mut self, field: Option<&'static str>) {
        let homeless = self.fields.iter_mut().filter(|(place, _)| place.is_empty());
        for (place, _) in homeless {
            *place = field.unwrap_or_default().into();
        }
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// How much there is.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// What is wrong in a field.
    pub fn why(&self, field: &str) -> Option<&str> {
        let here = self.fields.iter().find(|(name, _)| name == field);
        here.map(|(_, why)| why.as_str())
    }

    /// All of it, by field, in the order of the form; for the summary.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields
            .iter()
            .map(|(field, why)| (&**field, why.as_str()))
    }
}
