//! The disk of the event log: who runs out of it is told in time, and nats-server is started again when there is room.
//!
//! A nats-server that met a full disk acknowledges nothing until it is started again, even when there is room.

use std::{path::Path, time::Duration};

use eventlog::space::{self, RESERVE};
use runtime::Clock;

use super::child::Supervised;

/// Looks every second, for as long as it is polled.
pub async fn watch(store: &Path, nats: &Supervised, clock: &Clock) {
    let mut before = Room::Enough;
    loop {
        clock.sleep(LOOK).await;
        let Some(free) = space::free(store) else {
            continue;
        };
        let now = before.after(free);
        match (before, now) {
            (Room::Enough, Room::Little | Room::None) => tracing::error!(
                free,
                reserve = RESERVE,
                "the disk of the event log is all but full: commands of people are refused until there is room"
            ),
            (Room::None, Room::Enough) => {
                tracing::info!(
                    free,
                    "there is room on the disk of the event log again: nats-server is started anew"
                );
                nats.restart().await;
            }
            (Room::Little, Room::Enough) => {
                tracing::info!(free, "there is room on the disk of the event log again");
            }
            _ => {}
        }
        before = now;
    }
}

/// How much room there is, and was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Room {
    Enough,
    /// Commands of people are refused.
    Little,
    /// There was so little that a write may have failed.
    None,
}

impl Room {
    fn after(self, free: u64) -> Self {
        match free {
            free if free < RESERVE / 4 => Self::None,
            free if free >= RESERVE => Self::Enough,
            // What was not there at all is not enough yet.
            _ if self == Self::None => Self::None,
            _ => Self::Little,
        }
    }
}

const LOOK: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_full_is_so_until_there_is_enough_again() {
        let seen = [
            RESERVE,
            RESERVE - 1,
            RESERVE,
            RESERVE / 2,
            0,
            RESERVE / 2,
            RESERVE,
        ]
        .into_iter()
        .scan(Room::Enough, |room, free| {
            *room = room.after(free);
            Some(*room)
        })
        .collect::<Vec<_>>();
        let wanted = [
            Room::Enough,
            Room::Little,
            Room::Enough,
            Room::Little,
            Room::None,
            Room::None,
            Room::Enough,
        ];
        assert_eq!(seen, wanted);
    }
}
