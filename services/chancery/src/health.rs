//! `chancery health`: asks a process on this machine what `/readyz` says; for containers, which have no curl.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use runtime::config::{ConfigError, Settings};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::{cli::HealthArgs, exit::Exit};

/// Why it is not well, or not known to be.
#[derive(Debug, thiserror::Error)]
pub enum HealthError {
    /// The configuration is not right.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// It shows itself nowhere.
    #[error(
        "the process does not show how it is: set metrics in [telemetry], \"127.0.0.1:9464\", or in the service's own table"
    )]
    Nowhere,
    /// It does not answer.
    #[error("nothing answers at {address}")]
    Silent {
        /// Where it was asked.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Something else answers.
    #[error("what answers at {0} is not chancery")]
    Stranger(SocketAddr),
    /// It answers, and cannot work.
    #[error("not ready: {0}")]
    NotReady(String),
}

impl HealthError {
    /// How the program ends with it.
    pub fn exit(&self) -> Exit {
        match self {
            HealthError::Silent { .. } => Exit::Unreachable,
            HealthError::Config(_)
            | HealthError::Nowhere
            | HealthError::Stranger(_)
            | HealthError::NotReady(_) => Exit::Refused,
        }
    }
}

/// Asks once.
pub async fn run(args: HealthArgs) -> Result<(), HealthError> {
    let folder = args.folder;
    let settings = Settings::read(folder.config.as_deref(), folder.data_dir.as_deref())?;
    let shared = settings.shared()?;
    let shown = match args.name {
        Some(name) => shared.metrics_of(name.as_str()),
        None => shared.telemetry.metrics,
    };
    let address = reachable(shown.ok_or(HealthError::Nowhere)?);
    let answered = timeout(PATIENCE, ask(address)).await;
    let answer = answered.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    let answer = answer.map_err(|source| HealthError::Silent { address, source })?;
    verdict(&answer).unwrap_or(Err(HealthError::Stranger(address)))
}

async fn ask(address: SocketAddr) -> io::Result<String> {
    let mut tcp = TcpStream::connect(address).await?;
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    tcp.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    tcp.take(LONGEST).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// What an answer says; `None` where it is not one of ours.
fn verdict(answer: &str) -> Option<Result<(), HealthError>> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    match head.split_whitespace().nth(1)? {
        "200" if body.trim() == "ready" => Some(Ok(())),
        "503" => {
            let reasons = body.trim().replace('\n', "; ");
            Some(Err(HealthError::NotReady(reasons)))
        }
        _ => None,
    }
}

/// As one connects to it from this machine.
fn reachable(shown: SocketAddr) -> SocketAddr {
    let ip = match shown.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    (ip, shown.port()).into()
}

/// Shorter than those who ask by a container's health check wait.
const PATIENCE: Duration = Duration::from_secs(4);

/// Of an answer, in bytes: it is a few lines.
const LONGEST: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_ready_is_well() {
        let answer = |status: &str, body: &str| format!("HTTP/1.1 {status}\r\nx: y\r\n\r\n{body}");
        assert!(matches!(
            verdict(&answer("200 OK", "ready\n")),
            Some(Ok(()))
        ));
        assert!(verdict(&answer("200 OK", "<html>")).is_none());
        assert!(verdict(&answer("404 Not Found", "ready\n")).is_none());
        assert!(verdict("SSH-2.0-OpenSSH").is_none());
        let stopped = verdict(&answer("503 Service Unavailable", "a: x\nb: y\n"));
        let Some(Err(HealthError::NotReady(reasons))) = stopped else {
            panic!("{stopped:?}")
        };
        assert_eq!(reasons, "a: x; b: y");
    }

    #[test]
    fn what_is_shown_everywhere_is_asked_here() {
        let at = |address: &str| reachable(address.parse().unwrap()).to_string();
        assert_eq!(at("0.0.0.0:9464"), "127.0.0.1:9464");
        assert_eq!(at("[::]:9464"), "[::1]:9464");
        assert_eq!(at("10.1.0.3:9464"), "10.1.0.3:9464");
    }
}
