//! The `[gateway]` table.

use std::{
    net::{Ipv6Addr, SocketAddr},
    path::PathBuf,
};

use serde::Deserialize;

/// How the edge listens, and what it bears.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where https is served. `[::]` takes IPv4 too; where there is no IPv6, `0.0.0.0` is taken. Default `[::]:443`.
    pub https: SocketAddr,
    /// Where plain http answers ACME challenges and redirects the rest. Default `[::]:80`.
    pub http: SocketAddr,
    /// The port that redirects name, where clients reach https through another than `https` has. Default: that of `https`.
    pub public_https_port: Option<u16>,
    /// The file with the SHA-256 (hex) of the token that `chancery init` made. Default
    /// `gateway.bootstrap-token.sha256` in the identity folder. While it exists, that token is an admin's.
    pub bootstrap_token_sha256_file: Option<PathBuf>,
    /// The most connections at once, on each of the two ports. Default 512.
    pub max_connections: usize,
    /// The most connections at once from one address (IPv6: one /64), on each port. Default 128.
    pub max_connections_per_address: usize,
    /// The longest body of a request, in bytes; a method that declares a longer one takes that. Default 1 MiB.
    pub max_request_bytes: usize,
    /// A person who does nothing for so long has to sign in again. Default 30 minutes.
    pub session_idle_minutes: u16,
    /// A person who signed in so long ago has to sign in again. Default 12 hours.
    pub session_hours: u16,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            https: (Ipv6Addr::UNSPECIFIED, 443).into(),
            http: (Ipv6Addr::UNSPECIFIED, 80).into(),
            public_https_port: None,
            bootstrap_token_sha256_file: None,
            max_connections: 512,
            max_connections_per_address: 128,
            max_request_bytes: 1 << 20,
            session_idle_minutes: 30,
            session_hours: 12,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_is_an_error() {
        let wrong = serde_json::from_str::<Config>(r#"{ "htps": "[::]:443" }"#).unwrap_err();
        assert!(
            wrong.to_string().contains("unknown field `htps`"),
            "{wrong}"
        );
        let config = serde_json::from_str::<Config>(r#"{ "https": "127.0.0.1:8443" }"#).unwrap();
        assert_eq!((config.https.port(), config.http.port()), (8443, 80));
    }
}
