//! `chancery acme servers presets` and `preview`: what there is to register at.

use std::path::PathBuf;

use api::acme::v1::{ListPresetsRequest, ListPresetsResponse, Preset, PreviewDirectoryRequest};
use clap::Args;

use super::{
    super::super::{ClientError, Connection, answer},
    register::roots,
};
use crate::cli::Output;

/// `chancery acme servers preview`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  chancery acme servers preview letsencrypt
  chancery acme servers preview https://ca.internal.example/acme/directory --trusted-roots root.pem")]
pub struct PreviewArgs {
    /// The id of a preset, or the URL of a directory.
    #[arg(value_name = "PRESET|URL")]
    pub directory: String,
    /// Roots (PEM) to trust for the server's own https, in place of the public ones.
    #[arg(long, value_name = "FILE")]
    pub trusted_roots: Option<PathBuf>,
}

/// Shows all presets.
pub async fn presets(connection: &Connection, output: Output) -> Result<(), ClientError> {
    let listed = list(connection).await?;
    if output == Output::Json {
        return answer::json(&listed);
    }
    let yes = |is: bool| if is { "yes" } else { "no" }.to_owned();
    let rows = listed.presets.into_iter().map(|preset| {
        [
            preset.id,
            preset.name,
            yes(preset.external_account_required),
            preset.directory_url,
            preset.note,
        ]
    });
    answer::table(
        ["id", "name", "eab", "directory", "note"],
        rows,
        "no presets",
    )
}

/// Shows what a registration at a directory needs.
pub async fn preview(
    args: PreviewArgs,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    let directory_url = match args.directory.contains("://") {
        true => args.directory,
        false => of_preset(connection, &args.directory).await?,
    };
    let request = PreviewDirectoryRequest {
        directory_url: directory_url.clone(),
        trusted_roots_pem: roots(args.trusted_roots.as_deref())?,
    };
    let mut servers = connection.servers();
    let seen = connection
        .ask(request, async |request| {
            servers.preview_directory(request).await
        })
        .await?;
    if output == Output::Json {
        return answer::json(&seen);
    }
    let eab = match seen.external_account_required {
        true => "required: get a key id and an HMAC key on the CA's web site",
        false => "not required",
    };
    let renewals = match seen.renewal_information {
        true => "the CA says when to renew (ARI)",
        false => "by the certificate's lifetime",
    };
    answer::details([
        ("directory", directory_url),
        ("website", seen.website_url),
        ("terms", seen.terms_of_service_url),
        ("eab", eab.to_owned()),
        ("renewals", renewals.to_owned()),
        ("caa", seen.caa_identities.join(", ")),
    ])?;
    for profile in seen.profiles {
        let (name, description) = (
            answer::visible(&profile.name),
            answer::visible(&profile.description),
        );
        answer::line(&format!("profile {name}: {description}"))?;
    }
    Ok(())
}

/// The directory of a preset.
///
/// # Errors
/// Where there is no such preset, with those that there are.
pub async fn of_preset(connection: &Connection, id: &str) -> Result<String, ClientError> {
    let presets = list(connection).await?.presets;
    let ids = || presets.iter().map(|preset| preset.id.as_str());
    match presets.iter().find(|preset| preset.id == id) {
        Some(preset) => {
            note(preset);
            Ok(preset.directory_url.clone())
        }
        None => Err(ClientError::Input {
            what: format!(
                "there is no preset {id:?}: give --directory URL, or one of {}",
                ids().collect::<Vec<_>>().join(", ")
            ),
        }),
    }
}

/// What to know about a preset, before it is used.
fn note(preset: &Preset) {
    if preset.closed || preset.staging {
        eprintln!("note: {}", preset.note);
    }
}

async fn list(connection: &Connection) -> Result<ListPresetsResponse, ClientError> {
    let mut servers = connection.servers();
    connection
        .ask(ListPresetsRequest {}, async |request| {
            servers.list_presets(request).await
        })
        .await
}
