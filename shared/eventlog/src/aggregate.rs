//! What the log asks of a domain: events with names and JSON bodies, and states that evolve by them.

use crate::envelope::Envelope;

/// An event of one aggregate. Made by [`events!`](crate::events).
pub trait EventBody: Sized + Clone + Send + Sync {
    /// The last part of the subject, for example `issued`.
    fn name(&self) -> &'static str;

    /// The full name of the proto message in the body.
    fn schema(&self) -> &'static str;

    /// The body in proto3 JSON.
    ///
    /// # Errors
    /// Where a value has no JSON form, for example a time outside the years 1 to 9999.
    fn to_json(&self) -> Result<Vec<u8>, EncodeError>;

    /// The event of that name from its body.
    ///
    /// # Errors
    /// [`DecodeError::UnknownName`] for an event that this version does not know, and
    /// [`DecodeError::Json`] for a body that is not its message.
    fn from_json(name: &str, json: &[u8]) -> Result<Self, DecodeError>;
}

/// A kind of thing that commands change, one event at a time.
pub trait Aggregate: Default + Clone + Send + Sync + 'static {
    /// The part of the subject, for example `certificate`.
    const NAME: &'static str;

    /// What can happen to it.
    type Event: EventBody;

    /// Takes in what happened. Cannot fail: what the log holds was decided once, and stays decided.
    fn evolve(&mut self, event: &Self::Event, recorded: &Envelope);
}

/// An event that has no JSON form.
#[derive(Debug, thiserror::Error)]
#[error("the event {name} has no JSON form")]
pub struct EncodeError {
    /// The event's name.
    pub name: &'static str,
    /// What stands in the way.
    #[source]
    pub source: serde_json::Error,
}

/// A body that is not the event that it is named.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// A later version wrote it, or a stranger.
    #[error("there is no event named {0} here")]
    UnknownName(String),
    /// Its JSON does not fit the message.
    #[error("the body is not a {schema} in proto3 JSON")]
    Json {
        /// The message that was expected.
        schema: &'static str,
        /// Where and why it does not fit.
        #[source]
        source: serde_json::Error,
    },
}

/// Makes an enum of an aggregate's events, each wrapping its proto message, and implements [`EventBody`].
///
/// ```ignore
/// eventlog::events! {
///     /// What happens to an automation.
///     pub enum Event {
///         /// Somebody wants this certificate.
///         Requested("requested"): api::acme::v1::AutomationRequested = "chancery.acme.v1.AutomationRequested",
///     }
/// }
/// ```
#[macro_export]
macro_rules! events {
    (
        $(#[$enum_attribute:meta])*
        $visibility:vis enum $name:ident {
            $( $(#[$attribute:meta])* $variant:ident($event:literal): $message:ty = $schema:literal ),+ $(,)?
        }
    ) => {
        $(#[$enum_attribute])*
        #[derive(Clone, Debug, PartialEq)]
        $visibility enum $name {
            $(
                $(#[$attribute])*
                #[doc = concat!("\n\n`", $event, "`: `", $schema, "`")]
                $variant($message),
            )+
        }

        impl $crate::EventBody for $name {
            fn name(&self) -> &'static str {
                match self { $( Self::$variant(_) => $event, )+ }
            }

            fn schema(&self) -> &'static str {
                match self { $( Self::$variant(_) => $schema, )+ }
            }

            fn to_json(&self) -> ::std::result::Result<::std::vec::Vec<u8>, $crate::EncodeError> {
                match self {
                    $( Self::$variant(message) => $crate::expansion::serde_json::to_vec(message), )+
                }
                .map_err(|source| $crate::EncodeError { name: self.name(), source })
            }

            fn from_json(name: &str, json: &[u8]) -> ::std::result::Result<Self, $crate::DecodeError> {
                match name {
                    $(
                        $event => $crate::expansion::serde_json::from_slice(json)
                            .map(Self::$variant)
                            .map_err(|source| $crate::DecodeError::Json { schema: $schema, source }),
                    )+
                    other => Err($crate::DecodeError::UnknownName(other.to_owned())),
                }
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::{DecodeError, EventBody as _};

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Issued {
        pub names: Vec<String>,
    }

    crate::events! {
        /// What happens to a certificate.
        pub enum Event {
            /// It is there.
            Issued("issued"): Issued = "test.v1.Issued",
            /// It is there again.
            Renewed("renewed"): Issued = "test.v1.Issued",
        }
    }

    #[test]
    fn an_event_keeps_its_name_over_its_body() {
        let names = vec!["a.example".to_owned()];
        let event = Event::Renewed(Issued { names });
        assert_eq!(
            (event.name(), event.schema()),
            ("renewed", "test.v1.Issued")
        );
        let json = event.to_json().expect("json");
        assert_eq!(json, br#"{"names":["a.example"]}"#);
        assert_eq!(Event::from_json("renewed", &json).expect("read"), event);
    }

    #[test]
    fn what_it_does_not_know_it_says() {
        let unknown = Event::from_json("revoked", b"{}");
        assert!(matches!(unknown, Err(DecodeError::UnknownName(name)) if name == "revoked"));
        let other = Event::from_json("issued", b"{\"other\":1}");
        assert!(matches!(
            other,
            Err(DecodeError::Json {
                schema: "test.v1.Issued",
                ..
            })
        ));
    }
}
