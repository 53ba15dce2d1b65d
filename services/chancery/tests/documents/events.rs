//! `docs/events.md`: what stands in `introduction.md`, and every event of `proto/` with its fields and an example.

use std::fmt::Write as _;

use serde_json::Value;

use crate::{
    contract::{Contract, Event, Field, Kind},
    pinned,
};

#[test]
fn every_event_is_documented_as_proto_and_the_golden_files_have_it() {
    let contract = Contract::read();
    assert!(contract.events.len() > 60);
    let mut text = include_str!("introduction.md").replace("TABLE\n", &table(&contract));
    for event in &contract.events {
        describe(&mut text, &contract, event);
    }
    let events = contract.events.iter();
    let parts = contract.parts_of(events.map(|event| event.message.as_str()));
    text += "\n## What is in them\n";
    for name in &parts {
        writeln!(text, "\n### {}\n", short(name)).unwrap();
        if let Some(message) = contract.messages.get(name) {
            writeln!(text, "{}", sentence(&message.about)).unwrap();
            fields(&mut text, &message.fields);
        } else {
            let named = &contract.enums[name];
            writeln!(text, "{}", sentence(&named.about)).unwrap();
            writeln!(text, "\n| value | what it is |\n| --- | --- |").unwrap();
            for (value, about) in &named.values {
                writeln!(text, "| `{value}` | {} |", cell(about)).unwrap();
            }
        }
    }
    pinned("events.md", &text);
}

fn table(contract: &Contract) -> String {
    let mut text = "| aggregate | event | when |\n| --- | --- | --- |\n".to_owned();
    let mut last = "";
    for event in &contract.events {
        let aggregate = match event.aggregate == last {
            true => String::new(),
            false => format!("`{}`", event.aggregate),
        };
        last = &event.aggregate;
        let link = anchor(&heading(event));
        writeln!(
            text,
            "| {aggregate} | [`{}`](#{link}) | {} |",
            event.name,
            cell(&event.when)
        )
        .unwrap();
    }
    text
}

fn describe(text: &mut String, contract: &Contract, event: &Event) {
    let message = &contract.messages[&event.message];
    writeln!(text, "\n### {}\n", heading(event)).unwrap();
    writeln!(text, "{}", sentence(&event.when)).unwrap();
    writeln!(
        text,
        "Subject `chancery.events.{}.<id>.{}`, written by {}, schema `proto:{}`.",
        event.aggregate, event.name, event.owner, event.message
    )
    .unwrap();
    fields(text, &message.fields);
    let example = serde_json::to_string_pretty(&shortened(&event.example)).unwrap();
    writeln!(text, "\n```json\n{example}\n```").unwrap();
}

fn fields(text: &mut String, fields: &[Field]) {
    if fields.is_empty() {
        writeln!(text, "\nIt has no fields.").unwrap();
        return;
    }
    writeln!(text, "\n| field | type | what it is |\n| --- | --- | --- |").unwrap();
    for field in fields {
        let kind = match field.is_list {
            true => format!("list of {}", word(&field.kind)),
            false => word(&field.kind),
        };
        writeln!(
            text,
            "| `{}` | {kind} | {} |",
            field.name,
            cell(&field.about)
        )
        .unwrap();
    }
}

fn word(kind: &Kind) -> String {
    match kind {
        Kind::Text => "text".to_owned(),
        Kind::Octets => "octets, base64".to_owned(),
        Kind::Number => "number".to_owned(),
        Kind::LongNumber => "number, in quotes".to_owned(),
        Kind::Truth => "true or false".to_owned(),
        Kind::Time => "time, RFC 3339".to_owned(),
        Kind::Anything => "any JSON".to_owned(),
        Kind::Map(values) => format!("map from names to {}", word(values)),
        Kind::Message(name) | Kind::Enum(name) => {
            let name = short(name);
            format!("[{name}](#{})", anchor(&name))
        }
    }
}

fn heading(event: &Event) -> String {
    format!("{}.{}", event.aggregate, event.name)
}

/// How a heading is linked to.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || *c == '-');
    kept.flat_map(char::to_lowercase).collect()
}

/// "x509.Certificate" of "chancery.x509.v1.Certificate".
fn short(name: &str) -> String {
    name.trim_start_matches("chancery.").replacen(".v1", "", 1)
}

fn sentence(about: &str) -> String {
    let mut letters = about.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

fn cell(about: &str) -> String {
    about.replace('|', "\\|").replace('<', "&lt;")
}

/// What is long in an example is a certificate, or the like.
fn shortened(value: &Value) -> Value {
    match value {
        Value::String(text) if text.len() > LONGEST => {
            let end = text.floor_char_boundary(LONGEST);
            Value::String(format!("{}…", &text[..end]))
        }
        Value::Array(items) => Value::Array(items.iter().map(shortened).collect()),
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(name, value)| (name.clone(), shortened(value)));
            Value::Object(fields.collect())
        }
        other => other.clone(),
    }
}

const LONGEST: usize = 80;
