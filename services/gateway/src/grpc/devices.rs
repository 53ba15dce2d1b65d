//! How a command line signs in that has no token: its person lets it in, in his browser.

use api::{
    convert::timestamp,
    gateway::v1::{
        BeginLoginRequest, BeginLoginResponse, PollLoginRequest, PollLoginResponse,
        device_login_service_server::DeviceLoginService,
    },
};
use tonic::{Request, Response, Status};

use super::{source, to_its_end, tokens::shown};
use crate::{
    commands::{Commands, POLL_EVERY},
    parse,
};

/// The device login service. Its calls are strangers', and carry the address that they come from.
pub struct DeviceLogins {
    /// What commands do.
    pub commands: Commands,
}

#[tonic::async_trait]
impl DeviceLoginService for DeviceLogins {
    async fn begin_login(
        &self,
        request: Request<BeginLoginRequest>,
    ) -> Result<Response<BeginLoginResponse>, Status> {
        let source = source(&request)?.0;
        let device_name = parse::tokens::device_name(request.get_ref())?;
        let begun = self.commands.begin_login(device_name, source).await?;
        Ok(Response::new(BeginLoginResponse {
            device_code: begun.device.text().to_owned(),
            user_code: begun.user_code.to_string(),
            path: PAGE.to_owned(),
            expires: Some(timestamp(begun.expires)),
            interval_seconds: u32::try_from(POLL_EVERY.whole_seconds()).unwrap_or_default(),
        }))
    }

    async fn poll_login(
        &self,
        request: Request<PollLoginRequest>,
    ) -> Result<Response<PollLoginResponse>, Status> {
        let commands = self.commands.clone();
        let message = request.into_inner();
        let work = async move { commands.poll_login(&message.device_code).await };
        let created = to_its_end(work).await?;
        Ok(Response::new(PollLoginResponse {
            text: created.text.text().to_owned(),
            token: Some(shown(created.token)),
        }))
    }
}

/// Where the person types the code.
const PAGE: &str = "/device";
