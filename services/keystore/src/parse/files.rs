//! Files that come in and go out.

use api::{
    convert::id,
    keystore::v1::{ExportFormat, ExportKeyRequest, ExportRequest, ImportFile, ImportRequest},
    refuse::Violations,
};
use tonic::Status;
use zeroize::Zeroizing;

use super::MAX_ITEMS;
use crate::commands::{Export, ExportItem, ExportKey, File, Format};

pub fn import(request: ImportRequest) -> Result<Vec<File>, Status> {
    // First of all: what is refused is wiped too.
    let files = files(request.files);
    let mut violations = Violations::new();
    if !(1..=MAX_FILES).contains(&files.len()) {
        violations.add("files", format!("give 1 to {MAX_FILES} files"));
        return Err(violations.into_status());
    }
    let length = files.iter().map(|file| file.content.len());
    if length.sum::<usize>() > MAX_LENGTH {
        violations.add("files", "they have at most 10 MiB together");
    }
    for (n, file) in files.iter().enumerate() {
        if file.name.chars().count() > MAX_NAME {
            let field = format!("files[{n}].name");
            violations.add(field, format!("at most {MAX_NAME} characters"));
        }
    }
    match violations.is_empty() {
        true => Ok(files),
        false => Err(violations.into_status()),
    }
}

/// The files, each in a buffer that is wiped. They are parts of the one that the request came in: the last takes that over
/// whole, and what the others were copied from is wiped with it.
fn files(messages: Vec<ImportFile>) -> Vec<File> {
    let last = messages.iter().rposition(|file| !file.content.is_empty());
    let mut whole = None;
    let files = messages.into_iter().enumerate().map(|(n, file)| {
        let content = match Some(n) == last {
            true => {
                whole = Some((n, file.content));
                Vec::new()
            }
            false => file.content.to_vec(),
        };
        File {
            name: file.name,
            content: Zeroizing::new(content),
            passphrase: file.passphrase.map(Zeroizing::new),
        }
    });
    let mut files = files.collect::<Vec<_>>();
    // Nobody else has a part of it any more.
    if let Some((n, buffer)) = whole {
        files[n].content = Zeroizing::new(Vec::from(buffer));
    }
    files
}

/// Private keys may be asked for with `ExportWithPrivateKeys` alone.
pub fn export(
    request: &ExportRequest,
    passphrase: Zeroizing<String>,
    private_keys: bool,
) -> Result<Export, Status> {
    let mut violations = Violations::new();
    if !(1..=MAX_ITEMS).contains(&request.items.len()) {
        violations.add("items", format!("give 1 to {MAX_ITEMS} certificates"));
        return Err(violations.into_status());
    }
    let format = format(request.format());
    if format.is_none() {
        violations.add("format", "choose PEM, DER, PKCS#12, JKS or PKCS#7");
    }
    let pkcs7 = matches!(format, Some(Format::Pkcs7 | Format::Pkcs7Pem));
    let mut items = Vec::with_capacity(request.items.len());
    for (n, item) in request.items.iter().enumerate() {
        let field = |name| format!("items[{n}].{name}");
        let certificate_id = id(
            &field("certificate_id"),
            &item.certificate_id,
            &mut violations,
        );
        if item.private_key && pkcs7 {
            violations.add(field("private_key"), "PKCS#7 has no room for private keys");
        } else if item.private_key && !private_keys {
            let right = "private keys go out by ExportWithPrivateKeys alone";
            violations.add(field("private_key"), right);
        }
        if !(item.certificate || item.chain || item.private_key) {
            let nothing = "choose the certificate, the chain or the private key";
            violations.add(field("certificate"), nothing);
        }
        items.extend(certificate_id.map(|certificate_id| ExportItem {
            certificate_id,
            version: (item.version > 0).then_some(item.version),
            certificate: item.certificate,
            chain: item.chain,
            private_key: item.private_key,
        }));
    }
    if request.one_file && format != Some(Format::Pem) {
        violations.add("one_file", "only PEM puts several things into one file");
    }
    if request.legacy_encryption && format != Some(Format::Pkcs12) {
        violations.add("legacy_encryption", "only PKCS#12 has it");
    }
    let passphrase = protection(passphrase, request.unprotected, &mut violations);
    match format {
        Some(format) if violations.is_empty() => Ok(Export {
            items,
            format,
            one_file: request.one_file,
            passphrase,
            unprotected: request.unprotected,
            legacy_encryption: request.legacy_encryption,
        }),
        _ => Err(violations.into_status()),
    }
}

pub fn export_key(
    request: &ExportKeyRequest,
    passphrase: Zeroizing<String>,
) -> Result<ExportKey, Status> {
    let mut violations = Violations::new();
    let key_id = id("key_id", &request.key_id, &mut violations);
    let pem = match format(request.format()) {
        Some(Format::Pem) => Some(true),
        Some(Format::Der) => Some(false),
        _ => {
            violations.add("format", "a key alone goes out as PEM or DER");
            None
        }
    };
    let passphrase = protection(passphrase, request.unprotected, &mut violations);
    match (key_id, pem) {
        (Some(key_id), Some(pem)) if violations.is_empty() => Ok(ExportKey {
            key_id,
            pem,
            passphrase,
            unprotected: request.unprotected,
        }),
        _ => Err(violations.into_status()),
    }
}

fn protection(
    passphrase: Zeroizing<String>,
    unprotected: bool,
    violations: &mut Violations,
) -> Option<Zeroizing<String>> {
    if passphrase.len() > MAX_PASSPHRASE {
        violations.add("passphrase", format!("at most {MAX_PASSPHRASE} bytes"));
    }
    if unprotected && !passphrase.is_empty() {
        let one = "either a passphrase is given, or the keys go out unprotected";
        violations.add("unprotected", one);
    }
    (!passphrase.is_empty()).then_some(passphrase)
}

fn format(format: ExportFormat) -> Option<Format> {
    match format {
        ExportFormat::Unspecified => None,
        ExportFormat::Pem => Some(Format::Pem),
        ExportFormat::Der => Some(Format::Der),
        ExportFormat::Pkcs12 => Some(Format::Pkcs12),
        ExportFormat::Jks => Some(Format::Jks),
        ExportFormat::Pkcs7 => Some(Format::Pkcs7),
        ExportFormat::Pkcs7Pem => Some(Format::Pkcs7Pem),
    }
}

const MAX_FILES: usize = 100;
/// Of all files together.
const MAX_LENGTH: usize = 10 << 20;
const MAX_NAME: usize = 255;
/// What an import takes too.
const MAX_PASSPHRASE: usize = 1_024;

#[cfg(test)]
mod tests {
    use api::refuse::violations;

    use super::*;

    fn fields<T>(parsed: Result<T, Status>) -> Vec<String> {
        let Err(status) = parsed else {
            return Vec::new();
        };
        violations(&status).into_iter().map(|v| v.field).collect()
    }

    #[test]
    fn what_comes_in_is_bounded() {
        let file = |length| ImportFile {
            name: "shop.pem".into(),
            content: vec![0; length].into(),
            passphrase: None,
        };
        let files = |files| import(ImportRequest { files });
        assert_eq!(fields(files(vec![])), ["files"]);
        assert_eq!(fields(files(vec![file(1); 101])), ["files"]);
        assert_eq!(fields(files(vec![file(1 << 20); 11])), ["files"]);
        assert_eq!(files(vec![file(1 << 20); 10]).unwrap().len(), 10);
    }

    #[test]
    fn the_buffer_that_a_request_came_in_is_wiped_with_its_last_file() {
        let mut request = bytes::BytesMut::with_capacity(4_096);
        request.extend_from_slice(b"one secret and another secret");
        let (buffer, capacity) = (request.as_ptr(), request.capacity());
        let mut request = request.freeze();
        let file = |content| ImportFile {
            name: "shop.pem".into(),
            content,
            passphrase: None,
        };
        let first = file(request.split_to(11));
        let files = vec![first, file(request), file(bytes::Bytes::new())];
        let files = import(ImportRequest { files }).unwrap();
        let contents = files.iter().map(|file| file.content.as_slice());
        let expected: [&[u8]; 3] = [b"one secret ", b"and another secret", b""];
        assert!(contents.eq(expected));
        let last = &files[1].content;
        assert_eq!((last.as_ptr(), last.capacity()), (buffer, capacity));
    }

    #[test]
    fn what_goes_out_must_make_sense_and_a_key_must_be_asked_for_where_it_may() {
        let item = api::keystore::v1::ExportItem {
            certificate_id: uuid::Uuid::nil().to_string(),
            private_key: true,
            ..Default::default()
        };
        let request = |format: ExportFormat| ExportRequest {
            items: vec![item.clone()],
            format: format.into(),
            unprotected: true,
            ..ExportRequest::default()
        };
        let none = Zeroizing::<String>::default;
        assert!(export(&request(ExportFormat::Pem), none(), true).is_ok());
        let refused = fields(export(&request(ExportFormat::Pem), none(), false));
        assert_eq!(refused, ["items[0].private_key"]);
        let refused = fields(export(&request(ExportFormat::Pkcs7), none(), true));
        assert_eq!(refused, ["items[0].private_key"]);
        let nonsense = ExportRequest {
            items: vec![Default::default()],
            one_file: true,
            legacy_encryption: true,
            ..request(ExportFormat::Unspecified)
        };
        let wrong = [
            "format",
            "items[0].certificate",
            "items[0].certificate_id",
            "legacy_encryption",
            "one_file",
            "unprotected",
        ];
        let passphrase = Zeroizing::new("x".to_owned());
        assert_eq!(fields(export(&nonsense, passphrase, true)), wrong);
    }
}
