//! Commands about DNS providers.

use api::acme::v1::{
    AddDnsProviderRequest, AddDnsProviderResponse, ListDnsProviderKindsRequest,
    ListDnsProviderKindsResponse, RemoveDnsProviderRequest, RemoveDnsProviderResponse,
    TestDnsProviderRequest, TestDnsProviderResponse,
    dns_provider_service_server::DnsProviderService,
};
use tonic::{Request, Response, Status};

/// Commands about DNS providers.
pub struct DnsProviders;

#[tonic::async_trait]
impl DnsProviderService for DnsProviders {
    async fn list_dns_provider_kinds(
        &self,
        _: Request<ListDnsProviderKindsRequest>,
    ) -> Result<Response<ListDnsProviderKindsResponse>, Status> {
        Err(Status::unimplemented("ListDnsProviderKinds"))
    }

    async fn add_dns_provider(
        &self,
        _: Request<AddDnsProviderRequest>,
    ) -> Result<Response<AddDnsProviderResponse>, Status> {
        Err(Status::unimplemented("AddDnsProvider"))
    }

    async fn test_dns_provider(
        &self,
        _: Request<TestDnsProviderRequest>,
    ) -> Result<Response<TestDnsProviderResponse>, Status> {
        Err(Status::unimplemented("TestDnsProvider"))
    }

    async fn remove_dns_provider(
        &self,
        _: Request<RemoveDnsProviderRequest>,
    ) -> Result<Response<RemoveDnsProviderResponse>, Status> {
        Err(Status::unimplemented("RemoveDnsProvider"))
    }
}
