//! The table `[acme_agent]`.

mod limits;

pub use limits::Limits;

use std::{
    net::SocketAddr,
    num::{NonZeroU16, NonZeroUsize},
    time::Duration,
};

use serde::Deserialize;

/// How this service works; every key may be left out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What this replica calls itself in the log; another name for each replica, and the same one
    /// after a restart, so that it goes on with its own orders at once. Default "acme-agent".
    pub replica: String,
    /// How many orders are worked on at a time. Default 8.
    pub orders: NonZeroUsize,
    /// For how many seconds an order is this replica's before another may take it over; a long
    /// order's lease is renewed. Default 900.
    pub lease_seconds: NonZeroUsize,
    /// For how many seconds a CA that cannot be reached, or asks to be left alone, is tried again
    /// before the order fails. Default 30.
    pub patience_seconds: usize,
    /// After how many seconds an order that the CA neither grants nor refuses is given up. Default 3,600.
    pub order_seconds: NonZeroUsize,
    /// For how many seconds the servers of a zone are waited for, until all show the record of DNS-01. Default 600.
    pub propagation_seconds: usize,
    /// The port on which the servers of zones are asked. Default 53; another one is for tests.
    pub name_server_port: u16,
    /// What CAs let an account have in a time.
    pub limits: Limits,
    /// The recursive name servers that are asked, for example "192.0.2.53:53". Default: those of
    /// /etc/resolv.conf.
    pub resolvers: Vec<SocketAddr>,
    /// The port at which CAs look for HTTP-01. Default 80; another one is for test CAs.
    pub http_port: NonZeroU16,
    /// The port at which CAs look for TLS-ALPN-01. Default 443; another one is for test CAs.
    pub tls_port: NonZeroU16,
}

impl Config {
    /// [`Config::lease_seconds`].
    pub fn lease(&self) -> Duration {
        seconds(self.lease_seconds.get())
    }

    /// [`Config::patience_seconds`].
    pub fn patience(&self) -> Duration {
        seconds(self.patience_seconds)
    }

    /// [`Config::order_seconds`].
    pub fn order_limit(&self) -> Duration {
        seconds(self.order_seconds.get())
    }

    /// [`Config::propagation_seconds`].
    pub fn propagation(&self) -> Duration {
        seconds(self.propagation_seconds)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            replica: "acme-agent".to_owned(),
            orders: EIGHT,
            lease_seconds: QUARTER_OF_AN_HOUR,
            patience_seconds: 30,
            order_seconds: HOUR,
            propagation_seconds: 600,
            name_server_port: 53,
            limits: Limits::default(),
            resolvers: Vec::new(),
            http_port: HTTP,
            tls_port: HTTPS,
        }
    }
}

/// No configuration waits for more than a year, so that adding it to a time is always a time.
fn seconds(n: usize) -> Duration {
    const YEAR: u64 = 365 * 86_400;
    Duration::from_secs(u64::try_from(n).unwrap_or(YEAR).min(YEAR))
}

// The compiler works these out: a zero would not compile.
const EIGHT: NonZeroUsize = NonZeroUsize::new(8).unwrap();
const QUARTER_OF_AN_HOUR: NonZeroUsize = NonZeroUsize::new(900).unwrap();
const HOUR: NonZeroUsize = NonZeroUsize::new(3_600).unwrap();
const HTTP: NonZeroU16 = NonZeroU16::new(80).unwrap();
const HTTPS: NonZeroU16 = NonZeroU16::new(443).unwrap();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_not_known_is_an_error() {
        let read = |json: &str| serde_json::from_str::<Config>(json);
        assert_eq!(read("{}").unwrap(), Config::default());
        assert_eq!(read(r#"{"orders": 2}"#).unwrap().orders.get(), 2);
        let asked = read(r#"{"resolvers": ["192.0.2.53:53", "[2001:db8::53]:53"]}"#);
        assert_eq!(asked.unwrap().resolvers.len(), 2);
        assert!(read(r#"{"order": 2}"#).is_err());
        assert!(read(r#"{"orders": 0}"#).is_err());
    }
}
