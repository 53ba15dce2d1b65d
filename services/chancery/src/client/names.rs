//! Names as people read them.

use api::x509::v1::SubjectAltNames;
use idna::uts46::{AsciiDenyList, Hyphens, Uts46};

/// The first names, and how many more there are.
pub fn list(names: Option<&SubjectAltNames>, most: usize) -> String {
    let Some(names) = names else {
        return String::new();
    };
    let dns = names.dns_names.iter().map(|name| dns(name));
    let all = dns.chain(names.ip_addresses.iter().cloned());
    let all = all.collect::<Vec<_>>();
    let shown = all[..all.len().min(most)].join(", ");
    match all.len().saturating_sub(most) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// A DNS name as it stands in a certificate and, where that are A-labels, as people write it:
/// "xn--bcher-kva.example (bücher.example)".
pub fn dns(name: &str) -> String {
    let host = name.strip_prefix("*.").unwrap_or(name);
    let (unicode, right) =
        Uts46::new().to_unicode(host.as_bytes(), AsciiDenyList::STD3, Hyphens::Allow);
    match right {
        Ok(()) if unicode != host => {
            let wildcard = &name[..name.len() - host.len()];
            format!("{name} ({wildcard}{unicode})")
        }
        // An A-label that is none, in a certificate from elsewhere, stays as it is.
        Ok(()) | Err(_) => name.to_owned(),
    }
}

/// How many names a line of a list shows.
pub const SHORT: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn u_labels_stand_beside_a_labels() {
        for (name, shown) in [
            ("www.example.com", "www.example.com"),
            (
                "xn--bcher-kva.example",
                "xn--bcher-kva.example (bücher.example)",
            ),
            (
                "*.xn--strae-oqa.example",
                "*.xn--strae-oqa.example (*.straße.example)",
            ),
            ("xn--a.example", "xn--a.example"),
            ("under_score.example", "under_score.example"),
        ] {
            assert_eq!(dns(name), shown);
        }
    }

    #[test]
    fn a_long_list_says_how_much_it_leaves_out() {
        let names = SubjectAltNames {
            dns_names: vec!["a.example".into(), "b.example".into()],
            ip_addresses: vec!["192.0.2.7".into(), "2001:db8::7".into()],
        };
        assert_eq!(
            list(Some(&names), SHORT),
            "a.example, b.example, 192.0.2.7 and 1 more"
        );
        assert_eq!(
            list(Some(&names), 4),
            "a.example, b.example, 192.0.2.7, 2001:db8::7"
        );
        assert_eq!(list(None, SHORT), "");
    }
}
