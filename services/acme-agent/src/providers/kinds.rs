//! The kinds of DNS provider, and what each needs to be told.

use std::collections::BTreeMap;

use api::acme::v1 as proto;
use pki::FriendlyName;
use zeroize::Zeroizing;

use super::{cloud, rfc2136};

/// A kind of provider.
#[derive(Debug)]
pub struct Kind {
    /// Stands in the log and in scripts.
    pub id: &'static str,
    /// For people.
    pub name: &'static str,
    /// What it needs to be told.
    pub fields: &'static [Field],
}

/// One thing that a kind of provider needs to be told.
#[derive(Debug)]
pub struct Field {
    /// Stands in the log and in scripts.
    pub id: &'static str,
    /// For people.
    pub label: &'static str,
    /// It is sealed, and never shown again.
    pub secret: bool,
    /// It cannot be left out.
    pub required: bool,
    /// One sentence: what to give.
    pub help: &'static str,
}

/// What a provider was told, by the field's id; it may hold secrets, and is silent.
#[derive(Clone, Default)]
pub struct Settings(BTreeMap<String, Zeroizing<String>>);

impl Settings {
    /// What was told for a field; empty where nothing was.
    pub fn get(&self, field: &str) -> &str {
        self.0.get(field).map_or("", |value| value.as_str())
    }

    /// What was told for a field that may be left out.
    pub fn given(&self, field: &str) -> Option<&str> {
        Some(self.get(field)).filter(|value| !value.is_empty())
    }

    /// What of it is not secret, for the log.
    pub fn public(&self, kind: &Kind) -> BTreeMap<String, String> {
        self.part(kind, false)
            .map(|(id, value)| (id.clone(), value.to_string()))
            .collect()
    }

    /// What of it is secret, as it is sealed: JSON.
    pub fn sealed(&self, kind: &Kind) -> Zeroizing<Vec<u8>> {
        let secrets = self.part(kind, true);
        let secrets = secrets.map(|(id, value)| (id, value.as_str()));
        let secrets = secrets.collect::<BTreeMap<_, _>>();
        // A map of texts has a JSON form.
        Zeroizing::new(serde_json::to_vec(&secrets).unwrap_or_default())
    }

    /// Put together again from both parts; `None` where the sealed one is none.
    pub fn joined<'a>(
        public: impl IntoIterator<Item = (&'a String, &'a String)>,
        sealed: &[u8],
    ) -> Option<Self> {
        let secrets: BTreeMap<String, String> = serde_json::from_slice(sealed).ok()?;
        let public = public.into_iter().map(|(id, v)| (id.clone(), v.clone()));
        Some(public.chain(secrets).collect())
    }

    /// The secrets among them.
    pub fn secrets(&self, kind: &Kind) -> impl Iterator<Item = &str> {
        self.part(kind, true).map(|(_, value)| value.as_str())
    }

    fn part(
        &self,
        kind: &Kind,
        secret: bool,
    ) -> impl Iterator<Item = (&String, &Zeroizing<String>)> {
        self.0.iter().filter(move |(id, _)| {
            // What is not known of the kind counts as secret.
            let field = kind.fields.iter().find(|field| field.id == id.as_str());
            field.is_none_or(|field| field.secret) == secret
        })
    }
}

impl FromIterator<(String, String)> for Settings {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(given: T) -> Self {
        let given = given.into_iter();
        Self(
            given
                .map(|(id, value)| (id, Zeroizing::new(value)))
                .collect(),
        )
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Settings")
    }
}

/// A provider that a person wants to add.
#[derive(Debug)]
pub struct NewProvider {
    /// What it is to be called.
    pub name: FriendlyName,
    /// Its kind.
    pub kind: &'static Kind,
    /// What it was told: every field that is required, and none that the kind does not have.
    pub settings: Settings,
}

/// All kinds, RFC 2136 first, the others by their names.
pub fn all() -> impl Iterator<Item = &'static Kind> {
    std::iter::once(&rfc2136::KIND).chain(cloud::kinds())
}

/// The kind with this id.
pub fn find(id: &str) -> Option<&'static Kind> {
    all().find(|kind| kind.id == id)
}

impl From<&Kind> for proto::DnsProviderKind {
    fn from(kind: &Kind) -> Self {
        let fields = kind.fields.iter().map(|field| proto::DnsProviderField {
            id: field.id.to_owned(),
            label: field.label.to_owned(),
            secret: field.secret,
            required: field.required,
            help: field.help.to_owned(),
        });
        Self {
            id: kind.id.to_owned(),
            name: kind.name.to_owned(),
            fields: fields.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_kind_and_every_field_of_it_is_named_once() {
        let mut ids = HashSet::new();
        for kind in all() {
            assert!(ids.insert(kind.id), "{} twice", kind.id);
            let is_id = |id: &str| {
                id.bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-')
            };
            assert!(is_id(kind.id) && !kind.name.is_empty(), "{}", kind.id);
            let fields = kind.fields.iter().map(|field| field.id);
            assert_eq!(fields.clone().collect::<HashSet<_>>().len(), fields.count());
            assert!(
                kind.fields
                    .iter()
                    .any(|field| field.secret && field.required),
                "{}",
                kind.id
            );
            for field in kind.fields {
                assert!(is_id(field.id) && field.help.ends_with('.'), "{}", field.id);
            }
        }
        assert_eq!(all().next().unwrap().id, "rfc2136");
        let names = all().skip(1).map(|kind| kind.name.to_lowercase());
        assert!(names.is_sorted());
    }

    #[test]
    fn secrets_are_sealed_and_the_rest_is_public() {
        let given = [("server", "ns1.example.com"), ("tsig_secret", "c2VjcmV0")];
        let given = given.map(|(id, value)| (id.to_owned(), value.to_owned()));
        let settings = Settings::from_iter(given);
        let public = settings.public(&rfc2136::KIND);
        assert_eq!(public.keys().collect::<Vec<_>>(), ["server"]);
        assert_eq!(
            settings.secrets(&rfc2136::KIND).collect::<Vec<_>>(),
            ["c2VjcmV0"]
        );
        let again = Settings::joined(&public, &settings.sealed(&rfc2136::KIND)).unwrap();
        assert_eq!(again.get("server"), "ns1.example.com");
        assert_eq!(again.get("tsig_secret"), "c2VjcmV0");
        assert_eq!(again.given("tsig_algorithm"), None);
        assert!(Settings::joined(&public, b"no json").is_none());
        assert_eq!(format!("{again:?}"), "Settings");
    }
}
