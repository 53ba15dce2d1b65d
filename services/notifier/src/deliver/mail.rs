//! Mail by SMTP (RFC 5321), as a submission client: one transaction for all recipients.
//!
//! The server's name is resolved once, by [`Egress`], and the connection is made to what came out. A recipient whom
//! the server refuses for good does not keep the others from their mail; one whom it refuses for now does,
//! because mail is sent again whole.

use std::net::IpAddr;

use lettre::{
    Address, Message,
    message::{
        Mailbox, Mailboxes, MultiPart,
        header::{HeaderName, HeaderValue},
    },
    transport::smtp::{
        Error as SmtpError,
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters},
        commands::{Data, Mail as MailFrom, Rcpt},
        extension::ClientId,
        response::Response,
    },
};
use runtime::Egress;
use time::OffsetDateTime;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::DeliveryError;
use crate::{
    letter::Letter,
    settings::{Email, Security},
};

/// A mail.
#[derive(Debug, Clone, Copy)]
pub struct Mail<'a> {
    /// What its Message-ID is made of: a mail that is sent again is the same.
    pub message: Uuid,
    /// What it says.
    pub letter: &'a Letter,
    /// When it was first to be sent.
    pub created: OffsetDateTime,
}

/// Sends a mail; answers what the server said.
///
/// # Errors
/// [`DeliveryError`].
pub async fn send(
    egress: &Egress,
    email: &Email,
    password: Option<Zeroizing<String>>,
    mail: &Mail<'_>,
) -> Result<String, DeliveryError> {
    let from: Mailbox = parsed(&email.from)?;
    let to = email.to.iter().map(|to| parsed::<Mailbox>(to));
    let to = to.collect::<Result<Vec<_>, _>>()?;
    let formatted = format(&from, &to, mail)?;

    // Step 1: connect, and protect the connection before anything is said on it.
    let mut connection = connect(egress, email, &from.email).await?;
    // Step 2: say who we are.
    if !email.username.is_empty() {
        let Some(password) = password else {
            connection.abort().await;
            return Err(DeliveryError::new("its password is not there: set it anew"));
        };
        let credentials = Credentials::new(email.username.clone(), password.to_string());
        let mechanisms = [Mechanism::Plain, Mechanism::Login];
        if let Err(error) = connection.auth(&mechanisms, &credentials).await {
            connection.abort().await;
            return Err(failed("does not let us in", &error));
        }
    }
    // Step 3: the mail itself.
    let sent = transact(&mut connection, &from.email, &to, &formatted).await;
    match &sent {
        // The mail is taken: that the parting word is lost does not matter.
        Ok(_) => drop(connection.quit().await),
        Err(_) => connection.abort().await,
    }
    sent
}

async fn connect(
    egress: &Egress,
    email: &Email,
    from: &Address,
) -> Result<AsyncSmtpConnection, DeliveryError> {
    let addresses = egress.addresses(&email.host).await?;
    if email.security == Security::None && !addresses.iter().all(IpAddr::is_loopback) {
        let reason = "without TLS mail is sent to this machine alone: its server is elsewhere";
        return Err(DeliveryError::new(reason));
    }
    // The name that the sender's own domain has is the best that we know of ourselves.
    let hello = ClientId::Domain(from.domain().to_owned());
    let tls = match email.security {
        Security::None => None,
        Security::ImplicitTls | Security::StartTls => Some(tls(email)?),
    };
    let implicit = tls
        .clone()
        .filter(|_| email.security == Security::ImplicitTls);
    let mut last = DeliveryError::new("its server's name has no address");
    for address in addresses {
        let server = (address, email.port);
        let timeout = Some(CONNECT_TIMEOUT);
        let connected =
            AsyncSmtpConnection::connect_tokio1(server, timeout, &hello, implicit.clone(), None);
        let mut connection = match connected.await {
            Ok(connection) => connection,
            Err(error) => {
                last = failed("cannot be reached", &error);
                continue;
            }
        };
        if let (Security::StartTls, Some(tls)) = (email.security, tls) {
            // Required: where it is not offered, or taken out on the way, nothing is sent.
            // What is left of the connection then is no connection: it is not even said goodbye to.
            let upgraded = connection.starttls(tls, &hello).await;
            upgraded.map_err(|error| failed("does not do STARTTLS with us", &error))?;
        }
        return Ok(connection);
    }
    Err(last)
}

fn tls(email: &Email) -> Result<TlsParameters, DeliveryError> {
    let unusable = |error: SmtpError| failed("cannot be trusted", &error);
    let mut builder = TlsParameters::builder(email.host.clone());
    if !email.roots.is_empty() {
        builder = builder.certificate_store(CertificateStore::None);
        for root in &email.roots {
            let root = Certificate::from_der(root.to_vec()).map_err(unusable)?;
            builder = builder.add_root_certificate(root);
        }
    }
    builder.build_rustls().map_err(unusable)
}

async fn transact(
    connection: &mut AsyncSmtpConnection,
    from: &Address,
    to: &[Mailbox],
    formatted: &[u8],
) -> Result<String, DeliveryError> {
    let opened = connection
        .command(MailFrom::new(Some(from.clone()), vec![]))
        .await;
    opened.map_err(|error| failed("does not take our sender", &error))?;
    let mut refused = None;
    let mut taken = 0;
    for recipient in to {
        match connection
            .command(Rcpt::new(recipient.email.clone(), vec![]))
            .await
        {
            Ok(_) => taken += 1,
            Err(error) if error.is_permanent() => {
                refused = Some(failed("refuses a recipient", &error));
            }
            Err(error) => return Err(failed("does not take a recipient now", &error)),
        }
    }
    if let Some(refused) = refused {
        if taken == 0 {
            return Err(refused);
        }
        let left_out = to.len() - taken;
        tracing::warn!(
            left_out,
            reason = refused.reason,
            "a mail goes to some of its recipients alone"
        );
    }
    let ready = connection.command(Data).await;
    ready.map_err(|error| failed("does not take the mail", &error))?;
    let answer = connection.message(formatted).await;
    let answer = answer.map_err(|error| failed("does not take the mail", &error))?;
    let said = said(&answer);
    Ok(match to.len() - taken {
        0 => said,
        left_out => format!("{said} ({left_out} of {} recipients refused)", to.len()),
    })
}

/// The mail as it goes over the wire.
fn format(from: &Mailbox, to: &[Mailbox], mail: &Mail) -> Result<Vec<u8>, DeliveryError> {
    let message_id = format!("<{}@{}>", mail.message, from.email.domain());
    let bodies =
        MultiPart::alternative_plain_html(mail.letter.text.clone(), mail.letter.html.clone());
    let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
    Message::builder()
        .message_id(Some(message_id))
        .date(mail.created.into())
        .from(from.clone())
        .mailbox(lettre::message::header::To::from(
            to.iter().cloned().collect::<Mailboxes>(),
        ))
        .subject(mail.letter.subject.clone())
        // Nobody's answering machine is to answer it (RFC 3834).
        .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()))
        .multipart(bodies)
        .map(|message| message.formatted())
        .map_err(|_| DeliveryError::new("the mail cannot be written"))
}

fn parsed<T: std::str::FromStr>(address: &str) -> Result<T, DeliveryError> {
    address
        .parse()
        .map_err(|_| DeliveryError::new("one of its addresses is none: set it anew"))
}

/// Why the server did not: the code, never its words, which may hold addresses.
fn failed(what: &str, error: &SmtpError) -> DeliveryError {
    let why = match error.status() {
        Some(code) => format!("it answered {code}"),
        None if error.is_timeout() => "it did not answer in time".to_owned(),
        None if error.is_tls() => "TLS did not come about".to_owned(),
        None if error.is_client() => "it does not offer what we need".to_owned(),
        None => "the connection broke".to_owned(),
    };
    DeliveryError {
        answer: Some(error.to_string()),
        ..DeliveryError::new(format!("its server {what} ({why})"))
    }
}

fn said(answer: &Response) -> String {
    let line = answer.first_line().unwrap_or_default();
    format!("{} {line}", answer.code()).trim_end().to_owned()
}

const CONNECT_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn letter(subject: &str) -> Letter {
        Letter {
            subject: subject.into(),
            text: "läuft ab\n".into(),
            html: "<p>läuft ab</p>\n".into(),
        }
    }

    fn formatted(subject: &str) -> String {
        let mail = Mail {
            message: Uuid::from_u128(7),
            letter: &letter(subject),
            created: datetime!(2026-11-25 08:00 UTC),
        };
        let from = "Chancery <chancery@example.org>".parse().unwrap();
        let to = [
            "Ops <ops@example.org>".parse().unwrap(),
            "a@example.org".parse().unwrap(),
        ];
        String::from_utf8(format(&from, &to, &mail).unwrap()).unwrap()
    }

    #[test]
    fn a_mail_that_is_sent_again_has_the_same_id() {
        let mail = formatted("Chancery: renewal of shop fails");
        for header in [
            "Message-ID: <00000000-0000-0000-0000-000000000007@example.org>\r\n",
            "Date: Wed, 25 Nov 2026 08:00:00 +0000\r\n",
            "From: Chancery <chancery@example.org>\r\n",
            "Subject: Chancery: renewal of shop fails\r\n",
            "Auto-Submitted: auto-generated\r\n",
            "Content-Type: multipart/alternative;",
        ] {
            assert!(mail.contains(header), "{header}\n{mail}");
        }
        // Nothing that a server without 8BITMIME would have to refuse.
        assert!(mail.is_ascii());
    }

    #[test]
    fn no_text_adds_a_header() {
        let mail = formatted("x\r\nBcc: everyone@example.com\r\n\r\nbody");
        let (headers, _) = mail.split_once("\r\n\r\n").unwrap();
        assert!(!headers.to_lowercase().contains("\nbcc:"), "{headers}");
    }

    #[test]
    fn addresses_are_in_no_reason() {
        let error = parsed::<Mailbox>("ops@@example.org").unwrap_err();
        assert!(!error.reason.contains("ops"), "{error}");
    }
}
