//! The events of `proto/`: which there are, and what is in each.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use prost::Message as _;
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
    FileDescriptorSet,
    field_descriptor_proto::{Label, Type},
};
use serde_json::Value;

/// An event.
pub struct Event {
    pub aggregate: String,
    pub name: String,
    /// The service that writes it.
    pub owner: &'static str,
    /// The full name of its message.
    pub message: String,
    /// When it is written.
    pub when: String,
    /// A message of it, as a version has released it.
    pub example: Value,
}

/// A message, in proto3 JSON.
#[derive(Clone)]
pub struct Message {
    pub about: String,
    pub fields: Vec<Field>,
}

#[derive(Clone)]
pub struct Field {
    pub name: String,
    pub about: String,
    pub kind: Kind,
    pub is_list: bool,
}

#[derive(Clone)]
pub enum Kind {
    Text,
    Octets,
    Number,
    /// Of 64 bits: in quotes.
    LongNumber,
    Truth,
    Time,
    /// Anything that JSON can say.
    Anything,
    Map(Box<Kind>),
    Message(String),
    Enum(String),
}

pub struct Enum {
    pub about: String,
    /// Each with what it means.
    pub values: Vec<(String, String)>,
}

/// All of it.
pub struct Contract {
    pub events: Vec<Event>,
    pub messages: BTreeMap<String, Message>,
    pub enums: BTreeMap<String, Enum>,
}

/// The packages with events, and the services that write them.
const OWNERS: [(&str, &str); 6] = [
    ("chancery.keystore.v1", "keystore"),
    ("chancery.csr.v1", "csr-service"),
    ("chancery.acme.v1", "acme-agent"),
    ("chancery.notifier.v1", "notifier"),
    ("chancery.gateway.v1", "gateway"),
    ("chancery.projection.v1", "projection"),
];

impl Contract {
    pub fn read() -> Self {
        let files = FileDescriptorSet::decode(api::DESCRIPTORS).unwrap().file;
        let mut contract = Self {
            events: Vec::new(),
            messages: BTreeMap::new(),
            enums: BTreeMap::new(),
        };
        for file in files
            .iter()
            .filter(|file| file.package().starts_with("chancery."))
        {
            contract.take_file(file);
        }
        for (package, owner) in OWNERS {
            let written = files
                .iter()
                .filter(|file| file.package() == package && file.name().ends_with("/events.proto"));
            for file in written {
                for message in &file.message_type {
                    let name = format!("{package}.{}", message.name());
                    contract.take_events(owner, &name);
                }
            }
        }
        contract
    }

    /// The messages and enums that are in these messages, however deep, each once.
    pub fn parts_of<'a>(&self, messages: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut left = messages.map(str::to_owned).collect::<Vec<_>>();
        while let Some(name) = left.pop() {
            let fields = self
                .messages
                .get(&name)
                .map(|message| message.fields.as_slice());
            for field in fields.unwrap_or_default() {
                if let Some(part) = field.kind.part()
                    && found.insert(part.to_owned())
                {
                    left.push(part.to_owned());
                }
            }
        }
        found
    }

    /// "aggregate.event and aggregate.event: when".
    fn take_events(&mut self, owner: &'static str, message: &str) {
        let about = self.messages[message].about.clone();
        let Some((names, when)) = about.split_once(": ") else {
            return;
        };
        let names = names.split(" and ").map(|name| match name.contains(' ') {
            true => None,
            false => name.split_once('.'),
        });
        let Some(names) = names.collect::<Option<Vec<_>>>() else {
            return;
        };
        for (aggregate, name) in names {
            self.events.push(Event {
                aggregate: aggregate.to_owned(),
                name: name.to_owned(),
                owner,
                message: message.to_owned(),
                when: when.to_owned(),
                example: golden(owner, aggregate, name),
            });
        }
        self.messages.get_mut(message).unwrap().about = when.to_owned();
    }

    fn take_file(&mut self, file: &FileDescriptorProto) {
        let comments = comments(file);
        let package = file.package();
        for (n, message) in file.message_type.iter().enumerate() {
            self.take_message(package, message, vec![4, n as i32], &comments);
        }
        for (n, definition) in file.enum_type.iter().enumerate() {
            self.take_enum(package, definition, vec![5, n as i32], &comments);
        }
    }

    fn take_message(
        &mut self,
        within: &str,
        message: &DescriptorProto,
        path: Vec<i32>,
        comments: &BTreeMap<Vec<i32>, String>,
    ) {
        let name = format!("{within}.{}", message.name());
        let at = |more: [i32; 2]| [path.as_slice(), &more].concat();
        for (n, nested) in message.nested_type.iter().enumerate() {
            self.take_message(&name, nested, at([3, n as i32]), comments);
        }
        for (n, nested) in message.enum_type.iter().enumerate() {
            self.take_enum(&name, nested, at([4, n as i32]), comments);
        }
        let fields = message.field.iter().enumerate().map(|(n, field)| Field {
            name: field.json_name().to_owned(),
            about: comments
                .get(&at([2, n as i32]))
                .cloned()
                .unwrap_or_default(),
            is_list: field.label() == Label::Repeated && map_in(message, field).is_none(),
            kind: match map_in(message, field) {
                Some(values) => Kind::Map(Box::new(kind(values))),
                None => kind(field),
            },
        });
        let message = Message {
            about: comments.get(&path).cloned().unwrap_or_default(),
            fields: fields.collect(),
        };
        self.messages.insert(name, message);
    }

    fn take_enum(
        &mut self,
        within: &str,
        definition: &EnumDescriptorProto,
        path: Vec<i32>,
        comments: &BTreeMap<Vec<i32>, String>,
    ) {
        let values = definition.value.iter().enumerate().map(|(n, value)| {
            let at = [path.as_slice(), &[2, n as i32]].concat();
            let about = comments.get(&at).cloned().unwrap_or_default();
            (value.name().to_owned(), about)
        });
        let named = Enum {
            about: comments.get(&path).cloned().unwrap_or_default(),
            values: values.collect(),
        };
        self.enums
            .insert(format!("{within}.{}", definition.name()), named);
    }
}

impl Kind {
    /// The message or enum that it is.
    fn part(&self) -> Option<&str> {
        match self {
            Kind::Message(name) | Kind::Enum(name) => Some(name),
            Kind::Map(kind) => kind.part(),
            _ => None,
        }
    }
}

/// What a map's values are, where the field is one.
fn map_in<'a>(
    message: &'a DescriptorProto,
    field: &FieldDescriptorProto,
) -> Option<&'a FieldDescriptorProto> {
    let entry = message.nested_type.iter().find(|nested| {
        let is_map = nested
            .options
            .as_ref()
            .is_some_and(|options| options.map_entry());
        is_map && field.type_name().ends_with(&format!(".{}", nested.name()))
    })?;
    entry.field.iter().find(|field| field.name() == "value")
}

fn kind(field: &FieldDescriptorProto) -> Kind {
    let name = field.type_name().trim_start_matches('.').to_owned();
    match field.r#type() {
        Type::String => Kind::Text,
        Type::Bytes => Kind::Octets,
        Type::Bool => Kind::Truth,
        Type::Int64 | Type::Uint64 | Type::Sint64 | Type::Fixed64 | Type::Sfixed64 => {
            Kind::LongNumber
        }
        Type::Enum => Kind::Enum(name),
        Type::Message if name == "google.protobuf.Timestamp" => Kind::Time,
        Type::Message if name.starts_with("google.protobuf.") => Kind::Anything,
        Type::Message | Type::Group => Kind::Message(name),
        _ => Kind::Number,
    }
}

/// The comment above each thing of a file, in one line.
fn comments(file: &FileDescriptorProto) -> BTreeMap<Vec<i32>, String> {
    let locations = file.source_code_info.iter().flat_map(|info| &info.location);
    let comments = locations.map(|location| {
        let lines = location.leading_comments().lines().map(str::trim);
        let text = lines.collect::<Vec<_>>().join(" ").trim().to_owned();
        (location.path.clone(), text)
    });
    comments.filter(|(_, text)| !text.is_empty()).collect()
}

/// The service that keeps an event of that name for all later versions.
fn golden(owner: &str, aggregate: &str, event: &str) -> Value {
    let services = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let file = format!("{owner}/src/golden/{aggregate}.{event}.json");
    let text = fs::read_to_string(services.join(&file)).unwrap_or_else(|e| panic!("{file}: {e}"));
    serde_json::from_str(&text).unwrap()
}
