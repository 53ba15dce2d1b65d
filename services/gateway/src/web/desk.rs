//! What pages work with: the gateway's own commands, and every service, in the name of the person who looks.

use api::{
    acme::v1::{
        acme_service_client::AcmeServiceClient,
        dns_provider_service_client::DnsProviderServiceClient,
        server_service_client::ServerServiceClient,
    },
    csr::v1::csr_service_client::CsrServiceClient,
    gateway::v1::{
        session_service_client::SessionServiceClient, token_service_client::TokenServiceClient,
        user_service_client::UserServiceClient,
    },
    keystore::v1::certificate_service_client::CertificateServiceClient,
    notifier::v1::notifier_service_client::NotifierServiceClient,
    projection::v1::{
        proof_service_client::ProofServiceClient, query_service_client::QueryServiceClient,
    },
};
use uuid::Uuid;

use super::{counts::Tally, live::Hub, queries::Queries, settings::Facts, visitor::SignedIn};
use crate::{
    commands::{Commands, OpenSession, actor},
    forward::{Forwarder, Inside},
    places::Places,
    principal::{KeyExport, Principal, Who},
    second_factor::factor::Factors,
    sign_in::SignIn,
};

/// What pages work with. Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    pub(super) commands: Commands,
    pub(super) sign_in: SignIn,
    pub(super) factors: Factors,
    pub(super) forwarder: Forwarder,
    pub(super) tally: Tally,
    pub(super) uploads: Places<Uuid>,
    pub(super) hub: Hub,
    pub(super) facts: Facts,
}

/// Each is a channel through the same door as programs knock at: roles and rights are asked there.
impl Desk {
    /// Questions, of the moment that the page is of.
    pub fn queries(&self, person: &SignedIn) -> Queries {
        let client = QueryServiceClient::new(self.door(person));
        let client = client.max_decoding_message_size(LONGEST_ANSWER);
        let past = person.visitor.past.as_ref();
        Queries::new(client, past.map(|past| past.as_of))
    }

    /// What the log proves: who could read a key, for one.
    pub fn proofs(&self, person: &SignedIn) -> ProofServiceClient<Inside> {
        ProofServiceClient::new(self.door(person)).max_decoding_message_size(LONGEST_ANSWER)
    }

    /// Certificates and keys.
    pub fn keystore(&self, person: &SignedIn) -> CertificateServiceClient<Inside> {
        CertificateServiceClient::new(self.door(person)).max_decoding_message_size(LONGEST_ANSWER)
    }

    /// Certificate requests and self-signed certificates.
    pub fn requests(&self, person: &SignedIn) -> CsrServiceClient<Inside> {
        CsrServiceClient::new(self.door(person))
    }

    /// Automated certificates.
    pub fn acme(&self, person: &SignedIn) -> AcmeServiceClient<Inside> {
        AcmeServiceClient::new(self.door(person))
    }

    /// ACME servers.
    pub fn servers(&self, person: &SignedIn) -> ServerServiceClient<Inside> {
        ServerServiceClient::new(self.door(person))
    }

    /// Who writes TXT records for us.
    pub fn dns_providers(&self, person: &SignedIn) -> DnsProviderServiceClient<Inside> {
        DnsProviderServiceClient::new(self.door(person))
    }

    /// Whom to tell.
    pub fn channels(&self, person: &SignedIn) -> NotifierServiceClient<Inside> {
        NotifierServiceClient::new(self.door(person))
    }

    /// People.
    pub fn users(&self, person: &SignedIn) -> UserServiceClient<Inside> {
        UserServiceClient::new(self.door(person))
    }

    /// Programs' tokens.
    pub fn tokens(&self, person: &SignedIn) -> TokenServiceClient<Inside> {
        TokenServiceClient::new(self.door(person))
    }

    /// Where people are signed in.
    pub fn sessions(&self, person: &SignedIn) -> SessionServiceClient<Inside> {
        SessionServiceClient::new(self.door(person))
    }

    fn door(&self, person: &SignedIn) -> Inside {
        self.forwarder.for_person(principal(&person.session))
    }
}

/// A person at a browser, as the door knows callers.
fn principal(session: &OpenSession) -> Principal {
    Principal {
        actor: actor(session.user),
        name: session.login_name.clone(),
        role: session.role,
        certificates: api::CertificateFilter::default(),
        key_export: match session.fresh {
            true => KeyExport::Allowed,
            false => KeyExport::PasswordFirst,
        },
        who: Who::Session {
            id: session.id,
            user_id: session.user,
        },
        expires: Some(session.expires),
    }
}

/// A list of 500 rows, or an export of many certificates.
const LONGEST_ANSWER: usize = 32 << 20;
