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

    let files = compiler.file_descriptor_set();
    let mut generate = tonic_prost_build::Config::new();
    // What has a secret in it shows nothing of itself: `src/silent.rs` writes its `Debug`.
    generate.skip_debug(with_secrets(&files));
    tonic_prost_build::configure()
        .bytes(".")
        .compile_well_known_types(true)
        .extern_path(".google.protobuf", "::pbjson_types")
        .compile_fds_with_config(files, generate)?;
    pbjson_build::Builder::new()
        .register_descriptors(&fs::read(&descriptors)?)?
        .build(&[".chancery"])?;
    Ok(())
}

/// The messages with a field that is marked `debug_redact`.
fn with_secrets(files: &prost_types::FileDescriptorSet) -> Vec<String> {
    let mut found = Vec::new();
    for file in &files.file {
        for message in &file.message_type {
            let secret = |field: &prost_types::FieldDescriptorProto| {
                field.options.as_ref().is_some_and(|options| options.debug_redact())
            };
            if message.field.iter().any(secret) {
                found.push(format!("{}.{}", file.package(), message.name()));
            }
        }
    }
    found
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
