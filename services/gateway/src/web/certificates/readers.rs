//! Who could read a private key, beside the keystore: gateways that were given it, and whoever exported it.

use std::collections::HashSet;

use api::{
    convert,
    projection::v1::{
        Disclosure, Event, ListDisclosuresRequest, WhatServedResponse, disclosure::How,
    },
};
use pbjson_types::Timestamp;

use crate::web::{
    desk::Desk,
    event_words::tell,
    parts::{Away, Moment},
    visitor::SignedIn,
};

/// One of them.
pub struct Reader {
    /// A gateway's identity, or what people call him.
    pub who: String,
    /// How it came to him.
    pub how: String,
    /// A symbol of the sprite.
    pub icon: &'static str,
    /// When, the last time.
    pub at: Option<Moment>,
    /// The event that says so.
    pub sequence: u64,
}

/// Those of a moment.
pub async fn then(desk: &Desk, served: &WhatServedResponse) -> Vec<Reader> {
    let gateways = served
        .gateways
        .iter()
        .map(|grant| gateway(&grant.gateway, grant.sequence, grant.time));
    let exports = served.exports.iter().map(|export| Export {
        sequence: export.sequence,
        time: export.time,
        actor: &export.actor,
        format: &export.format,
        protected: export.protected,
    });
    let exports = told(desk, exports.collect()).await;
    gateways.chain(exports).collect()
}

/// Those of this key until now, the last first, each gateway once; and whether there may be more.
///
/// # Errors
/// What to show in their place.
pub async fn now(desk: &Desk, person: &SignedIn, key: &str) -> Result<(Vec<Reader>, bool), Away> {
    let asked = ListDisclosuresRequest {
        key: key.to_owned(),
        page_size: LOOKED_AT,
        ..ListDisclosuresRequest::default()
    };
    let answer = desk.proofs(person).list_disclosures(asked).await?;
    let answer = answer.into_inner();
    let exports = answer.disclosures.iter().filter_map(Export::of);
    let mut readers = told(desk, exports.collect()).await;
    let mut known = HashSet::new();
    for disclosure in &answer.disclosures {
        if let Some(How::Grant(grant)) = &disclosure.how
            && known.insert(&grant.gateway)
        {
            readers.push(gateway(
                &grant.gateway,
                disclosure.sequence,
                disclosure.time,
            ));
        }
    }
    readers.sort_by_key(|reader| std::cmp::Reverse(reader.sequence));
    let is_more = readers.len() > SHOWN || !answer.next_page_token.is_empty();
    readers.truncate(SHOWN);
    Ok((readers, is_more))
}

fn gateway(name: &str, sequence: u64, time: Option<Timestamp>) -> Reader {
    Reader {
        who: name.to_owned(),
        how: "A gateway: it was given what it serves".to_owned(),
        icon: "server",
        at: time.as_ref().and_then(convert::time).map(Moment::new),
        sequence,
    }
}

/// A key that was given out.
struct Export<'a> {
    sequence: u64,
    time: Option<Timestamp>,
    actor: &'a str,
    format: &'a str,
    protected: bool,
}

impl Export<'_> {
    fn of(disclosure: &Disclosure) -> Option<Export<'_>> {
        match &disclosure.how {
            Some(How::Export(export)) => Some(Export {
                sequence: disclosure.sequence,
                time: disclosure.time,
                actor: &disclosure.actor,
                format: &export.format,
                protected: export.protected,
            }),
            _ => None,
        }
    }
}

/// Whoever exported it is called as in the log's other lines.
async fn told(desk: &Desk, exports: Vec<Export<'_>>) -> Vec<Reader> {
    let events = exports.iter().map(|export| Event {
        sequence: export.sequence,
        actor: export.actor.to_owned(),
        time: export.time,
        ..Event::default()
    });
    let told = tell(desk, &events.collect::<Vec<_>>()).await.into_iter();
    let readers = told.zip(&exports).map(|(told, export)| Reader {
        who: told.by.name,
        how: match export.protected {
            true => format!("Exported it as {}, with a passphrase", export.format),
            false => format!("Exported it as {}, without a passphrase", export.format),
        },
        icon: "user",
        at: Some(Moment::new(told.at)),
        sequence: told.sequence,
    });
    readers.collect()
}

const LOOKED_AT: u32 = 100;
const SHOWN: usize = 8;
