//! What this service brings into the events that it makes by itself.

use eventlog::Origin;
use runtime::Clock;
use uuid::Uuid;

/// The origin of something that this service does by itself; `correlation` is one for all that belongs to it.
/// That it is done once is decided by the aggregate, which may come to the same point again.
pub fn own(clock: &Clock, correlation: Option<Uuid>) -> Origin {
    let id = clock.new_id();
    Origin {
        correlation_id: correlation.unwrap_or(id),
        ..Origin::unasked("service/notifier", id)
    }
}
