//! `docs/configuration.md`: every key of the configuration, with what the code says of it and its default.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use super::pinned;

const INTRODUCTION: &str = "# Configuration

Every key, written from the code by a test. The configuration is `chancery.toml` in the data folder, or `--config FILE`; then
the environment: `CHANCERY_GATEWAY__HTTPS` is `https` in `[gateway]`. Every key may be left out; a name that is not known is
an error. [Operate](operate.md#configuration) has all of them as one file.

Beside these, `CHANCERY_KEK` is the key-encryption key itself and goes before any file (`CHANCERY_PREVIOUS_KEK` is the one
before, while it is rotated), `CHANCERY_URL` and `CHANCERY_TOKEN` are for the command line, and `CHANCERY_TOOLS` is a folder in which nats-server is looked for.
";

/// A key, as the code declares it.
struct Key {
    name: String,
    kind: String,
    says: String,
}

#[test]
fn every_key_of_the_configuration_is_in_the_documents() {
    let shared = structs("shared/runtime/src/config.rs");
    let mut text = INTRODUCTION.to_owned();
    let defaults = fields(&format!("{:#?}", runtime::Shared::default()));
    let skipped = ["listen", "metrics"];
    table(
        &mut text,
        "At the top",
        "",
        &shared["Shared"],
        &defaults,
        |key| !shared.contains_key(&key.kind) && !skipped.contains(&key.name.as_str()),
    );
    for key in shared["Shared"]
        .iter()
        .filter(|key| shared.contains_key(&key.kind))
    {
        let name = &key.name;
        let values = fields(&defaults[name]);
        let title = format!("`[{name}]`: {}", lower(&key.says));
        table(&mut text, &title, name, &shared[&key.kind], &values, |_| {
            true
        });
    }
    macro_rules! services {
        ($($config:ty = $table:literal in $folder:literal),+) => { $(
            let declared = structs(concat!("services/", $folder, "/src/config.rs"));
            let values = fields(&format!("{:#?}", <$config>::default()));
            let title = concat!("`[", $table, "]`");
            let mut keys = own(&declared["Config"]);
            keys.extend(of_each_service($table));
            table(&mut text, title, $table, &keys, &values, |key| !declared.contains_key(&key.kind));
            for key in keys.iter().filter(|key| declared.contains_key(&key.kind)) {
                let (values, name) = (fields(&values[&key.name]), format!("{}.{}", $table, key.name));
                let title = format!("`[{name}]`: {}", lower(&key.says));
                table(&mut text, &title, &name, &declared[&key.kind], &values, |_| true);
            }
        )+ };
    }
    services!(
        keystore::Config = "keystore" in "keystore",
        csr_service::Config = "csr_service" in "csr-service",
        acme_agent::Config = "acme_agent" in "acme-agent",
        notifier::Config = "notifier" in "notifier",
        projection::Config = "projection" in "projection",
        gateway::Config = "gateway" in "gateway"
    );
    pinned("configuration.md", &text);
}

/// What the runtime takes out of each service's own table.
fn of_each_service(table: &str) -> Vec<Key> {
    let listen = Key {
        name: "listen".to_owned(),
        kind: "Option".to_owned(),
        says: "Where its internal gRPC listens, \"host:port\", if not where `[peers]` says."
            .to_owned(),
    };
    let metrics = Key {
        name: "metrics".to_owned(),
        kind: "Option".to_owned(),
        says: "Where it shows its metrics when it runs by itself, if not where `[telemetry]` says."
            .to_owned(),
    };
    match table {
        "gateway" => vec![metrics],
        _ => vec![listen, metrics],
    }
}

fn own(keys: &[Key]) -> Vec<Key> {
    let keys = keys.iter().map(|key| Key {
        name: key.name.clone(),
        kind: key.kind.clone(),
        says: key.says.clone(),
    });
    keys.collect()
}

fn table(
    text: &mut String,
    title: &str,
    path: &str,
    keys: &[Key],
    defaults: &BTreeMap<String, String>,
    wanted: impl Fn(&Key) -> bool,
) {
    // Writing to a string does not fail.
    let _ = write!(
        text,
        "\n## {}\n\n| key | default | what it is |\n| --- | --- | --- |\n",
        title.trim_end_matches('.')
    );
    for key in keys.iter().filter(|key| wanted(key)) {
        let named = match path {
            "peers" => key.name.replace('_', "-"),
            _ => key.name.clone(),
        };
        let value = defaults.get(&key.name).map(|value| shown(value));
        let value = value.unwrap_or_else(|| "not set".to_owned());
        assert!(!key.says.is_empty(), "{path}.{named} says nothing");
        let _ = writeln!(
            text,
            "| `{named}` | {value} | {} |",
            key.says.replace('|', "\\|")
        );
    }
}

/// A default, as it would stand in the file.
fn shown(debug: &str) -> String {
    let value = debug.split_whitespace().collect::<Vec<_>>().join(" ");
    match value.as_str() {
        "None" => "not set".to_owned(),
        "[]" => "none".to_owned(),
        value => {
            let inner = value.rsplit_once('(').map_or(value, |(_, inner)| inner);
            let inner = inner
                .split(')')
                .next()
                .unwrap_or(inner)
                .trim()
                .trim_end_matches(',');
            let bare = inner.chars().all(|c| c.is_ascii_alphanumeric());
            match bare && inner.chars().next().is_some_and(char::is_uppercase) {
                true => format!("`\"{}\"`", inner.to_lowercase()),
                false => format!("`{inner}`"),
            }
        }
    }
}

/// The fields of a value that was printed with `{:#?}`.
fn fields(debug: &str) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    let mut current: Option<(String, String)> = None;
    for line in debug.lines().skip(1) {
        let own = line
            .strip_prefix("    ")
            .filter(|rest| !rest.starts_with([' ', '}', ']', ')']));
        match (own.and_then(|rest| rest.split_once(": ")), &mut current) {
            (Some((name, value)), current) => {
                let done =
                    current.replace((name.to_owned(), value.trim_end_matches(',').to_owned()));
                fields.extend(done);
            }
            (None, Some((_, value))) if line.starts_with("    ") => {
                value.push('\n');
                value.push_str(line.strip_prefix("    ").unwrap_or(line));
            }
            _ => {}
        }
    }
    fields.extend(current);
    fields
}

/// The structs that a file and those below it declare, with their public fields.
fn structs(file: &str) -> BTreeMap<String, Vec<Key>> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let path = root.join(file);
    let mut text = fs::read_to_string(&path).unwrap();
    if let Ok(below) = fs::read_dir(path.with_extension("")) {
        for file in below {
            text += &fs::read_to_string(file.unwrap().path()).unwrap();
        }
    }
    let mut structs = BTreeMap::<String, Vec<Key>>::new();
    let (mut open, mut says) = (None, String::new());
    for line in text.lines() {
        let trimmed = line.trim();
        if let Some(comment) = trimmed.strip_prefix("/// ") {
            says += match says.is_empty() {
                true => "",
                false => " ",
            };
            says += comment;
        } else if let Some(rest) = line.strip_prefix("pub struct ") {
            open = rest.strip_suffix(" {").map(str::to_owned);
            says.clear();
        } else if line == "}" {
            open = None;
        } else if let (Some(name), Some(rest)) = (&open, line.strip_prefix("    pub ")) {
            let (field, kind) = rest.trim_end_matches(',').split_once(": ").unwrap();
            structs.entry(name.clone()).or_default().push(Key {
                name: field.to_owned(),
                kind: kind.to_owned(),
                says: said(&says),
            });
            says.clear();
        } else if !trimmed.starts_with("#[") {
            says.clear();
        }
    }
    // One that has no key is there all the same.
    structs.entry("Config".to_owned()).or_default();
    structs
}

/// A comment of the code, as it reads outside of it.
fn said(comment: &str) -> String {
    let mut text = String::new();
    let mut rest = comment;
    // Links lead to items of the code.
    while let Some((before, after)) = rest.split_once("[`") {
        let (name, after) = after.split_once("`]").unwrap();
        let name = name.rsplit("::").next().unwrap_or(name);
        text += &format!("{before}`{name}`");
        rest = after;
    }
    text + rest
}

fn lower(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(chars).collect()
    })
}
