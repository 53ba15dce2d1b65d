//! Questions to the person at the terminal. They are asked and answered there also where stdin or stdout is a file.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, IsTerminal as _},
};

use secrecy::SecretString;

use super::ClientError;

/// Whether somebody sees a question and can answer it.
pub fn can_ask() -> bool {
    io::stderr().is_terminal() && File::open(TERMINAL).is_ok()
}

/// Asks for a secret: what is typed is not shown.
pub fn secret(question: &str) -> Result<SecretString, ClientError> {
    rpassword::prompt_password(question)
        .map(SecretString::from)
        .map_err(ClientError::reading("the answer from the terminal"))
}

/// What has to be typed for a yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// "y" will do.
    Short,
    /// "yes", in full: for what cannot be undone.
    InFull,
}

/// Asks whether to go on; anything that is not a yes is a no.
pub fn agrees(question: &str, consent: Consent) -> Result<bool, ClientError> {
    let hint = match consent {
        Consent::Short => "[y/N]",
        Consent::InFull => "Type yes to go on:",
    };
    eprint!("{question} {hint} ");
    let read = || {
        let mut answer = String::new();
        BufReader::new(File::open(TERMINAL)?).read_line(&mut answer)?;
        Ok(answer)
    };
    let answer = read().map_err(ClientError::reading("the answer from the terminal"))?;
    Ok(is_yes(&answer, consent))
}

fn is_yes(answer: &str, consent: Consent) -> bool {
    let answer = answer.trim().to_lowercase();
    answer == "yes" || (consent == Consent::Short && answer == "y")
}

const TERMINAL: &str = "/dev/tty";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_a_yes() {
        for (answer, short, in_full) in [
            ("y\n", true, false),
            ("Yes\n", true, true),
            ("", false, false),
            ("n\n", false, false),
            ("yesterday\n", false, false),
        ] {
            assert_eq!(is_yes(answer, Consent::Short), short, "{answer:?}");
            assert_eq!(is_yes(answer, Consent::InFull), in_full, "{answer:?}");
        }
    }
}
