//! DNS companies and their APIs, as the crate `dns-update` speaks them.
//!
//! Its futures are large, so they stay behind [`Cloud::change`], boxed. It makes its own https connections,
//! always to the company's public address: no kind is here whose address a person would give. Nor is one that
//! keeps a single value for a name: a certificate for a name and its wildcard needs two.

use std::{fmt, time::Duration};

use dns_update::{DnsRecord, DnsRecordType, DnsUpdater, Error};
use futures_util::{FutureExt, future::BoxFuture};
use hickory_proto::rr::Name;

use super::{
    kinds::{Kind, Settings},
    rfc2136::WrongSetting,
    write::WriteError,
};
use crate::dns::{
    self,
    update::{Change, TTL},
};

mod companies;

/// A company's API, with credentials.
pub struct Cloud {
    updater: DnsUpdater,
    kind: &'static Kind,
    secrets: Settings,
}

/// A company, and how its API is opened.
struct Company {
    kind: Kind,
    open: fn(&Settings) -> dns_update::Result<DnsUpdater>,
}

/// What companies there are, by their names.
pub fn kinds() -> impl Iterator<Item = &'static Kind> {
    companies::COMPANIES.iter().map(|company| &company.kind)
}

impl Cloud {
    /// With these credentials, which are not tried out; `None` where the kind is none of a company.
    ///
    /// # Errors
    /// [`WrongSetting`], where they cannot be credentials.
    pub fn open(kind: &Kind, settings: &Settings) -> Option<Result<Self, WrongSetting>> {
        let mut companies = companies::COMPANIES.iter();
        let company = companies.find(|company| company.kind.id == kind.id)?;
        let opened = (company.open)(settings);
        let opened = opened.map(|updater| Self {
            updater,
            kind: &company.kind,
            secrets: settings.clone(),
        });
        Some(opened.map_err(|_| WrongSetting {
            // The message may repeat what was given.
            field: company.kind.fields.last().map_or("", |field| field.id),
            why: "it is not what the API takes; copy it once more".to_owned(),
        }))
    }

    /// Changes one TXT value.
    pub fn change<'a>(
        &'a self,
        zone: &'a Name,
        owner: &'a Name,
        value: &'a str,
        what: Change,
    ) -> BoxFuture<'a, Result<(), WriteError>> {
        async move {
            let (origin, name) = (dns::written(zone), dns::written(owner));
            let records = vec![DnsRecord::TXT(value.to_owned())];
            let (updater, kind) = (&self.updater, DnsRecordType::TXT);
            let changed = match what {
                Change::Add => {
                    updater
                        .add_to_rrset(&name, kind, TTL, records, &origin)
                        .await
                }
                Change::Remove => {
                    updater
                        .remove_from_rrset(&name, kind, records, &origin)
                        .await
                }
            };
            changed.map_err(|error| self.exwritten(error, &origin))
        }
        .boxed()
    }

    fn exwritten(&self, error: Error, zone: &str) -> WriteError {
        let provider = self.kind.name.to_owned();
        match error {
            Error::Unauthorized => WriteError::Unauthorized { provider },
            Error::NotFound => WriteError::NoSuchZone {
                provider,
                zone: zone.to_owned(),
            },
            // These name the URL, which holds the key at some companies.
            Error::Api(said) if said.starts_with("Failed to") => {
                WriteError::Unreachable { provider }
            }
            Error::Client(_) => WriteError::Unreachable { provider },
            error => WriteError::Other {
                provider,
                said: self.without_secrets(&error.to_string()),
            },
        }
    }

    /// What an API says goes into the log for good: it is cut, and holds no secret.
    fn without_secrets(&self, said: &str) -> String {
        let mut said = said.replace(char::is_control, " ");
        let secrets = self.secrets.secrets(self.kind);
        for secret in secrets.filter(|secret| !secret.is_empty()) {
            said = said.replace(secret, "…");
        }
        said.truncate(said.floor_char_boundary(LONGEST_SAID));
        said
    }
}

impl fmt::Debug for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cloud")
    }
}

/// For each request.
const TIMEOUT: Option<Duration> = Some(Duration::from_secs(30));

const LONGEST_SAID: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;

    fn cloudflare() -> Cloud {
        let kind = kinds().find(|kind| kind.id == "cloudflare").unwrap();
        let settings = [("api_token".to_owned(), "s3cret".to_owned())];
        Cloud::open(kind, &Settings::from_iter(settings))
            .unwrap()
            .unwrap()
    }

    #[test]
    fn every_company_s_api_opens_or_says_which_setting_is_wrong() {
        for kind in kinds() {
            let settings = kind
                .fields
                .iter()
                .map(|f| (f.id.to_owned(), "1".to_owned()));
            match Cloud::open(kind, &settings.collect()).unwrap() {
                Ok(cloud) => assert_eq!(format!("{cloud:?}"), "Cloud"),
                Err(wrong) => assert!(kind.fields.iter().any(|f| f.id == wrong.field)),
            }
        }
        assert!(Cloud::open(&super::super::rfc2136::KIND, &Settings::default()).is_none());
    }

    #[test]
    fn what_a_company_says_is_repeated_without_secrets_and_cut() {
        let explained = |error| cloudflare().exwritten(error, "a.example");
        let said = format!("HTTP 403: token s3cret\u{1b} {}", "x".repeat(1_000));
        let WriteError::Other { said, .. } = explained(Error::Api(said)) else {
            panic!("it said something");
        };
        assert!(
            said.contains("token … ") && said.len() <= LONGEST_SAID,
            "{said}"
        );
        let url = Error::Api("Failed to send request to https://a.example/?key=s3cret".into());
        assert!(matches!(explained(url), WriteError::Unreachable { .. }));
        let wrong = explained(Error::Unauthorized);
        assert_eq!(
            wrong.to_string(),
            "Cloudflare does not take the credentials"
        );
    }
}
