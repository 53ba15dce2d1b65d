//! What people do with certificates and keys.

use api::keystore::v1::{
    self, ClearDefaultRequest, ClearDefaultResponse, DeleteCertificatesRequest,
    DeleteCertificatesResponse, DeletionVerdict, DestroyKeysRequest, DestroyKeysResponse,
    ExportKeyRequest, ExportRequest, ExportResponse, FileOutcome, FileVerdict, ImportFile,
    ImportRequest, ImportResponse, ImportedItem, MarkRevokedRequest, MarkRevokedResponse,
    RenameCertificateRequest, RenameCertificateResponse, RestoreCertificateRequest,
    RestoreCertificateResponse, SetDefaultRequest, SetDefaultResponse,
    certificate_service_server::CertificateService,
};
use bytes::Bytes;
use eventlog::Origin;
use runtime::Caller;
use tonic::{Request, Response, Status};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::Keystore;
use crate::{
    certificate::Kept,
    commands::{CommandError, Exported, ImportedCertificate, ImportedKey, Item, Outcome, Verdict},
    parse,
    refusal::Refusal,
};

#[tonic::async_trait]
impl CertificateService for Keystore {
    async fn import(
        &self,
        request: Request<ImportRequest>,
    ) -> Result<Response<ImportResponse>, Status> {
        let origin = origin_of_import(&request)?;
        let files = parse::files::import(request.into_inner())?;
        let imported = self.commands.import(&origin, files).await?;
        Ok(Response::new(ImportResponse {
            files: imported.verdicts.into_iter().map(file_verdict).collect(),
            position: imported.position,
        }))
    }

    async fn export(
        &self,
        request: Request<ExportRequest>,
    ) -> Result<Response<ExportResponse>, Status> {
        self.export_items(request, false).await
    }

    async fn export_with_private_keys(
        &self,
        request: Request<ExportRequest>,
    ) -> Result<Response<ExportResponse>, Status> {
        self.export_items(request, true).await
    }

    async fn export_key(
        &self,
        request: Request<ExportKeyRequest>,
    ) -> Result<Response<ExportResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        let mut message = request.into_inner();
        let passphrase = taken(&mut message.passphrase);
        let origin = caller.origin(&message);
        let export = parse::files::export_key(&message, passphrase)?;
        let exported = self.commands.export_key(&origin, export).await?;
        Ok(file(exported))
    }

    async fn rename_certificate(
        &self,
        request: Request<RenameCertificateRequest>,
    ) -> Result<Response<RenameCertificateResponse>, Status> {
        let caller = Caller::of(&request)?;
        let origin = caller.origin(request.get_ref());
        let (id, name) = parse::rename(request.get_ref())?;
        let state = self.commands.certificate(id).await?;
        state.within(&caller.certificates)?;
        let position = self.commands.rename(&origin, id, name).await?;
        Ok(Response::new(RenameCertificateResponse { position }))
    }

    async fn mark_revoked(
        &self,
        request: Request<MarkRevokedRequest>,
    ) -> Result<Response<MarkRevokedResponse>, Status> {
        let caller = Caller::of(&request)?;
        let origin = caller.origin(request.get_ref());
        let (id, version, reason) = parse::mark_revoked(request.get_ref())?;
        let state = self.commands.certificate(id).await?;
        state.within(&caller.certificates)?;
        let kept = state.known().ok_or(Refusal::NoSuchCertificate)?;
        // A certificate is never given to an automation later.
        if !kept.automation_id.is_empty() {
            return Err(Refusal::RevokedByAutomation.into());
        }
        let version = match version {
            0 => kept.version(),
            version => version,
        };
        let marked = self.commands.mark_revoked(&origin, id, version, reason);
        let position = marked.await?;
        Ok(Response::new(MarkRevokedResponse { position }))
    }

    async fn set_default(
        &self,
        request: Request<SetDefaultRequest>,
    ) -> Result<Response<SetDefaultResponse>, Status> {
        let origin = Caller::of(&request)?.origin(request.get_ref());
        let id = parse::one_id("certificate_id", &request.get_ref().certificate_id)?;
        let position = self.commands.set_default(&origin, id).await?;
        Ok(Response::new(SetDefaultResponse { position }))
    }

    async fn clear_default(
        &self,
        request: Request<ClearDefaultRequest>,
    ) -> Result<Response<ClearDefaultResponse>, Status> {
        let origin = Caller::of(&request)?.origin(request.get_ref());
        let position = self.commands.clear_default(&origin).await?;
        Ok(Response::new(ClearDefaultResponse { position }))
    }

    async fn delete_certificates(
        &self,
        request: Request<DeleteCertificatesRequest>,
    ) -> Result<Response<DeleteCertificatesResponse>, Status> {
        let origin = Caller::of(&request)?.origin(request.get_ref());
        let ids = parse::ids("certificate_ids", &request.get_ref().certificate_ids)?;
        let mut answer = DeleteCertificatesResponse::default();
        for id in ids {
            let state = self.commands.certificate(id).await?;
            let kept = state.known();
            let name = kept.map(|kept| kept.friendly_name.clone());
            let verdict = DeletionVerdict {
                id: id.to_string(),
                name: name.unwrap_or_default(),
                warnings: kept.map(|kept| warnings(kept, self)).unwrap_or_default(),
                ..DeletionVerdict::default()
            };
            let outcome = match request.get_ref().dry_run {
                true => {
                    let review = self.commands.review_deletion(id, &state);
                    review.await.map(|()| 0)
                }
                false => self.commands.delete_certificate(&origin, id).await,
            };
            let (verdict, position) = decided(verdict, outcome)?;
            answer.position = answer.position.max(position);
            answer.certificates.push(verdict);
        }
        Ok(Response::new(answer))
    }

    async fn restore_certificate(
        &self,
        request: Request<RestoreCertificateRequest>,
    ) -> Result<Response<RestoreCertificateResponse>, Status> {
        let origin = Caller::of(&request)?.origin(request.get_ref());
        let id = parse::one_id("certificate_id", &request.get_ref().certificate_id)?;
        let (name, position) = self.commands.restore_certificate(&origin, id).await?;
        Ok(Response::new(RestoreCertificateResponse {
            friendly_name: name.into(),
            position,
        }))
    }

    async fn destroy_keys(
        &self,
        request: Request<DestroyKeysRequest>,
    ) -> Result<Response<DestroyKeysResponse>, Status> {
        let origin = Caller::of(&request)?.origin(request.get_ref());
        let ids = parse::ids("key_ids", &request.get_ref().key_ids)?;
        let mut answer = DestroyKeysResponse::default();
        for id in ids {
            let key = self.commands.vault.find(id).await;
            let key = key.map_err(CommandError::Vault)?;
            let verdict = DeletionVerdict {
                id: id.to_string(),
                name: key.map(|key| key.algorithm.to_string()).unwrap_or_default(),
                warnings: vec![NEVER_BACK.to_owned()],
                ..DeletionVerdict::default()
            };
            let outcome = match request.get_ref().dry_run {
                true => self.commands.review_destruction(id).await.map(|_| 0),
                false => self.commands.destroy_key(&origin, id).await,
            };
            let (verdict, position) = decided(verdict, outcome)?;
            answer.position = answer.position.max(position);
            answer.keys.push(verdict);
        }
        Ok(Response::new(answer))
    }
}

impl Keystore {
    async fn export_items(
        &self,
        request: Request<ExportRequest>,
        private_keys: bool,
    ) -> Result<Response<ExportResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        let mut message = request.into_inner();
        let passphrase = taken(&mut message.passphrase);
        let origin = caller.origin(&message);
        let export = parse::files::export(&message, passphrase, private_keys)?;
        let exported = self
            .commands
            .export(&origin, &caller.certificates, export)
            .await?;
        Ok(file(exported))
    }
}

/// The digest of a command is in the log, and all else that an export is made of is known from there: the
/// passphrase, in it, could be guessed at one hash a guess. That there is one is enough.
fn silent(passphrase: &str) -> String {
    match passphrase {
        "" => String::new(),
        _ => "a passphrase".to_owned(),
    }
}

/// Takes a passphrase out of a message, into a buffer that is wiped; the message says that there was one.
fn taken(passphrase: &mut String) -> Zeroizing<String> {
    let said = silent(passphrase);
    Zeroizing::new(std::mem::replace(passphrase, said))
}

/// The same for files that somebody has who reads the log.
fn origin_of_import(request: &Request<ImportRequest>) -> Result<Origin, Status> {
    let files = request.get_ref().files.iter().map(|file| ImportFile {
        name: file.name.clone(),
        content: file.content.clone(),
        passphrase: file.passphrase.as_deref().map(silent),
    });
    let files = files.collect();
    Ok(Caller::of(request)?.origin(&ImportRequest { files }))
}

fn file(exported: Exported) -> Response<ExportResponse> {
    Response::new(ExportResponse {
        file_name: exported.file_name,
        media_type: exported.media_type.to_owned(),
        // Wiped once it has been sent.
        content: Bytes::from_owner(exported.content),
        position: exported.position,
    })
}

/// A refusal is a verdict; what fails, fails the whole call, and the same call again goes on.
fn decided(
    verdict: DeletionVerdict,
    outcome: Result<u64, CommandError>,
) -> Result<(DeletionVerdict, u64), Status> {
    match outcome {
        Ok(position) => Ok((
            DeletionVerdict {
                deleted: true,
                ..verdict
            },
            position,
        )),
        Err(CommandError::Refused(refusal)) => Ok((refused(verdict, &refusal), 0)),
        Err(error) => Err(error.into()),
    }
}

fn refused(verdict: DeletionVerdict, refusal: &Refusal) -> DeletionVerdict {
    DeletionVerdict {
        reason: refusal.reason().to_owned(),
        message: refusal.to_string(),
        warnings: Vec::new(),
        ..verdict
    }
}

/// What to know before a certificate goes.
fn warnings(kept: &Kept, keystore: &Keystore) -> Vec<String> {
    let mut warnings = vec!["its private key stays under keys, and it can be restored".to_owned()];
    let now = keystore.commands.clock.now().unix_timestamp();
    let valid = |at: &api::x509::v1::Certificate| {
        at.not_after.as_ref().is_some_and(|end| end.seconds >= now)
    };
    if valid(&kept.leaf) && !kept.leaf.is_ca {
        warnings.push(
            "it is still valid: replace it before you delete it, or clients that ask for its names get another one"
                .to_owned(),
        );
    }
    warnings
}

fn file_verdict(verdict: Verdict) -> FileVerdict {
    let (outcome, reason, message) = match verdict.outcome {
        Outcome::Imported => (FileOutcome::Imported, "", String::new()),
        Outcome::AlreadyHere => (FileOutcome::AlreadyHere, "", String::new()),
        Outcome::NotTaken(error) if error.needs_passphrase() => (
            FileOutcome::PassphraseNeeded,
            error.reason(),
            error.to_string(),
        ),
        Outcome::NotTaken(error) => (FileOutcome::Refused, error.reason(), error.to_string()),
        Outcome::Refused(refusal) => (FileOutcome::Refused, refusal.reason(), refusal.to_string()),
    };
    FileVerdict {
        name: verdict.name,
        outcome: outcome.into(),
        reason: reason.to_owned(),
        message,
        format: verdict.format,
        items: verdict.items.into_iter().map(item).collect(),
    }
}

fn item(item: Item) -> ImportedItem {
    use v1::imported_item::Item as Message;
    let item = match item {
        Item::Certificate(certificate) => Message::Certificate(imported_certificate(certificate)),
        Item::Key(key) => Message::Key(imported_key(key)),
    };
    ImportedItem { item: Some(item) }
}

fn imported_certificate(imported: ImportedCertificate) -> v1::ImportedCertificate {
    let text = |id: Option<Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
    let (name, url) = match &imported.missing {
        Some(missing) => (missing.name.clone(), missing.ca_issuers_url.clone()),
        None => (String::new(), None),
    };
    v1::ImportedCertificate {
        certificate_id: imported.certificate_id.to_string(),
        friendly_name: imported.friendly_name,
        sha256_fingerprint: imported.fingerprint,
        already_here: imported.already_here,
        restored: imported.restored,
        key_id: text(imported.key_id),
        request_id: text(imported.request_id),
        chain_complete: imported.missing.is_none(),
        missing_issuer: name,
        missing_issuer_url: url.unwrap_or_default(),
    }
}

fn imported_key(key: ImportedKey) -> v1::ImportedKey {
    v1::ImportedKey {
        key_id: key.key_id.to_string(),
        algorithm: api::x509::v1::KeyAlgorithm::from(key.algorithm).into(),
        spki_sha256: key.spki_sha256,
        already_here: key.already_here,
        certificate_ids: key.certificates.iter().map(Uuid::to_string).collect(),
    }
}

const NEVER_BACK: &str =
    "a destroyed key cannot be restored: what it decrypts or proves is lost with it";
