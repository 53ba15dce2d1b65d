//! Given these events, when this is decided, then that: how deciders are tested.

use crate::{aggregate::Aggregate, envelope::Envelope};
use time::macros::datetime;
use uuid::Uuid;

/// An aggregate that has seen some events.
pub struct Given<A>(A);

/// What was decided.
pub struct Decided<E, R>(Result<E, R>);

/// The state after these events, from the first on.
pub fn given<A: Aggregate>(events: impl IntoIterator<Item = A::Event>) -> Given<A> {
    let mut state = A::default();
    for (sequence, event) in (1..).zip(events) {
        let recorded = Envelope {
            sequence,
            event_id: Uuid::from_u128(sequence.into()),
            time: datetime!(2026-01-01 00:00 UTC),
            actor: "token/1".into(),
            correlation_id: Uuid::nil(),
        };
        state.evolve(&event, &recorded);
    }
    Given(state)
}

impl<A: Aggregate> Given<A> {
    /// Decides.
    pub fn when<R>(self, decide: impl Fn(&A) -> Result<A::Event, R>) -> Decided<A::Event, R> {
        Decided(decide(&self.0))
    }

    /// The state itself.
    pub fn state(self) -> A {
        self.0
    }
}

impl<E: PartialEq + std::fmt::Debug, R: PartialEq + std::fmt::Debug> Decided<E, R> {
    /// This event.
    pub fn then(self, event: E) {
        assert_eq!(self.0, Ok(event));
    }

    /// This refusal.
    pub fn refused(self, refusal: R) {
        assert_eq!(self.0, Err(refusal));
    }
}
