//! Pieces that many pages show. Each is a template of its own: `{{ piece|safe }}` puts it on a page.

use api::{convert, projection::v1::CertificateStatus};
use askama::Template;
use pbjson_types::Timestamp;
use time::OffsetDateTime;
use tonic::Status;

use super::{refused::Wrongs, wording, wrong::sentence};

/// How something stands: a word, a silhouette and a colour, always together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Template)]
#[template(
    source = r##"<span class="st st-{{ class }}"><svg class="i" aria-hidden="true"><use href="#i-{{ icon }}"/></svg>{{ word }}</span>"##,
    ext = "html"
)]
pub struct Chip {
    /// What people read.
    pub word: &'static str,
    class: &'static str,
    icon: &'static str,
}

impl Chip {
    /// The chip of a class of the stylesheet (`.st-…`), with an icon of the sprite (`#i-…`).
    pub const fn new(word: &'static str, class: &'static str, icon: &'static str) -> Chip {
        Chip { word, class, icon }
    }
}

impl From<CertificateStatus> for Chip {
    fn from(status: CertificateStatus) -> Chip {
        match status {
            CertificateStatus::Unspecified => Chip::new("Unknown", "pending", "pending"),
            CertificateStatus::Valid => Chip::new("Valid", "valid", "valid"),
            CertificateStatus::Expiring => Chip::new("Expiring soon", "soon", "soon"),
            CertificateStatus::Expired => Chip::new("Expired", "expired", "expired"),
            CertificateStatus::NotYetValid => Chip::new("Not yet valid", "pending", "soon"),
            CertificateStatus::Revoked => Chip::new("Revoked", "revoked", "revoked"),
            CertificateStatus::Error => Chip::new("Error", "error", "error"),
            CertificateStatus::Pending => Chip::new("Pending", "pending", "pending"),
            CertificateStatus::Renewing => Chip::new("Renewing", "renewing", "renewing"),
        }
    }
}

/// A moment, for people and for machines.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(
    source = r#"<time datetime="{{ machine }}">{{ words }}</time>"#,
    ext = "html"
)]
pub struct Moment {
    machine: String,
    words: String,
}

impl Moment {
    /// With day and minute.
    pub fn new(at: OffsetDateTime) -> Moment {
        Moment::in_words(at, wording::time(at))
    }

    /// As a service tells it.
    pub fn of(at: &Timestamp) -> Option<Moment> {
        convert::time(at).map(Moment::new)
    }

    /// In some words: "in 3 days", for example.
    pub fn in_words(at: OffsetDateTime, words: String) -> Moment {
        Moment {
            machine: wording::timestamp(at),
            words,
        }
    }
}

/// A part of a page whose service does not answer: it says so, and the rest of the page stands.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(
    source = r##"<p class="note note-warn" role="status"><svg class="i" aria-hidden="true"><use href="#i-error"/></svg><span>{{ why }} Certificates are served all the same. <a href="">Try again</a></span></p>"##,
    ext = "html"
)]
pub struct Away {
    why: String,
}

impl From<Status> for Away {
    fn from(status: Status) -> Away {
        Away {
            why: sentence(status.message()),
        }
    }
}

/// What is to be mended in the form below, with the way to each field. It takes the focus.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(
    source = r##"{% if let Some(conflict) = wrongs.conflict() %}{{ conflict|safe }}{% endif %}{% if !wrongs.is_empty() %}<div class="note note-bad summary" id="summary" role="alert" tabindex="-1" autofocus><svg class="i" aria-hidden="true"><use href="#i-error"/></svg><div>{% if wrongs.len() == 1 %}<strong>One thing to mend.</strong>{% else %}<strong>{{ wrongs.len() }} things to mend.</strong>{% endif %} Nothing was changed.<ul>{% for (field, why) in wrongs.all() %}<li>{% if field.is_empty() %}{{ why }}{% else %}<a href="#{{ field }}">{{ why }}</a>{% endif %}</li>{% endfor %}</ul></div></div>{% endif %}"##,
    ext = "html"
)]
pub struct Summary<'a> {
    wrongs: &'a Wrongs,
}

impl Wrongs {
    /// The box on top of the form.
    pub fn summary(&self) -> Summary<'_> {
        Summary { wrongs: self }
    }

    /// What stands below a field, where it is wrong. The field says `aria-describedby="<id>-wrong"`.
    pub fn below<'a>(&'a self, field: &'a str) -> Below<'a> {
        Below {
            field,
            why: self.why(field),
        }
    }

    /// The attributes of a field that is wrong.
    pub fn attributes<'a>(&'a self, field: &'a str) -> Attributes<'a> {
        Attributes {
            field,
            wrong: self.why(field).is_some(),
        }
    }
}

/// Why a field is wrong, below it.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(
    source = r##"{% if let Some(why) = why %}<p class="err" id="{{ field }}-wrong"><svg class="i" aria-hidden="true"><use href="#i-error"/></svg><span>{{ why }}</span></p>{% endif %}"##,
    ext = "html"
)]
pub struct Below<'a> {
    field: &'a str,
    why: Option<&'a str>,
}

/// What a field that is wrong says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(
    source = r##"{% if wrong %} aria-invalid="true" aria-describedby="{{ field }}-wrong"{% endif %}"##,
    ext = "html"
)]
pub struct Attributes<'a> {
    field: &'a str,
    wrong: bool,
}
