//! Proto3 JSON as text, with whole numbers written whole.
//!
//! An event's body is a `google.protobuf.Struct`, whose numbers are all doubles. As "1.0" they would neither stand
//! as in the log, nor be read by the event's own message.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};

/// Indented.
pub fn pretty(answer: &impl Serialize) -> serde_json::Result<String> {
    write(answer, PrettyFormatter::new())
}

/// On one line.
pub fn compact(answer: &impl Serialize) -> serde_json::Result<String> {
    write(answer, CompactFormatter)
}

fn write(answer: &impl Serialize, form: impl Formatter) -> serde_json::Result<String> {
    let mut text = Vec::new();
    answer.serialize(&mut Serializer::with_formatter(&mut text, Whole(form)))?;
    // What serde_json writes is UTF-8.
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Another form, but for whole numbers.
struct Whole<F>(F);

/// Up to here every whole double is exact.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl<F: Formatter> Formatter for Whole<F> {
    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        match value.fract() == 0.0 && value.abs() <= EXACT {
            true => self.0.write_i64(writer, value as i64),
            false => self.0.write_f64(writer, value),
        }
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whole_numbers_are_written_whole_in_both_forms() {
        let body = json!({ "attempt": 1.0, "names": [2.5, -3.0, 1e300], "position": "24" });
        assert_eq!(
            compact(&body).unwrap(),
            r#"{"attempt":1,"names":[2.5,-3,1e+300],"position":"24"}"#
        );
        assert_eq!(
            pretty(&json!({ "a": [1.0] })).unwrap(),
            "{\n  \"a\": [\n    1\n  ]\n}"
        );
    }
}
