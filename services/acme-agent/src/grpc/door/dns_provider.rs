//! A DNS provider, as it was told of.

use api::{
    acme::v1::{AddDnsProviderRequest, TestDnsProviderRequest},
    refuse::Violations,
};
use pki::{DnsName, FriendlyName};
use tonic::Status;

use crate::providers::{
    WrongSetting,
    kinds::{self, Kind, NewProvider, Settings},
};

/// A DNS provider to add. Says which setting is wrong, and never what it is.
pub(in crate::grpc) fn dns_provider(
    message: &AddDnsProviderRequest,
) -> Result<NewProvider, Status> {
    let mut violations = Violations::new();
    let name = FriendlyName::try_from(message.name.as_str());
    let name = violations.check("name", name);
    let kind = kinds::find(message.kind.trim());
    let kind = kind.ok_or("there is no such kind; ListDnsProviderKinds names all");
    let kind = violations.check("kind", kind);
    let settings = kind.map(|kind| settings(kind, message, &mut violations));
    match (name, kind, settings) {
        (Some(name), Some(kind), Some(settings)) if violations.is_empty() => Ok(NewProvider {
            name,
            kind,
            settings,
        }),
        _ => Err(violations.into_status()),
    }
}

/// The status of a setting that its kind cannot use.
pub(in crate::grpc) fn wrong_setting(wrong: WrongSetting) -> Status {
    let mut violations = Violations::new();
    violations.add(field(wrong.field), wrong.why);
    violations.into_status()
}

/// A DNS provider to try out, and the host name to do it with.
pub(in crate::grpc) fn dns_provider_test(
    message: &TestDnsProviderRequest,
) -> Result<(String, DnsName), Status> {
    let mut violations = Violations::new();
    let provider = FriendlyName::try_from(message.dns_provider.as_str());
    let provider = violations.check("dns_provider", provider);
    let name = violations.check("dns_name", DnsName::try_from(message.dns_name.as_str()));
    match (provider, name) {
        (Some(provider), Some(name)) if name.is_fully_qualified() => Ok((provider.into(), name)),
        (Some(_), Some(_)) => {
            let description = "it has no dot: name a host such as \"www.example.com\"";
            violations.add("dns_name", description);
            Err(violations.into_status())
        }
        _ => Err(violations.into_status()),
    }
}

fn settings(kind: &Kind, message: &AddDnsProviderRequest, violations: &mut Violations) -> Settings {
    for id in message.settings.keys() {
        if !kind.fields.iter().any(|field| field.id == id) {
            let known = kind.fields.iter().map(|field| field.id);
            let known = known.collect::<Vec<_>>().join(", ");
            // A stranger's key may be of any length.
            let id = id.chars().take(100).collect::<String>();
            let description = format!("{} has no such setting; it has: {known}", kind.id);
            violations.add(field(&id), description);
        }
    }
    let mut given = Vec::new();
    for known in kind.fields {
        let value = message.settings.get(known.id).map(|value| value.trim());
        match value.filter(|value| !value.is_empty()) {
            None if known.required => {
                violations.add(field(known.id), format!("it is needed: {}", known.help));
            }
            None => {}
            Some(value) if value.len() > MAX_SETTING => {
                let description = format!("it has more than {MAX_SETTING} characters");
                violations.add(field(known.id), description);
            }
            // The others go into the log.
            Some(value) if !known.secret && value.contains(char::is_control) => {
                violations.add(field(known.id), "it must be one line of visible characters");
            }
            Some(value) => given.push((known.id.to_owned(), value.to_owned())),
        }
    }
    given.into_iter().collect()
}

fn field(id: &str) -> String {
    format!("settings[{id:?}]")
}

/// A service account's key file has 2,400 characters.
const MAX_SETTING: usize = 8_000;

#[cfg(test)]
mod tests {
    use api::refuse;

    use super::*;

    fn home(settings: &[(&str, &str)]) -> AddDnsProviderRequest {
        let settings = settings.iter();
        AddDnsProviderRequest {
            name: "home".into(),
            kind: "rfc2136".into(),
            settings: settings
                .map(|(id, value)| ((*id).to_owned(), (*value).to_owned()))
                .collect(),
        }
    }

    fn fields(status: &Status) -> Vec<String> {
        let violations = refuse::violations(status).into_iter();
        violations.map(|v| v.field).collect()
    }

    #[test]
    fn a_provider_is_parsed() {
        let message = home(&[
            ("server", " ns1.example.com "),
            ("tsig_key_name", "chancery"),
            ("tsig_secret", "c2VjcmV0\n"),
            ("tsig_algorithm", ""),
        ]);
        let new = dns_provider(&message).unwrap();
        assert_eq!((new.name.as_str(), new.kind.id), ("home", "rfc2136"));
        assert_eq!(new.settings.get("server"), "ns1.example.com");
        assert_eq!(new.settings.get("tsig_secret"), "c2VjcmV0");
        assert_eq!(new.settings.given("tsig_algorithm"), None);
    }

    #[test]
    fn everything_wrong_with_a_provider_is_named_at_once_and_no_secret_is_repeated() {
        let long = "s3cret".repeat(2_000);
        let mut message = home(&[
            ("server", "ns1\nexample"),
            ("tsig_secret", &long),
            ("token", "s3cret"),
        ]);
        message.name = String::new();
        let status = dns_provider(&message).unwrap_err();
        assert_eq!(
            fields(&status),
            [
                "name",
                "settings[\"server\"]",
                "settings[\"token\"]",
                "settings[\"tsig_key_name\"]",
                "settings[\"tsig_secret\"]",
            ]
        );
        assert!(!format!("{status:?}").contains("s3cret"));
        message.kind = "carrier-pigeon".into();
        assert_eq!(
            fields(&dns_provider(&message).unwrap_err()),
            ["kind", "name"]
        );
    }

    #[test]
    fn a_test_needs_a_whole_name() {
        let test = |dns_provider: &str, dns_name: &str| {
            dns_provider_test(&TestDnsProviderRequest {
                dns_provider: dns_provider.into(),
                dns_name: dns_name.into(),
            })
        };
        assert!(test("home", "www.example.com").is_ok());
        assert_eq!(
            fields(&test("", "-").unwrap_err()),
            ["dns_name", "dns_provider"]
        );
        assert_eq!(
            fields(&test("home", "localhost").unwrap_err()),
            ["dns_name"]
        );
    }
}
