//! Pages from a browser's side of the real port, on a real event log and a real database, with a clock of the
//! test's own. The keystore stands in memory: what the real one does with secrets is told in the stories.

mod account;
mod asvs;
mod away;
mod browser;
mod device;
mod doors;
mod export;
mod factor;
mod keystore;
mod live;
mod overview;
mod past;
mod projection;
mod refused;
mod settings;
mod tries;
mod upload;

use std::{net::SocketAddr, sync::Arc};

use api::options::v1::Role;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use self::{browser::Browser, keystore::StandIn};
use super::*;
use crate::{
    bearers::Bearers,
    challenges::Challenges,
    config::Config,
    fixture::{Ca, House},
    forward::Forwarder,
    grpc, https, serving,
    set_up::{SetUpCode, link_path},
    tls::{Edge, Issuers, Policy, ServingIndex},
    tokens::Bootstrap,
    trials::{Gateway, PASSWORD, Trial},
};

/// The name for which there is a certificate.
pub const HOST: &str = "chancery.example";

/// A gateway with its https port, and all that it needs.
pub struct Here {
    pub trial: Trial,
    pub gateway: Gateway,
    pub keystore: StandIn,
    pub projection: projection::StandIn,
    house: House,
    port: Port,
}

/// An https port.
pub struct Port {
    pub address: SocketAddr,
    stopping: CancellationToken,
    _task: JoinHandle<()>,
}

impl Here {
    /// Nobody is there yet.
    pub async fn before_set_up() -> (Here, SetUpCode) {
        let trial = Trial::begin().await;
        let code = trial.init();
        let gateway = trial.work().await;
        let projection = projection::StandIn::default();
        let mut house = House::new();
        house.open("projection", Routes::new(projection.clone()));
        (Here::around(trial, gateway, house, projection).await, code)
    }

    /// "rosa" is an administrator.
    pub async fn new() -> Here {
        let (here, code) = Here::before_set_up().await;
        here.set_up(&code).await
    }

    /// The same, where no service answers but the keystore.
    pub async fn while_services_are_away() -> Here {
        let trial = Trial::begin().await;
        let code = trial.init();
        let gateway = trial.work().await;
        let (house, nobodys) = (House::new(), projection::StandIn::default());
        let here = Here::around(trial, gateway, house, nobodys).await;
        here.set_up(&code).await
    }

    async fn set_up(self, code: &SetUpCode) -> Here {
        let mut rosa = self.browser();
        rosa.open(&link_path(code.text())).await;
        let fields = [
            ("code", code.text()),
            ("name", "rosa"),
            ("password", PASSWORD),
            ("again", PASSWORD),
        ];
        let set_up = rosa.submit("/link", &fields).await;
        assert!(set_up.text.contains("Your CA"), "{}", set_up.text);
        self
    }

    async fn around(
        trial: Trial,
        gateway: Gateway,
        mut house: House,
        projection: projection::StandIn,
    ) -> Here {
        let keystore = StandIn::default();
        house.open("keystore", Routes::new(keystore.clone()));
        let port = open(&house, &gateway).await;
        Here {
            trial,
            gateway,
            keystore,
            projection,
            house,
            port,
        }
    }

    /// Another gateway on the same log and database, with a port of its own.
    pub async fn other_port(&self) -> Port {
        let gateway = self.trial.work().await;
        let port = open(&self.house, &gateway).await;
        // It works until the test ends.
        std::mem::forget(gateway);
        port
    }

    /// A browser that was never here.
    pub fn browser(&self) -> Browser {
        Browser::new(self.port.address, HOST)
    }

    /// One that looks at another port.
    pub fn browser_at(&self, port: &Port) -> Browser {
        Browser::new(port.address, HOST)
    }

    /// A browser where this person is signed in.
    pub async fn signed_in(&self, name: &str) -> Browser {
        let mut browser = self.browser();
        let start = browser.sign_in(name, PASSWORD).await;
        assert!(start.is_within(), "{}", start.text);
        browser
    }

    /// One more person, who has used his link.
    pub async fn person(&self, name: &str, role: Role) -> uuid::Uuid {
        self.gateway.person(name, role).await
    }

    pub fn address(&self) -> SocketAddr {
        self.port.address
    }

    /// Lets time pass.
    pub fn pass(&self, seconds: u64) {
        self.trial
            .clock
            .advance(std::time::Duration::from_secs(seconds));
    }

    /// The names of all the directory's events, oldest first.
    pub async fn said(&self) -> Vec<String> {
        self.trial.directory_names().await
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}

async fn open(house: &House, gateway: &Gateway) -> Port {
    let (runtime, stopping) = (house.gateway(), CancellationToken::new());
    let commands = gateway.commands.clone();
    let bootstrap = Bootstrap::in_file(house.path("no-token"), Role::Admin);
    let bearers = Bearers::new(bootstrap, commands.clone());
    let own = grpc::routes(&commands, stopping.clone()).unwrap();
    let config = Config::default();
    let forwarder = Forwarder::new(&runtime, bearers, own, config.max_request_bytes).unwrap();
    let hub = Hub::new(stopping.clone());
    let (hears, rows) = (hub.clone(), commands.progress.clone());
    let projection = runtime.channel("projection").unwrap();
    tokio::spawn(async move { hears.follow(projection, &rows).await });
    let site = Site::new(
        commands.clone(),
        gateway.refusals.clone(),
        runtime.channel("keystore").unwrap(),
        forwarder.clone(),
        hub.clone(),
        Facts {
            https: 443,
            http: 80,
            public_https: 443,
            policy: Policy::default(),
        },
    );
    let index = Arc::new(ServingIndex::new(runtime.clock().clone()));
    let ca = Ca::new("CA");
    let mut rest = ca.credential("rest", 2, &["localhost"]);
    rest.fallback = true;
    let served = [ca.credential("own", 1, &[HOST]), rest];
    index.replace(served.map(|served| serving::credential(served, &Issuers::default()).unwrap()));
    let edge = Arc::new(Edge::new(Policy::default(), index).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let ended = stopping.clone();
    let task = tokio::spawn(async move {
        let challenges = Arc::new(Challenges::new());
        let doors = https::Doors { forwarder, site };
        https::serve(listener, edge, challenges, doors, &config, &ended).await;
    });
    Port {
        address,
        stopping,
        _task: task,
    }
}
