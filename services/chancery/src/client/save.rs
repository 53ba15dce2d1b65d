//! Files that answers become: whole or not at all, and never over another one unless that was said.

use std::{
    fs::{self, Permissions},
    io::{self, IsTerminal as _, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use api::keystore::v1::ExportResponse;
use clap::Args;

use super::{ClientError, answer};
use crate::cli::Output;

/// Where an answer is written.
#[derive(Debug, Clone, Default, Args)]
pub struct OutArgs {
    /// Write to this file, or into this folder under the answer's own name; "-" is stdout.
    #[arg(long, value_name = "PATH")]
    pub out: Option<PathBuf>,
    /// Write over a file that is there.
    #[arg(long)]
    pub force: bool,
}

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Its owner alone (0600): there is a private key in it.
    Owner,
    /// Everybody (0644).
    Everybody,
}

/// Where an answer goes, as far as that is known before it is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// To stdout.
    Stdout,
    /// Into this file.
    File(PathBuf),
    /// Into this folder, under the answer's own name.
    Folder(PathBuf),
}

impl Destination {
    /// Refuses what would spoil a terminal, or mix two answers on stdout.
    ///
    /// # Errors
    /// Where it would.
    pub fn check(&self, is_text: bool, output: Output) -> Result<(), ClientError> {
        let what = match (self, output) {
            (Destination::Stdout, Output::Json) => {
                "stdout is the file (--out -) or the answer (--output json), not both"
            }
            (Destination::Stdout, Output::Table) if !is_text && io::stdout().is_terminal() => {
                "that is no text, and stdout is a terminal: say --out FILE"
            }
            (Destination::Stdout | Destination::File(_) | Destination::Folder(_), _) => {
                return Ok(());
            }
        };
        Err(ClientError::Usage { what: what.into() })
    }
}

impl OutArgs {
    /// The destination, looked at before anything is asked for: what has left leaves a trace in the log, and should
    /// not find its place taken.
    ///
    /// # Errors
    /// Where it could not be written there.
    pub fn destination(&self, left_out: Destination) -> Result<Destination, ClientError> {
        let Some(path) = &self.out else {
            return Ok(left_out);
        };
        if path == Path::new("-") {
            return Ok(Destination::Stdout);
        }
        if path.is_dir() {
            return Ok(Destination::Folder(path.clone()));
        }
        self.may_take(path)?;
        let folder = folder_of(path);
        if !folder.is_dir() {
            let what = format!("there is no folder {}", folder.display());
            return Err(ClientError::Input { what });
        }
        Ok(Destination::File(path.clone()))
    }

    /// Writes the content there; answers the file's path, or nothing for stdout.
    ///
    /// # Errors
    /// Where a file is in the way, or cannot be written.
    pub fn save(
        &self,
        destination: &Destination,
        name: &str,
        content: &[u8],
        readers: Readers,
    ) -> Result<Option<PathBuf>, ClientError> {
        let path = match destination {
            Destination::Stdout => return to_stdout(content).map(|()| None),
            Destination::File(path) => path.clone(),
            Destination::Folder(folder) => folder.join(plain(name)?),
        };
        self.may_take(&path)?;
        self.write(&path, content, readers)
            .map_err(|source| ClientError::Save {
                path: path.clone(),
                source,
            })?;
        Ok(Some(path))
    }

    /// Writes what was given out, and says where.
    ///
    /// # Errors
    /// Where a file is in the way, or cannot be written.
    pub fn give_out(
        &self,
        destination: &Destination,
        mut answered: ExportResponse,
        readers: Readers,
        output: Output,
    ) -> Result<(), ClientError> {
        let content = std::mem::take(&mut answered.content);
        let written = self.save(destination, &answered.file_name, &content, readers)?;
        match (written, output) {
            (None, _) => Ok(()),
            (Some(path), Output::Table) => answer::line(&shown(&path)),
            (Some(path), Output::Json) => {
                // The content is in the file, and nowhere else.
                answered.file_name = shown(&path);
                answer::json(&answered)
            }
        }
    }

    fn may_take(&self, path: &Path) -> Result<(), ClientError> {
        let Ok(there) = fs::metadata(path) else {
            // A link that leads nowhere is something, too.
            return match path.is_symlink() {
                true => Err(in_the_way(
                    path,
                    "is a link that leads nowhere: remove it first",
                )),
                false => Ok(()),
            };
        };
        match there.is_file() {
            // Renaming a file over a device or a pipe would remove it.
            false => Err(in_the_way(
                path,
                "is no ordinary file: write to stdout (--out -)",
            )),
            true if !self.force => Err(in_the_way(
                path,
                "is there already: say --force to write over it",
            )),
            true => Ok(()),
        }
    }

    fn write(&self, path: &Path, content: &[u8], readers: Readers) -> io::Result<()> {
        // A link stays one.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let folder = folder_of(&path);
        let mode = match readers {
            Readers::Owner => 0o600,
            Readers::Everybody => 0o644,
        };
        let mut beside = tempfile::Builder::new()
            .prefix(".chancery-")
            .tempfile_in(folder)?;
        beside
            .as_file()
            .set_permissions(Permissions::from_mode(mode))?;
        beside.write_all(content)?;
        beside.as_file().sync_all()?;
        match self.force {
            true => beside.persist(&path),
            // The system says whether somebody was faster.
            false => beside.persist_noclobber(&path),
        }?;
        fs::File::open(folder)?.sync_all()
    }
}

fn shown(path: &Path) -> String {
    path.strip_prefix(".").unwrap_or(path).display().to_string()
}

fn to_stdout(content: &[u8]) -> Result<(), ClientError> {
    let mut out = io::stdout().lock();
    out.write_all(content)
        .and_then(|()| out.flush())
        .map_err(ClientError::Write)
}

/// A name that stays in its folder.
fn plain(name: &str) -> Result<&str, ClientError> {
    let stays = Path::new(name).file_name().is_some_and(|own| own == name);
    if !stays || name.contains(char::is_control) {
        let what =
            format!("the gateway calls the file {name:?}, which is no file name: say --out FILE");
        return Err(ClientError::Input { what });
    }
    Ok(name)
}

fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

fn in_the_way(path: &Path, why: &str) -> ClientError {
    ClientError::Input {
        what: format!("{} {why}", path.display()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn here() -> Destination {
        Destination::Folder(".".into())
    }

    fn out(path: &Path, force: bool) -> OutArgs {
        OutArgs {
            out: Some(path.to_owned()),
            force,
        }
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_private_key_is_its_owners_alone_and_the_rest_everybodys() {
        let folder = tempfile::tempdir().unwrap();
        for (readers, expected) in [(Readers::Owner, 0o600), (Readers::Everybody, 0o644)] {
            let path = folder.path().join(format!("{readers:?}"));
            let args = out(&path, false);
            let destination = args.destination(here()).unwrap();
            let saved = args.save(&destination, "x", b"content", readers).unwrap();
            assert_eq!(saved.as_deref(), Some(&*path));
            assert_eq!(fs::read(&path).unwrap(), b"content");
            assert_eq!(mode(&path), expected);
        }
    }

    #[test]
    fn a_file_that_is_there_stays_unless_force_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        fs::write(&path, "old").unwrap();
        let careful = out(&path, false);
        let refused = careful.destination(here()).unwrap_err();
        assert!(refused.to_string().contains("--force"), "{refused}");
        // Also one that came after the first look.
        let late = Destination::File(path.clone());
        careful
            .save(&late, "x", b"new", Readers::Owner)
            .unwrap_err();
        careful.write(&path, b"new", Readers::Owner).unwrap_err();
        assert_eq!(fs::read(&path).unwrap(), b"old");

        let forced = out(&path, true);
        let destination = forced.destination(here()).unwrap();
        forced
            .save(&destination, "x", b"new", Readers::Owner)
            .unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(mode(&path), 0o600, "also where the old one was everybody's");
        let left = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 1, "nothing half-written is left beside it");
    }

    #[test]
    fn a_folder_gets_the_answers_own_name_and_no_other_place() {
        let folder = tempfile::tempdir().unwrap();
        let args = out(folder.path(), false);
        let destination = args.destination(here()).unwrap();
        let saved = args.save(&destination, "shop.p12", b"x", Readers::Owner);
        assert_eq!(saved.unwrap(), Some(folder.path().join("shop.p12")));
        for name in ["../shop.p12", "/etc/shop", "..", "", "a/b", "a\n"] {
            let escaped = args.save(&destination, name, b"x", Readers::Owner);
            assert!(escaped.is_err(), "{name}");
        }
    }

    #[test]
    fn what_is_no_ordinary_file_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let dangling = folder.path().join("dangling");
        symlink("nowhere", &dangling).unwrap();
        for path in [Path::new("/dev/null"), &dangling] {
            out(path, true).destination(here()).unwrap_err();
        }
        let missing = folder.path().join("no-such-folder/x.pem");
        out(&missing, false).destination(here()).unwrap_err();

        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "old").unwrap();
        symlink(&file, &link).unwrap();
        let args = out(&link, true);
        let destination = args.destination(here()).unwrap();
        args.save(&destination, "x", b"new", Readers::Owner)
            .unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read(&file).unwrap(), b"new");
    }

    #[test]
    fn left_out_is_what_the_command_says_and_a_dash_is_stdout() {
        let nothing = OutArgs::default();
        assert_eq!(nothing.destination(here()).unwrap(), here());
        let dash = out(Path::new("-"), false).destination(here()).unwrap();
        assert_eq!(dash, Destination::Stdout);
    }

    #[test]
    fn json_says_which_file_was_written_and_not_what_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let out = OutArgs {
            out: Some(folder.path().to_owned()),
            force: false,
        };
        let destination = out.destination(Destination::Stdout).unwrap();
        let answered = ExportResponse {
            file_name: "shop.pem".into(),
            content: b"secret".as_slice().into(),
            ..ExportResponse::default()
        };
        out.give_out(&destination, answered, Readers::Owner, Output::Json)
            .unwrap();
        let written = fs::read(folder.path().join("shop.pem")).unwrap();
        assert_eq!(written, b"secret");
        let both = Destination::Stdout.check(true, Output::Json);
        assert!(matches!(both, Err(ClientError::Usage { .. })));
    }
}
