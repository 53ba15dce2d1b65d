//! The feed against a keystore of the test's, over the runtime's mTLS.

use std::{pin::Pin, sync::Mutex, time::Duration};

use api::keystore::v1::{serving_service_server::*, *};
use futures_util::Stream;
use rustls_pki_types::CertificateDer;
use tokio::sync::mpsc;
use tonic::{Request, Response, service::Routes};

use super::*;
use crate::fixture::{Ca, House, leaf};

type Session = mpsc::UnboundedReceiver<Result<ServingChange, Status>>;

/// Answers each watch with the next session that was laid out for it.
#[derive(Clone, Default)]
pub(crate) struct FakeKeystore(Arc<Mutex<Vec<Session>>>);

impl FakeKeystore {
    /// Lays out the next session.
    pub(crate) fn next_session(&self) -> Changes {
        let (changes, session) = mpsc::unbounded_channel();
        self.0.lock().unwrap().insert(0, session);
        Changes(changes)
    }
}

pub(crate) struct Changes(mpsc::UnboundedSender<Result<ServingChange, Status>>);

impl Changes {
    pub(crate) fn put(&self, credential: &ServingCredential) -> &Self {
        self.send(Change::Put(credential.clone()))
    }

    fn removed(&self, id: &str) -> &Self {
        self.send(Change::RemovedCertificateId(id.into()))
    }

    pub(crate) fn complete(&self) -> &Self {
        self.send(Change::SnapshotComplete(SnapshotComplete {}))
    }

    fn send(&self, change: Change) -> &Self {
        self.0
            .send(Ok(ServingChange {
                change: Some(change),
            }))
            .unwrap();
        self
    }

    fn break_off(self) {
        self.0.send(Err(Status::unavailable("gone"))).unwrap();
    }
}

#[tonic::async_trait]
impl serving_service_server::ServingService for FakeKeystore {
    type WatchServingCredentialsStream =
        Pin<Box<dyn Stream<Item = Result<ServingChange, Status>> + Send>>;

    async fn watch_serving_credentials(
        &self,
        _: Request<WatchServingCredentialsRequest>,
    ) -> Result<Response<Self::WatchServingCredentialsStream>, Status> {
        let session = self
            .0
            .lock()
            .unwrap()
            .pop()
            .ok_or_else(|| Status::unavailable("not now"))?;
        Ok(Response::new(Box::pin(
            tokio_stream::wrappers::UnboundedReceiverStream::new(session),
        )))
    }
}

/// A gateway's index that follows the fake keystore.
struct Following {
    keystore: FakeKeystore,
    index: Arc<ServingIndex>,
    _house: House,
}

impl Following {
    fn start() -> Following {
        let keystore = FakeKeystore::default();
        let mut house = House::new();
        house.open(
            "keystore",
            Routes::new(ServingServiceServer::new(keystore.clone())),
        );
        let index = Arc::new(ServingIndex::new(runtime::Clock::system()));
        let runtime = house.gateway();
        let (channel, followed) = (runtime.channel("keystore").unwrap(), index.clone());
        tokio::spawn(async move { follow(channel, &followed, &runtime.stopping()).await });
        Following {
            keystore,
            index,
            _house: house,
        }
    }

    fn answers(&self, name: &str) -> Option<CertificateDer<'static>> {
        Some(self.index.answering(Some(name))?.credential.leaf.clone())
    }

    async fn until(&self, name: &str, expected: Option<&ServingCredential>) {
        let expected = expected.map(leaf);
        let met = async {
            while self.answers(name) != expected {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let met = tokio::time::timeout(Duration::from_secs(20), met).await;
        assert!(met.is_ok(), "{name} is not answered as expected");
    }
}

#[tokio::test]
async fn a_snapshot_counts_when_it_is_whole_and_each_change_at_once() {
    let ca = Ca::new("CA");
    let (one, two) = (
        ca.credential("one", 1, &["one.example"]),
        ca.credential("two", 2, &["two.example"]),
    );
    let following = Following::start();
    let session = following.keystore.next_session();
    session.put(&one);
    tokio::time::timeout(Duration::from_millis(500), following.index.filled())
        .await
        .unwrap_err();
    assert_eq!(following.answers("one.example"), None);

    session.complete();
    following.until("one.example", Some(&one)).await;
    session.put(&two);
    following.until("two.example", Some(&two)).await;
    let renewed = ca.credential("one", 3, &["one.example"]);
    session.put(&renewed);
    following.until("one.example", Some(&renewed)).await;
    session.removed("two");
    following.until("two.example", None).await;
}

#[tokio::test]
async fn what_was_served_is_served_on_while_the_keystore_is_away_and_the_next_snapshot_replaces_it()
{
    let ca = Ca::new("CA");
    let (stays, gone) = (
        ca.credential("stays", 1, &["stays.example"]),
        ca.credential("gone", 2, &["gone.example"]),
    );
    let following = Following::start();
    let session = following.keystore.next_session();
    session.put(&stays).put(&gone).complete();
    following.until("gone.example", Some(&gone)).await;

    // Away: sessions are refused for a while.
    session.break_off();
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(following.answers("gone.example"), Some(leaf(&gone)));

    // Back, but cut off before its snapshot is whole: nothing changes.
    let cut_off = following.keystore.next_session();
    cut_off
        .put(&ca.credential("new", 3, &["gone.example"]))
        .removed("stays");
    cut_off.break_off();
    let session = following.keystore.next_session();
    session.put(&stays);
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(following.answers("gone.example"), Some(leaf(&gone)));
    assert_eq!(following.answers("stays.example"), Some(leaf(&stays)));

    session.complete();
    following.until("gone.example", None).await;
    assert_eq!(following.answers("stays.example"), Some(leaf(&stays)));
}

#[tokio::test]
async fn a_credential_that_cannot_be_used_does_not_stop_the_others() {
    let ca = Ca::new("CA");
    let good = ca.credential("good", 1, &["good.example"]);
    let foreign_key = ServingCredential {
        private_key_der: ca.credential("other", 1, &["x.example"]).private_key_der,
        ..ca.credential("foreign", 2, &["good.example"])
    };
    let no_key = ServingCredential {
        private_key_der: Bytes::from_static(b"no key"),
        ..ca.credential("no-key", 3, &["good.example"])
    };
    let no_chain = ServingCredential {
        chain_der: Vec::new(),
        ..ca.credential("no-chain", 4, &["good.example"])
    };
    let following = Following::start();
    let session = following.keystore.next_session();
    session
        .put(&foreign_key)
        .put(&good)
        .put(&no_key)
        .put(&no_chain)
        .complete();
    following.until("good.example", Some(&good)).await;
    // Nor does one take the place of what is served.
    session.put(&ServingCredential {
        certificate_id: "good".into(),
        ..no_key
    });
    let after = ca.credential("after", 5, &["after.example"]);
    session.put(&after);
    following.until("after.example", Some(&after)).await;
    assert_eq!(following.answers("good.example"), Some(leaf(&good)));
}
