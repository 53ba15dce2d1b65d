//! Cookies: each but those of taste is a secret of 256 random bits, and what it opens is known here by its hash alone.

use axum::http::{
    HeaderMap,
    header::{COOKIE, HeaderValue},
};

use crate::code::{Code, CodeDigest};

/// A cookie of ours. All have the prefix that lets only this very host set them, over TLS (RFC 6265bis,
/// section 4.1.3.2), and no script reads them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cookie {
    /// Who is signed in.
    Session,
    /// What a browser's forms are bound to ([`super::form`]).
    Form,
    /// A browser that its person has signed in with before.
    Browser,
    /// A sign-in whose second factor is still to come.
    HalfWay,
    /// Light or dark: no secret.
    Theme,
    /// Whether single keys do something: no secret.
    Keys,
}

impl Cookie {
    /// By what the code that a request brings is known.
    pub fn digest(self, headers: &HeaderMap) -> Option<CodeDigest> {
        self.text(headers).and_then(CodeDigest::of)
    }

    /// What a request brings. Two of one name are none: a browser sends one. Secret.
    pub fn text(self, headers: &HeaderMap) -> Option<&str> {
        let mut found = None;
        // HTTP/2 may send each in a field of its own (RFC 9113, section 8.2.3).
        for field in headers.get_all(COOKIE) {
            for pair in field.to_str().ok()?.split(';') {
                let Some((name, value)) = pair.trim().split_once('=') else {
                    continue;
                };
                if name == self.name() && found.replace(value).is_some() {
                    return None;
                }
            }
        }
        found
    }

    /// The field that has a browser keep this.
    pub fn keep(self, code: &Code) -> Option<HeaderValue> {
        let mut field = HeaderValue::try_from(self.keep_text(code.text())).ok()?;
        field.set_sensitive(true);
        Some(field)
    }

    /// The same for a text of ours, of letters alone.
    pub fn keep_text(self, text: &str) -> String {
        let age = match self.lasts_days() {
            Some(days) => format!("; Max-Age={}", days * 86_400),
            None => String::new(),
        };
        format!("{}={text}; {}{age}", self.name(), self.attributes())
    }

    /// The field that has a browser forget it.
    pub fn forget(self) -> Option<HeaderValue> {
        let field = format!("{}=; {}; Max-Age=0", self.name(), self.attributes());
        HeaderValue::try_from(field).ok()
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Cookie::Session => "__Host-chancery",
            Cookie::Form => "__Host-chancery-form",
            Cookie::Browser => "__Host-chancery-device",
            Cookie::HalfWay => "__Host-chancery-half-way",
            Cookie::Theme => "__Host-chancery-theme",
            Cookie::Keys => "__Host-chancery-keys",
        }
    }

    /// Whoever follows a link to a page from a mail is still signed in there; a form of another site's is not
    /// sent with these in either case.
    fn attributes(self) -> &'static str {
        match self {
            Cookie::Session | Cookie::Form | Cookie::Theme | Cookie::Keys => {
                "Path=/; Secure; HttpOnly; SameSite=Lax"
            }
            Cookie::Browser | Cookie::HalfWay => "Path=/; Secure; HttpOnly; SameSite=Strict",
        }
    }

    /// How long a browser keeps it; `None`: until it is closed.
    fn lasts_days(self) -> Option<u32> {
        match self {
            Cookie::Session | Cookie::Form | Cookie::HalfWay => None,
            // As long as browsers keep any.
            Cookie::Browser | Cookie::Theme | Cookie::Keys => Some(400),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[&str]) -> HeaderMap {
        let field = |field: &&str| (COOKIE, HeaderValue::try_from(*field).unwrap());
        fields.iter().map(field).collect()
    }

    #[test]
    fn a_code_comes_back_from_a_browser() {
        let code = Code::generate().unwrap();
        let sent = format!("a=b; __Host-chancery={}", code.text());
        for fields in [
            vec![sent.as_str()],
            vec!["x=y", &sent],
            vec![&sent, "__Host-chancery-form=z"],
        ] {
            let found = Cookie::Session.digest(&headers(&fields)).unwrap();
            assert_eq!(found, code.digest());
        }
        assert!(Cookie::Form.digest(&headers(&[&sent])).is_none());
        assert!(
            Cookie::Session.digest(&headers(&[&sent, &sent])).is_none(),
            "two of them"
        );
    }

    #[test]
    fn every_cookie_is_this_hosts_alone() {
        let code = Code::generate().unwrap();
        for cookie in [
            Cookie::Session,
            Cookie::Form,
            Cookie::Browser,
            Cookie::HalfWay,
            Cookie::Theme,
            Cookie::Keys,
        ] {
            for field in [cookie.keep(&code), cookie.forget()] {
                let field = field.unwrap();
                let field = field.to_str().unwrap();
                assert!(field.starts_with("__Host-chancery"), "{field}");
                for attribute in ["; Path=/", "; Secure", "; HttpOnly", "; SameSite="] {
                    assert!(field.contains(attribute), "{field}");
                }
                assert!(!field.contains("Domain"), "{field}");
            }
        }
    }
}
