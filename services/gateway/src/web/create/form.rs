//! What is typed into the form, and what the API is asked for with it.

use std::net::IpAddr;

use api::{
    convert,
    keystore::v1::{KeyChoice, key_choice},
    refuse::{self, FieldViolation, Violations},
    x509::v1::{Subject, SubjectAltNames},
};
use pki::{DnsName, FriendlyName};
use serde::Deserialize;

use super::super::{
    algorithm,
    refused::{Refused, Wrongs},
    wrong::sentence,
};

/// The form, as it was typed.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Form {
    /// Friendly name.
    pub name: String,
    /// What details are to be copied from, by name.
    pub copy: String,
    /// "existing" or "new".
    pub key: String,
    /// Which existing one, by id.
    pub existing: String,
    /// What kind of new one.
    pub algorithm: String,
    /// Common name.
    pub cn: String,
    /// The names, each in a chip.
    pub san: Vec<String>,
    /// Names that are typed, and not in chips yet.
    pub more: String,
    /// Organization.
    pub o: String,
    /// Organizational unit.
    pub ou: String,
    /// City or locality.
    pub l: String,
    /// State or province.
    pub s: String,
    /// Country.
    pub c: String,
    /// E-mail address.
    pub email: String,
    /// Of a self-signed certificate.
    pub days: String,
    /// The certificate that a request is to take the place of.
    pub renews: String,
    /// Which button was pressed.
    #[serde(rename = "do")]
    pub asked: String,
    /// The chip to take off.
    pub remove: Option<String>,
}

impl Default for Form {
    fn default() -> Form {
        Form {
            name: String::new(),
            copy: String::new(),
            key: "new".into(),
            existing: String::new(),
            algorithm: algorithm::CHOICES[0].value.into(),
            cn: String::new(),
            san: Vec::new(),
            more: String::new(),
            o: String::new(),
            ou: String::new(),
            l: String::new(),
            s: String::new(),
            c: String::new(),
            email: String::new(),
            days: "365".into(),
            renews: String::new(),
            asked: String::new(),
            remove: None,
        }
    }
}

/// A name in a chip.
pub struct Name {
    /// As it was typed.
    pub text: String,
    /// "DNS" or "IP".
    pub kind: &'static str,
}

impl Name {
    /// A name as it was typed.
    pub fn of(text: &str) -> Name {
        Name {
            text: text.to_owned(),
            kind: if is_address(text) { "IP" } else { "DNS" },
        }
    }
}

impl Form {
    /// Takes the chip off that is to go.
    pub fn take_off(&mut self) {
        if let Some(gone) = self.remove.take() {
            self.san.retain(|name| *name != gone);
        }
    }

    /// Makes chips of what was typed; says what is wrong with what stays there. Without script a name that was typed
    /// and not added would be lost otherwise.
    pub fn add_typed(&mut self) -> Vec<String> {
        let typed = std::mem::take(&mut self.more);
        let names = typed.split(|c: char| c.is_whitespace() || c == ',' || c == ';');
        let (mut wrong, mut left) = (Vec::new(), Vec::new());
        for name in names.filter(|name| !name.is_empty()) {
            let fit = match is_address(name) {
                true => Ok(()),
                false => DnsName::try_from(name).map(drop),
            };
            match fit {
                Ok(()) if self.san.iter().any(|there| there == name) => {}
                Ok(()) => self.san.push(name.to_owned()),
                Err(why) => {
                    wrong.push(not_a_name(name, &why.to_string()));
                    left.push(name);
                }
            }
        }
        self.more = left.join(" ");
        wrong
    }

    /// All that is wrong, where names that were typed are: in the API's words, as if it had been asked.
    pub fn wrongs_beside(&self, typed: Vec<String>) -> Wrongs {
        let mut violations = Violations::new();
        let name = FriendlyName::try_from(self.name.as_str());
        violations.check("friendly_name", name);
        let subject = self.subject();
        convert::subject("subject", Some(&subject), &mut violations);
        let names = self.names();
        convert::subject_alt_names("subject_alt_names", Some(&names), &mut violations);
        let fields = refuse::violations(&violations.into_status());
        let place = field("subject_alt_names");
        let typed = typed.into_iter().map(|why| (place.0, place.1, why));
        in_order(self.found(&fields).chain(typed))
    }

    /// Whether a key that is here is to be used.
    pub fn keeps_key(&self) -> bool {
        self.key == "existing"
    }

    /// The key, for the API.
    pub fn key_choice(&self) -> KeyChoice {
        let key = match self.keeps_key() {
            true => key_choice::Key::ExistingKeyId(self.existing.clone()),
            false => key_choice::Key::NewKey(algorithm::of_value(&self.algorithm).into()),
        };
        KeyChoice { key: Some(key) }
    }

    /// The subject, for the API.
    pub fn subject(&self) -> Subject {
        let text = |text: &str| text.trim().to_owned();
        Subject {
            common_name: text(&self.cn),
            organization: text(&self.o),
            organizational_unit: text(&self.ou),
            locality: text(&self.l),
            state_or_province: text(&self.s),
            country: text(&self.c),
            email_address: text(&self.email),
        }
    }

    /// The names, for the API. Without any the common name is meant, where it can be one.
    pub fn names(&self) -> SubjectAltNames {
        let (ip_addresses, mut dns_names): (Vec<_>, Vec<_>) =
            self.san.iter().cloned().partition(|name| is_address(name));
        let cn = self.cn.trim();
        if dns_names.is_empty() && ip_addresses.is_empty() && DnsName::try_from(cn).is_ok() {
            dns_names.push(cn.to_owned());
        }
        SubjectAltNames {
            dns_names,
            ip_addresses,
        }
    }

    /// The lifetime; more than there can be where it is no number, which is then refused.
    pub fn days(&self) -> u32 {
        match self.days.trim() {
            "" => 0,
            days => days
                .parse()
                .ok()
                .filter(|days| *days > 0)
                .unwrap_or(u32::MAX),
        }
    }

    /// What the API refused, beside the fields.
    pub fn wrongs(&self, refused: Refused) -> Wrongs {
        let mut wrongs = Wrongs::default();
        match refused.reason.as_deref() {
            Some("NAME_TAKEN") => {
                wrongs.add("name", &format!("{} Add the year?", refused.message));
            }
            Some("NO_SUCH_KEY" | "KEY_DESTROYED" | "KEY_BEING_DESTROYED") => {
                wrongs.add("existing", &refused.message);
            }
            _ if refused.fields.is_empty() => wrongs.add("", &refused.message),
            _ => wrongs = in_order(self.found(&refused.fields)),
        }
        wrongs
    }

    /// What the API finds wrong, with its place in the form.
    fn found(
        &self,
        fields: &[FieldViolation],
    ) -> impl Iterator<Item = (usize, &'static str, String)> {
        fields.iter().map(|violation| {
            let (place, field) = field(&violation.field);
            let why = match self.name_at(&violation.field) {
                Some(name) => not_a_name(&name, &violation.description),
                None => in_words(field, &self.name, &violation.description),
            };
            (place, field, why)
        })
    }

    /// The name that a field of the API stands for: `subject_alt_names.dns_names[1]`.
    fn name_at(&self, field: &str) -> Option<String> {
        let names = self.names();
        let (list, field) = match field.strip_prefix("subject_alt_names.")? {
            field if field.starts_with("dns_names[") => (names.dns_names, field),
            field => (names.ip_addresses, field),
        };
        let (_, n) = field.split_once('[')?;
        list.get(n.strip_suffix(']')?.parse::<usize>().ok()?)
            .cloned()
    }
}

/// In the order of the form, whatever that of the API is.
fn in_order(found: impl Iterator<Item = (usize, &'static str, String)>) -> Wrongs {
    let mut found = found.collect::<Vec<_>>();
    found.sort_by_key(|(place, ..)| *place);
    let mut wrongs = Wrongs::default();
    for (_, field, why) in found {
        wrongs.add(field, &why);
    }
    wrongs
}

fn is_address(name: &str) -> bool {
    name.parse::<IpAddr>().is_ok()
}

fn not_a_name(name: &str, why: &str) -> String {
    format!("“{name}” is not a DNS name or an IP address: {why}")
}

fn in_words(field: &str, name: &str, why: &str) -> String {
    match field {
        "name" if name.trim().is_empty() => "Give it a name.".to_owned(),
        "existing" => "Choose a key that is here.".to_owned(),
        _ => sentence(why),
    }
}

/// Where a field of the API stands in the form, and its id there.
fn field(api: &str) -> (usize, &'static str) {
    let fields = [
        ("friendly_name", "name"),
        ("key.existing_key_id", "existing"),
        ("key.new_key", "algorithm"),
        ("subject.common_name", "cn"),
        ("subject_alt_names", "more"),
        ("subject.organizational_unit", "ou"),
        ("subject.organization", "o"),
        ("subject.locality", "l"),
        ("subject.state_or_province", "s"),
        ("subject.country", "c"),
        ("subject.email_address", "email"),
        ("days", "days"),
    ];
    let at = fields.iter().position(|(name, _)| api.starts_with(name));
    at.map_or((0, ""), |at| (at + 1, fields[at].1))
}

#[cfg(test)]
mod tests;
