//! A command has ended when the next one sees what it did: its answer says where the log has that, and the tables
//! that the next one asks follow the log a moment later.

use std::time::Duration;

use api::{
    acme::v1::{
        AddDnsProviderResponse, CancelAutomationResponse, DeactivateServerResponse,
        PauseAutomationResponse, RegisterServerResponse, RemoveDnsProviderResponse,
        RenewNowResponse, RequestCertificateResponse, ResumeAutomationResponse,
        RevokeCertificateResponse, RollAccountKeyResponse, UpdateServerContactResponse,
    },
    csr::v1::{
        CreateRequestResponse, CreateSelfSignedResponse, DeleteRequestsResponse,
        FetchIssuersResponse,
    },
    gateway::v1::{
        ChangeRoleResponse, CreateTokenResponse, CreateUserResponse, DeleteUserResponse,
        DisableUserResponse, EnableUserResponse, ResetCredentialsResponse, RevokeTokenResponse,
    },
    keystore::v1::{
        ClearDefaultResponse, DeleteCertificatesResponse, DestroyKeysResponse, ExportResponse,
        ImportResponse, MarkRevokedResponse, RenameCertificateResponse, RestoreCertificateResponse,
        SetDefaultResponse,
    },
    notifier::v1::{CreateChannelResponse, DeleteChannelResponse, UpdateChannelResponse},
    projection::v1::{GetRequest, SkipEventResponse},
};
use tonic::Request;

use super::Connection;

/// The answer of a command.
pub trait Positioned {
    /// Where the log has what was done; 0 where nothing was.
    fn position(&self) -> u64;
}

impl Connection {
    /// Waits until the tables show what was done. Not for long, and it is no failure where they do not yet: it is done.
    pub async fn settled(&self, position: u64) {
        if position == 0 {
            return;
        }
        // Any question waits for its position; this one may be asked by every caller, and costs nothing.
        let mut request = Request::new(GetRequest {
            id: "-".into(),
            at_least: position,
            ..GetRequest::default()
        });
        request.set_timeout(PATIENCE);
        let _ = self.queries().get_certificate(request).await;
    }
}

macro_rules! positioned {
    ($($answer:ty),* $(,)?) => {
        $(impl Positioned for $answer {
            fn position(&self) -> u64 {
                self.position
            }
        })*
    };
}

positioned!(
    AddDnsProviderResponse,
    CancelAutomationResponse,
    ChangeRoleResponse,
    ClearDefaultResponse,
    CreateChannelResponse,
    CreateRequestResponse,
    CreateSelfSignedResponse,
    CreateTokenResponse,
    CreateUserResponse,
    DeactivateServerResponse,
    DeleteCertificatesResponse,
    DeleteChannelResponse,
    DeleteRequestsResponse,
    DeleteUserResponse,
    DestroyKeysResponse,
    DisableUserResponse,
    EnableUserResponse,
    ExportResponse,
    FetchIssuersResponse,
    ImportResponse,
    MarkRevokedResponse,
    PauseAutomationResponse,
    RegisterServerResponse,
    RemoveDnsProviderResponse,
    RenameCertificateResponse,
    RenewNowResponse,
    RequestCertificateResponse,
    ResetCredentialsResponse,
    RestoreCertificateResponse,
    ResumeAutomationResponse,
    RevokeCertificateResponse,
    RevokeTokenResponse,
    RollAccountKeyResponse,
    SetDefaultResponse,
    SkipEventResponse,
    UpdateChannelResponse,
    UpdateServerContactResponse,
);

const PATIENCE: Duration = Duration::from_secs(5);
