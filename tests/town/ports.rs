//! Ports that are free.

use std::net::TcpListener;

/// A TCP port of 127.0.0.1 on which nothing listens, to be bound by a child right after.
///
/// It lies below the range from which the system takes the ports of outgoing connections, so that none of
/// those can take it in between; and it is random, so that towns in other processes rarely look at the same.
pub fn free_port() -> u16 {
    loop {
        let [high, low, ..] = uuid::Uuid::new_v4().into_bytes();
        let port = FIRST + u16::from_be_bytes([high, low]) % (LAST - FIRST);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

const FIRST: u16 = 10_000;
const LAST: u16 = 32_000;
