//! What an event is about.

use api::projection::v1::Event;
use pbjson_types::value::Kind;

/// The aggregates that an event touches, each as `kind:id`: its own, and those that its message names.
pub fn by(event: &Event) -> Box<str> {
    let mut all = format!("{}:{}", event.aggregate, event.aggregate_id);
    let fields = event.body.iter().flat_map(|body| &body.fields);
    let mut names = fields
        .filter_map(|(name, value)| {
            let kind = KINDS.iter().find(|(field, _)| field == name)?.1;
            match &value.kind {
                Some(Kind::StringValue(id)) if is_plain(id) => Some((kind, id)),
                _ => None,
            }
        })
        .collect::<Vec<_>>();
    // The message is a map without an order.
    names.sort_unstable();
    for (kind, id) in names {
        all.push_str(&format!(" {kind}:{id}"));
    }
    all.into()
}

/// Ids have no spaces, and nothing that a line of the stream could end with.
fn is_plain(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|b| b.is_ascii_graphic())
}

/// Fields of messages that name an aggregate, and its kind.
const KINDS: [(&str, &str); 10] = [
    ("automationId", "automation"),
    ("certificateId", "certificate"),
    ("channelId", "channel"),
    ("dnsProviderId", "dns-provider"),
    ("fallbackServerId", "server"),
    ("keyId", "key"),
    ("renewsCertificateId", "certificate"),
    ("requestId", "request"),
    ("serverId", "server"),
    ("userId", "user"),
];
