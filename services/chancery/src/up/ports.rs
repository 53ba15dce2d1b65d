//! The edge's ports: 443 and 80, or 8443 and 8080 where those may not be bound.

use std::{
    env,
    io::{self, ErrorKind},
    net::{Ipv4Addr, SocketAddr, TcpListener},
};

use gateway::{BindError, Listeners};

use crate::systemd;

/// The edge's sockets, and what to tell about them.
#[derive(Debug)]
pub struct Ports {
    /// Bound, and listening.
    pub listeners: Listeners,
    /// Where https is.
    pub https: SocketAddr,
    /// Where challenges are answered.
    pub http: SocketAddr,
    /// The command that would allow 443 and 80, where they were not allowed.
    pub allow: Option<String>,
}

/// Why there are no ports.
#[derive(Debug, thiserror::Error)]
pub enum PortsError {
    /// Another program has it.
    #[error(
        "{address} is in use by another program: stop that one, or set `https` and `http` in the [gateway] table of chancery.toml"
    )]
    Taken {
        /// The address.
        address: SocketAddr,
    },
    /// It cannot be bound.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A bound socket does not say where it is.
    #[error("cannot use the bound sockets")]
    Socket(#[source] io::Error),
    /// The service manager passes what the edge cannot listen on.
    #[error(
        "what the service manager passes are not two TCP sockets that listen: the socket unit names the one for https first, then that for http"
    )]
    Passed(#[source] io::Error),
    /// There is no port for services to talk to each other.
    #[error("cannot listen on the loopback address")]
    Loopback(#[source] io::Error),
}

/// Where the edge listens when 443 and 80 are not allowed.
const INSTEAD: (u16, u16) = (8443, 8080);

/// Takes what the service manager passes, else binds what the configuration names; the defaults fall back to 8443 and
/// 8080.
pub fn bind(config: &gateway::Config) -> Result<Ports, PortsError> {
    match systemd::sockets().map_err(PortsError::Passed)? {
        Some(passed) => of(passed, None),
        None => bound(config),
    }
}

fn bound(config: &gateway::Config) -> Result<Ports, PortsError> {
    let usual = gateway::Config::default();
    let as_usual = (config.https, config.http) == (usual.https, usual.http);
    let (listeners, allow) = match Listeners::bind(config) {
        Err(error) if as_usual && error.source.kind() == ErrorKind::PermissionDenied => {
            let mut instead = config.clone();
            instead.https.set_port(INSTEAD.0);
            instead.http.set_port(INSTEAD.1);
            (Listeners::bind(&instead), Some(allow()))
        }
        bound => (bound, None),
    };
    let listeners = listeners.map_err(|error| match error.source.kind() {
        ErrorKind::AddrInUse => PortsError::Taken {
            address: error.address,
        },
        _ => PortsError::Bind(error),
    })?;
    of(listeners, allow)
}

fn of(listeners: Listeners, allow: Option<String>) -> Result<Ports, PortsError> {
    Ok(Ports {
        https: listeners.https.local_addr().map_err(PortsError::Socket)?,
        http: listeners.http.local_addr().map_err(PortsError::Socket)?,
        listeners,
        allow,
    })
}

/// A free port on the loopback address, for one service's internal gRPC.
pub fn internal() -> Result<TcpListener, PortsError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(PortsError::Loopback)
}

/// A socket of ours as one connects to it from this machine.
pub fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        return (Ipv4Addr::LOCALHOST, address.port()).into();
    }
    address
}

fn allow() -> String {
    let program = env::current_exe().map(|path| path.display().to_string());
    format!(
        "sudo setcap cap_net_bind_service=+ep {}",
        program.unwrap_or_else(|_| "chancery".into())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_taken_is_named_with_what_to_do() {
        let taken = internal().unwrap();
        let config = gateway::Config {
            https: taken.local_addr().unwrap(),
            ..gateway::Config::default()
        };
        let error = bind(&config).unwrap_err().to_string();
        assert!(
            error.contains(&config.https.to_string()) && error.contains("[gateway]"),
            "{error}"
        );
    }
}
