//! The API's contracts, as it tells them to a caller who has signed in (gRPC reflection, v1 and v1alpha).

use prost::Message;
use prost_types::FileDescriptorSet;
use tonic::service::Routes;
use tonic_reflection::server::Builder;

use crate::method::PublicMethod;

/// Why the contracts cannot be described.
#[derive(Debug, thiserror::Error)]
pub enum ReflectionError {
    /// Our own descriptors are not readable.
    #[error("the descriptors of proto/ cannot be read")]
    Unreadable(#[source] prost::DecodeError),
    /// They do not hold together.
    #[error("the descriptors of proto/ do not hold together")]
    Inconsistent(#[source] tonic_reflection::server::Error),
}

/// The routes, and reflection beside them.
///
/// # Errors
/// [`ReflectionError`]: a fault of this build.
pub fn add_to(routes: Routes) -> Result<Routes, ReflectionError> {
    let files = public_files().map_err(ReflectionError::Unreadable)?;
    let services = || {
        let services = files.file.iter().flat_map(|file| {
            let package = file.package();
            let names = file.service.iter().map(|service| service.name());
            names.map(move |name| format!("{package}.{name}"))
        });
        let described = Builder::configure().register_file_descriptor_set(files.clone());
        services.fold(described, |described, name| {
            described.with_service_name(name)
        })
    };
    let wrong = ReflectionError::Inconsistent;
    let routes = routes.add_service(services().build_v1().map_err(wrong)?);
    Ok(routes.add_service(services().build_v1alpha().map_err(wrong)?))
}

/// The contracts without what cannot be reached from outside.
fn public_files() -> Result<FileDescriptorSet, prost::DecodeError> {
    let mut files = FileDescriptorSet::decode(api::DESCRIPTORS)?;
    for file in &mut files.file {
        let package = file.package().to_owned();
        for service in &mut file.service {
            let name = service.name().to_owned();
            let public = |method: &str| PublicMethod::of(&format!("/{package}.{name}/{method}"));
            service
                .method
                .retain(|method| public(method.name()).is_some());
        }
        file.service.retain(|service| !service.method.is_empty());
        // It counts services and methods, and they are fewer now.
        file.source_code_info = None;
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_reached_from_outside_is_not_described() {
        let files = public_files().unwrap();
        let services = files.file.iter().flat_map(|file| &file.service);
        let names = services
            .clone()
            .map(|service| service.name())
            .collect::<Vec<_>>();
        assert!(names.contains(&"QueryService") && names.contains(&"DeviceLoginService"));
        assert!(!names.contains(&"KeystoreService") && !names.contains(&"ServingService"));
        let certificates = services
            .clone()
            .find(|s| s.name() == "CertificateService")
            .unwrap();
        assert!(
            certificates
                .method
                .iter()
                .any(|method| method.name() == "ExportKey")
        );
    }
}
