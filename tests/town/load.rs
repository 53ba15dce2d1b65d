//! People who make certificates all the time, and remember what they were told that is done.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use api::{
    csr::v1::CreateSelfSignedRequest,
    keystore::v1::{KeyChoice, key_choice},
    projection::v1::{ListRequest, VerifyTablesRequest},
    x509::v1::{KeyAlgorithm, SubjectAltNames},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use crate::{client::Client, edge::Edge, wait};

/// Commands that go on until they are told to stop.
#[derive(Debug)]
pub struct Load {
    done: Arc<Mutex<Done>>,
    stopping: CancellationToken,
    people: TaskTracker,
}

#[derive(Debug, Default)]
struct Done {
    names: BTreeSet<String>,
    last: Option<Instant>,
    /// How far the log was then.
    position: u64,
}

/// How many people there are.
const PEOPLE: usize = 4;

impl Load {
    /// Each of them asks at one of these gateways, and asks again, with the same request id, until he is answered.
    pub fn start(edges: &[Edge], token: &str) -> Self {
        let this = Self {
            done: Arc::default(),
            stopping: CancellationToken::new(),
            people: TaskTracker::new(),
        };
        for person in 0..PEOPLE {
            let edge = edges[person % edges.len()];
            let (done, stopping) = (this.done.clone(), this.stopping.clone());
            let token = token.trim().to_owned();
            this.people.spawn(async move {
                stopping.run_until_cancelled(ask(edge, &token, &done)).await;
            });
        }
        this
    }

    /// How many were told that it is done.
    pub fn acknowledged(&self) -> usize {
        self.done.lock().unwrap().names.len()
    }

    /// Waits for the next that is told so: how long it took.
    pub async fn until_next(&self, limit: Duration) -> Option<Duration> {
        let begun = Instant::now();
        wait::answer(limit, async || {
            let last = self.done.lock().unwrap().last?;
            (last > begun).then_some(begun.elapsed())
        })
        .await
    }

    /// What a command of this caller is refused with, now that it is not done, and after how long.
    ///
    /// # Panics
    /// Where it is done.
    pub async fn refusal(&self, client: &Client) -> (tonic::Code, Duration) {
        let name = format!("refused-{}", Uuid::new_v4());
        let (client, begun) = (client.with_request_id(&name), Instant::now());
        let asked = client.csr().create_self_signed(certificate(&name)).await;
        (asked.expect_err("it is refused").code(), begun.elapsed())
    }

    /// Stops, and holds what was told to be done against the events that are there.
    pub async fn verify(self, client: &Client) -> Outcome {
        self.stopping.cancel();
        self.people.close();
        self.people.wait().await;
        let done = std::mem::take(&mut *self.done.lock().unwrap());
        let there = names(client, done.position).await;
        let distinct = there.iter().collect::<BTreeSet<_>>();
        Outcome {
            acknowledged: done.names.len(),
            lost: done.names.iter().filter(|n| !distinct.contains(n)).count(),
            twice: there.len() - distinct.len(),
            differing: differing(client).await,
        }
    }
}

/// What became of the load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Told to be done.
    pub acknowledged: usize,
    /// Of them, not there.
    pub lost: usize,
    /// There more than once.
    pub twice: usize,
    /// Tables that are not what a replay of the log makes of them (R10).
    pub differing: usize,
}

impl Outcome {
    /// Nothing was lost, and nothing done twice.
    pub fn is_whole(&self) -> bool {
        (self.lost, self.twice, self.differing) == (0, 0, 0)
    }
}

async fn ask(edge: Edge, token: &str, done: &Mutex<Done>) {
    let mut client = None;
    loop {
        let name = format!("load-{}", Uuid::new_v4());
        let position = loop {
            if client.is_none() {
                client = Client::connect(edge, token).await.ok();
            }
            let answered = match &client {
                Some(client) => self_sign(client, &name).await,
                None => None,
            };
            if let Some(position) = answered {
                break position;
            }
            client = None;
            tokio::time::sleep(AGAIN).await;
        };
        let mut done = done.lock().unwrap();
        done.names.insert(name);
        done.last = Some(Instant::now());
        done.position = done.position.max(position);
    }
}

/// Makes a certificate of this name; the name is the request's id, too. The log's position, where it is known to be done.
async fn self_sign(client: &Client, name: &str) -> Option<u64> {
    let client = client.with_request_id(name);
    let asked = async { client.csr().create_self_signed(certificate(name)).await };
    let answered = tokio::time::timeout(LONGEST, asked).await.ok()?;
    Some(answered.ok()?.into_inner().position)
}

fn certificate(name: &str) -> CreateSelfSignedRequest {
    CreateSelfSignedRequest {
        friendly_name: name.to_owned(),
        subject_alt_names: Some(SubjectAltNames {
            dns_names: vec!["load.example".to_owned()],
            ..SubjectAltNames::default()
        }),
        key: Some(KeyChoice {
            key: Some(key_choice::Key::NewKey(KeyAlgorithm::EcdsaP256.into())),
        }),
        ..CreateSelfSignedRequest::default()
    }
}

/// The name in each event that a self-signed certificate was made, up to this position at least.
async fn names(client: &Client, at_least: u64) -> Vec<String> {
    let mut names = Vec::new();
    let mut request = ListRequest {
        filter: "aggregate=certificate event=self-signed".to_owned(),
        page_size: 500,
        at_least,
        ..ListRequest::default()
    };
    loop {
        let page = wait::until("events are listed", async || {
            client.query().list_events(request.clone()).await.ok()
        })
        .await
        .into_inner();
        for event in page.events {
            let name = event.body.unwrap().fields["friendlyName"].kind.clone();
            match name {
                Some(pbjson_types::value::Kind::StringValue(name)) => names.push(name),
                other => panic!("no name: {other:?}"),
            }
        }
        if page.next_page_token.is_empty() {
            return names;
        }
        request.page_token = page.next_page_token;
    }
}

/// How many tables are not what a replay of the log makes of them.
async fn differing(client: &Client) -> usize {
    let verdict = wait::until("the tables are compared", async || {
        let asked = client.tables().verify_tables(VerifyTablesRequest {}).await;
        let mut progress = asked.ok()?.into_inner();
        loop {
            if let Some(verdict) = progress.message().await.ok()??.verdict {
                return Some(verdict);
            }
        }
    })
    .await;
    verdict.tables.iter().filter(|table| !table.equal).count()
}

const AGAIN: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(10);
