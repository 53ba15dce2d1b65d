//! What uses keys, by name.

use api::projection::v1::{GetRequest, Key};
use futures_util::{StreamExt, stream};

use super::{Desk, SignedIn};

/// A certificate or a request that uses a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// Its page.
    pub href: String,
    /// What it is called.
    pub name: String,
    /// "Certificate" or "Request".
    pub kind: &'static str,
}

/// The first thing that uses each of these.
pub async fn first_of(desk: &Desk, person: &SignedIn, keys: &[Key]) -> Vec<Option<Use>> {
    let firsts = keys.iter().map(|key| all_of(desk, person, key, 1));
    let firsts = stream::iter(firsts.collect::<Vec<_>>()).buffered(AT_ONCE);
    firsts.map(|mut uses| uses.pop()).collect().await
}

/// What uses a key: certificates first, and no more than so many.
pub async fn all_of(desk: &Desk, person: &SignedIn, key: &Key, most: usize) -> Vec<Use> {
    let certificates = key.certificate_ids.iter().map(|id| (true, id));
    let requests = key.request_ids.iter().map(|id| (false, id));
    let mut uses = Vec::new();
    for (certificate, id) in certificates.chain(requests).take(most) {
        uses.push(find(desk, person, certificate, id).await);
    }
    uses
}

/// One; without its name where the tables cannot be asked.
async fn find(desk: &Desk, person: &SignedIn, certificate: bool, id: &str) -> Use {
    let get = GetRequest {
        id: id.to_owned(),
        at_least: 0,
        ..GetRequest::default()
    };
    let mut queries = desk.queries(person);
    let (kind, list, name) = match certificate {
        true => {
            let found = queries.get_certificate(get).await;
            let name = found.map(|found| found.into_inner().friendly_name);
            ("Certificate", "certificates", name)
        }
        false => {
            let found = queries.get_certificate_request(get).await;
            let name = found.map(|found| found.into_inner().friendly_name);
            ("Request", "requests", name)
        }
    };
    Use {
        href: format!("/{list}/{id}"),
        name: name.unwrap_or_else(|_| kind.to_owned()),
        kind,
    }
}

const AT_ONCE: usize = 8;
