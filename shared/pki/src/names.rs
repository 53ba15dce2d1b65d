//! Names as people type them, checked once. Holding one of these types is the proof.

mod idn;

use std::{fmt, net::IpAddr, ops::Deref};

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

/// What is wrong with a name, and what would be right: one sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing, or only spaces.
    #[error("it is empty")]
    Empty,
    /// More characters than fit.
    #[error("it has {length} characters; at most {max} are allowed")]
    TooLong {
        /// How many it has.
        length: usize,
        /// How many it may have.
        max: usize,
    },
    /// A line break, tab, or another character that cannot be seen.
    #[error("it contains the invisible character U+{:04X}; use letters, digits, spaces and punctuation", u32::from(*.0))]
    Invisible(char),
    /// An address in a place for DNS names.
    #[error("it is an IP address; a DNS name is needed here, for example \"www.example.com\"")]
    IsIpAddress,
    /// A scheme, port or path came with it.
    #[error(
        "it looks like a URL or an address with a port; give the host name alone, for example \"www.example.com\""
    )]
    IsUrl,
    /// An asterisk where none may be.
    #[error("an asterisk may only be the whole first label, as in \"*.example.com\"")]
    WildcardPlace,
    /// Not a host name (RFC 1035, RFC 5890).
    #[error(
        "it is not a host name: labels of 1 to 63 letters, digits and inner hyphens, joined by dots, at most 253 characters in all"
    )]
    NotAHostName,
    /// Not an e-mail address (RFC 5321).
    #[error("it is not an e-mail address such as \"ops@example.com\"")]
    NotAnEmailAddress,
    /// Not a country code (ISO 3166).
    #[error("it is not a country code: two letters, for example \"DE\"")]
    NotACountry,
    /// Not an IP address.
    #[error("it is not an IP address such as \"192.0.2.7\" or \"2001:db8::7\"")]
    NotAnIpAddress,
    /// More names than fit.
    #[error("there are {count} of them; at most {max} are allowed")]
    TooMany {
        /// How many there are.
        count: usize,
        /// How many there may be.
        max: usize,
    },
}

/// A DNS name as it stands in a certificate: A-labels, lower case, no final dot; a wildcard as its
/// whole first label at most (RFC 1035, RFC 5890, RFC 9525 section 6.3).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DnsName(String);

impl DnsName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the first label is an asterisk.
    pub fn is_wildcard(&self) -> bool {
        self.0.starts_with("*.")
    }

    /// Whether it has at least two labels besides an asterisk, as every name in the public DNS that a CA knows.
    pub fn is_fully_qualified(&self) -> bool {
        self.0.strip_prefix("*.").unwrap_or(&self.0).contains('.')
    }
}

impl TryFrom<&str> for DnsName {
    type Error = NameError;

    fn try_from(text: &str) -> Result<Self, NameError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        let length = text.chars().count();
        if length > MAX_INPUT {
            let max = MAX_INPUT;
            return Err(NameError::TooLong { length, max });
        }
        let unbracketed = text.trim_start_matches('[').trim_end_matches(']');
        if unbracketed.parse::<IpAddr>().is_ok() {
            return Err(NameError::IsIpAddress);
        }
        if text.contains(['/', ':', '@', '?']) {
            return Err(NameError::IsUrl);
        }
        let (wildcard, host) = match text.strip_prefix("*.") {
            Some(host) => (true, host),
            None => (false, text),
        };
        if host.contains('*') {
            return Err(NameError::WildcardPlace);
        }
        let ascii = Uts46::new()
            .to_ascii(
                host.as_bytes(),
                AsciiDenyList::STD3,
                Hyphens::CheckFirstLast,
                DnsLength::VerifyAllowRootDot,
            )
            .map_err(|_| NameError::NotAHostName)?;
        let ascii = ascii.strip_suffix('.').unwrap_or(&ascii);
        let name = if wildcard {
            format!("*.{ascii}")
        } else {
            ascii.to_owned()
        };
        // A last label of digits alone would be taken for an IPv4 address (RFC 3696, section 2).
        let last_label = ascii.rsplit('.').next().unwrap_or(ascii);
        if last_label.bytes().all(|b| b.is_ascii_digit()) || name.len() > MAX_DNS_NAME {
            return Err(NameError::NotAHostName);
        }
        Ok(Self(name))
    }
}

/// What people call a certificate or a server: 1 to 100 visible characters, trimmed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FriendlyName(String);

impl FriendlyName {
    /// The most characters that it may have.
    pub const MAX: usize = 100;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The start of a digest in hex, for what has no name.
    pub(crate) fn of_digest(hex: &str) -> Self {
        Self(hex.chars().take(16).collect())
    }

    /// The name with a number behind it, "shop (2)", cut where it would be too long.
    pub fn numbered(&self, number: u32) -> Self {
        let suffix = format!(" ({number})");
        let room = Self::MAX - suffix.len();
        let stem = self.0.chars().take(room).collect::<String>();
        Self(format!("{}{suffix}", stem.trim_end()))
    }
}

impl TryFrom<&str> for FriendlyName {
    type Error = NameError;

    fn try_from(text: &str) -> Result<Self, NameError> {
        visible(text, Self::MAX).map(|text| Self(text.to_owned()))
    }
}

/// An e-mail address: an ASCII local part as in RFC 5321 without quotes, and a DNS name (A-labels).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&str> for EmailAddress {
    type Error = NameError;

    fn try_from(text: &str) -> Result<Self, NameError> {
        let text = visible(text, MAX_EMAIL)?;
        let (local, domain) = text.rsplit_once('@').ok_or(NameError::NotAnEmailAddress)?;
        let atom = |atom: &str| !atom.is_empty() && atom.bytes().all(is_atext);
        if local.len() > 64 || !local.split('.').all(atom) {
            return Err(NameError::NotAnEmailAddress);
        }
        let domain = DnsName::try_from(domain).map_err(|_| NameError::NotAnEmailAddress)?;
        if domain.is_wildcard() || local.len() + 1 + domain.0.len() > MAX_EMAIL {
            return Err(NameError::NotAnEmailAddress);
        }
        Ok(Self(format!("{local}@{domain}")))
    }
}

macro_rules! text {
    ($($name:ident),+) => { $(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }
    )+ };
}

text!(DnsName, FriendlyName, EmailAddress);

/// The text without surrounding spaces, if it is 1 to `max` visible characters.
pub(crate) fn visible(text: &str, max: usize) -> Result<&str, NameError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if let Some(invisible) = text.chars().find(|&c| c.is_control() || turns_text(c)) {
        return Err(NameError::Invisible(invisible));
    }
    let length = text.chars().count();
    if length > max {
        return Err(NameError::TooLong { length, max });
    }
    Ok(text)
}

/// Characters that change the direction of what follows, or are not seen at all: with them one name can look like another.
pub(crate) fn turns_text(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// RFC 5322, section 3.2.3.
fn is_atext(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b)
}

const MAX_DNS_NAME: usize = 253;
/// Longer input is not even looked at: a name of U-labels has fewer characters than its A-labels.
const MAX_INPUT: usize = 255;
const MAX_EMAIL: usize = 254;

#[cfg(test)]
mod tests {
    use super::*;

    fn dns(text: &str) -> Result<String, NameError> {
        DnsName::try_from(text).map(String::from)
    }

    #[test]
    fn dns_names_become_what_stands_in_a_certificate() {
        for (typed, name) in [
            ("www.example.com", "www.example.com"),
            (" WWW.Example.COM. ", "www.example.com"),
            ("*.example.com", "*.example.com"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
            ("*.straße.example", "*.xn--strae-oqa.example"),
            ("localhost", "localhost"),
            ("r3---sn-4g5.example", "r3---sn-4g5.example"),
            ("1.example", "1.example"),
        ] {
            assert_eq!(dns(typed).as_deref(), Ok(name), "{typed}");
        }
        let longest = format!(
            "{}.{}.{}.{}",
            "a".repeat(63),
            "b".repeat(63),
            "c".repeat(63),
            "d".repeat(61)
        );
        assert_eq!(dns(&longest), Ok(longest));
    }

    #[test]
    fn what_is_no_dns_name_is_refused_with_its_reason() {
        use NameError::*;
        for (typed, reason) in [
            ("", Empty),
            (" . ", NotAHostName),
            ("192.0.2.7", IsIpAddress),
            ("[2001:db8::7]", IsIpAddress),
            ("https://example.com", IsUrl),
            ("example.com:443", IsUrl),
            ("www.*.example.com", WildcardPlace),
            ("w*.example.com", WildcardPlace),
            ("*", WildcardPlace),
            ("*.*.example.com", WildcardPlace),
            ("*.", NotAHostName),
            ("-bad-.example", NotAHostName),
            ("a..example", NotAHostName),
            (".example", NotAHostName),
            ("under_score.example", NotAHostName),
            ("two words.example", NotAHostName),
            ("nul\0.example", NotAHostName),
            ("xn--a.example", NotAHostName),
            ("example.999", NotAHostName),
        ] {
            assert_eq!(dns(typed), Err(reason), "{typed:?}");
        }
        assert_eq!(
            dns(&format!("{}.example", "a".repeat(64))),
            Err(NotAHostName)
        );
        assert!(matches!(
            dns(&"a.".repeat(200)),
            Err(TooLong { length: 400, .. })
        ));
        let with_wildcard = format!(
            "*.{}.{}.{}.{}",
            "a".repeat(63),
            "b".repeat(63),
            "c".repeat(63),
            "d".repeat(61)
        );
        assert_eq!(dns(&with_wildcard), Err(NotAHostName));
    }

    #[test]
    fn friendly_names_are_trimmed_visible_and_bounded() {
        let name = |text: &str| FriendlyName::try_from(text).map(String::from);
        assert_eq!(name("  Shop, München ✓ ").as_deref(), Ok("Shop, München ✓"));
        assert_eq!(name("   "), Err(NameError::Empty));
        assert_eq!(name("a\nb"), Err(NameError::Invisible('\n')));
        for unseen in ['\u{202e}', '\u{61c}', '\u{ad}', '\u{e0041}'] {
            let typed = format!("a{unseen}b");
            assert_eq!(name(&typed), Err(NameError::Invisible(unseen)));
        }
        assert_eq!(name(&"ü".repeat(100)), Ok("ü".repeat(100)));
        assert_eq!(
            name(&"ü".repeat(101)),
            Err(NameError::TooLong {
                length: 101,
                max: 100
            })
        );
    }

    #[test]
    fn a_numbered_name_stays_within_its_length() {
        let short = FriendlyName::try_from("shop").unwrap();
        assert_eq!(short.numbered(2).as_str(), "shop (2)");
        let long = FriendlyName::try_from("ü".repeat(100).as_str()).unwrap();
        assert_eq!(long.numbered(12).chars().count(), 100);
        assert!(long.numbered(12).ends_with("ü (12)"));
    }

    #[test]
    fn email_addresses() {
        let email = |text: &str| EmailAddress::try_from(text).map(String::from);
        assert_eq!(
            email("Ops+tls@Example.com").as_deref(),
            Ok("Ops+tls@example.com")
        );
        assert_eq!(
            email("ops@bücher.example").as_deref(),
            Ok("ops@xn--bcher-kva.example")
        );
        for no in [
            "ops",
            "@example.com",
            "a b@example.com",
            "a..b@example.com",
            "ops@",
            "ops@*.example.com",
            "ü@example.com",
        ] {
            assert_eq!(email(no), Err(NameError::NotAnEmailAddress), "{no}");
        }
    }

    #[test]
    fn the_reason_is_a_sentence_for_people() {
        assert_eq!(
            NameError::Invisible('\n').to_string(),
            "it contains the invisible character U+000A; use letters, digits, spaces and punctuation"
        );
    }
}
