//! The address that the person has reached us by, for links that he passes on.

use std::convert::Infallible;

use axum::{
    extract::FromRequestParts,
    http::{header::HOST, request::Parts, uri::Authority},
};

/// `https://chancery.example:8443`. What his browser sent: it is shown to him alone, and decides nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Here(pub String);

impl<S: Sync> FromRequestParts<S> for Here {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Here, Infallible> {
        let sent = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
        let host = parts.uri.authority().cloned();
        let host = host.or_else(|| sent?.parse::<Authority>().ok());
        Ok(Here(host.map_or_else(String::new, |host| {
            format!("https://{}", bare(&host))
        })))
    }
}

/// Without a name and password before it, and without the usual port.
fn bare(authority: &Authority) -> String {
    match authority.port_u16() {
        None | Some(443) => authority.host().to_owned(),
        Some(port) => format!("{}:{port}", authority.host()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_host_and_port() {
        for (sent, shown) in [
            ("a.example", "a.example"),
            ("a.example:443", "a.example"),
            ("a.example:8443", "a.example:8443"),
            ("x@a.example:8443", "a.example:8443"),
            ("[::1]:8443", "[::1]:8443"),
        ] {
            assert_eq!(bare(&sent.parse().unwrap()), shown);
        }
    }
}
