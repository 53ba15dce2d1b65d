//! What is typed into the form, and what the API is asked for with it.

use std::net::IpAddr;

use api::{
    keystore::v1::{KeyChoice, key_choice},
    x509::v1::{Subject, SubjectAltNames},
};
use pki::DnsName;
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

    /// Makes chips of what was typed, or says what is wrong with it. Without script a name that was typed and not
    /// added would be lost otherwise.
    pub fn add_typed(&mut self) -> Wrongs {
        let mut wrongs = Wrongs::default();
        let typed = std::mem::take(&mut self.more);
        let names = typed.split(|c: char| c.is_whitespace() || c == ',' || c == ';');
        let mut left = Vec::new();
        for name in names.filter(|name| !name.is_empty()) {
            let fit = match is_address(name) {
                true => Ok(()),
                false => DnsName::try_from(name).map(drop),
            };
            match fit {
                Ok(()) if self.san.iter().any(|there| there == name) => {}
                Ok(()) => self.san.push(name.to_owned()),
                Err(why) => {
                    wrongs.add("more", &not_a_name(name, &why.to_string()));
                    left.push(name);
                }
            }
        }
        self.more = left.join(" ");
        wrongs
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
            _ => {}
        }
        // In the order of the form, whatever that of the API is.
        let mut found = refused.fields.iter().map(|violation| {
            let (place, field) = field(&violation.field);
            let why = match self.name_at(&violation.field) {
                Some(name) => not_a_name(&name, &violation.description),
                None => in_words(field, &self.name, &violation.description),
            };
            (place, field, why)
        });
        let mut found = found.by_ref().collect::<Vec<_>>();
        found.sort_by_key(|(place, ..)| *place);
        for (_, field, why) in found {
            wrongs.add(field, &why);
        }
        wrongs
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
mod tests {
    use api::refuse::FieldViolation;

    use super::*;

    fn form(san: &[&str], more: &str) -> Form {
        Form {
            san: san.iter().map(|&name| name.to_owned()).collect(),
            more: more.into(),
            ..Form::default()
        }
    }

    #[test]
    fn names_are_typed_one_by_one_or_as_a_list() {
        let mut form = form(
            &["a.example"],
            "b.example, 2001:db8::7\n*.c.example a.example",
        );
        assert!(form.add_typed().is_empty());
        assert_eq!(
            form.san,
            ["a.example", "b.example", "2001:db8::7", "*.c.example"]
        );
        assert_eq!(form.more, "");
        let names = form.names();
        assert_eq!(names.ip_addresses, ["2001:db8::7"]);
        assert_eq!(names.dns_names, ["a.example", "b.example", "*.c.example"]);
    }

    #[test]
    fn what_is_no_name_stays_where_it_was_typed() {
        let mut form = form(&[], "a.example access_example");
        let wrongs = form.add_typed();
        let why = wrongs.why("more").unwrap();
        assert!(
            why.starts_with("“access_example” is not a DNS name or an IP address"),
            "{why}"
        );
        assert_eq!(
            (&*form.more, &*form.san),
            ("access_example", &["a.example".to_owned()][..])
        );
    }

    #[test]
    fn a_chip_is_taken_off() {
        let mut form = form(&["a.example", "b.example"], "");
        form.remove = Some("a.example".into());
        form.take_off();
        assert_eq!(form.san, ["b.example"]);
    }

    #[test]
    fn without_names_the_common_name_is_meant() {
        let mut form = form(&[], "");
        form.cn = " shop.example ".into();
        assert_eq!(form.names().dns_names, ["shop.example"]);
        form.cn = "Shop AG".into();
        assert!(form.names().dns_names.is_empty());
    }

    #[test]
    fn what_the_api_refuses_stands_beside_its_field_in_the_order_of_the_form() {
        let violation = |field: &str| FieldViolation {
            field: field.into(),
            description: "it is empty".into(),
        };
        let refused = Refused {
            reason: Some("INVALID_REQUEST".into()),
            message: "the request is not valid".into(),
            fields: [
                "subject.country",
                "friendly_name",
                "subject_alt_names.dns_names[0]",
            ]
            .map(violation)
            .into(),
        };
        let wrongs = form(&["127.0.0.1", "https://x"], "").wrongs(refused);
        let all = wrongs.all().collect::<Vec<_>>();
        assert_eq!(all[0], ("name", "Give it a name."));
        assert_eq!(all[1].0, "more");
        assert!(all[1].1.contains("“https://x”"), "{}", all[1].1);
        assert_eq!(all[2], ("c", "It is empty."));
    }

    #[test]
    fn a_name_that_is_taken_is_said_at_the_name() {
        let refused = Refused {
            reason: Some("NAME_TAKEN".into()),
            message: "Another certificate is named \"shop\"; choose another name.".into(),
            fields: Vec::new(),
        };
        let wrongs = form(&[], "").wrongs(refused);
        assert!(wrongs.why("name").unwrap().ends_with("Add the year?"));
        assert_eq!(wrongs.len(), 1);
    }

    #[test]
    fn a_lifetime_that_is_no_number_is_refused() {
        for (typed, days) in [
            ("", 0),
            (" 90 ", 90),
            ("0", u32::MAX),
            ("-1", u32::MAX),
            ("x", u32::MAX),
        ] {
            let form = Form {
                days: typed.into(),
                ..Form::default()
            };
            assert_eq!(form.days(), days, "{typed:?}");
        }
    }
}
