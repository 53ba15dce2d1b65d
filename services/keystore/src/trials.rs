//! The keystore on a real event log and database. A trial is a keystore; a crash is what it did not do.

mod at_rest;
mod certificates;
mod chains;
mod deletion;
mod export;
mod held_to;
mod import;
mod keys;
mod limits;
mod log_server;
mod long_chains;
mod namesakes;
mod orphans;
mod races;
mod refused_files;
mod rotation;
mod secrets;
mod serving;

use std::time::Duration;

use api::CertificateFilter;
use api::keystore::v1::{
    ImportFile, ImportRequest, ImportResponse, certificate_service_server::CertificateService,
};
use databases::Databases;
use eventlog::Origin;
use pki::{Certificate, FriendlyName, KeyAlgorithm, SubjectAltNames};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
    SubjectPublicKeyInfo,
};
use runtime::{Caller, Clock, Layout};
use sea_orm::DatabaseConnection;
use time::macros::datetime;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use uuid::Uuid;

use self::log_server::LogServer;
use crate::{
    commands::{AddCertificate, Commands, Place},
    grpc::Keystore,
    kek::{Kek, KekSources},
    keyring::Keyring,
    linking::Linker,
    secrets::Secrets,
    serving::Feed,
    tables,
    vault::Vault,
};

/// A keystore, and all that it needs.
pub struct Trial {
    pub folder: tempfile::TempDir,
    pub server: LogServer,
    pub kek: Kek,
    pub keyring: Keyring,
    pub clock: Clock,
    pub database: DatabaseConnection,
    _databases: Databases,
    pub keystore: Keystore,
    _follower: AbortOnDropHandle<()>,
    _linker: AbortOnDropHandle<()>,
}

impl Trial {
    pub async fn begin() -> Self {
        Self::on(LogServer::start().await).await
    }

    /// The same on this log.
    pub async fn on(server: LogServer) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keks = KekSources::file(Layout::under(folder.path()).kek());
        Kek::make_if_missing(&keks.current).unwrap();
        let kek = Kek::read(&keks.current).unwrap();
        let clock = Clock::manual(datetime!(2026-03-01 12:00:00.123456 UTC));
        let databases = Databases::wanted(folder.path());
        let home = databases.home("keystore");
        let database = home.open(tables::migrations()).await.unwrap();
        let keyring = Keyring::open(keks, database.clone(), clock.clone());
        let keyring = keyring.await.unwrap();
        let vault = Vault::new(keyring.clone(), database.clone());
        let log = server.log().await;
        let commands = Commands::new(log.clone(), vault.clone(), database.clone(), clock.clone());
        let feed = Feed::new(vault, database.clone(), commands.progress.clone());
        let (follower, tables) = commands.progress.follower(log);
        let stopping = CancellationToken::new();
        let follow = follower.run(tables, stopping.clone());
        let follow = tokio::spawn(async move { follow.await.unwrap() });
        let link = tokio::spawn(Linker::new(commands.clone()).run(stopping.clone()));
        let keystore = Keystore {
            commands,
            secrets: Secrets::new(keyring.clone(), database.clone()),
            feed,
            stopping,
        };
        Self {
            folder,
            server,
            kek,
            keyring,
            clock,
            database,
            _databases: databases,
            keystore,
            _follower: AbortOnDropHandle::new(follow),
            _linker: AbortOnDropHandle::new(link),
        }
    }

    pub fn commands(&self) -> &Commands {
        &self.keystore.commands
    }

    /// A key that is here, for this request.
    pub async fn key(&self, request: &str) -> Uuid {
        let generated = self
            .commands()
            .generate_key(&origin(request), KeyAlgorithm::EcdsaP256)
            .await;
        generated.unwrap().key_id
    }

    /// What a CA would answer for a key of ours.
    pub async fn issued(&self, ca: &Ca, key_id: Uuid, automation: &str) -> AddCertificate {
        let key = self.commands().vault.find(key_id).await.unwrap().unwrap();
        AddCertificate {
            key_id,
            leaf: ca.leaf(&key.spki_der),
            issuers: vec![ca.certificate()],
            place: Place::New(FriendlyName::try_from("shop").unwrap()),
            automation_id: automation.into(),
        }
    }

    /// What becomes of files.
    pub async fn import(&self, request: &str, files: Vec<ImportFile>) -> ImportResponse {
        let request = asked(request, ImportRequest { files });
        let imported = CertificateService::import(&self.keystore, request).await;
        imported.unwrap().into_inner()
    }

    /// Returns once the tables have all that the log has.
    pub async fn follows(&self) {
        self.commands().settled().await.unwrap();
    }

    pub async fn passes(&self, hours: u64) {
        self.clock.advance(Duration::from_secs(hours * 3_600));
    }

    /// How many events of this kind the log has.
    pub async fn events(&self, filter: &str) -> u64 {
        self.server.count(filter).await
    }
}

/// A request of acme-agent's; the text is its id and all that it asks for.
pub fn origin(request: &str) -> Origin {
    Origin {
        actor: "service/acme-agent".into(),
        request_id: request.into(),
        request_digest: pki::fingerprint::sha256_hex(request.as_bytes()),
        correlation_id: Uuid::nil(),
        causation_id: None,
        unchanged_since: None,
    }
}

/// The same request id, for something else.
pub fn another_with_the_id_of(request: &str) -> Origin {
    Origin {
        request_digest: "another".into(),
        ..origin(request)
    }
}

pub fn shop_names() -> SubjectAltNames {
    SubjectAltNames::parse(&["shop.example".into()], &[]).unwrap()
}

/// A CA of a test's own.
pub struct Ca(CertifiedIssuer<'static, KeyPair>);

impl Ca {
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "Trial CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub fn certificate(&self) -> Certificate {
        Certificate::parse(self.0.der()).unwrap()
    }

    /// For shop.example; a new serial number each time.
    pub fn leaf(&self, spki_der: &[u8]) -> Certificate {
        self.leaf_for(spki_der, "shop.example")
    }

    /// The same for another name.
    pub fn leaf_for(&self, spki_der: &[u8], name: &str) -> Certificate {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.distinguished_name = DistinguishedName::new();
        params.serial_number = Some(Uuid::new_v4().as_bytes().to_vec().into());
        let spki = SubjectPublicKeyInfo::from_der(spki_der).unwrap();
        let leaf = params.signed_by(&spki, &self.0).unwrap();
        Certificate::parse(leaf.der()).unwrap()
    }
}

/// What a person asks for, through the gateway.
pub fn asked<T>(request_id: &str, message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.extensions_mut().insert(Caller {
        actor: "token/person".into(),
        request_id: request_id.into(),
        ..caller("gateway")
    });
    request
}

/// A file that is to be taken in.
pub fn file(name: &str, content: impl Into<Vec<u8>>) -> ImportFile {
    ImportFile {
        name: name.into(),
        content: content.into().into(),
        passphrase: None,
    }
}

/// A service that calls.
pub fn caller(service: &str) -> Caller {
    Caller {
        service: service.into(),
        actor: format!("service/{service}"),
        certificates: CertificateFilter::default(),
        request_id: Uuid::new_v4().to_string(),
        correlation_id: Uuid::nil(),
        causation_id: None,
        unchanged_since: None,
        method: "/trial".into(),
    }
}
