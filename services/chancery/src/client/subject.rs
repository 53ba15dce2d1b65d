//! Whom something new is for: options for its subject and its names, and the older thing that they are copied from.

use api::{
    csr::v1::{CopyFromRequest, CopyFromResponse, copy_from_request::Source},
    x509::v1::{Subject, SubjectAltNames},
};
use clap::Args;

use super::{ClientError, Connection, certs, requests};

/// The names and the subject of something new.
#[derive(Debug, Clone, Default, Args)]
pub struct SubjectArgs {
    /// A DNS name that it is good for, also "*." and a name; may be given several times.
    #[arg(long, value_name = "NAME")]
    pub dns: Vec<String>,
    /// An IPv4 or IPv6 address that it is good for; may be given several times.
    #[arg(long, value_name = "ADDRESS")]
    pub ip: Vec<String>,
    /// Common name (CN).
    #[arg(long, value_name = "TEXT", help_heading = SUBJECT)]
    pub cn: Option<String>,
    /// Organization (O).
    #[arg(long, value_name = "TEXT", help_heading = SUBJECT)]
    pub organization: Option<String>,
    /// Organizational unit (OU).
    #[arg(long, value_name = "TEXT", help_heading = SUBJECT)]
    pub organizational_unit: Option<String>,
    /// Locality, such as a city (L).
    #[arg(long, value_name = "TEXT", help_heading = SUBJECT)]
    pub locality: Option<String>,
    /// State or province (ST).
    #[arg(long, value_name = "TEXT", help_heading = SUBJECT)]
    pub state: Option<String>,
    /// Country, two letters (C).
    #[arg(long, value_name = "CODE", help_heading = SUBJECT)]
    pub country: Option<String>,
    /// E-mail address.
    #[arg(long, value_name = "EMAIL", help_heading = SUBJECT)]
    pub email: Option<String>,
}

impl SubjectArgs {
    /// What was typed, over what is copied: a field that was typed takes the place of the copied one (an empty one
    /// leaves it out), and names that were typed take the place of all the copied names.
    pub fn over(self, copied: Option<&CopyFromResponse>) -> (Subject, SubjectAltNames) {
        let old = copied.and_then(|c| c.subject.clone()).unwrap_or_default();
        let subject = Subject {
            common_name: self.cn.unwrap_or(old.common_name),
            organization: self.organization.unwrap_or(old.organization),
            organizational_unit: self.organizational_unit.unwrap_or(old.organizational_unit),
            locality: self.locality.unwrap_or(old.locality),
            state_or_province: self.state.unwrap_or(old.state_or_province),
            country: self.country.unwrap_or(old.country),
            email_address: self.email.unwrap_or(old.email_address),
        };
        let names = match self.dns.is_empty() && self.ip.is_empty() {
            true => copied.and_then(|c| c.subject_alt_names.clone()),
            false => None,
        };
        let names = names.unwrap_or(SubjectAltNames {
            dns_names: self.dns,
            ip_addresses: self.ip,
        });
        (subject, names)
    }
}

/// What the certificate with this id was made from.
pub async fn copy_certificate(
    connection: &Connection,
    id: String,
) -> Result<CopyFromResponse, ClientError> {
    copy(connection, Source::CertificateId(id)).await
}

/// What this certificate was made from, or this request where no certificate is called so.
pub async fn copy_either(
    connection: &Connection,
    name: &str,
) -> Result<CopyFromResponse, ClientError> {
    let source = match certs::find(connection, name).await {
        Ok(certificate) => Source::CertificateId(certificate.id),
        Err(error) if error.is_not_found() => {
            Source::RequestId(requests::find(connection, name).await?.id)
        }
        Err(error) => return Err(error),
    };
    copy(connection, source).await
}

async fn copy(connection: &Connection, source: Source) -> Result<CopyFromResponse, ClientError> {
    let mut csr = connection.csr();
    let request = CopyFromRequest {
        source: Some(source),
    };
    connection
        .ask(request, async |request| csr.copy_from(request).await)
        .await
}

const SUBJECT: &str = "Subject";

#[cfg(test)]
mod tests {
    use super::*;

    fn shop() -> CopyFromResponse {
        CopyFromResponse {
            subject: Some(Subject {
                common_name: "shop.example".into(),
                organization: "Shop".into(),
                country: "DE".into(),
                ..Subject::default()
            }),
            subject_alt_names: Some(SubjectAltNames {
                dns_names: vec!["shop.example".into()],
                ip_addresses: vec!["192.0.2.7".into()],
            }),
            ..CopyFromResponse::default()
        }
    }

    #[test]
    fn what_was_typed_takes_the_place_of_what_is_copied() {
        let typed = SubjectArgs {
            organization: Some("Shop AG".into()),
            country: Some(String::new()),
            dns: vec!["www.shop.example".into()],
            ..SubjectArgs::default()
        };
        let (subject, names) = typed.over(Some(&shop()));
        assert_eq!(subject.common_name, "shop.example");
        assert_eq!(subject.organization, "Shop AG");
        assert_eq!(subject.country, "", "an empty option leaves the field out");
        assert_eq!(names.dns_names, ["www.shop.example"]);
        assert!(
            names.ip_addresses.is_empty(),
            "names are replaced as a whole"
        );
    }

    #[test]
    fn with_nothing_typed_all_is_copied() {
        let (subject, names) = SubjectArgs::default().over(Some(&shop()));
        assert_eq!(Some(subject), shop().subject);
        assert_eq!(Some(names), shop().subject_alt_names);
    }
}
