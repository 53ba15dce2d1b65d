//! Commands that are under way in this process, so that none of one kind overtakes itself.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use uuid::Uuid;

/// The commands that are under way, by the id of what they are about.
#[derive(Default)]
pub struct UnderWay(Mutex<HashSet<Uuid>>);

/// Ends with the command.
pub struct Alone<'a>(&'a UnderWay, Uuid);

impl UnderWay {
    /// `None` where one about the same is under way.
    pub fn enter(&self, id: Uuid) -> Option<Alone<'_>> {
        let mut ids = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Made only where it is wanted: its end would take the other's id out.
        ids.insert(id).then(|| Alone(self, id))
    }
}

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        let ids = &self.0.0;
        ids.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_command_is_under_way_once() {
        let (under_way, id) = (UnderWay::default(), Uuid::from_u128(1));
        let first = under_way.enter(id).unwrap();
        assert!(under_way.enter(id).is_none());
        assert!(under_way.enter(Uuid::from_u128(2)).is_some());
        drop(first);
        assert!(under_way.enter(id).is_some());
    }
}
