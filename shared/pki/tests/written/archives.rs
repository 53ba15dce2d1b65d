//! ZIP files, and the names in them.

use std::{collections::BTreeSet, io::Read};

use pki::{
    KeyAlgorithm,
    export::{Archive, ExportError, Part, Protection, file_name, pem_parts},
};
use proptest::prelude::*;
use time::macros::datetime;
use zip::ZipArchive;

use crate::identity::Identity;

fn part(suffix: &str, content: &[u8]) -> Part {
    Part {
        suffix: suffix.to_owned(),
        content: content.to_vec().into(),
    }
}

fn names(archive: Archive) -> Vec<String> {
    let octets = archive.finish(datetime!(2026-06-01 12:34:56 UTC)).unwrap();
    let archive = ZipArchive::new(std::io::Cursor::new(octets.as_slice())).unwrap();
    archive
        .file_names()
        .map(|name| name.unwrap().into_owned())
        .collect()
}

#[test]
fn what_goes_in_comes_out() {
    let identity = Identity::new(KeyAlgorithm::EcdsaP256);
    let parts = pem_parts(identity.contents(), Protection::Unprotected).unwrap();
    let mut archive = Archive::default();
    archive.add("*.shop.example", parts.clone());
    let now = datetime!(2026-06-01 12:34:56 UTC);
    let octets = archive.finish(now).unwrap();
    let mut zip = ZipArchive::new(std::io::Cursor::new(octets.as_slice())).unwrap();
    assert_eq!(zip.len(), parts.len());
    for part in parts {
        let mut file = zip
            .by_name(&format!("_.shop.example.{}", part.suffix))
            .unwrap();
        let modified = file.last_modified().unwrap();
        assert_eq!(
            (modified.year(), modified.hour(), modified.second()),
            (2026, 12, 56)
        );
        assert_eq!(file.unix_mode().unwrap() & 0o777, 0o600);
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        assert_eq!(content, *part.content);
    }
    assert_eq!(
        Archive::default().finish(now).err(),
        Some(ExportError::Nothing)
    );
}

#[test]
fn the_same_files_make_the_same_archive() {
    let octets = || {
        let mut archive = Archive::default();
        archive.add("shop", vec![part("cer", b"1")]);
        // Before there was ZIP.
        archive.finish(datetime!(1970-01-01 00:00 UTC)).unwrap()
    };
    assert_eq!(octets(), octets());
}

#[test]
fn namesakes_get_a_number_that_their_files_share() {
    let mut archive = Archive::default();
    archive.add("shop", vec![part("cert.pem", b""), part("key.pem", b"")]);
    archive.add("Shop", vec![part("cert.pem", b""), part("chain.pem", b"")]);
    archive.add("shop.key", vec![part("pem", b"")]);
    archive.add("a/b", vec![part("cer", b"")]);
    archive.add("a:b", vec![part("cer", b"")]);
    let expected = [
        "shop.cert.pem",
        "shop.key.pem",
        "Shop (2).cert.pem",
        "Shop (2).chain.pem",
        "shop.key (2).pem",
        "a_b.cer",
        "a_b (2).cer",
    ];
    assert_eq!(names(archive), expected);
}

#[test]
fn file_names_are_safe() {
    for (name, expected) in [
        ("www.example.com", "www.example.com.p12"),
        ("*.example.com", "_.example.com.p12"),
        ("Shop, München ✓", "Shop, München ✓.p12"),
        ("../../etc/passwd", "_.._etc_passwd.p12"),
        ("..", "certificate.p12"),
        ("-rf", "rf.p12"),
        (r"C:\a", "C__a.p12"),
        ("con", "_con.p12"),
        ("COM1.example", "_COM1.example.p12"),
        ("common", "common.p12"),
        ("a\u{202e}b\n", "a_b_.p12"),
        ("a. ", "a.p12"),
    ] {
        assert_eq!(file_name(name, "p12"), expected);
    }
}

proptest! {
    #[test]
    fn any_names_give_safe_names_of_their_own(friendly in prop::collection::vec("\\PC{0,100}|[a/.]{0,3}", 1..20)) {
        let mut archive = Archive::default();
        for name in &friendly {
            archive.add(name, vec![part("cert.pem", b""), part("key.pem", b"")]);
        }
        let names = names(archive);
        let different = names.iter().map(|name| name.to_lowercase()).collect::<BTreeSet<_>>();
        prop_assert_eq!(different.len(), friendly.len() * 2);
        for name in names {
            prop_assert!(!name.contains(['/', '\\', ':']) && !name.starts_with(['.', '-']) && name.len() <= 255, "{}", name);
        }
    }
}
