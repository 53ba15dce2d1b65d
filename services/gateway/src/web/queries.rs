//! Questions, as of the moment that a page is asked for: in each of them, whichever part of the page asks it.

use api::projection::v1::{
    AsOf, Automation, Certificate, CertificateRequest, CountCertificatesRequest,
    CountCertificatesResponse, GetOverviewRequest, GetRequest, Key, ListAlertsResponse,
    ListAutomationsResponse, ListCertificateRequestsResponse, ListCertificatesResponse,
    ListChannelsResponse, ListDnsProvidersResponse, ListEventsResponse, ListKeysResponse,
    ListRequest, ListServersResponse, Overview, Server, WhatServedRequest, WhatServedResponse,
    query_service_client::QueryServiceClient,
};
use tonic::{IntoRequest, Request, Response, Status};

use crate::forward::Inside;

/// Asks the projection.
pub struct Queries {
    client: QueryServiceClient<Inside>,
    as_of: Option<AsOf>,
}

impl Queries {
    /// Through this client, of this moment; of now where there is none.
    pub fn new(client: QueryServiceClient<Inside>, as_of: Option<AsOf>) -> Queries {
        Queries { client, as_of }
    }
}

/// What may be asked of a moment.
trait OfAMoment {
    fn as_of(&mut self) -> &mut Option<AsOf>;
}

macro_rules! of_a_moment {
    ($($request:ty),*) => {$(
        impl OfAMoment for $request {
            fn as_of(&mut self) -> &mut Option<AsOf> {
                &mut self.as_of
            }
        }
    )*};
}

of_a_moment!(
    ListRequest,
    GetRequest,
    CountCertificatesRequest,
    GetOverviewRequest,
    WhatServedRequest
);

impl Queries {
    fn of_it<T: OfAMoment>(&self, request: impl IntoRequest<T>) -> Request<T> {
        let mut request = request.into_request();
        request.get_mut().as_of().clone_from(&self.as_of);
        request
    }
}

macro_rules! questions {
    ($($(#[$doc:meta])* $name:ident($request:ty) -> $response:ty;)*) => {
        impl Queries {$(
            $(#[$doc])*
            ///
            /// # Errors
            /// What the projection says.
            pub async fn $name(
                &mut self,
                request: impl IntoRequest<$request>,
            ) -> Result<Response<$response>, Status> {
                let request = self.of_it(request);
                self.client.$name(request).await
            }
        )*}
    };
}

questions! {
    /// All at a glance.
    get_overview(GetOverviewRequest) -> Overview;
    /// Certificates.
    list_certificates(ListRequest) -> ListCertificatesResponse;
    /// How many there are of each status.
    count_certificates(CountCertificatesRequest) -> CountCertificatesResponse;
    /// One certificate.
    get_certificate(GetRequest) -> Certificate;
    /// Keys.
    list_keys(ListRequest) -> ListKeysResponse;
    /// One key.
    get_key(GetRequest) -> Key;
    /// Certificate requests.
    list_certificate_requests(ListRequest) -> ListCertificateRequestsResponse;
    /// One request.
    get_certificate_request(GetRequest) -> CertificateRequest;
    /// ACME servers.
    list_servers(ListRequest) -> ListServersResponse;
    /// One server.
    get_server(GetRequest) -> Server;
    /// Automated certificates.
    list_automations(ListRequest) -> ListAutomationsResponse;
    /// One automation.
    get_automation(GetRequest) -> Automation;
    /// DNS providers.
    list_dns_providers(ListRequest) -> ListDnsProvidersResponse;
    /// Channels.
    list_channels(ListRequest) -> ListChannelsResponse;
    /// Alerts.
    list_alerts(ListRequest) -> ListAlertsResponse;
    /// Events.
    list_events(ListRequest) -> ListEventsResponse;
    /// What answered for a name.
    what_served(WhatServedRequest) -> WhatServedResponse;
}
