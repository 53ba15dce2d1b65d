//! Fresh leaves for services whose own is still good: each for its own identity, and for no other.

use std::sync::Arc;

use api::{
    keystore::v1::{
        RenewIdentityRequest, RenewIdentityResponse, identity_service_server::IdentityService,
    },
    refuse::Violations,
};
use pki::csr;
use runtime::{Caller, Clock, IdentityIssuer, identity::IssueError};
use tonic::{Request, Response, Status};

use crate::{commands::CommandError, internal_ca::InternalCa};

/// The service, and what renews the keystore's own leaf. Cheap to clone.
#[derive(Clone)]
pub struct Identities {
    /// Who signs.
    pub ca: Arc<InternalCa>,
    /// The time.
    pub clock: Clock,
}

#[tonic::async_trait]
impl IdentityService for Identities {
    async fn renew_identity(
        &self,
        request: Request<RenewIdentityRequest>,
    ) -> Result<Response<RenewIdentityResponse>, Status> {
        let name = Caller::of(&request)?.service.clone();
        let mut violations = Violations::new();
        let key = csr::public_key(&request.get_ref().csr_der);
        let Some(key) = violations.check("csr_der", key) else {
            return Err(violations.into_status());
        };
        let certificate_pem = self
            .ca
            .issue(&name, &key, self.clock.now())
            .map_err(CommandError::Identity)?;
        tracing::info!(identity = name, "identity renewed");
        Ok(Response::new(RenewIdentityResponse { certificate_pem }))
    }
}

#[async_trait::async_trait]
impl IdentityIssuer for Identities {
    async fn issue(&self, csr_der: Vec<u8>) -> Result<String, IssueError> {
        let key = csr::public_key(&csr_der)?;
        Ok(self.ca.issue("keystore", &key, self.clock.now())?)
    }
}

#[cfg(test)]
mod tests {
    use api::refuse::violations;
    use pki::{KeyAlgorithm, PrivateKey, Subject, SubjectAltNames, SubjectFields};
    use runtime::{Layout, identity::spiffe};
    use time::macros::datetime;

    use super::*;
    use crate::{
        kek::{Kek, KekSources, Keks},
        trials::caller,
    };

    fn identities(folder: &tempfile::TempDir) -> Identities {
        let layout = Layout::under(folder.path());
        let sources = KekSources::file(layout.kek());
        Kek::make_if_missing(&sources.current).unwrap();
        let kek = Keks::read(&sources).unwrap();
        let clock = Clock::manual(datetime!(2026-03-01 12:00 UTC));
        let ca = InternalCa::make_if_missing(&layout, &kek, clock.now()).unwrap();
        Identities {
            ca: Arc::new(ca),
            clock,
        }
    }

    fn request(key: &PrivateKey, common_name: &str) -> Vec<u8> {
        let fields = SubjectFields {
            common_name: common_name.into(),
            ..SubjectFields::default()
        };
        let subject = Subject::try_from(fields).unwrap();
        let names = SubjectAltNames::parse(&[common_name.into()], &[]).unwrap();
        csr::build(key, &subject, &names).unwrap()
    }

    async fn renew(
        identities: &Identities,
        service: &str,
        csr_der: Vec<u8>,
    ) -> Result<String, Status> {
        let message = RenewIdentityRequest {
            csr_der: csr_der.into(),
        };
        let mut request = Request::new(message);
        request.extensions_mut().insert(caller(service));
        Ok(identities
            .renew_identity(request)
            .await?
            .into_inner()
            .certificate_pem)
    }

    #[tokio::test]
    async fn a_service_gets_its_own_name_whatever_it_asks_for() {
        let folder = tempfile::tempdir().unwrap();
        let identities = identities(&folder);
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let pem = renew(&identities, "projection", request(&key, "keystore"))
            .await
            .unwrap();
        let leaf = pki::parse_pem_chain(&pem).unwrap().remove(0);
        assert_eq!(leaf.dns_names, ["projection", "localhost"]);
        assert_eq!(leaf.spki_der, key.spki_der());
        assert_eq!(spiffe::name_of(&leaf.der).unwrap(), "projection");
    }

    #[tokio::test]
    async fn who_does_not_have_the_key_gets_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let identities = identities(&folder);
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let mut unsigned = request(&key, "projection");
        *unsigned.last_mut().unwrap() ^= 1;
        let refused = renew(&identities, "projection", unsigned)
            .await
            .unwrap_err();
        assert_eq!(violations(&refused)[0].field, "csr_der");
    }
}
