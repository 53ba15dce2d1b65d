//! Generates the Rust side of `proto/`: messages, gRPC clients and servers, proto3 JSON.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    println!("cargo:rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    proto_files(&root, &mut files)?;
    files.sort();

    let mut compiler = protox::Compiler::new([&root])?;
    compiler
        .include_source_info(true)
        .include_imports(true)
        .open_files(&files)?;
    let descriptors = PathBuf::from(env::var("OUT_DIR")?).join("descriptors.bin");
    // Encoded by protox itself: prost's own types would drop the custom options.
    fs::write(&descriptors, compiler.encode_file_descriptor_set())?;

    let mut generate = tonic_prost_build::Config::new();
    generate.skip_debug(WITH_SECRETS);
    tonic_prost_build::configure()
        .bytes(".")
        .compile_well_known_types(true)
        .extern_path(".google.protobuf", "::pbjson_types")
        .compile_fds_with_config(compiler.file_descriptor_set(), generate)?;
    pbjson_build::Builder::new()
        .register_descriptors(&fs::read(&descriptors)?)?
        .build(&[".chancery"])?;
    Ok(())
}

fn proto_files(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            proto_files(&path, found)?;
        } else if path.extension().is_some_and(|e| e == "proto") {
            found.push(path);
        }
    }
    Ok(())
}

/// Messages that show nothing of themselves: `src/silent.rs` writes their `Debug`.
const WITH_SECRETS: [&str; 16] = [
    ".chancery.acme.v1.AddDnsProviderRequest",
    ".chancery.acme.v1.ExternalAccountBinding",
    ".chancery.gateway.v1.BeginLoginResponse",
    ".chancery.gateway.v1.CreateTokenResponse",
    ".chancery.gateway.v1.Invitation",
    ".chancery.gateway.v1.PollLoginRequest",
    ".chancery.gateway.v1.PollLoginResponse",
    ".chancery.keystore.v1.ExportKeyRequest",
    ".chancery.keystore.v1.ExportRequest",
    ".chancery.keystore.v1.ExportResponse",
    ".chancery.keystore.v1.ImportFile",
    ".chancery.keystore.v1.OpenSecretResponse",
    ".chancery.keystore.v1.SealSecretRequest",
    ".chancery.keystore.v1.ServingCredential",
    ".chancery.notifier.v1.EmailSettings",
    ".chancery.notifier.v1.WebhookSettings",
];
