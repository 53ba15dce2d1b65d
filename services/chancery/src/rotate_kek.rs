//! `chancery rotate-kek`: a new key-encryption key in the place of the one in use. The running keystore does the rest.

use std::io::{self, Write as _};

use clap::Args;
use keystore::kek::{self, KekSources, RotateError};
use runtime::{
    Layout,
    config::{ConfigError, Settings},
};

use crate::cli::FolderArgs;

/// `chancery rotate-kek`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  chancery rotate-kek --data-dir /var/lib/chancery
  chancery events list --filter aggregate=kek          # kek.rotated: everything is sealed anew
  rm /var/lib/chancery/kek.previous                    # not before, and with it every copy

A new key takes the place of the one in use, which lies beside it as kek.previous from then on. A keystore that runs
takes up both within seconds, and seals everything anew while it works; one that does not run, when it starts. When
that is done the log has kek.rotated, and the old key may be destroyed; what was sealed with it in old backups then
opens no more. Keep a copy of the new key in another place before that.")]
pub struct RotateKekArgs {
    /// Of which folder.
    #[command(flatten)]
    pub folder: FolderArgs,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum RotateKekError {
    /// The configuration is not right.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// There is no new key.
    #[error(transparent)]
    Rotate(#[from] RotateError),
}

/// Makes the new key, and says what follows.
pub fn run(args: &RotateKekArgs) -> Result<(), RotateKekError> {
    let folder = &args.folder;
    let settings = Settings::read(folder.config.as_deref(), folder.data_dir.as_deref())?;
    let layout = Layout::of(&settings.shared()?);
    let sources = KekSources::of(&settings.table("keystore")?, &layout);
    let rotated = kek::rotate(&sources)?;
    // Whoever closed stdout wants to read no more.
    let _ = writeln!(
        io::stdout(),
        "The new key-encryption key, {}, is in {}. Keep a copy of it somewhere else, now.\n\
         The one before, {}, is in {}: it is needed until the log has kek.rotated for it. The keystore sees to that by itself.",
        rotated.new,
        rotated.current.display(),
        rotated.old,
        rotated.previous.display()
    );
    Ok(())
}
