//! What happened lately, as far as people care: the steps in between are in the audit log.

use api::projection::v1::Event;
use time::OffsetDateTime;

use super::list;
use crate::web::{
    desk::Desk,
    event_words::{Told, tell},
    parts::{Away, Moment},
    visitor::SignedIn,
    when,
};

/// The newest events.
pub struct Activity(pub Vec<Line>);

/// One of them.
pub struct Line {
    /// What happened, to what, by whom.
    pub told: Told,
    /// How long ago.
    pub ago: Moment,
}

/// Asks for them.
///
/// # Errors
/// What to show in their place.
pub async fn ask(desk: &Desk, person: &SignedIn, now: OffsetDateTime) -> Result<Activity, Away> {
    let events = desk
        .queries(person)
        .list_events(list("", "", LOOKED_AT))
        .await?;
    let mut events = events.into_inner().events;
    events.retain(matters);
    events.truncate(SHOWN);
    let lines = tell(desk, &events).await.into_iter().map(|told| Line {
        ago: Moment::in_words(told.at, when::ago(told.at, now)),
        told,
    });
    Ok(Activity(lines.collect()))
}

fn matters(event: &Event) -> bool {
    !matches!(
        (event.aggregate.as_str(), event.event.as_str()),
        (
            "automation",
            "renewal-scheduled"
                | "order-intended"
                | "order-placed"
                | "finalize-intended"
                | "revocation-intended"
                | "certificate-issued"
                | "renewed"
        ) | ("key", "generated")
            | ("tls", "serving-granted")
            | ("alert", "notified")
            | ("session", "ended")
            | ("seal", "checkpoint-signed")
    )
}

const LOOKED_AT: u32 = 40;
const SHOWN: usize = 6;
