//! Commands about DNS providers.

use std::{collections::HashMap, sync::Arc};

use api::acme::v1::{
    AddDnsProviderRequest, AddDnsProviderResponse, ListDnsProviderKindsRequest,
    ListDnsProviderKindsResponse, RemoveDnsProviderRequest, RemoveDnsProviderResponse,
    TestDnsProviderRequest, TestDnsProviderResponse,
    dns_provider_service_server::DnsProviderService,
};
use runtime::Caller;
use tonic::{Request, Response, Status};

use crate::providers::{admin::Admin, kinds};

use super::{door, to_its_end};

/// Commands about DNS providers.
pub struct DnsProviders {
    /// Adds and removes them.
    pub admin: Arc<Admin>,
}

#[tonic::async_trait]
impl DnsProviderService for DnsProviders {
    async fn list_dns_provider_kinds(
        &self,
        _: Request<ListDnsProviderKindsRequest>,
    ) -> Result<Response<ListDnsProviderKindsResponse>, Status> {
        let kinds = kinds::all().map(Into::into).collect();
        Ok(Response::new(ListDnsProviderKindsResponse { kinds }))
    }

    async fn add_dns_provider(
        &self,
        request: Request<AddDnsProviderRequest>,
    ) -> Result<Response<AddDnsProviderResponse>, Status> {
        // The digest stands in the log for good, and a password could be guessed from it: what a repeat was
        // told is compared with what is in the log, and sealed.
        let logged = AddDnsProviderRequest {
            settings: HashMap::new(),
            ..request.get_ref().clone()
        };
        let origin = Caller::of(&request)?.origin(&logged);
        let new = door::dns_provider(request.get_ref())?;
        self.admin.check(&new).map_err(door::wrong_setting)?;
        let admin = self.admin.clone();
        let work = async move { admin.add(&origin, &new).await };
        let (id, position) = to_its_end(work).await?;
        Ok(Response::new(AddDnsProviderResponse {
            dns_provider_id: id.to_string(),
            position,
        }))
    }

    async fn test_dns_provider(
        &self,
        request: Request<TestDnsProviderRequest>,
    ) -> Result<Response<TestDnsProviderResponse>, Status> {
        let origin = Caller::of(&request)?.origin(request.get_ref());
        let (provider, name) = door::dns_provider_test(request.get_ref())?;
        let admin = self.admin.clone();
        let work = async move { admin.test(&origin, &provider, &name).await };
        let tested = to_its_end(work).await?;
        Ok(Response::new(TestDnsProviderResponse {
            zone: tested.zone,
            record: tested.record,
        }))
    }

    async fn remove_dns_provider(
        &self,
        request: Request<RemoveDnsProviderRequest>,
    ) -> Result<Response<RemoveDnsProviderResponse>, Status> {
        let origin = Caller::of(&request)?.origin(request.get_ref());
        let id = door::id("dns_provider_id", &request.get_ref().dns_provider_id)?;
        let admin = self.admin.clone();
        let work = async move { admin.remove(&origin, id).await };
        let position = to_its_end(work).await?;
        Ok(Response::new(RemoveDnsProviderResponse { position }))
    }
}
