//! Who may call which method: the options of `proto/chancery/options/v1/options.proto`.

use std::{collections::HashMap, sync::LazyLock};

use prost_reflect::{DescriptorPool, ExtensionDescriptor, MethodDescriptor, Value};

use crate::{DESCRIPTORS, options::v1::Role};

/// What one method declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MethodPolicy {
    /// The role that a caller from outside needs; `None`: not reachable from outside.
    pub role: Option<Role>,
    /// The services that may call it; "*" is any of them.
    pub callers: Vec<String>,
    /// The services, beside the gateway, whose word on who acts is believed.
    pub actor_from: Vec<String>,
    /// The longest request, in bytes, where it is not the default.
    pub max_request_bytes: Option<usize>,
    /// Nobody need be signed in.
    pub anonymous: bool,
    /// It hands out a private key.
    pub exports_key: bool,
    /// A caller who is held to some certificates may call it.
    pub keeps_to_filter: bool,
}

impl MethodPolicy {
    /// Whether a service with this mTLS identity may call the method.
    pub fn allows(&self, service: &str) -> bool {
        self.callers.iter().any(|c| c == "*" || c == service)
    }

    /// Whether the method believes a service with this mTLS identity who acts. The gateway is always
    /// believed: it alone has seen who is outside.
    pub fn believes(&self, service: &str) -> bool {
        service == "gateway" || self.actor_from.iter().any(|s| s == service)
    }
}

/// The policy of the method at a gRPC path, "/chancery.acme.v1.AcmeService/RenewNow".
pub fn of(path: &str) -> Option<&'static MethodPolicy> {
    METHODS.get(path)
}

/// The same, with the path as it stands here: one of a known number, whatever a caller asks for.
pub fn find(path: &str) -> Option<(&'static str, &'static MethodPolicy)> {
    let found = METHODS.get_key_value(path);
    found.map(|(path, policy)| (path.as_str(), policy))
}

/// All methods, by path.
pub fn all() -> impl Iterator<Item = (&'static str, &'static MethodPolicy)> {
    METHODS.iter().map(|(path, policy)| (path.as_str(), policy))
}

static METHODS: LazyLock<HashMap<String, MethodPolicy>> = LazyLock::new(|| {
    // The set is written by our own build script: that it decodes is tested below.
    #[allow(clippy::expect_used)]
    let pool = DescriptorPool::decode(DESCRIPTORS).expect("the descriptors of proto/ decode");
    let option = |name: &str| pool.get_extension_by_name(&format!("chancery.options.v1.{name}"));
    let (role, callers) = (option("role"), option("callers"));
    let (actor_from, max_request_bytes) = (option("actor_from"), option("max_request_bytes"));
    let (anonymous, exports_key) = (option("anonymous"), option("exports_key"));
    let keeps_to_filter = option("keeps_to_filter");
    let mut methods = HashMap::new();
    for service in pool.services() {
        for method in service.methods() {
            let path = format!("/{}/{}", service.full_name(), method.name());
            let policy = MethodPolicy {
                role: role.as_ref().and_then(|role| declared_role(&method, role)),
                callers: declared_services(&method, callers.as_ref()),
                actor_from: declared_services(&method, actor_from.as_ref()),
                max_request_bytes: max_request_bytes
                    .as_ref()
                    .and_then(|limit| declared_bytes(&method, limit)),
                anonymous: is_declared(&method, anonymous.as_ref()),
                exports_key: is_declared(&method, exports_key.as_ref()),
                keeps_to_filter: is_declared(&method, keeps_to_filter.as_ref()),
            };
            methods.insert(path, policy);
        }
    }
    methods
});

fn declared_role(method: &MethodDescriptor, extension: &ExtensionDescriptor) -> Option<Role> {
    let options = method.options();
    if !options.has_extension(extension) {
        return None;
    }
    let number = options.get_extension(extension).as_enum_number()?;
    match Role::try_from(number) {
        Ok(Role::Unspecified) | Err(_) => None,
        Ok(role) => Some(role),
    }
}

fn declared_services(
    method: &MethodDescriptor,
    extension: Option<&ExtensionDescriptor>,
) -> Vec<String> {
    let Some(extension) = extension else {
        return Vec::new();
    };
    let options = method.options();
    let value = options.get_extension(extension);
    let Value::List(services) = &*value else {
        return Vec::new();
    };
    services
        .iter()
        .filter_map(|s| s.as_str().map(str::to_owned))
        .collect()
}

fn declared_bytes(method: &MethodDescriptor, extension: &ExtensionDescriptor) -> Option<usize> {
    let options = method.options();
    let declared = options.has_extension(extension);
    let bytes = declared.then(|| options.get_extension(extension).as_u32())?;
    usize::try_from(bytes?).ok()
}

fn is_declared(method: &MethodDescriptor, extension: Option<&ExtensionDescriptor>) -> bool {
    extension.is_some_and(|extension| {
        let options = method.options();
        options.get_extension(extension).as_bool() == Some(true)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_from_the_descriptors() {
        let renew = of("/chancery.acme.v1.AcmeService/RenewNow").unwrap();
        assert_eq!(renew.role, Some(Role::Operator));
        assert!(renew.allows("gateway") && !renew.allows("projection"));
        let key = of("/chancery.keystore.v1.KeystoreService/GenerateKey").unwrap();
        assert_eq!(key.role, None);
        assert_eq!(key.callers, ["acme-agent"]);
        assert!(key.believes("gateway") && !key.believes("acme-agent"));
        assert_eq!(key.max_request_bytes, None);
        let import = of("/chancery.keystore.v1.CertificateService/Import").unwrap();
        assert_eq!(import.actor_from, ["csr-service"]);
        assert!(import.believes("csr-service") && !import.believes("acme-agent"));
        assert_eq!(import.max_request_bytes, Some(11 << 20));
        let identity = of("/chancery.keystore.v1.IdentityService/RenewIdentity").unwrap();
        assert!(identity.allows("anything"));
        assert_eq!(of("/chancery.acme.v1.AcmeService/Nope"), None);
    }

    #[test]
    fn every_method_says_who_may_call_it() {
        for (path, policy) in all() {
            assert!(
                policy.role.is_some() || !policy.callers.is_empty() || policy.anonymous,
                "{path} can be called by nobody"
            );
            assert!(
                !policy.anonymous || policy.role.is_none(),
                "{path} needs a role of nobody"
            );
        }
    }
}
