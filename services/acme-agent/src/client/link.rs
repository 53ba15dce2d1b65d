//! Links to the same certificate with other issuers (RFC 8555, section 7.4.2; RFC 8288).

use http::{HeaderMap, header};
use url::Url;

/// The targets with the relation "alternate", as seen from where the answer came from.
pub(super) fn alternates(headers: &HeaderMap, from: &str) -> Vec<String> {
    let Ok(from) = Url::parse(from) else {
        return Vec::new();
    };
    let values = headers.get_all(header::LINK).iter();
    let values = values.filter_map(|value| value.to_str().ok());
    let links = values.flat_map(|value| Links { rest: value });
    let alternates = links.filter(|link| link.is("alternate"));
    let targets = alternates.filter_map(|link| from.join(link.target).ok());
    targets.take(MOST).map(String::from).collect()
}

/// One link of a header.
struct Link<'a> {
    target: &'a str,
    /// `;rel="alternate"` and others.
    parameters: &'a str,
}

impl Link<'_> {
    fn is(&self, relation: &str) -> bool {
        let mut parameters = self.parameters.split(';');
        parameters.any(|parameter| {
            let Some((name, value)) = parameter.split_once('=') else {
                return false;
            };
            // Several relations are separated by spaces.
            let mut values = value.trim().trim_matches('"').split_ascii_whitespace();
            name.trim().eq_ignore_ascii_case("rel")
                && values.any(|value| value.eq_ignore_ascii_case(relation))
        })
    }
}

/// The links of one header, which separates them by commas; a target may have commas too.
struct Links<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Links<'a> {
    type Item = Link<'a>;

    fn next(&mut self) -> Option<Link<'a>> {
        let (_, rest) = self.rest.split_once('<')?;
        let (target, rest) = rest.split_once('>')?;
        let (parameters, rest) = rest.split_once(",").unwrap_or((rest, ""));
        self.rest = rest;
        Some(Link { target, parameters })
    }
}

/// A CA has two or three; a stranger's answer has no end.
const MOST: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn links(values: &[&str]) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::LINK, value.parse().unwrap());
        }
        alternates(&headers, "https://ca.example/cert/1")
    }

    #[test]
    fn alternates_are_found_among_other_links() {
        assert_eq!(
            links(&[
                r#"<https://ca.example/dir>;rel="index""#,
                r#"</cert/1/1>;rel="alternate""#,
                r#"<https://ca.example/a,b>; title=x; rel="up alternate", <2>;REL=alternate"#,
            ]),
            [
                "https://ca.example/cert/1/1",
                "https://ca.example/a,b",
                "https://ca.example/cert/2"
            ]
        );
        assert_eq!(
            links(&["", "<", "<a", "<https://[>;rel=alternate"]).len(),
            0
        );
        let many = vec!["<x>;rel=alternate"; 1_000];
        assert_eq!(links(&many).len(), MOST);
    }
}
