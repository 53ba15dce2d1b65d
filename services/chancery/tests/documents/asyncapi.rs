//! `docs/asyncapi.yaml`: the same events for programs (AsyncAPI 3.0).

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::{
    contract::{Contract, Event, Field, Kind},
    pinned,
};

#[test]
fn the_events_are_described_for_programs() {
    let contract = Contract::read();
    let mut channels = Map::new();
    let mut operations = Map::new();
    let mut messages = Map::new();
    for event in &contract.events {
        let name = format!("{}.{}", event.aggregate, event.name);
        channels.insert(name.clone(), channel(event, &name));
        operations.insert(
            name.clone(),
            json!({
                "action": "receive",
                "channel": { "$ref": format!("#/channels/{name}") },
                "summary": event.when,
            }),
        );
        messages.insert(name.clone(), message(event, &name));
    }
    let mut schemas = Map::new();
    schemas.insert("headers".to_owned(), headers());
    let of_events = contract.events.iter().map(|event| event.message.as_str());
    let mut names = contract.parts_of(of_events.clone());
    names.extend(of_events.map(str::to_owned));
    for name in names {
        let schema = schema(&contract, &name);
        schemas.insert(name, schema);
    }
    let document = json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "The events of Chancery",
            "version": "1",
            "description": "Made from proto/ and the golden files by a test, with docs/events.md. \
                CloudEvents 1.0 in NATS binary mode, on the JetStream stream CHANCERY_EVENTS.",
        },
        "defaultContentType": "application/json",
        "servers": {
            "log": {
                "host": "localhost:7422",
                "protocol": "nats",
                "description": "TLS, and the auditor's nkey: see docs/audit.md.",
            },
        },
        "channels": channels,
        "operations": operations,
        "components": { "messages": messages, "schemas": schemas },
    });
    let mut text = String::new();
    yaml(&document, 0, &mut text);
    pinned("asyncapi.yaml", &text);
}

fn channel(event: &Event, name: &str) -> Value {
    json!({
        "address": format!("chancery.events.{}.{{id}}.{}", event.aggregate, event.name),
        "parameters": { "id": { "description": format!("which {}", event.aggregate) } },
        "messages": { (name): { "$ref": format!("#/components/messages/{name}") } },
    })
}

fn message(event: &Event, name: &str) -> Value {
    json!({
        "name": name,
        "summary": event.when,
        "contentType": "application/json",
        "headers": { "$ref": "#/components/schemas/headers" },
        "payload": { "$ref": format!("#/components/schemas/{}", event.message) },
        "examples": [{ "payload": event.example }],
    })
}

fn headers() -> Value {
    let text = |about: &str| json!({ "type": "string", "description": about });
    json!({
        "type": "object",
        "properties": {
            "ce-specversion": { "type": "string", "const": "1.0" },
            "ce-id": text("UUID of the event"),
            "ce-type": text("chancery.<aggregate>.<event>"),
            "ce-source": text("the service that wrote it: /chancery/<service>"),
            "ce-subject": text("the aggregate's id"),
            "ce-time": { "type": "string", "format": "date-time" },
            "ce-dataschema": text("proto:<the message's full name>"),
            "ce-datacontenttype": { "type": "string", "const": "application/json" },
            "ce-actor": text("who did it: user/<id>, token/<id>, service/<name>, machine"),
            "ce-correlationid": text("one UUID for all that a command set going"),
            "ce-causationid": text("the event that this one answers; absent for a command"),
            "ce-requestid": text("the command's request id"),
            "ce-requestdigest": text("SHA-256 of what it asked for"),
            "traceparent": text("W3C trace context"),
        },
        "required": ["ce-specversion", "ce-id", "ce-type", "ce-source", "ce-subject", "ce-time",
            "ce-dataschema", "ce-actor", "ce-correlationid"],
    })
}

fn schema(contract: &Contract, name: &str) -> Value {
    let Some(message) = contract.messages.get(name) else {
        let named = &contract.enums[name];
        let values = named.values.iter().map(|(value, _)| value.as_str());
        return json!({
            "type": "string",
            "description": named.about,
            "enum": values.collect::<Vec<_>>(),
        });
    };
    let properties = message.fields.iter();
    let properties = properties.map(|field| (field.name.clone(), property(field)));
    json!({
        "type": "object",
        "description": message.about,
        "properties": properties.collect::<Map<_, _>>(),
    })
}

fn property(field: &Field) -> Value {
    let mut schema = match field.is_list {
        true => json!({ "type": "array", "items": of_kind(&field.kind) }),
        false => of_kind(&field.kind),
    };
    if let (Value::Object(schema), false) = (&mut schema, field.about.is_empty())
        && !schema.contains_key("$ref")
    {
        schema.insert("description".to_owned(), field.about.clone().into());
    }
    schema
}

fn of_kind(kind: &Kind) -> Value {
    match kind {
        Kind::Text => json!({ "type": "string" }),
        Kind::Octets => json!({ "type": "string", "contentEncoding": "base64" }),
        Kind::Number => json!({ "type": "number" }),
        Kind::LongNumber => json!({ "type": "string", "pattern": "^-?[0-9]+$" }),
        Kind::Truth => json!({ "type": "boolean" }),
        Kind::Time => json!({ "type": "string", "format": "date-time" }),
        Kind::Anything => json!({}),
        Kind::Map(values) => json!({ "type": "object", "additionalProperties": of_kind(values) }),
        Kind::Message(name) | Kind::Enum(name) => {
            json!({ "$ref": format!("#/components/schemas/{name}") })
        }
    }
}

/// YAML of blocks, each text in double quotes as JSON writes it.
fn yaml(value: &Value, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(fields) if fields.is_empty() => *text += " {}\n",
        Value::Array(items) if items.is_empty() => *text += " []\n",
        Value::Object(fields) => {
            if depth > 0 {
                text.push('\n');
            }
            for (name, value) in fields {
                write!(text, "{indent}{}:", quoted(name)).unwrap();
                yaml(value, depth + 1, text);
            }
        }
        Value::Array(items) => {
            text.push('\n');
            for item in items {
                // A dash on a line of its own is as good, and needs no other rule.
                write!(text, "{indent}-").unwrap();
                yaml(item, depth + 1, text);
            }
        }
        scalar => writeln!(text, " {scalar}").unwrap(),
    }
}

fn quoted(name: &str) -> String {
    let plain = name
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    match plain && name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        true => name.to_owned(),
        false => Value::from(name).to_string(),
    }
}
