//! What passes between us and the service manager that started us: a word when we are ready (sd_notify(3)), and the edge's
//! sockets, where it keeps them open while we do not run (sd_listen_fds(3)).

use std::{
    convert::Infallible, env, ffi::OsStr, io, net::TcpListener, os::unix::net::UnixDatagram,
    time::Duration,
};

use gateway::Listeners;
use listenfd::ListenFd;
use runtime::Runtime;
use rustix::io::{FdFlags, fcntl_setfd};

/// All is well: whoever waits for us may go on.
pub const READY: &str = "READY=1";
/// We were asked to stop, and finish what there is.
pub const STOPPING: &str = "STOPPING=1";

/// Tells it. Who cannot be told loses nothing but this.
pub fn tell(state: &str) {
    if let Some(socket) = env::var_os("NOTIFY_SOCKET")
        && let Err(error) = send(&socket, state)
    {
        tracing::warn!(%error, "cannot tell the service manager how we are");
    }
}

/// Tells it once the service can work; and never returns.
pub async fn tell_when_ready(service: &Runtime) -> Infallible {
    while env::var_os("NOTIFY_SOCKET").is_some() && !service.unready().await.is_empty() {
        tokio::time::sleep(LOOK).await;
    }
    tell(READY);
    std::future::pending().await
}

/// The two sockets of the edge, https first, where the service manager passes them on.
///
/// # Errors
/// Where what it passes is something else.
pub fn sockets() -> io::Result<Option<Listeners>> {
    let mut passed = ListenFd::from_env();
    match passed.len() {
        0 => Ok(None),
        2 => Ok(Some(Listeners {
            https: socket(&mut passed, 0)?,
            http: socket(&mut passed, 1)?,
        })),
        _ => Err(io::ErrorKind::InvalidInput.into()),
    }
}

fn socket(passed: &mut ListenFd, index: usize) -> io::Result<TcpListener> {
    let socket = passed.take_tcp_listener(index)?;
    let socket = socket.ok_or(io::ErrorKind::InvalidInput)?;
    // nats-server, a child of ours, is not to hold it when we are gone.
    fcntl_setfd(&socket, FdFlags::CLOEXEC)?;
    Ok(socket)
}

fn send(socket: &OsStr, state: &str) -> io::Result<()> {
    let from = UnixDatagram::unbound()?;
    #[cfg(target_os = "linux")]
    if let Some(name) = socket.as_encoded_bytes().strip_prefix(b"@") {
        use std::os::{linux::net::SocketAddrExt as _, unix::net::SocketAddr};
        let address = SocketAddr::from_abstract_name(name)?;
        return from.send_to_addr(state.as_bytes(), &address).map(drop);
    }
    from.send_to(state.as_bytes(), socket).map(drop)
}

const LOOK: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_heard_on_a_path_and_on_an_abstract_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let at_path = UnixDatagram::bind(&path).unwrap();
        send(path.as_os_str(), READY).unwrap();
        let mut heard = [0; 16];
        let length = at_path.recv(&mut heard).unwrap();
        assert_eq!(&heard[..length], READY.as_bytes());

        #[cfg(target_os = "linux")]
        {
            use std::os::{linux::net::SocketAddrExt as _, unix::net::SocketAddr};
            let name = format!("chancery-{}", std::process::id());
            let address = SocketAddr::from_abstract_name(&name).unwrap();
            let abstracted = UnixDatagram::bind_addr(&address).unwrap();
            send(OsStr::new(&format!("@{name}")), STOPPING).unwrap();
            let length = abstracted.recv(&mut heard).unwrap();
            assert_eq!(&heard[..length], STOPPING.as_bytes());
        }
    }
}
