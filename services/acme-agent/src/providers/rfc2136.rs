//! DNS update with a shared key (RFC 2136, RFC 8945): BIND, Knot, PowerDNS, Windows, and what speaks like them.

use std::net::{IpAddr, SocketAddr};

use hickory_proto::rr::Name;
use runtime::{Clock, Egress};

use super::{
    kinds::{Field, Kind, Settings},
    write::WriteError,
};
use crate::dns::update::{self, Change, TsigKey, TsigKeyError, UpdateError};

/// What it needs to be told.
pub const KIND: Kind = Kind {
    id: "rfc2136",
    name: "DNS update (RFC 2136)",
    fields: &[
        Field {
            id: SERVER,
            label: "Primary server",
            secret: false,
            required: true,
            help: "Host name or address of the zone's primary server, with a port where it is not 53: ns1.example.com, 192.0.2.53:5353 or [2001:db8::53]:53.",
        },
        Field {
            id: KEY_NAME,
            label: "TSIG key name",
            secret: false,
            required: true,
            help: "The key's name as the server's configuration has it, for example chancery.",
        },
        Field {
            id: SECRET,
            label: "TSIG secret",
            secret: true,
            required: true,
            help: "The key's secret in base64, as tsig-keygen shows it.",
        },
        Field {
            id: ALGORITHM,
            label: "TSIG algorithm",
            secret: false,
            required: false,
            help: "hmac-sha256 (where it is left out), hmac-sha384 or hmac-sha512.",
        },
    ],
};

/// A primary server, and the key to it.
#[derive(Debug)]
pub struct Primary {
    host: String,
    port: u16,
    key: TsigKey,
    egress: Egress,
    clock: Clock,
}

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongSetting {
    /// The field's id.
    pub field: &'static str,
    /// What is wrong with it.
    pub why: String,
}

impl Primary {
    /// What was told.
    ///
    /// # Errors
    /// [`WrongSetting`]
    pub fn new(settings: &Settings, egress: Egress, clock: Clock) -> Result<Self, WrongSetting> {
        let (host, port) = host_and_port(settings.get(SERVER)).ok_or_else(|| WrongSetting {
            field: SERVER,
            why: "it is no host or address such as ns1.example.com or 192.0.2.53:53".to_owned(),
        })?;
        let [name, secret, algorithm] = [KEY_NAME, SECRET, ALGORITHM].map(|f| settings.get(f));
        let key = TsigKey::new(name, secret, algorithm).map_err(|wrong| WrongSetting {
            field: match wrong {
                TsigKeyError::Name => KEY_NAME,
                TsigKeyError::Secret => SECRET,
                TsigKeyError::Algorithm => ALGORITHM,
            },
            why: wrong.to_string(),
        })?;
        Ok(Self {
            host,
            port,
            key,
            egress,
            clock,
        })
    }

    /// Changes one TXT value.
    ///
    /// # Errors
    /// Where no address of the server takes the change.
    pub async fn change(
        &self,
        zone: &Name,
        owner: &Name,
        value: &str,
        what: Change,
    ) -> Result<(), WriteError> {
        let addresses = self.egress.addresses(&self.host).await;
        let mut last = None;
        for address in addresses.map_err(WriteError::Egress)? {
            let server = SocketAddr::from((address, self.port));
            let now = self.clock.now();
            let changed = update::change(server, &self.key, zone, owner, value, what, now).await;
            match changed {
                Ok(()) => return Ok(()),
                // Another address may answer; a refusal would be the same there.
                Err(UpdateError::Dns(error)) => last = Some(UpdateError::Dns(error)),
                Err(refused) => return Err(self.refused(refused)),
            }
        }
        Err(match last {
            Some(error) => self.refused(error),
            None => WriteError::NoAddress(self.host.clone()),
        })
    }

    fn refused(&self, error: UpdateError) -> WriteError {
        WriteError::Update {
            error: Box::new(error),
            key: self.key.name(),
        }
    }
}

/// "host", "host:port", "address", "v4:port", `[v6]:port`.
fn host_and_port(text: &str) -> Option<(String, u16)> {
    let text = text.trim();
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some((address.to_string(), PORT));
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some((address.ip().to_string(), address.port()));
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok().filter(|port| *port != 0)?),
        None => (text, PORT),
    };
    let host = pki::DnsName::try_from(host).ok()?;
    (!host.is_wildcard()).then(|| (host.to_string(), port))
}

const SERVER: &str = "server";
const KEY_NAME: &str = "tsig_key_name";
const SECRET: &str = "tsig_secret";
const ALGORITHM: &str = "tsig_algorithm";
const PORT: u16 = 53;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_a_host_or_an_address_with_or_without_a_port() {
        for (text, host, port) in [
            ("ns1.example.com", "ns1.example.com", 53),
            (" NS1.example.com:5353 ", "ns1.example.com", 5353),
            ("192.0.2.53", "192.0.2.53", 53),
            ("192.0.2.53:54", "192.0.2.53", 54),
            ("2001:db8::53", "2001:db8::53", 53),
            ("[2001:db8::53]:54", "2001:db8::53", 54),
            ("localhost:5353", "localhost", 5353),
        ] {
            assert_eq!(host_and_port(text), Some((host.to_owned(), port)), "{text}");
        }
        for no in [
            "",
            ":53",
            "a b",
            "*.example",
            "ns1.example:0",
            "ns1.example:x",
            "https://ns1",
        ] {
            assert_eq!(host_and_port(no), None, "{no}");
        }
    }

    #[test]
    fn the_setting_that_is_wrong_is_named() {
        let with = |change: (&str, &str)| {
            let right = [
                (SERVER, "192.0.2.53"),
                (KEY_NAME, "chancery"),
                (SECRET, "c2VjcmV0"),
            ];
            let settings = right.into_iter().chain([change]);
            let settings = settings.map(|(id, value)| (id.to_owned(), value.to_owned()));
            let primary = Primary::new(&settings.collect(), Egress::new(&[]), Clock::system());
            primary.err().map(|wrong| wrong.field)
        };
        assert_eq!(with((ALGORITHM, "hmac-sha512")), None);
        for wrong in [
            (SERVER, "no host"),
            (KEY_NAME, ""),
            (SECRET, "not base64!"),
            (ALGORITHM, "hmac-md5"),
        ] {
            assert_eq!(with(wrong), Some(wrong.0));
        }
    }
}
