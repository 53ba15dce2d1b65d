//! The aggregate `kek`: which key-encryption keys were rotated away. The keys themselves are nobody's to know.

use api::keystore::v1::KekRotated;
use eventlog::{Aggregate, Envelope};

use crate::events::KekEvent;

/// The one aggregate of its kind.
pub const ID: &str = "default";

/// What the log says of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// What everything is sealed with since the last rotation, where there was one.
    pub sealed_with: Option<String>,
}

/// It is so already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the log has this rotation already")]
pub struct AlreadyRotated;

/// What happens, once nothing is sealed with the old key any more.
///
/// # Errors
/// [`AlreadyRotated`], where another keystore has said so.
pub fn decide(state: &State, rotated: &KekRotated) -> Result<KekEvent, AlreadyRotated> {
    match state.sealed_with.as_ref() == Some(&rotated.new_kek_id) {
        true => Err(AlreadyRotated),
        false => Ok(KekEvent::Rotated(rotated.clone())),
    }
}

impl Aggregate for State {
    const NAME: &'static str = "kek";
    type Event = KekEvent;

    fn evolve(&mut self, event: &KekEvent, _: &Envelope) {
        let KekEvent::Rotated(rotated) = event;
        self.sealed_with = Some(rotated.new_kek_id.clone());
    }
}

#[cfg(test)]
mod tests {
    use eventlog::given::given;

    use super::*;
    use crate::samples;

    #[test]
    fn each_rotation_is_told_once() {
        let KekEvent::Rotated(first) = samples::kek_rotated();
        given::<State>([])
            .when(|s| decide(s, &first))
            .then(samples::kek_rotated());
        given::<State>([samples::kek_rotated()])
            .when(|s| decide(s, &first))
            .refused(AlreadyRotated);
        let second = KekRotated {
            old_kek_id: first.new_kek_id.clone(),
            new_kek_id: "77aa0c4f19d2e6b8".into(),
            ..first
        };
        given::<State>([samples::kek_rotated()])
            .when(|s| decide(s, &second))
            .then(KekEvent::Rotated(second.clone()));
    }
}
