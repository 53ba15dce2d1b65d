//! How people get in: the first one by the set-up link, everybody by name and password.

use std::fs;

use aws_lc_rs::hmac::{self, HMAC_SHA1_FOR_LEGACY_USE_ONLY};
use time::OffsetDateTime;

use super::Browser;
use crate::Town;

/// Somebody who can sign in.
#[derive(Debug, Clone, Copy)]
pub struct Person {
    /// How he signs in.
    pub login_name: &'static str,
    /// What others call him.
    pub name: &'static str,
    /// His password.
    pub password: &'static str,
}

/// The town's first administrator.
pub const FIRST: Person = Person {
    login_name: "rosa",
    name: "Rosa Marín",
    password: "seven green bottles on a wall",
};

impl Browser {
    /// A browser in which the town's first administrator has just been made, and is signed in.
    pub async fn first_admin(town: &Town) -> Self {
        let browser = Self::open(town).await;
        browser.set_up(town).await;
        browser
    }

    /// A browser in which this person is signed in.
    pub async fn signed_in(town: &Town, person: &Person) -> Self {
        let browser = Self::open(town).await;
        browser.sign_in(person).await;
        browser
    }

    /// The set-up link, followed to its end: the first administrator is signed in.
    ///
    /// The town's own API client goes on with a token of its own: the one that `init` made ends now.
    pub async fn set_up(&self, town: &Town) {
        town.keep_token().await;
        self.goto(&set_up_link(town)).await;
        self.choose_account(&FIRST).await;
        self.until_signed_in(&FIRST).await;
    }

    /// Fills in and sends what the set-up link asks for, and leaves for later what it offers next.
    pub async fn choose_account(&self, person: &Person) {
        self.fill("Login name", person.login_name).await;
        self.fill("Name that others see", person.name).await;
        self.fill("Password", person.password).await;
        self.fill("The same password again", person.password).await;
        self.click("button", "Set up Chancery").await;
        self.click("link", "Do this later").await;
    }

    /// Signs in, with name and password alone.
    pub async fn sign_in(&self, person: &Person) {
        self.show_password(person.login_name, person.password).await;
        self.until_signed_in(person).await;
    }

    /// Fills in and sends the page for signing in.
    pub async fn show_password(&self, login_name: &str, password: &str) {
        self.goto("/sign-in").await;
        self.fill("Login name", login_name).await;
        self.fill("Password", password).await;
        self.click("button", "Sign in").await;
    }

    /// Waits until the page says who is signed in.
    pub async fn until_signed_in(&self, person: &Person) {
        self.until_gone("button", "Sign in").await;
        // In the frame of every page, be it in a drawer.
        self.find("main", "").await;
        let who = self.run("return document.querySelector('.side-foot')?.textContent ?? '';");
        let who = who.await;
        let who = who.as_str().unwrap_or_default();
        assert!(
            who.contains(person.name),
            "{} is not signed in: {who}",
            person.name
        );
    }

    /// Signs out.
    pub async fn sign_out(&self) {
        self.click("button", "Sign out").await;
        self.find("button", "Sign in").await;
    }
}

/// The link that makes the first administrator.
pub fn set_up_link(town: &Town) -> String {
    let file = town.installation.data.join("set-up-link");
    let link = fs::read_to_string(file).expect("`up` made a link");
    link.trim().to_owned()
}

/// The code of a device with this secret (base32, with or without blanks), at this time (RFC 6238).
pub fn code_of(secret: &str, at: OffsetDateTime) -> String {
    let key = hmac::Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, &base32(secret));
    let step = at.unix_timestamp() / 30;
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let offset = usize::from(tag[19] & 0x0f);
    let number = tag[offset..offset + 4].try_into().expect("four octets");
    let number = u32::from_be_bytes(number) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

fn base32(text: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    let (mut bits, mut held) = (0_u32, 0);
    for letter in text.bytes().filter(|b| !b.is_ascii_whitespace()) {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'2'..=b'7' => letter - b'2' + 26,
            other => panic!("{:?} is no base32", char::from(other)),
        };
        bits = bits << 5 | u32::from(value);
        held += 5;
        if held >= 8 {
            held -= 8;
            octets.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    octets
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn codes_are_those_of_the_rfc() {
        // RFC 6238, appendix B, the last six of its eight digits.
        let secret = "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ";
        assert_eq!(code_of(secret, datetime!(1970-01-01 0:00:59 UTC)), "287082");
        assert_eq!(
            code_of(secret, datetime!(2009-02-13 23:31:30 UTC)),
            "005924"
        );
    }
}
