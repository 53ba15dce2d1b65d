//! To which certificates a caller is held: names of domains, as an API token has them.

use std::{fmt, str::FromStr};

use crate::x509::v1::SubjectAltNames;

/// Names that a caller is held to. An empty one holds nobody to anything.
///
/// `shop.example` is that name alone, `*.shop.example` all names below it, at any depth, and its wildcard
/// certificates. A certificate is the caller's affair where all of its names are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CertificateFilter(Vec<String>);

/// A text that is no such name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a name like \"shop.example\" or \"*.shop.example\"")]
pub struct FilterError(pub String);

impl CertificateFilter {
    /// Of these names, in lower case.
    ///
    /// # Errors
    /// [`FilterError`] names the first that is none.
    pub fn new<S: AsRef<str>>(
        names: impl IntoIterator<Item = S>,
    ) -> Result<CertificateFilter, FilterError> {
        let names = names.into_iter().map(|name| {
            let name = name.as_ref().trim().to_ascii_lowercase();
            match is_name(name.strip_prefix("*.").unwrap_or(&name)) {
                true => Ok(name),
                false => Err(FilterError(name)),
            }
        });
        names.collect::<Result<_, _>>().map(CertificateFilter)
    }

    /// Whether it holds nobody to anything.
    pub fn is_open(&self) -> bool {
        self.0.is_empty()
    }

    /// The names.
    pub fn names(&self) -> &[String] {
        &self.0
    }

    /// Whether a certificate with these names is the caller's affair. One without names is so only where
    /// the filter is open.
    pub fn covers<S: AsRef<str>>(&self, names: impl IntoIterator<Item = S>) -> bool {
        if self.is_open() {
            return true;
        }
        let mut names = names.into_iter().peekable();
        names.peek().is_some() && names.all(|name| self.covers_name(name.as_ref()))
    }

    /// The same, for names as messages have them.
    pub fn covers_all(&self, names: Option<&SubjectAltNames>) -> bool {
        let names = names.into_iter();
        self.covers(names.flat_map(|names| names.dns_names.iter().chain(&names.ip_addresses)))
    }

    /// Whether one name is the caller's affair.
    pub fn covers_name(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        self.is_open()
            || self.0.iter().any(|own| match own.strip_prefix("*.") {
                Some(parent) => name
                    .strip_suffix(parent)
                    .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
                None => *own == name,
            })
    }
}

/// As it stands in [`crate::metadata::CERTIFICATE_FILTER`]: with commas between the names.
impl fmt::Display for CertificateFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(","))
    }
}

impl FromStr for CertificateFilter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<CertificateFilter, FilterError> {
        CertificateFilter::new(text.split(','))
    }
}

/// A-labels with dots between them, or an address: nothing else is in a certificate's names.
fn is_name(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':');
    !text.is_empty() && text.len() <= 253 && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(names: &[&str]) -> CertificateFilter {
        CertificateFilter::new(names).unwrap()
    }

    #[test]
    fn a_name_is_itself_and_a_star_is_all_below() {
        let shop = filter(&["shop.example", "*.Shop.example"]);
        for covered in [
            "shop.example",
            "a.shop.example",
            "b.a.SHOP.example",
            "*.shop.example",
        ] {
            assert!(shop.covers_name(covered), "{covered}");
        }
        for other in [
            "example",
            "xshop.example",
            "shop.example.org",
            ".shop.example",
            "",
        ] {
            assert!(!shop.covers_name(other), "{other}");
        }
        assert!(!filter(&["*.shop.example"]).covers_name("shop.example"));
        assert!(!filter(&["shop.example"]).covers_name("*.shop.example"));
    }

    #[test]
    fn all_names_of_a_certificate_must_be_covered() {
        let shop = filter(&["*.shop.example"]);
        assert!(shop.covers(["a.shop.example", "b.shop.example"]));
        assert!(!shop.covers(["a.shop.example", "bank.example"]));
        assert!(!shop.covers::<&str>([]), "a name-less one is not covered");
        assert!(CertificateFilter::default().covers(["anything"]));
        assert!(CertificateFilter::default().covers::<&str>([]));
    }

    #[test]
    fn it_is_read_as_it_is_written() {
        let two = filter(&["shop.example", "*.bank.example"]);
        assert_eq!(two.to_string(), "shop.example,*.bank.example");
        assert_eq!(two.to_string().parse(), Ok(two));
        for wrong in ["", "a b", "*", "*.", "a,,b", "ä.example", "a.*.b"] {
            assert!(wrong.parse::<CertificateFilter>().is_err(), "{wrong:?}");
        }
    }
}
