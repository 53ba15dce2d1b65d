//! `chancery users reset-admin`: on the gateway's own machine, without the gateway.

use std::{
    io::{self, Write as _},
    path::PathBuf,
};

use clap::Args;
use runtime::{
    Clock, Layout, Runtime, StartError,
    config::{ConfigError, Settings},
};
use tokio_util::sync::CancellationToken;

use crate::{cli::FolderArgs, files, init::link};

/// `chancery users reset-admin`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  chancery users reset-admin --data-dir /var/lib/chancery
  chancery users reset-admin anna --data-dir /var/lib/chancery

The link goes into the file `reset-link` in the data folder (0600), used once, good for 24 hours.
Nothing changes before it is used; then his password and second factor are gone, and his sessions end.")]
pub struct ResetAdminArgs {
    /// Whose; may be left out where there is one administrator alone.
    #[arg(value_name = "LOGIN")]
    pub login_name: Option<String>,
    /// On which folder.
    #[command(flatten)]
    pub folder: FolderArgs,
}

/// Why no link was made.
#[derive(Debug, thiserror::Error)]
pub enum ResetAdminError {
    /// The configuration is not right.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// This is not the gateway's machine.
    #[error("this folder has no gateway's identity: run it on the gateway's own machine")]
    Start(#[source] StartError),
    /// The gateway's side of it.
    #[error(transparent)]
    Machine(#[from] gateway::MachineError),
    /// The link cannot be left.
    #[error("cannot write {path}")]
    File {
        /// Where.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

/// Makes the link, and says where it is.
pub async fn run(args: ResetAdminArgs) -> Result<(), ResetAdminError> {
    let folder = &args.folder;
    let settings = Settings::read(folder.config.as_deref(), folder.data_dir.as_deref())?;
    let (shared, config) = (settings.shared()?, settings.table("gateway")?);
    let layout = Layout::of(&shared);
    let stopping = CancellationToken::new();
    let runtime = Runtime::start("gateway", shared, Clock::system(), stopping.clone(), None);
    let runtime = runtime.map_err(ResetAdminError::Start)?;
    let made = gateway::reset_admin(&runtime, args.login_name.as_deref()).await;
    stopping.cancel();
    let made = made?;
    let path = layout.data_dir().join("reset-link");
    let url = link::url(link::address(&config), made.code());
    let written = files::write_private(&path, format!("{url}\n").as_bytes());
    written.map_err(|source| ResetAdminError::File {
        path: path.clone(),
        source,
    })?;
    // Who closed stdout wants to read no more: the link is in the file.
    let _ = writeln!(
        io::stdout(),
        "A link for {} is in {} (0600). It is used once, and good until {}.",
        made.login_name,
        path.display(),
        made.until.replace_nanosecond(0).unwrap_or(made.until)
    );
    Ok(())
}
