//! Certificates that say where their issuer lies, and what lies there.

use std::{collections::HashMap, sync::Arc};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DnType, IsCa, KeyPair,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

pub type Ca = CertifiedIssuer<'static, KeyPair>;

/// A CA; its certificate says that its issuer's is at this URL.
pub fn authority(name: &str, above: Option<(&Ca, &str)>) -> Ca {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    match above {
        None => CertifiedIssuer::self_signed(params, key).unwrap(),
        Some((above, url)) => {
            params.custom_extensions.extend(ca_issuers(url));
            CertifiedIssuer::signed_by(params, key, above).unwrap()
        }
    }
}

/// A certificate for shop.example, of Example in DE; DER.
pub fn leaf(above: &Ca, url: &str) -> Vec<u8> {
    let names = ["shop.example".to_owned(), "192.0.2.7".to_owned()];
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CountryName, "DE");
    params
        .distinguished_name
        .push(DnType::OrganizationName, "Example");
    params
        .distinguished_name
        .push(DnType::CommonName, "shop.example");
    params.custom_extensions.extend(ca_issuers(url));
    let key = KeyPair::generate().unwrap();
    params.signed_by(&key, above).unwrap().der().to_vec()
}

/// authorityInfoAccess with one caIssuers (RFC 5280, section 4.2.2.1); none for an empty URL.
fn ca_issuers(url: &str) -> Option<CustomExtension> {
    const AUTHORITY_INFO_ACCESS: [u64; 9] = [1, 3, 6, 1, 5, 5, 7, 1, 1];
    const CA_ISSUERS: [u8; 10] = *b"\x06\x08\x2b\x06\x01\x05\x05\x07\x30\x02";
    let of = |tag: u8, content: Vec<u8>| {
        assert!(content.len() < 128, "a short length is enough");
        [vec![tag, content.len() as u8], content].concat()
    };
    let place = of(0x86, url.into());
    let access = of(0x30, [CA_ISSUERS.to_vec(), place].concat());
    let extension = of(0x30, access);
    let extension = CustomExtension::from_oid_content(&AUTHORITY_INFO_ACCESS, extension);
    (!url.is_empty()).then_some(extension)
}

/// An http server on this machine; what lies there is laid there later.
pub struct Web {
    listener: TcpListener,
}

impl Web {
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { listener }
    }

    pub fn url(&self, path: &str) -> String {
        let port = self.listener.local_addr().unwrap().port();
        format!("http://127.0.0.1:{port}/{path}")
    }

    /// Answers for these paths with a head and a body, for all others with 404.
    pub fn serve<const N: usize>(self, answers: [(&'static str, &'static str, Vec<u8>); N]) {
        let answers = answers.map(|(path, head, body)| (format!("/{path}"), (head, body)));
        let answers = Arc::new(HashMap::from(answers));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = self.listener.accept().await {
                let answers = answers.clone();
                tokio::spawn(async move {
                    let mut seen = Vec::new();
                    while !seen.ends_with(b"\r\n\r\n") {
                        seen.push(stream.read_u8().await.ok()?);
                    }
                    let text = String::from_utf8(seen).ok()?;
                    let path = text.split(' ').nth(1)?;
                    let nothing = ("404 Not Found", Vec::new());
                    let (head, body) = answers.get(path).cloned().unwrap_or(nothing);
                    let length = body.len();
                    let head = format!(
                        "HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
                    );
                    stream.write_all(head.as_bytes()).await.ok()?;
                    stream.write_all(&body).await.ok()
                });
            }
        });
    }
}
