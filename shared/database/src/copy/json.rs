//! Rows as JSON, which keeps each value to the last bit.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sea_orm::Value;
use serde_json::Value as Json;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{Kind, Table};

impl Table {
    /// A row's values, in the order of the columns: octets in base64, times as RFC 3339.
    pub fn to_json(&self, row: &[Value]) -> Vec<Json> {
        row.iter().map(to_json).collect()
    }

    /// The row again; `None` where that is no row of this table.
    pub fn of_json(&self, row: Vec<Json>) -> Option<Vec<Value>> {
        if row.len() != self.columns.len() {
            return None;
        }
        let values = self.columns.iter().zip(row);
        values
            .map(|(column, json)| of_json(column.kind, json))
            .collect()
    }
}

fn to_json(value: &Value) -> Json {
    match value {
        Value::Bool(Some(truth)) => (*truth).into(),
        Value::Int(Some(number)) => (*number).into(),
        Value::BigInt(Some(number)) => (*number).into(),
        Value::String(Some(text)) => text.clone().into(),
        Value::Bytes(Some(octets)) => STANDARD.encode(octets).into(),
        Value::Uuid(Some(id)) => id.to_string().into(),
        Value::TimeDateTimeWithTimeZone(Some(time)) => {
            time.format(&Rfc3339).map_or(Json::Null, Json::from)
        }
        // Tables hold nothing else.
        _ => Json::Null,
    }
}

fn of_json(kind: Kind, json: Json) -> Option<Value> {
    if json.is_null() {
        return Some(kind.null());
    }
    Some(match kind {
        Kind::Truth => Value::Bool(Some(json.as_bool()?)),
        Kind::Integer => Value::Int(Some(i32::try_from(json.as_i64()?).ok()?)),
        Kind::Long => Value::BigInt(Some(json.as_i64()?)),
        Kind::Text => Value::String(Some(json.as_str()?.to_owned())),
        Kind::Octets => Value::Bytes(Some(STANDARD.decode(json.as_str()?).ok()?)),
        Kind::Uuid => Value::Uuid(Some(json.as_str()?.parse().ok()?)),
        Kind::Time => Value::TimeDateTimeWithTimeZone(Some(
            OffsetDateTime::parse(json.as_str()?, &Rfc3339).ok()?,
        )),
    })
}
