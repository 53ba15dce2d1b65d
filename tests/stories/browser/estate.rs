//! A town in which everything is that pages can show: certificates in every state, what is under way, what went wrong,
//! and people.

use std::collections::BTreeMap;

use api::{
    csr::v1::{CreateRequestRequest, CreateSelfSignedRequest},
    keystore::v1::{KeyChoice, key_choice},
    notifier::v1::{CreateChannelRequest, EmailSettings, create_channel_request::Settings},
    projection::v1::{CertificateStatus, ListRequest},
    x509::v1::{KeyAlgorithm, Subject, SubjectAltNames},
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use runtime::Clock;
use time::Duration;
use town::{Plan, Town, pebble, wait};

/// The town, and the ids of what is in it, by the names that [`pages`](super::pages) use.
pub struct Estate {
    /// Where it is.
    pub town: Town,
    /// "certificate", "self-signed", "incomplete", "request", "automation", "failed", "server", "channel", "user", and "moment", a position of the log.
    pub ids: BTreeMap<&'static str, String>,
}

impl Estate {
    /// Builds it, before anybody has used the set-up link.
    pub async fn build() -> Self {
        let ca = pebble::Custom {
            blocked: vec!["intranet.example.com".to_owned()],
            ..pebble::Custom::default()
        };
        let town = Town::planned(Plan {
            ca,
            ..Plan::default()
        });
        let town = town.await;
        let ids = BTreeMap::new();
        let mut this = Self { town, ids };
        this.by_acme().await;
        this.by_hand().await;
        this.people().await;
        this
    }

    /// Three that renew themselves, and one that the CA never issues.
    async fn by_acme(&mut self) {
        let server = self.town.register_ca().await;
        let failed = self.town.request("intranet.example.com").await;
        for name in ["docs.example.com", "shop.example.com"] {
            self.town.issue(name).await;
        }
        let issued = self.town.issue("api.example.com").await;
        wait::until("the order has failed", async || {
            let automation = self.town.automation(&failed, 0).await;
            (automation.status() == CertificateStatus::Error).then_some(())
        })
        .await;
        self.ids.extend([
            ("server", server),
            ("failed", failed),
            ("automation", issued.id),
            ("certificate", issued.certificate_id),
        ]);
    }

    /// Self-signed ones, those that other CAs have issued, and a request.
    async fn by_hand(&mut self) {
        let client = self.town.client().await;
        for (friendly_name, host, days) in [
            ("Office printer", "printer.office.example.com", 365),
            ("Build server", "build.office.example.com", 12),
        ] {
            let create = CreateSelfSignedRequest {
                friendly_name: friendly_name.to_owned(),
                key: new_key(),
                subject: None,
                subject_alt_names: names(&[host]),
                days,
            };
            let made = client.csr().create_self_signed(create).await;
            let made = made.expect("a certificate is made").into_inner();
            self.ids.insert("self-signed", made.certificate_id);
        }
        let create = CreateRequestRequest {
            friendly_name: "Customer portal".to_owned(),
            key: new_key(),
            subject: Some(Subject {
                common_name: "portal.example.com".to_owned(),
                organization: "Example Ltd".to_owned(),
                locality: "Utrecht".to_owned(),
                country: "NL".to_owned(),
                ..Subject::default()
            }),
            subject_alt_names: names(&["portal.example.com", "www.portal.example.com"]),
            renews_certificate_id: String::new(),
        };
        let requested = client.csr().create_request(create).await;
        let requested = requested.expect("a request is made").into_inner();
        self.ids.insert("request", requested.request_id);
        self.ids.insert("moment", requested.position.to_string());
        let asked = ListRequest {
            filter: "used=true".to_owned(),
            at_least: requested.position,
            ..ListRequest::default()
        };
        let keys = client.query().list_keys(asked).await;
        let keys = keys.expect("keys are listed").into_inner().keys;
        self.ids.insert("key", keys[0].id.clone());

        let root = issuer("Example Root R1", None);
        let below = issuer("Example Issuing CA 3", Some(&root));
        let elsewhere = issuer("Partner Issuing CA", Some(&issuer("Partner Root", None)));
        for pem in [root.pem(), below.pem()] {
            client.import_certificate(pem).await;
        }
        // Days from now at which each ends.
        for (host, ca, days) in [
            ("vpn.example.com", &below, 210),
            ("mail.example.com", &below, 21),
            ("old.example.com", &below, -4),
            ("partner.example.com", &elsewhere, 64),
        ] {
            let imported = client.import_certificate(leaf(host, ca, days)).await;
            self.ids.insert("incomplete", imported.certificate_id);
        }
    }

    /// Who works here, and where messages go.
    async fn people(&mut self) {
        let channel = CreateChannelRequest {
            name: "Operations".to_owned(),
            rule: None,
            settings: Some(Settings::Email(EmailSettings {
                host: "localhost".to_owned(),
                port: 2_525,
                from: "Chancery <chancery@example.com>".to_owned(),
                to: vec!["ops@example.com".to_owned()],
                ..EmailSettings::default()
            })),
        };
        let channel = self
            .town
            .client()
            .await
            .notifier()
            .create_channel(channel)
            .await;
        let channel = channel.expect("a channel is made").into_inner();
        self.ids.insert("channel", channel.channel_id);
        self.town.sign_in().await;
        for (login_name, name, role) in [
            ("berta", "Berta Lindqvist", "operator"),
            ("anna", "Anna Schmidt", "viewer"),
        ] {
            let create = [
                "users", "create", login_name, "--name", name, "--role", role,
            ];
            let created = self.town.command(&create).await.json();
            let id = created["user"]["userId"].as_str().expect("an id");
            self.ids.insert("user", id.to_owned());
        }
        let create = ["tokens", "create", "deploy of the shop", "--role", "viewer"];
        self.town.command(&create).await.json();
    }
}

fn new_key() -> Option<KeyChoice> {
    Some(KeyChoice {
        key: Some(key_choice::Key::NewKey(KeyAlgorithm::EcdsaP256.into())),
    })
}

fn names(names: &[&str]) -> Option<SubjectAltNames> {
    Some(SubjectAltNames {
        dns_names: names.iter().map(|&name| name.to_owned()).collect(),
        ip_addresses: Vec::new(),
    })
}

/// A CA, a root where nobody is above it.
fn issuer(
    name: &str,
    above: Option<&CertifiedIssuer<'static, KeyPair>>,
) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = valid_for(3_000);
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let made = match above {
        None => CertifiedIssuer::self_signed(params, key),
        Some(above) => CertifiedIssuer::signed_by(params, key, above),
    };
    made.expect("a CA")
}

/// A certificate of this CA's with its key, PEM.
fn leaf(host: &str, ca: &CertifiedIssuer<'static, KeyPair>, days: i64) -> String {
    let mut params = valid_for(days);
    params.distinguished_name.push(DnType::CommonName, host);
    params.subject_alt_names = CertificateParams::new([host.to_owned()])
        .expect("a name")
        .subject_alt_names;
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate().expect("a key");
    let issued = params.signed_by(&key, ca).expect("a certificate");
    issued.pem() + &key.serialize_pem()
}

fn valid_for(days: i64) -> CertificateParams {
    let now = Clock::system().now();
    let mut params = CertificateParams::default();
    params.not_before = now - Duration::days(90);
    params.not_after = now + Duration::days(days);
    params
}
