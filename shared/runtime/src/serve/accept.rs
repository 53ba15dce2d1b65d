//! Connections, once TLS has said who is at the other end.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Connected;

use crate::{gathered::Gathered, identity::spiffe};

/// The service at the other end of a connection, as its certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Peer(pub(super) String);

/// An encrypted connection with a known peer.
pub(super) struct Connection {
    stream: Gathered<TlsStream<TcpStream>>,
    peer: Peer,
}

/// The connections that come in until the service is to stop. Handshakes run beside each other: one slow
/// client holds up nobody.
pub(super) fn accept(
    listener: TcpListener,
    tls: TlsAcceptor,
    stopping: CancellationToken,
) -> ReceiverStream<io::Result<Connection>> {
    let (ready, connections) = mpsc::channel(QUEUE);
    let handshakes = Arc::new(Semaphore::new(MAX_HANDSHAKES));
    tokio::spawn(stopping.run_until_cancelled_owned(async move {
        loop {
            // Fails only when it is closed, and nobody closes it.
            let Ok(turn) = handshakes.clone().acquire_owned().await else {
                return;
            };
            let tcp = match listener.accept().await {
                Ok((tcp, _)) => tcp,
                Err(error) => {
                    // Mostly too many open files: some will be closed.
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(AFTER_ERROR).await;
                    continue;
                }
            };
            let (tls, ready) = (tls.clone(), ready.clone());
            tokio::spawn(async move {
                match tokio::time::timeout(HANDSHAKE_TIMEOUT, shake_hands(tcp, tls)).await {
                    // Fails only when the server has stopped.
                    Ok(Ok(connection)) => drop(ready.send(Ok(connection)).await),
                    Ok(Err(error)) => tracing::warn!(%error, "refused a connection"),
                    Err(_) => tracing::warn!("a client did not finish its handshake"),
                }
                drop(turn);
            });
        }
    }));
    ReceiverStream::new(connections)
}

async fn shake_hands(tcp: TcpStream, tls: TlsAcceptor) -> io::Result<Connection> {
    tcp.set_nodelay(true)?;
    let stream = tls.accept(tcp).await?;
    let (_, session) = stream.get_ref();
    let leaf = session.peer_certificates().and_then(|chain| chain.first());
    // The verifier has let no client in without one.
    let leaf = leaf.ok_or_else(|| io::Error::other("the client showed no certificate"))?;
    let peer = Peer(spiffe::name_of(leaf).map_err(io::Error::other)?);
    Ok(Connection {
        stream: Gathered::new(stream),
        peer,
    })
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// Connections that are ready and not yet taken.
const QUEUE: usize = 32;

/// Handshakes at the same time.
const MAX_HANDSHAKES: usize = 64;

const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

const AFTER_ERROR: Duration = Duration::from_millis(50);
