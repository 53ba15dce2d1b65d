//! A method as it is reached from outside: who answers it, and who may call it.
//!
//! Generic over methods: which there are, and what each asks of its caller, is read from the descriptors of
//! `proto/`. Beside them are those that every gRPC server has: reflection, for who is signed in, and health, for anyone.

use api::{options::v1::Role, policy};

use crate::{
    principal::{Principal, rank},
    refusal::Refusal,
};

/// A method that is there from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicMethod {
    /// Who answers it.
    pub owner: Owner,
    /// The role that it needs; `None`: nobody need be signed in.
    pub needs: Option<Role>,
    /// It hands out a private key.
    exports_key: bool,
    /// It shows and touches nothing beside the certificates that its caller is held to.
    keeps_to_filter: bool,
    /// The longest request, where it is not the default.
    pub max_request_bytes: Option<usize>,
}

/// Who answers a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// The keystore.
    Keystore,
    /// The csr-service.
    CsrService,
    /// The acme-agent.
    AcmeAgent,
    /// The notifier.
    Notifier,
    /// The projection.
    Projection,
    /// The gateway itself.
    Gateway,
}

impl PublicMethod {
    /// The method at a gRPC path; `None` where from outside there is none. That is the same for everyone.
    pub fn of(path: &str) -> Option<PublicMethod> {
        if let Some(method) = PublicMethod::of_every_server(path) {
            return Some(method);
        }
        let policy = policy::of(path)?;
        if policy.role.is_none() && !policy.anonymous {
            return None;
        }
        Some(PublicMethod {
            owner: Owner::of(path)?,
            needs: policy.role,
            exports_key: policy.exports_key,
            keeps_to_filter: policy.keeps_to_filter,
            max_request_bytes: policy.max_request_bytes,
        })
    }

    fn of_every_server(path: &str) -> Option<PublicMethod> {
        let needs = match path {
            // A load balancer has no token. It learns what any handshake shows: that the gateway is there.
            HEALTH => None,
            REFLECTION | REFLECTION_ALPHA => Some(Role::Viewer),
            _ => return None,
        };
        Some(PublicMethod {
            owner: Owner::Gateway,
            needs,
            exports_key: false,
            // The contracts name no certificate.
            keeps_to_filter: true,
            max_request_bytes: None,
        })
    }

    /// Whether this caller may call it.
    ///
    /// # Errors
    /// Why not, and what he can do about it.
    pub fn admit(&self, principal: &Principal) -> Result<(), Refusal> {
        let has = principal.role;
        if let Some(needed) = self.needs
            && rank(has) < rank(needed)
        {
            return Err(Refusal::RoleRequired { needed, has });
        }
        if !self.keeps_to_filter && !principal.certificates.is_open() {
            return Err(Refusal::OutsideOfFilter {
                held_to: principal.certificates.to_string(),
            });
        }
        match self.exports_key {
            true => principal.may_export_keys(),
            false => Ok(()),
        }
    }
}

impl Owner {
    /// Who answers the method at a gRPC path: each proto package belongs to one service.
    fn of(path: &str) -> Option<Owner> {
        let (package, _) = path.strip_prefix("/chancery.")?.split_once('.')?;
        match package {
            "keystore" => Some(Owner::Keystore),
            "csr" => Some(Owner::CsrService),
            "acme" => Some(Owner::AcmeAgent),
            "notifier" => Some(Owner::Notifier),
            "projection" => Some(Owner::Projection),
            "gateway" => Some(Owner::Gateway),
            _ => None,
        }
    }

    /// The service's name, for people.
    pub fn service(self) -> &'static str {
        match self {
            Owner::Keystore => "keystore",
            Owner::CsrService => "csr-service",
            Owner::AcmeAgent => "acme-agent",
            Owner::Notifier => "notifier",
            Owner::Projection => "projection",
            Owner::Gateway => "gateway",
        }
    }
}

const HEALTH: &str = "/grpc.health.v1.Health/Check";
const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
const REFLECTION_ALPHA: &str = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";

#[cfg(test)]
mod tests {
    use api::CertificateFilter;

    use super::*;
    use crate::{
        fixture::principal,
        principal::{KeyExport, Who},
    };

    fn method(path: &str) -> PublicMethod {
        PublicMethod::of(path).unwrap()
    }

    #[test]
    fn every_method_that_is_reached_from_outside_has_an_owner() {
        for (path, policy) in policy::all() {
            let public = policy.role.is_some() || policy.anonymous;
            assert_eq!(PublicMethod::of(path).is_some(), public, "{path}");
        }
    }

    #[test]
    fn a_private_key_needs_the_right_to_it() {
        let export = method("/chancery.keystore.v1.CertificateService/ExportKey");
        let with = |key_export| Principal {
            key_export,
            ..principal(Role::Admin)
        };
        assert_eq!(export.admit(&with(KeyExport::Allowed)), Ok(()));
        assert_eq!(
            export.admit(&with(KeyExport::PasswordFirst)),
            Err(Refusal::SignInAgain)
        );
        let denied = with(KeyExport::Denied);
        assert_eq!(export.admit(&denied), Err(Refusal::KeyExportNotAllowed));
        let without = method("/chancery.keystore.v1.CertificateService/Export");
        assert_eq!(without.admit(&denied), Ok(()));
        let viewer = Principal {
            role: Role::Viewer,
            ..denied
        };
        assert!(matches!(
            export.admit(&viewer),
            Err(Refusal::RoleRequired { .. })
        ));
    }

    #[test]
    fn who_is_held_to_some_certificates_calls_what_keeps_to_them() {
        let held = Principal {
            certificates: CertificateFilter::new(["*.shop.example"]).unwrap(),
            who: Who::Token {
                id: uuid::Uuid::nil(),
                user_id: None,
            },
            ..principal(Role::Admin)
        };
        let list = method("/chancery.projection.v1.QueryService/ListCertificates");
        assert_eq!(list.admit(&held), Ok(()));
        for closed in [
            "/chancery.projection.v1.QueryService/ListEvents",
            "/chancery.keystore.v1.CertificateService/Import",
            "/chancery.gateway.v1.TokenService/CreateToken",
        ] {
            let refused = method(closed).admit(&held).unwrap_err();
            assert!(matches!(refused, Refusal::OutsideOfFilter { .. }));
            assert!(refused.to_string().contains("*.shop.example"), "{refused}");
        }
        assert!(!held.administers());
    }
}
