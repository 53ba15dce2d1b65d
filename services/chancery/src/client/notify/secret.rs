//! Passwords, URLs and signing secrets: from a prompt without echo, a file or stdin. Never from an argument, which
//! every user of the machine can see.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::super::{ClientError, terminal};

/// A secret from the file that an option names ("-" for stdin); `None` where there is no option.
pub fn given(file: Option<&Path>, what: &str) -> Result<Option<SecretString>, ClientError> {
    let Some(file) = file else {
        return Ok(None);
    };
    let name = file.display().to_string();
    let line = match name.as_str() {
        "-" => first_line(io::stdin(), "stdin", what),
        _ => first_line(
            File::open(file).map_err(ClientError::reading(file))?,
            &name,
            what,
        ),
    };
    line.map(Some)
}

/// The same; where there is no option, it is asked for.
pub fn needed(file: Option<&Path>, what: &str, option: &str) -> Result<SecretString, ClientError> {
    let secret = match given(file, what)? {
        Some(secret) => secret,
        None if terminal::can_ask() => terminal::secret(&format!("{what}: "))?,
        None => {
            return Err(ClientError::Usage {
                what: format!(
                    "the {what} is needed: {option} FILE, or {option} - to read it from stdin"
                ),
            });
        }
    };
    match secret.expose_secret().is_empty() {
        true => Err(ClientError::Usage {
            what: format!("the {what} is empty"),
        }),
        false => Ok(secret),
    }
}

/// The first line, without its end. Error texts say nothing of what is in it.
fn first_line(from: impl Read, name: &str, what: &str) -> Result<SecretString, ClientError> {
    // With room for all of it from the start: growing would leave copies behind.
    let mut octets = Zeroizing::new(Vec::with_capacity(LONGEST));
    from.take(LONGEST as u64)
        .read_to_end(&mut octets)
        .map_err(ClientError::reading(name))?;
    let line = octets
        .split(|octet| *octet == b'\n')
        .next()
        .unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let text = std::str::from_utf8(line).map_err(|_| ClientError::Input {
        what: format!("the {what} in {name} is not UTF-8"),
    })?;
    Ok(text.into())
}

/// More than any secret of a channel has.
const LONGEST: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_the_first_line_without_its_end() {
        for (octets, secret) in [
            (&b"secret"[..], "secret"),
            (b"secret\r\nmore\n", "secret"),
            (b"", ""),
        ] {
            let line = first_line(octets, "file", "password").unwrap();
            assert_eq!(line.expose_secret(), secret);
        }
        let error = first_line(&b"secret\xff\n"[..], "file", "password").unwrap_err();
        let error = error.to_string();
        assert!(
            error.contains("password in file") && !error.contains("secret"),
            "{error}"
        );
    }
}
