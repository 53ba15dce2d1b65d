//! Requests to commands, commands to replies. Alone knows tonic.

use api::{
    notifier::v1::{
        Channel, CreateChannelRequest, CreateChannelResponse, DeleteChannelRequest,
        DeleteChannelResponse, EmailSettings, GetChannelRequest, SmtpSecurity, TestChannelRequest,
        TestChannelResponse, UpdateChannelRequest, UpdateChannelResponse, WebhookSettings, channel,
        notifier_service_server::NotifierService,
    },
    refuse,
};
use bytes::Bytes;
use runtime::Caller;
use tonic::{Code, Request, Response, Status};
use tracing::Instrument;

use crate::{
    commands::{CommandError, Commands},
    parse,
    settings::{Security, Settings},
};

/// The service, as the gateway calls it.
pub struct Notifier {
    /// What a command does.
    pub commands: Commands,
}

#[tonic::async_trait]
impl NotifierService for Notifier {
    async fn create_channel(
        &self,
        request: Request<CreateChannelRequest>,
    ) -> Result<Response<CreateChannelResponse>, Status> {
        let origin = Caller::of(&request)?.origin(request.get_ref());
        let form = parse::create(request.get_ref())?;
        let commands = self.commands.clone();
        let work = async move { commands.create(&origin, &form).await };
        let (id, position) = to_its_end(work).await?;
        Ok(Response::new(CreateChannelResponse {
            channel_id: id.to_string(),
            position,
        }))
    }

    async fn update_channel(
        &self,
        request: Request<UpdateChannelRequest>,
    ) -> Result<Response<UpdateChannelResponse>, Status> {
        let origin = Caller::of(&request)?.origin(request.get_ref());
        let (id, form) = parse::update(request.get_ref())?;
        let commands = self.commands.clone();
        let work = async move { commands.update(&origin, id, &form).await };
        let position = to_its_end(work).await?;
        Ok(Response::new(UpdateChannelResponse { position }))
    }

    async fn delete_channel(
        &self,
        request: Request<DeleteChannelRequest>,
    ) -> Result<Response<DeleteChannelResponse>, Status> {
        let origin = Caller::of(&request)?.origin(request.get_ref());
        let id = parse::delete(&request.get_ref().channel_id)?;
        let commands = self.commands.clone();
        let work = async move { commands.delete(&origin, id).await };
        let position = to_its_end(work).await?;
        Ok(Response::new(DeleteChannelResponse { position }))
    }

    async fn get_channel(
        &self,
        request: Request<GetChannelRequest>,
    ) -> Result<Response<Channel>, Status> {
        let found = self.commands.find(&request.get_ref().channel).await?;
        let (id, channel, settings) = found;
        Ok(Response::new(Channel {
            id: id.to_string(),
            name: channel.name,
            rule: Some(channel.rule),
            settings: Some(shown(settings)),
        }))
    }

    async fn test_channel(
        &self,
        request: Request<TestChannelRequest>,
    ) -> Result<Response<TestChannelResponse>, Status> {
        let answer = self.commands.test(&request.get_ref().channel).await?;
        Ok(Response::new(TestChannelResponse { answer }))
    }
}

/// Settings without secrets.
fn shown(settings: Settings) -> channel::Settings {
    match settings {
        Settings::Email(email) => channel::Settings::Email(EmailSettings {
            host: email.host,
            port: email.port.into(),
            security: match email.security {
                Security::ImplicitTls => SmtpSecurity::ImplicitTls,
                Security::StartTls => SmtpSecurity::Starttls,
                Security::None => SmtpSecurity::None,
            }
            .into(),
            username: email.username,
            password: None,
            from: email.from,
            to: email.to,
            trusted_roots_pem: pem(&email.roots),
        }),
        Settings::Webhook(hook) => channel::Settings::Webhook(WebhookSettings {
            url: String::new(),
            signing_secret: None,
            trusted_roots_pem: pem(&hook.roots),
        }),
    }
}

fn pem(roots: &[Bytes]) -> String {
    roots.iter().map(|der| pki::pem::certificate(der)).collect()
}

/// Does the work although the caller may go away: what was claimed and sealed is then used.
async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, CommandError>> + Send + 'static,
) -> Result<T, Status> {
    match tokio::spawn(work.in_current_span()).await {
        Ok(done) => Ok(done?),
        Err(broken) => {
            tracing::error!(error = %broken, "command broke off");
            Err(refuse::status(
                Code::Internal,
                "BROKE_OFF",
                "the command broke off",
            ))
        }
    }
}
