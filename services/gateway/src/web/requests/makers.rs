//! Who made requests: the log says so, and not the request.

use std::collections::HashMap;

use api::{
    convert,
    projection::v1::{CertificateRequest, ListRequest},
};
use time::Duration;

use super::{
    super::{event_words, wording},
    Desk, SignedIn,
};

/// Who made these, by the request's id. Where the log's table cannot be asked nobody is named.
pub async fn of(
    desk: &Desk,
    person: &SignedIn,
    requests: &[CertificateRequest],
) -> HashMap<String, String> {
    let created = requests
        .iter()
        .filter_map(|request| request.created.as_ref());
    let created = created.filter_map(convert::time).collect::<Vec<_>>();
    let (Some(first), Some(last)) = (created.iter().min(), created.iter().max()) else {
        return HashMap::new();
    };
    let second = Duration::SECOND;
    let (from, to) = (
        wording::timestamp(*first - second),
        wording::timestamp(*last + 2 * second),
    );
    let list = ListRequest {
        filter: format!("aggregate=request event=created time>{from} time<{to}"),
        page_size: MOST,
        ..ListRequest::default()
    };
    let Ok(events) = desk.queries(person).list_events(list).await else {
        return HashMap::new();
    };
    let events = events.into_inner().events;
    let told = event_words::tell(desk, &events).await;
    let makers = events.into_iter().zip(told);
    let makers = makers.map(|(event, told)| (event.aggregate_id, told.by.name));
    makers.collect()
}

const MOST: u32 = 500;
