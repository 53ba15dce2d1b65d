//! Where a plain http request is sent: to the same host and path, by https.

use std::net::Ipv6Addr;

use hyper::Uri;

/// Why a request is sent nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoTarget {
    /// The host is not given, or given twice and not alike.
    #[error("the request does not say which host it is for")]
    NoHost,
    /// It is no host name and no address.
    #[error("the host is neither a name nor an address")]
    BadHost,
    /// The request target is not a path (RFC 9112, section 3.2).
    #[error("the request is not for a path")]
    NoPath,
}

/// The https URL for a request's target and its Host header.
///
/// The host is repeated only where it can be nothing but a host name or an IP address: what goes into
/// `Location` is letters, digits, dots, hyphens (and colons in brackets), never what a stranger wrote.
/// The port that it came with is that of plain http, and falls away.
///
/// # Errors
/// [`NoTarget`] says what is wrong with the request.
pub fn target(uri: &Uri, host: Option<&str>, https_port: u16) -> Result<String, NoTarget> {
    let path = uri.path_and_query().map(|path| path.as_str());
    let path = path
        .filter(|path| path.starts_with('/'))
        .ok_or(NoTarget::NoPath)?;
    let authority = match (uri.authority(), host) {
        // In the absolute form the target itself names the host (RFC 9112, section 3.2.2).
        (Some(authority), Some(host)) if !authority.as_str().eq_ignore_ascii_case(host) => {
            return Err(NoTarget::NoHost);
        }
        (Some(authority), _) => authority.as_str(),
        (None, Some(host)) => host,
        (None, None) => return Err(NoTarget::NoHost),
    };
    let host = host_of(authority).ok_or(NoTarget::BadHost)?;
    Ok(match https_port {
        443 => format!("https://{host}{path}"),
        port => format!("https://{host}:{port}{path}"),
    })
}

/// The host of "host:port", in lower case, where it can be one.
fn host_of(authority: &str) -> Option<String> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        let address = address.parse::<Ipv6Addr>().ok()?;
        return is_port(port).then(|| format!("[{address}]"));
    }
    let (host, port) = authority
        .find(':')
        .map_or((authority, ""), |at| authority.split_at(at));
    (is_port(port) && is_host_name(host)).then(|| host.to_ascii_lowercase())
}

/// Nothing, or a colon and a port.
fn is_port(text: &str) -> bool {
    text.is_empty()
        || text
            .strip_prefix(':')
            .is_some_and(|port| port.parse::<u16>().is_ok())
}

/// A host name (RFC 1123, section 2.1), or an IPv4 address, which has the same characters.
fn is_host_name(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    (1..=253).contains(&host.len()) && host.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(target_of: &str, host: Option<&str>) -> Result<String, NoTarget> {
        target(&target_of.parse().unwrap(), host, 8443)
    }

    #[test]
    fn the_same_host_and_path_by_https() {
        for (path, host, expected) in [
            ("/", "shop.example", "https://shop.example:8443/"),
            (
                "/a?b=c&d=%0d%0a",
                "Shop.Example:8080",
                "https://shop.example:8443/a?b=c&d=%0d%0a",
            ),
            ("/", "192.0.2.1:80", "https://192.0.2.1:8443/"),
            ("/", "[2001:DB8::1]:8080", "https://[2001:db8::1]:8443/"),
            ("/", "localhost", "https://localhost:8443/"),
            // Two slashes stay behind the host: no other host comes of them.
            (
                "//evil.example/x",
                "shop.example",
                "https://shop.example:8443//evil.example/x",
            ),
            (
                "http://shop.example:8080/x",
                "shop.example:8080",
                "https://shop.example:8443/x",
            ),
        ] {
            assert_eq!(to(path, Some(host)).unwrap(), expected);
        }
        assert_eq!(
            target(&"/".parse().unwrap(), Some("a.example"), 443).unwrap(),
            "https://a.example/"
        );
    }

    #[test]
    fn odd_hosts_are_not_repeated() {
        let long = "a.".repeat(127) + "example";
        for host in [
            "",
            ".",
            "a..b",
            "-a.example",
            "a-.example",
            "user@evil.example",
            "shop.example@evil.example",
            "a b",
            "a.example:",
            "a.example:99999",
            "a.example:80:90",
            "a.example/..",
            "a.example?",
            "a.example#",
            "a\\b",
            "exämple",
            "[::1",
            "[::1]x",
            "[evil.example]",
            "::1",
            "a_b.example",
            "<script>",
            "%0d%0aSet-Cookie:x",
            &long,
        ] {
            assert_eq!(to("/", Some(host)), Err(NoTarget::BadHost), "{host:?}");
        }
    }

    #[test]
    fn a_request_without_a_clear_target_goes_nowhere() {
        assert_eq!(to("/", None), Err(NoTarget::NoHost));
        assert_eq!(
            to("http://evil.example/", Some("shop.example")),
            Err(NoTarget::NoHost)
        );
        assert_eq!(to("*", Some("shop.example")), Err(NoTarget::NoPath));
        assert_eq!(
            to("shop.example:443", Some("shop.example")),
            Err(NoTarget::NoPath)
        );
    }
}
