//! Passphrases: from a prompt without echo, a file or stdin. Never from an argument, which every user of the
//! machine can see.

use std::{
    fs::File,
    io::{self, IsTerminal as _, Read},
    path::PathBuf,
};

use clap::Args;
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::{ClientError, terminal};

/// Where a passphrase comes from that is not asked for.
#[derive(Debug, Clone, Default, Args)]
pub struct PassphraseArgs {
    /// Read the passphrase from this file: its first line, without the line's end.
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// Read the passphrase from stdin: the first line, without its end.
    #[arg(long, conflicts_with = "passphrase_file")]
    pub passphrase_stdin: bool,
}

impl PassphraseArgs {
    /// The passphrase that an option leads to; `None` where there is no option.
    pub fn given(&self) -> Result<Option<SecretString>, ClientError> {
        if let Some(path) = &self.passphrase_file {
            let file = File::open(path).map_err(ClientError::reading(path))?;
            return first_line(file, &path.display().to_string()).map(Some);
        }
        if !self.passphrase_stdin {
            return Ok(None);
        }
        if io::stdin().is_terminal() {
            // What is typed there would be shown.
            let what = "stdin is a terminal: leave --passphrase-stdin out to be asked".into();
            return Err(ClientError::Usage { what });
        }
        first_line(io::stdin(), "stdin").map(Some)
    }
}

/// How what is given out is protected.
#[derive(Debug, Clone, Default, Args)]
pub struct ProtectionArgs {
    /// With this passphrase.
    #[command(flatten)]
    pub passphrase: PassphraseArgs,
    /// Give it out without a passphrase: who has the file has the private key.
    #[arg(long, conflicts_with_all = ["passphrase_file", "passphrase_stdin"])]
    pub unprotected: bool,
}

/// The protection that was chosen.
#[derive(Debug, Default)]
pub struct Protection {
    /// Empty where there is none.
    pub passphrase: SecretString,
    /// There is none, in so many words.
    pub unprotected: bool,
}

impl ProtectionArgs {
    /// The protection of what needs one, or not; asks on a terminal where no option says.
    ///
    /// # Errors
    /// Where it has to be said and is not, or protects nothing.
    pub fn choose(&self, needed: bool) -> Result<Protection, ClientError> {
        let given = self.passphrase.given()?;
        let usage = |what: &str| Err(ClientError::Usage { what: what.into() });
        let passphrase = match given {
            _ if self.unprotected => {
                return Ok(Protection {
                    unprotected: true,
                    ..Protection::default()
                });
            }
            Some(_) if !needed => {
                return usage(
                    "there is nothing for the passphrase to protect: no private key is asked for (--private-key)",
                );
            }
            Some(passphrase) => passphrase,
            None if !needed => return Ok(Protection::default()),
            None if terminal::can_ask() => new_one()?,
            None => {
                return usage(
                    "a passphrase is needed: --passphrase-file FILE or --passphrase-stdin; or say --unprotected to go without",
                );
            }
        };
        if passphrase.expose_secret().is_empty() {
            return usage("the passphrase is empty: say --unprotected to go without one");
        }
        Ok(Protection {
            passphrase,
            unprotected: false,
        })
    }
}

/// Asks for a new passphrase, until it is typed twice alike.
fn new_one() -> Result<SecretString, ClientError> {
    loop {
        let first = terminal::secret("new passphrase: ")?;
        let second = terminal::secret("again: ")?;
        if first.expose_secret() == second.expose_secret() {
            return Ok(first);
        }
        eprintln!("they differ; once more");
    }
}

/// The first line, without its end. Error texts say nothing of what is in it.
fn first_line(from: impl Read, name: &str) -> Result<SecretString, ClientError> {
    // With room for all of it from the start: growing would leave copies behind.
    let mut octets = Zeroizing::new(Vec::with_capacity(LONGEST + 1));
    from.take(LONGEST as u64 + 1)
        .read_to_end(&mut octets)
        .map_err(ClientError::reading(name))?;
    let end = octets.iter().position(|octet| *octet == b'\n');
    let wrong = |why: &str| ClientError::Input {
        what: format!("the passphrase in {name} {why}"),
    };
    if end.is_none() && octets.len() > LONGEST {
        return Err(wrong(&format!("has more than {LONGEST} octets")));
    }
    let line = &octets[..end.unwrap_or(octets.len())];
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let text = std::str::from_utf8(line).map_err(|_| wrong("is not UTF-8"))?;
    Ok(text.into())
}

/// The longest passphrase that an import takes.
const LONGEST: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(octets: &[u8]) -> Result<String, ClientError> {
        first_line(octets, "pass.txt").map(|line| line.expose_secret().to_owned())
    }

    #[test]
    fn a_passphrase_is_the_first_line_without_its_end() {
        for (octets, passphrase) in [
            (&b"secret"[..], "secret"),
            (b"secret\n", "secret"),
            (b"secret\r\nmore\n", "secret"),
            (b" with spaces \n", " with spaces "),
            (b"", ""),
            (b"\n", ""),
            ("größe\n".as_bytes(), "größe"),
        ] {
            assert_eq!(read(octets).unwrap(), passphrase);
        }
        let longest = "x".repeat(LONGEST);
        assert_eq!(read(longest.as_bytes()).unwrap(), longest);
    }

    #[test]
    fn what_is_no_passphrase_is_refused_without_showing_it() {
        let long = vec![b'x'; LONGEST + 1];
        for octets in [&long[..], b"secret\xff\n"] {
            let error = read(octets).unwrap_err().to_string();
            assert!(error.contains("pass.txt"), "{error}");
            assert!(
                !error.contains("secret") && !error.contains("xx"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_passphrase_that_protects_nothing_or_is_empty_is_wrong_usage() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pass");
        let args = ProtectionArgs {
            passphrase: PassphraseArgs {
                passphrase_file: Some(file.clone()),
                passphrase_stdin: false,
            },
            unprotected: false,
        };
        std::fs::write(&file, "secret\n").unwrap();
        let protection = args.choose(true).unwrap();
        assert_eq!(protection.passphrase.expose_secret(), "secret");
        assert!(!protection.unprotected);
        assert!(matches!(args.choose(false), Err(ClientError::Usage { .. })));
        std::fs::write(&file, "\n").unwrap();
        let empty = args.choose(true);
        assert!(matches!(empty, Err(ClientError::Usage { .. })));
        let none = ProtectionArgs::default().choose(false).unwrap();
        assert!(none.passphrase.expose_secret().is_empty() && !none.unprotected);
    }

    #[test]
    fn a_protection_shows_nothing_of_itself() {
        let protection = Protection {
            passphrase: "secret".into(),
            unprotected: false,
        };
        assert!(!format!("{protection:?}").contains("secret\""));
    }
}
