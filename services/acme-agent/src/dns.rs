//! The DNS, as far as DNS-01 needs it: where a record belongs, who is to show it, and whether they do.
//!
//! [`Resolver`] asks the recursive servers of this machine where a record belongs: past all CNAMEs, and in
//! which [`Zone`]. The zone's own servers are then asked directly, for what they show is what a CA sees; what
//! others have in their caches is not. [`update`] changes a zone (RFC 2136). Every message goes through
//! [`exchange`], and every address that a stranger's zone names through the rules of egress first.

mod error;
mod exchange;
mod resolver;
pub mod update;
mod zone;

pub use error::DnsError;
pub use resolver::{Resolver, written};
pub use zone::{Missing, Zone};
