//! The two sockets of the edge, bound before anything else so that a taken port shows at once.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
};

use crate::config::Config;

/// Sockets that are bound and listen already. `chancery up` binds them itself, to choose other
/// ports where these two are not to be had.
#[derive(Debug)]
pub struct Listeners {
    /// For https.
    pub https: TcpListener,
    /// For challenges and redirects.
    pub http: TcpListener,
}

/// A port that is not to be had.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub struct BindError {
    /// The address that was asked for.
    pub address: SocketAddr,
    /// What the system says.
    #[source]
    pub source: io::Error,
}

impl Listeners {
    /// Binds what the configuration names.
    ///
    /// # Errors
    /// [`BindError`] names the address that could not be had.
    pub fn bind(config: &Config) -> Result<Listeners, BindError> {
        Ok(Listeners {
            https: bind(config.https)?,
            http: bind(config.http)?,
        })
    }

    /// (https, http), for the async executor.
    pub(crate) fn into_async(
        self,
    ) -> io::Result<(tokio::net::TcpListener, tokio::net::TcpListener)> {
        Ok((into_async(self.https)?, into_async(self.http)?))
    }
}

fn bind(address: SocketAddr) -> Result<TcpListener, BindError> {
    let everywhere = address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    TcpListener::bind(address)
        .or_else(|e| match e.kind() {
            // A machine without IPv6: the kernel knows the address family or the address not.
            io::ErrorKind::AddrNotAvailable if everywhere => {
                TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port()))
            }
            _ if everywhere && e.raw_os_error() == Some(EAFNOSUPPORT) => {
                TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port()))
            }
            _ => Err(e),
        })
        .map_err(|source| BindError { address, source })
}

fn into_async(listener: TcpListener) -> io::Result<tokio::net::TcpListener> {
    listener.set_nonblocking(true)?;
    tokio::net::TcpListener::from_std(listener)
}

/// "Address family not supported by protocol", on Linux.
const EAFNOSUPPORT: i32 = 97;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_named() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let config = Config {
            https: taken.local_addr().unwrap(),
            http: (Ipv4Addr::LOCALHOST, 0).into(),
            ..Config::default()
        };
        let refused = Listeners::bind(&config).unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!("cannot listen on {}", config.https)
        );
    }
}
