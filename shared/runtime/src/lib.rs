//! What every service starts with.
//!
//! [`Runtime::start`] reads who the service is; from then on the runtime opens what the service needs: the
//! event log ([`Runtime::log`]), its database ([`Runtime::database`]), channels to its peers
//! ([`Runtime::channel`]), its own internal gRPC ([`Runtime::serve`]) and the one way out to the internet
//! ([`Runtime::egress`]). Between services everything is mutual TLS with identities of the internal CA
//! ([`identity`]), which rotate by themselves; who may call a method stands in `proto/` and is enforced here.
//!
//! What goes on is told by [`telemetry`] (logs, traces) and counted in [`metrics`], which a [`Monitor`] shows.

pub mod call;
pub mod caller;
mod channel;
pub mod clock;
pub mod config;
pub mod egress;
pub mod failure;
mod gathered;
mod health;
pub mod identity;
mod layout;
pub mod metrics;
mod monitor;
mod nats;
mod runtime;
mod serve;
pub mod shutdown;
pub mod telemetry;

pub use database::{self, DatabaseError};

pub use self::{
    call::{Cause, call, call_for},
    caller::Caller,
    channel::ChannelError,
    clock::Clock,
    config::Shared,
    egress::{Egress, EgressError},
    gathered::Gathered,
    identity::{IdentityError, IdentityIssuer},
    layout::Layout,
    monitor::{Monitor, MonitorError},
    nats::NatsError,
    runtime::{LogOpenError, Runtime, StartError},
    serve::ServeError,
};
