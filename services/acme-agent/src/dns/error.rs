//! What can be wrong with the DNS.

use std::io;

use hickory_proto::op::ResponseCode;
use runtime::EgressError;

/// The DNS has no answer, or not the one that is needed.
#[derive(Debug, thiserror::Error)]
pub enum DnsError {
    /// Nothing came back in time.
    #[error("the name server {server} did not answer")]
    Silent {
        /// Its address.
        server: String,
    },
    /// It could not be asked.
    #[error("the name server {server} cannot be reached")]
    Unreachable {
        /// Its address.
        server: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// What came back is no answer to what was asked.
    #[error("the name server {server} answered with something that is not DNS")]
    Garbled {
        /// Its address.
        server: String,
    },
    /// It does not answer that.
    #[error("the name server {server} answered the question for {name} with {code}")]
    Refused {
        /// Its address.
        server: String,
        /// The name that was asked for.
        name: String,
        /// Its answer.
        code: ResponseCode,
    },
    /// CNAMEs that lead back to themselves.
    #[error("the CNAME records lead in a circle: {}", chain.join(" → "))]
    Circle {
        /// The names, in order.
        chain: Vec<String>,
    },
    /// CNAMEs without an end.
    #[error("there are more than {} CNAME records in a row: {}", chain.len() - 1, chain.join(" → "))]
    TooLong {
        /// The names, in order.
        chain: Vec<String>,
    },
    /// The name is in no zone that is known.
    #[error("no zone has {name} in it")]
    NoZone {
        /// The name.
        name: String,
    },
    /// Nobody serves the zone.
    #[error("the zone {zone} names no server that can be asked")]
    NoServers {
        /// The zone.
        zone: String,
    },
    /// A name server's address is not to be reached.
    #[error(transparent)]
    Egress(#[from] EgressError),
}
