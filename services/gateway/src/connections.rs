//! Connections from strangers: how many there may be at once, and how long an idle one stays.

mod guests;

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use hyper::{
    Response,
    body::{Frame, SizeHint},
};
use hyper_util::server::graceful::GracefulConnection;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;
use tonic::{Status, body::Body};
use tracing::{debug, warn};

use crate::{config::Config, metrics::Connections};
use guests::Guests;

/// Accepts connections until `stopping`, then gives those that are open [`DRAIN`] to end.
///
/// Where there are too many, idle ones have to go; where none is idle, the new one is closed at once, so that a full
/// gateway says so.
pub async fn accept<F>(
    listener: TcpListener,
    config: &Config,
    stopping: &CancellationToken,
    serve: impl Fn(TcpStream, SocketAddr, Visit) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let guests = Guests::new(config.max_connections, config.max_connections_per_address);
    let counted = Connections::on(&listener);
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
            () = stopping.cancelled() => break,
        };
        let (tcp, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(e) => {
                // Out of file descriptors, most likely: those that end make room.
                warn!(
                    error = &e as &dyn std::error::Error,
                    "cannot accept a connection"
                );
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Some(guest) = guests.admit(network(peer.ip())) else {
            counted.refuse();
            continue;
        };
        if let Err(e) = tcp.set_nodelay(true) {
            debug!(
                error = &e as &dyn std::error::Error,
                "connection lost before it began"
            );
            continue;
        }
        let visit = Visit {
            requests: guest.requests.clone(),
            leave: guest.leave.clone(),
            stopping: stopping.clone(),
        };
        let (connection, open) = (serve(tcp, peer, visit), counted.open());
        connections.spawn(async move {
            tokio::select! {
                // First: one in a conversation says goodbye.
                biased;
                () = connection => {}
                () = guest.leave.cancelled() => debug!(%peer, "closing a connection for another"),
            }
            drop(open);
        });
    }
    drop(listener);
    let drained = timeout(DRAIN, async {
        while connections.join_next().await.is_some() {}
    });
    if drained.await.is_err() {
        warn!(
            open = connections.len(),
            "closing connections that did not end by themselves"
        );
    }
}

/// One connection's stay.
#[derive(Debug, Clone)]
pub struct Visit {
    /// Its requests that are being answered.
    pub requests: Requests,
    /// The gateway is stopping.
    pub stopping: CancellationToken,
    leave: CancellationToken,
}

impl Visit {
    /// Runs its HTTP until the client ends it, it has been idle for too long, its place is needed, or the gateway stops.
    pub async fn drive<C: GracefulConnection>(
        &self,
        mut connection: Pin<&mut C>,
    ) -> Result<(), C::Error> {
        let drain = tokio::select! {
            ended = &mut connection => return ended,
            () = self.requests.none_for(IDLE) => {
                debug!("closing an idle connection");
                DRAIN
            }
            // Its goodbye goes out, or not: nobody waits for it.
            () = self.leave.cancelled() => Duration::ZERO,
            () = self.stopping.cancelled() => DRAIN,
        };
        connection.as_mut().graceful_shutdown();
        timeout(drain, connection).await.unwrap_or(Ok(()))
    }
}

/// Counts the requests of one connection that are being answered.
#[derive(Debug, Clone)]
pub struct Requests(watch::Sender<UnderWay>);

#[derive(Debug)]
struct UnderWay {
    count: usize,
    /// When the count changed last.
    since: Instant,
}

impl UnderWay {
    fn change(&mut self, count: usize) {
        self.count = count;
        self.since = Instant::now();
    }
}

impl Requests {
    /// None yet.
    pub fn new() -> Requests {
        Requests(watch::Sender::new(UnderWay {
            count: 0,
            since: Instant::now(),
        }))
    }

    /// One more, until what is returned is dropped.
    pub fn begin(&self) -> InFlight {
        self.0
            .send_modify(|under_way| under_way.change(under_way.count + 1));
        InFlight(self.0.clone())
    }

    /// Since when there is none; `None` while there is one.
    pub fn idle_since(&self) -> Option<Instant> {
        let under_way = self.0.borrow();
        (under_way.count == 0).then_some(under_way.since)
    }

    /// Waits until there was no request for this long.
    async fn none_for(&self, idle: Duration) {
        let mut under_way = self.0.subscribe();
        loop {
            // Fails only when the sender is gone, and we hold it.
            let _ = under_way.wait_for(|under_way| under_way.count == 0).await;
            if timeout(idle, under_way.wait_for(|under_way| under_way.count > 0))
                .await
                .is_err()
            {
                return;
            }
        }
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub struct InFlight(watch::Sender<UnderWay>);

impl InFlight {
    /// The response, which keeps its connection from being idle until its body is sent.
    pub fn until_sent(self, response: Response<Body>) -> Response<Body> {
        response.map(|body| {
            Body::new(Counted {
                body,
                _in_flight: self,
            })
        })
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0
            .send_modify(|under_way| under_way.change(under_way.count - 1));
    }
}

struct Counted {
    body: Body,
    _in_flight: InFlight,
}

impl hyper::body::Body for Counted {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// What counts as one address: a customer's IPv6 network is a /64.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
    }
}

/// How long a stopping gateway waits for what is under way.
const DRAIN: Duration = Duration::from_secs(10);

/// How long a connection stays without a request.
const IDLE: Duration = Duration::from_secs(120);

const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_network_is_one_address() {
        let address = |text: &str| network(text.parse().unwrap());
        assert_eq!(address("2001:db8::1"), address("2001:db8::ffff:1"));
        assert_ne!(address("2001:db8::1"), address("2001:db8:0:1::1"));
        assert_eq!(address("192.0.2.1"), address("::ffff:192.0.2.1"));
        assert_ne!(address("192.0.2.1"), address("192.0.2.2"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_only_without_requests() {
        let requests = Requests::new();
        let request = requests.begin();
        assert!(timeout(IDLE * 10, requests.none_for(IDLE)).await.is_err());
        drop(request);
        assert!(timeout(IDLE * 10, requests.none_for(IDLE)).await.is_ok());
    }
}
