//! Who a certificate is for: the distinguished name, and the alternative names.

use std::{fmt, net::IpAddr};

use rcgen::{
    DistinguishedName, DnType, DnValue, SanType, string::Ia5String, string::PrintableString,
};

use crate::{
    Certificate,
    names::{DnsName, EmailAddress, NameError, visible},
};

/// One field that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidField {
    /// Its name as in `proto/`: `dns_names[1]`.
    pub field: String,
    /// What is wrong with it.
    pub reason: NameError,
}

/// Every field that is wrong, at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InvalidFields(pub Vec<InvalidField>);

impl fmt::Display for InvalidFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, InvalidField { field, reason }) in self.0.iter().enumerate() {
            let separator = if n == 0 { "" } else { "; " };
            write!(f, "{separator}{field}: {reason}")?;
        }
        Ok(())
    }
}

impl std::error::Error for InvalidFields {}

impl InvalidFields {
    fn check<T>(&mut self, field: impl Into<String>, parsed: Result<T, NameError>) -> Option<T> {
        let field = field.into();
        parsed
            .map_err(|reason| self.0.push(InvalidField { field, reason }))
            .ok()
    }
}

/// A distinguished name as a person fills it in; an empty field is one that he left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubjectFields {
    /// CN.
    pub common_name: String,
    /// O.
    pub organization: String,
    /// OU.
    pub organizational_unit: String,
    /// L.
    pub locality: String,
    /// ST.
    pub state_or_province: String,
    /// C.
    pub country: String,
    /// emailAddress (PKCS#9).
    pub email_address: String,
}

/// A distinguished name whose fields were checked against the limits of RFC 5280, appendix A.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subject(SubjectFields);

impl Subject {
    /// The fields, trimmed; empty where left out.
    pub fn fields(&self) -> &SubjectFields {
        &self.0
    }

    /// Nothing is filled in.
    pub fn is_empty(&self) -> bool {
        self.0 == SubjectFields::default()
    }

    /// In the order in which people read it, most general first.
    pub(crate) fn distinguished_name(&self) -> Result<DistinguishedName, rcgen::Error> {
        let fields = &self.0;
        let mut name = DistinguishedName::new();
        if !fields.country.is_empty() {
            let country = PrintableString::try_from(fields.country.as_str())?;
            name.push(DnType::CountryName, DnValue::PrintableString(country));
        }
        for (kind, text) in [
            (DnType::StateOrProvinceName, &fields.state_or_province),
            (DnType::LocalityName, &fields.locality),
            (DnType::OrganizationName, &fields.organization),
            (DnType::OrganizationalUnitName, &fields.organizational_unit),
            (DnType::CommonName, &fields.common_name),
        ] {
            if !text.is_empty() {
                name.push(kind, text.as_str());
            }
        }
        if !fields.email_address.is_empty() {
            let email = Ia5String::try_from(fields.email_address.as_str())?;
            let kind = DnType::CustomDnType(PKCS9_EMAIL_ADDRESS.to_vec());
            name.push(kind, DnValue::Ia5String(email));
        }
        Ok(name)
    }
}

impl TryFrom<SubjectFields> for Subject {
    type Error = InvalidFields;

    fn try_from(typed: SubjectFields) -> Result<Self, InvalidFields> {
        let mut invalid = InvalidFields::default();
        let mut text = |field: &str, text: &str, max: usize| match text.trim() {
            "" => String::new(),
            text => invalid
                .check(field, visible(text, max))
                .map(str::to_owned)
                .unwrap_or_default(),
        };
        let mut fields = SubjectFields {
            common_name: text("common_name", &typed.common_name, 64),
            organization: text("organization", &typed.organization, 64),
            organizational_unit: text("organizational_unit", &typed.organizational_unit, 64),
            locality: text("locality", &typed.locality, 128),
            state_or_province: text("state_or_province", &typed.state_or_province, 128),
            country: String::new(),
            email_address: String::new(),
        };
        if !typed.country.trim().is_empty() {
            let country = invalid.check("country", country(&typed.country));
            fields.country = country.unwrap_or_default();
        }
        if !typed.email_address.trim().is_empty() {
            let email = EmailAddress::try_from(typed.email_address.as_str());
            let email = invalid.check("email_address", email);
            fields.email_address = email.map(String::from).unwrap_or_default();
        }
        if invalid.0.is_empty() {
            Ok(Self(fields))
        } else {
            Err(invalid)
        }
    }
}

/// The names that a certificate is good for (RFC 5280, section 4.2.1.6).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubjectAltNames {
    /// DNS names, in the order given, none twice.
    pub dns_names: Vec<DnsName>,
    /// IP addresses, likewise.
    pub ip_addresses: Vec<IpAddr>,
}

impl SubjectAltNames {
    /// The most names of all kinds; public CAs stop at a hundred too.
    pub const MAX: usize = 100;

    /// Checks names as typed; one that comes twice is kept once.
    ///
    /// # Errors
    /// Every entry that is wrong, as `dns_names[3]` or `ip_addresses[0]`.
    pub fn parse(dns_names: &[String], ip_addresses: &[String]) -> Result<Self, InvalidFields> {
        let mut invalid = InvalidFields::default();
        let count = dns_names.len() + ip_addresses.len();
        if count > Self::MAX {
            let max = Self::MAX;
            invalid.check::<()>("dns_names", Err(NameError::TooMany { count, max }));
            return Err(invalid);
        }
        let mut names = Self::default();
        for (n, typed) in dns_names.iter().enumerate() {
            let name = DnsName::try_from(typed.as_str());
            if let Some(name) = invalid.check(format!("dns_names[{n}]"), name)
                && !names.dns_names.contains(&name)
            {
                names.dns_names.push(name);
            }
        }
        for (n, typed) in ip_addresses.iter().enumerate() {
            let address = typed.trim().parse().map_err(|_| NameError::NotAnIpAddress);
            if let Some(address) = invalid.check(format!("ip_addresses[{n}]"), address)
                && !names.ip_addresses.contains(&address)
            {
                names.ip_addresses.push(address);
            }
        }
        if invalid.0.is_empty() {
            Ok(names)
        } else {
            Err(invalid)
        }
    }

    /// There is no name at all.
    pub fn is_empty(&self) -> bool {
        self.dns_names.is_empty() && self.ip_addresses.is_empty()
    }

    /// Whether a certificate is good for every one of these names (RFC 9525, section 6.3). An
    /// asterisk in it stands for one whole label; one that is asked for must stand there itself.
    pub fn covered_by(&self, certificate: &Certificate) -> bool {
        let dns = |asked: &DnsName| {
            let mut present = certificate.dns_names.iter();
            present.any(|present| present == asked.as_str() || stands_for(present, asked))
        };
        let ip = |asked| certificate.ip_addresses.contains(asked);
        self.dns_names.iter().all(dns) && self.ip_addresses.iter().all(ip)
    }

    pub(crate) fn general_names(&self) -> Result<Vec<SanType>, rcgen::Error> {
        let mut names = Vec::new();
        for name in &self.dns_names {
            names.push(SanType::DnsName(Ia5String::try_from(name.as_str())?));
        }
        names.extend(self.ip_addresses.iter().copied().map(SanType::IpAddress));
        Ok(names)
    }
}

fn stands_for(wildcard: &str, asked: &DnsName) -> bool {
    let parent = wildcard.strip_prefix("*.");
    !asked.is_wildcard()
        && parent.is_some_and(|p| asked.split_once('.').is_some_and(|(_, q)| p == q))
}

fn country(text: &str) -> Result<String, NameError> {
    let text = text.trim();
    if text.len() == 2 && text.bytes().all(|b| b.is_ascii_alphabetic()) {
        Ok(text.to_ascii_uppercase())
    } else {
        Err(NameError::NotACountry)
    }
}

const PKCS9_EMAIL_ADDRESS: [u64; 7] = [1, 2, 840, 113549, 1, 9, 1];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{KeyAlgorithm, PrivateKey, self_signed};

    #[test]
    fn all_wrong_fields_are_named_at_once() {
        let typed = SubjectFields {
            common_name: "x".repeat(65),
            country: "Germany".into(),
            email_address: "nobody".into(),
            locality: " München ".into(),
            ..SubjectFields::default()
        };
        let invalid = Subject::try_from(typed).unwrap_err();
        let fields = invalid
            .0
            .iter()
            .map(|i| i.field.as_str())
            .collect::<Vec<_>>();
        assert_eq!(fields, ["common_name", "country", "email_address"]);
    }

    #[test]
    fn fields_are_trimmed_and_a_country_is_upper_case() {
        let typed = SubjectFields {
            common_name: " www.example.com ".into(),
            country: "de".into(),
            ..SubjectFields::default()
        };
        let subject = Subject::try_from(typed).unwrap();
        assert_eq!(subject.fields().common_name, "www.example.com");
        assert_eq!(subject.fields().country, "DE");
        assert!(!subject.is_empty());
    }

    #[test]
    fn a_name_that_comes_twice_is_kept_once() {
        let dns = ["a.example".to_owned(), "A.example.".to_owned()];
        let ip = ["2001:db8:0::1".to_owned(), "2001:db8::1".to_owned()];
        let names = SubjectAltNames::parse(&dns, &ip).unwrap();
        assert_eq!((names.dns_names.len(), names.ip_addresses.len()), (1, 1));
    }

    #[test]
    fn names_are_covered_by_themselves_and_by_an_asterisk_for_one_label() {
        let names = |dns: &[&str], ip: &[&str]| {
            let text = |names: &[&str]| names.iter().map(|&n| n.into()).collect::<Vec<_>>();
            SubjectAltNames::parse(&text(dns), &text(ip)).unwrap()
        };
        let has = names(&["*.example.com", "shop.example"], &["192.0.2.7"]);
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let from = time::macros::datetime!(2026-01-02 03:04:05 UTC);
        let until = from + time::Duration::DAY;
        let der = self_signed::build(&key, &Subject::default(), &has, from, until).unwrap();
        let certificate = Certificate::parse(&der).unwrap();
        for (dns, ip, covered) in [
            (
                &["shop.example", "www.example.com"][..],
                &["192.0.2.7"][..],
                true,
            ),
            (&["*.example.com"], &[], true),
            (&[], &[], true),
            (&["example.com"], &[], false),
            (&["a.www.example.com"], &[], false),
            (&["*.www.example.com"], &[], false),
            (&["*.shop.example"], &[], false),
            (&["shop.example"], &["192.0.2.8"], false),
        ] {
            let asked = names(dns, ip);
            assert_eq!(asked.covered_by(&certificate), covered, "{dns:?} {ip:?}");
        }
    }

    #[test]
    fn a_wrong_name_is_named_by_its_place() {
        let dns = ["a.example".to_owned(), "not a name".to_owned()];
        let invalid = SubjectAltNames::parse(&dns, &["1.2.3".to_owned()]).unwrap_err();
        let text = invalid.to_string();
        assert!(
            text.contains("dns_names[1]") && text.contains("ip_addresses[0]"),
            "{text}"
        );
        let many = vec!["a.example".to_owned(); 101];
        assert!(SubjectAltNames::parse(&many, &[]).is_err());
    }
}
