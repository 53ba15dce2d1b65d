//! The aggregates that this process saw last.

use std::{
    any::Any,
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use uuid::Uuid;

use crate::{aggregate::Aggregate, load::Loaded};

/// An aggregate as it was when this process last saw it.
#[derive(Clone, Debug)]
pub(crate) struct Known<A> {
    pub state: A,
    pub last_sequence: u64,
    pub event_ids: Vec<Uuid>,
}

impl<A: Default> Default for Known<A> {
    fn default() -> Self {
        Self {
            state: A::default(),
            last_sequence: 0,
            event_ids: Vec::new(),
        }
    }
}

impl<A: Clone> From<&Loaded<A>> for Known<A> {
    fn from(loaded: &Loaded<A>) -> Self {
        Self {
            state: loaded.state.clone(),
            last_sequence: loaded.last_sequence,
            event_ids: loaded.events.iter().map(|e| e.event_id).collect(),
        }
    }
}

/// The aggregates that commands touched last. What is in it may be old: an append names the
/// sequence that it was decided on, so an old state costs a round trip and never a wrong event.
pub(crate) struct Cache {
    generations: Mutex<Generations>,
    capacity: usize,
}

type Key = (&'static str, String);
type Entry = Arc<dyn Any + Send + Sync>;

/// Two halves: when the young one is full, the old one is dropped and they change places.
#[derive(Default)]
struct Generations {
    young: HashMap<Key, Entry>,
    old: HashMap<Key, Entry>,
}

impl Cache {
    pub fn new(capacity: usize) -> Self {
        Self {
            generations: Mutex::default(),
            capacity,
        }
    }

    pub fn get<A: Aggregate>(&self, id: &str) -> Option<Arc<Known<A>>> {
        let key = (A::NAME, id.to_owned());
        let mut generations = self.lock();
        let entry = match generations.young.get(&key) {
            Some(entry) => entry.clone(),
            None => {
                let entry = generations.old.remove(&key)?;
                self.add(&mut generations, key, entry.clone());
                entry
            }
        };
        entry.downcast().ok()
    }

    /// Keeps what is newer than what is there.
    pub fn keep<A: Aggregate>(&self, id: &str, known: Arc<Known<A>>) {
        let key = (A::NAME, id.to_owned());
        let mut generations = self.lock();
        let there = generations
            .young
            .get(&key)
            .or_else(|| generations.old.get(&key))
            .and_then(|entry| entry.downcast_ref::<Known<A>>());
        if there.is_none_or(|there| there.last_sequence < known.last_sequence) {
            self.add(&mut generations, key, known);
        }
    }

    fn add(&self, generations: &mut Generations, key: Key, entry: Entry) {
        if generations.young.len() >= self.capacity / 2 {
            generations.old = mem::take(&mut generations.young);
        }
        generations.old.remove(&key);
        generations.young.insert(key, entry);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Generations> {
        // Nothing in here can panic half way: the maps are whole.
        self.generations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{aggregate::DecodeError, envelope::Envelope};

    #[derive(Clone, Default)]
    struct Thing;

    #[derive(Clone)]
    struct Nothing;

    impl crate::EventBody for Nothing {
        fn name(&self) -> &'static str {
            "nothing"
        }
        fn schema(&self) -> &'static str {
            "none"
        }
        fn to_json(&self) -> Result<Vec<u8>, crate::EncodeError> {
            Ok(Vec::new())
        }
        fn from_json(name: &str, _: &[u8]) -> Result<Self, DecodeError> {
            Err(DecodeError::UnknownName(name.to_owned()))
        }
    }

    impl Aggregate for Thing {
        const NAME: &'static str = "thing";
        type Event = Nothing;
        fn evolve(&mut self, _: &Nothing, _: &Envelope) {}
    }

    fn known(last_sequence: u64) -> Arc<Known<Thing>> {
        Arc::new(Known {
            last_sequence,
            ..Known::default()
        })
    }

    #[test]
    fn the_newer_state_stays() {
        let cache = Cache::new(8);
        cache.keep("a", known(5));
        cache.keep("a", known(3));
        assert_eq!(cache.get::<Thing>("a").expect("kept").last_sequence, 5);
        cache.keep("a", known(9));
        assert_eq!(cache.get::<Thing>("a").expect("kept").last_sequence, 9);
    }

    #[test]
    fn what_is_used_stays_and_the_rest_goes() {
        let cache = Cache::new(8);
        cache.keep("used", known(1));
        for n in 0..100 {
            cache.keep(&n.to_string(), known(1));
            assert!(cache.get::<Thing>("used").is_some(), "after {n}");
        }
        let generations = cache.lock();
        assert!(generations.young.len() + generations.old.len() <= 8);
    }
}
