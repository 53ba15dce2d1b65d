//! The rules of the house, as tests.
#![allow(clippy::unwrap_used)] // A panic is how a rule fails.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use api::policy;

/// Longer than [`LONGEST`] lines, and why.
const LONGER_FOR_A_REASON: [(&str, &str); 0] = [];

/// A file has one idea; one with more lines than this most often has two.
const LONGEST: usize = 400;

/// Names that say nothing about what is inside.
const DRAWERS: [&str; 9] = [
    "util", "utils", "common", "helper", "helpers", "misc", "shared", "types", "mod",
];

#[test]
fn services_meet_only_in_proto_and_on_the_log() {
    let services = folders("services");
    for service in services.iter().filter(|service| *service != "chancery") {
        let manifest = read(&format!("services/{service}/Cargo.toml"));
        for other in &services {
            let wanted = dependencies(&manifest).any(|dependency| dependency == other);
            assert!(
                !wanted,
                "services/{service} depends on {other}: let them meet in proto/ or on the log"
            );
        }
    }
}

#[test]
fn what_is_shared_knows_no_service() {
    let services = folders("services");
    for shared in folders("shared") {
        let manifest = read(&format!("shared/{shared}/Cargo.toml"));
        let known = dependencies(&manifest).find(|d| services.iter().any(|service| service == d));
        assert_eq!(known, None, "shared/{shared} depends on a service");
    }
    // The log knows no domain, and X.509 does no I/O.
    for (shared, forbidden) in [
        ("eventlog", &["api", "pki", "runtime"][..]),
        ("pki", &["api", "runtime", "tokio", "eventlog"]),
    ] {
        let manifest = read(&format!("shared/{shared}/Cargo.toml"));
        let (own, _for_tests) = manifest
            .split_once("[dev-dependencies]")
            .unwrap_or((&manifest, ""));
        let known = dependencies(own).find(|d| forbidden.contains(d));
        assert_eq!(known, None, "shared/{shared} depends on it");
    }
}

#[test]
fn a_file_has_one_idea() {
    for file in rust_files() {
        let name = relative(&file);
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        let reason = LONGER_FOR_A_REASON.iter().find(|(long, _)| *long == name);
        match reason {
            None => assert!(
                lines <= LONGEST,
                "{name} has {lines} lines: split it, or list it here with the reason"
            ),
            Some(_) => assert!(lines > LONGEST, "{name} needs no exception any more"),
        }
    }
}

#[test]
fn a_name_says_what_is_inside() {
    for file in rust_files() {
        let stem = file.file_stem().unwrap().to_str().unwrap();
        let folder = file
            .parent()
            .unwrap()
            .file_name()
            .unwrap()
            .to_str()
            .unwrap();
        let is_drawer = DRAWERS.contains(&stem)
            || (DRAWERS.contains(&folder) && relative(&file).matches('/').count() > 2);
        assert!(!is_drawer, "{}: name it after its idea", relative(&file));
    }
}

#[test]
fn services_log_and_do_not_print() {
    let rooms = [
        "services/keystore",
        "services/csr-service",
        "services/acme-agent",
        "services/notifier",
        "services/projection",
        "services/gateway",
        "shared",
    ];
    for file in rust_files() {
        let name = relative(&file);
        // Tests and build scripts may speak; "chancery" is what speaks to people.
        if !name.contains("/src/") || !rooms.iter().any(|room| name.starts_with(room)) {
            continue;
        }
        for (n, line) in fs::read_to_string(&file).unwrap().lines().enumerate() {
            let prints = ["println!(", "print!(", "dbg!("]
                .iter()
                .any(|word| line.contains(word));
            assert!(!prints, "{name}:{}: use tracing", n + 1);
        }
    }
}

#[test]
fn nothing_is_left_to_do() {
    // Put together here, so that this file does not find itself.
    let marks = [
        ["to", "do!("].concat(),
        ["unimple", "mented!("].concat(),
        ["TO", "DO"].concat(),
        ["FIX", "ME"].concat(),
    ];
    for file in rust_files() {
        for (n, line) in fs::read_to_string(&file).unwrap().lines().enumerate() {
            let left = marks.iter().any(|mark| line.contains(mark.as_str()));
            assert!(!left, "{}:{}: {}", relative(&file), n + 1, line.trim());
        }
    }
}

#[test]
fn every_event_has_a_golden_file_and_every_golden_file_an_event() {
    let mut golden = BTreeSet::new();
    let mut declared_in_code = BTreeSet::new();
    for service in folders("services") {
        let folder = workspace()
            .join("services")
            .join(&service)
            .join("src/golden");
        for file in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = file.file_name().into_string().unwrap();
            // Beside them may lie what they are made of, a certificate for example.
            if !name.ends_with(".json") {
                continue;
            }
            let text = fs::read_to_string(file.path()).unwrap();
            assert!(
                serde_json::from_str::<serde_json::Value>(&text).is_ok(),
                "{name} is not JSON"
            );
            // "<aggregate>.<event>.json", or "<aggregate>.<event>.<what is old about it>.json".
            golden.insert(name.split('.').take(2).collect::<Vec<_>>().join("."));
        }
        declared_in_code.extend(events_in_code(&service));
    }
    let in_proto = events_in_proto();
    assert!(!in_proto.is_empty());
    assert_eq!(
        golden, in_proto,
        "golden files on the left, events of proto/ on the right"
    );
    let names = in_proto
        .iter()
        .map(|event| event.split_once('.').unwrap().1.to_owned())
        .collect::<BTreeSet<_>>();
    assert_eq!(
        declared_in_code, names,
        "events of the code on the left, of proto/ on the right"
    );
}

#[test]
fn every_method_says_who_may_call_it() {
    let mut count = 0;
    for (path, policy) in policy::all() {
        assert!(
            policy.role.is_some() || !policy.callers.is_empty() || policy.anonymous,
            "{path} declares neither role nor callers"
        );
        let forwarded = policy.role.is_some() && !path.starts_with("/chancery.gateway.");
        assert!(
            !forwarded || policy.allows("gateway"),
            "{path} has a role, but the gateway may not call it"
        );
        count += 1;
    }
    assert!(count > 15);
}

#[test]
fn every_rpc_and_every_message_field_is_documented() {
    for file in files(&workspace().join("proto"), "proto") {
        let text = fs::read_to_string(&file).unwrap();
        let mut before = "";
        for (n, line) in text.lines().map(str::trim).enumerate() {
            let declares = ["rpc ", "service ", "enum "]
                .iter()
                .any(|word| line.starts_with(word));
            assert!(
                !declares || before.starts_with("//"),
                "{}:{}: {line}",
                relative(&file),
                n + 1
            );
            before = line;
        }
    }
}

#[test]
fn the_security_checklist_and_its_tests_match() {
    let listed = read("docs/asvs.md");
    let listed = listed
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(' ').next())
        .filter(|item| item.matches('.').count() == 2)
        .map(str::to_owned)
        .collect::<BTreeSet<_>>();
    assert!((1..=40).contains(&listed.len()), "{} items", listed.len());
    let mut tested = BTreeSet::new();
    for file in rust_files() {
        let text = fs::read_to_string(&file).unwrap();
        for name in text.split("fn v").skip(1) {
            let numbers = name.split('_').take(4).collect::<Vec<_>>();
            let is_number = |part: &&str| part.parse::<u8>().is_ok();
            if let [chapter, section, item, _words] = numbers[..]
                && [chapter, section, item].iter().all(is_number)
            {
                let item = format!("{chapter}.{section}.{item}");
                assert!(tested.insert(item.clone()), "{item} is tested twice");
            }
        }
    }
    assert_eq!(
        listed, tested,
        "docs/asvs.md on the left, tests on the right"
    );
}

#[test]
fn the_tree_holds_no_secret() {
    for folder in ["services", "shared", "proto", "docs", "tests"] {
        for file in files(&workspace().join(folder), "") {
            // Seeds for the parsers of private keys, made by a script beside them: nothing has these keys.
            if relative(&file).starts_with("shared/pki/fuzz/corpus/")
                && relative(&file).contains("/test-only")
            {
                continue;
            }
            let Ok(text) = fs::read_to_string(&file) else {
                continue;
            };
            for line in text.lines().filter(|line| line.starts_with("-----BEGIN")) {
                assert!(
                    !line.contains("PRIVATE KEY"),
                    "{} holds a private key",
                    relative(&file)
                );
            }
        }
    }
}

/// The names that stand before `=` or `.workspace` in a manifest's lines.
fn dependencies(manifest: &str) -> impl Iterator<Item = &str> {
    manifest
        .lines()
        .filter_map(|line| line.split(['.', '=', ' ']).next())
        .filter(|name| !name.is_empty())
}

/// "aggregate.event" of every event, from the comments above the messages of the events.proto files.
fn events_in_proto() -> BTreeSet<String> {
    let mut events = BTreeSet::new();
    for file in files(&workspace().join("proto"), "proto") {
        if file.file_name().unwrap() != "events.proto" {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        for line in text.lines().filter_map(|line| line.strip_prefix("// ")) {
            let Some((subject, _)) = line.split_once(": ") else {
                continue;
            };
            events.extend(
                subject
                    .split(" and ")
                    .filter(|word| is_event(word))
                    .map(str::to_owned),
            );
        }
    }
    events
}

fn is_event(word: &str) -> bool {
    let part =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    word.split_once('.')
        .is_some_and(|(aggregate, event)| part(aggregate) && part(event))
}

/// The names of the events that a service's `events!` declare: `Requested("requested"): …`.
fn events_in_code(service: &str) -> BTreeSet<String> {
    let mut events = BTreeSet::new();
    for file in files(
        &workspace().join("services").join(service).join("src"),
        "rs",
    ) {
        let text = fs::read_to_string(&file).unwrap();
        for block in text.split("eventlog::events! {").skip(1) {
            let block = block.split("\n}").next().unwrap();
            let declared = block
                .lines()
                .filter_map(|line| line.split_once("(\"")?.1.split_once("\"): "));
            events.extend(declared.map(|(event, _)| event.to_owned()));
        }
    }
    events
}

fn rust_files() -> Vec<PathBuf> {
    ["services", "shared", "tests"]
        .iter()
        .flat_map(|folder| files(&workspace().join(folder), "rs"))
        .collect()
}

/// Every file below a folder with this extension ("" for any).
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if extension.is_empty() || path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
    found
}

/// The folders in a folder of the workspace.
fn folders(of: &str) -> Vec<String> {
    let entries = fs::read_dir(workspace().join(of)).unwrap().flatten();
    let folders = entries.filter(|entry| entry.path().is_dir());
    folders
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect()
}

fn workspace() -> PathBuf {
    town::tools::workspace().canonicalize().unwrap()
}

fn relative(file: &Path) -> String {
    file.strip_prefix(workspace())
        .unwrap()
        .display()
        .to_string()
}

fn read(file: &str) -> String {
    fs::read_to_string(workspace().join(file)).unwrap()
}
