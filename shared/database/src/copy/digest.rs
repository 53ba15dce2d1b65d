//! What a table holds, in few octets.

use aws_lc_rs::digest;
use sea_orm::Value;
use serde::{Deserialize, Serialize};

use super::Table;

/// Tells the content of two tables apart, wherever they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// How many rows.
    pub rows: u64,
    /// SHA-256 over the names of the columns, and the rows in the order of their keys; hex.
    pub sha256: String,
}

/// What [`Content`] is made with, row by row.
pub struct Digest {
    context: digest::Context,
    rows: u64,
}

impl Digest {
    /// Of a table like this one.
    pub fn new(table: &Table) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        for column in &table.columns {
            part(&mut context, b'c', column.name.as_bytes());
        }
        Self { context, rows: 0 }
    }

    /// One more row.
    pub fn row(&mut self, row: &[Value]) {
        self.rows += 1;
        for value in row {
            self.value(value);
        }
    }

    /// Of all rows.
    pub fn end(self) -> Content {
        let hash = self.context.finish();
        let sha256 = hash
            .as_ref()
            .iter()
            .map(|octet| format!("{octet:02x}"))
            .collect();
        Content {
            rows: self.rows,
            sha256,
        }
    }

    fn value(&mut self, value: &Value) {
        let context = &mut self.context;
        match value {
            Value::Bool(Some(truth)) => part(context, b'b', &[u8::from(*truth)]),
            Value::Int(Some(number)) => part(context, b'i', &i64::from(*number).to_be_bytes()),
            Value::BigInt(Some(number)) => part(context, b'i', &number.to_be_bytes()),
            Value::String(Some(text)) => part(context, b't', text.as_bytes()),
            Value::Bytes(Some(octets)) => part(context, b'x', octets),
            Value::Uuid(Some(id)) => part(context, b'u', id.as_bytes()),
            // PostgreSQL knows no shorter time.
            Value::TimeDateTimeWithTimeZone(Some(time)) => {
                let microseconds = time.unix_timestamp_nanos().div_euclid(1_000);
                part(context, b'z', &microseconds.to_be_bytes());
            }
            // Tables hold nothing else.
            _ => part(context, b'n', &[]),
        }
    }
}

fn part(context: &mut digest::Context, kind: u8, octets: &[u8]) {
    context.update(&[kind]);
    context.update(&(octets.len() as u64).to_be_bytes());
    context.update(octets);
}
