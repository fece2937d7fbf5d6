//! JSON text as Python's `json.dumps` writes it.
//!
//! sys4's keys are such texts, so two collectors agree on a key only when they agree on every byte: `", "` and `": "`
//! between, everything but printable ASCII as `\uXXXX`, integers as they are, other numbers as Python's `repr` has them.

mod parts;
mod read;

use std::fmt::Write as _;

use serde_json::{Map, Number, Value};

pub(crate) use parts::{FoundParts, Parts, count, ignore, parse_parts, text};
pub(crate) use read::read_with;
pub use read::{parse, read};

/// A JSON object with its keys in their order.
pub type Object = Map<String, Value>;

/// The value on one line: `json.dumps(value)`.
pub fn compact(value: &Value) -> String {
    let mut out = String::new();
    write_value(&mut out, value, None);
    out
}

/// The value on many lines: `json.dumps(value, indent=4)`.
pub fn indented(value: &Value) -> String {
    let mut out = String::new();
    write_value(&mut out, value, Some(0));
    out
}

/// Appends one string with its quotes and escapes.
pub fn write_string(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    loop {
        let plain = rest.bytes().position(|byte| !is_plain(byte));
        let (written, others) = rest.split_at(plain.unwrap_or(rest.len()));
        out.push_str(written);
        let mut others = others.chars();
        match others.next() {
            None => break,
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some('\u{8}') => out.push_str("\\b"),
            Some('\u{c}') => out.push_str("\\f"),
            Some(c) => write_escaped(out, c),
        }
        rest = others.as_str();
    }
    out.push('"');
}

/// Whether a byte stands for itself in a JSON text.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\')
}

/// Appends `, "key": value`: one more member of an object that is being written.
pub fn write_member(out: &mut String, key: &str, value: &Value) {
    out.push_str(", ");
    write_string(out, key);
    out.push_str(": ");
    write_value(out, value, None);
}

/// The same for a list of texts, which need no [`Value`].
pub(crate) fn write_texts(out: &mut String, key: &str, texts: &[String]) {
    out.push_str(", ");
    write_string(out, key);
    out.push_str(": ");
    write_items(out, ('[', ']'), texts.iter(), None, |out, text, _| {
        write_string(out, text);
    });
}

/// The same for one text.
pub(crate) fn write_text(out: &mut String, key: &str, text: &str) {
    out.push_str(", ");
    write_string(out, key);
    out.push_str(": ");
    write_string(out, text);
}

/// An object that is written member by member, without a tree of its values.
pub(crate) struct ObjectWriter<'a> {
    out: &'a mut String,
    is_empty: bool,
}

impl<'a> ObjectWriter<'a> {
    /// Begins one.
    pub(crate) fn new(out: &'a mut String) -> ObjectWriter<'a> {
        out.push('{');
        ObjectWriter {
            out,
            is_empty: true,
        }
    }

    /// The member's value is to be appended to what this gives.
    pub(crate) fn member(&mut self, key: &str) -> &mut String {
        if !std::mem::take(&mut self.is_empty) {
            self.out.push_str(", ");
        }
        write_string(self.out, key);
        self.out.push_str(": ");
        self.out
    }

    pub(crate) fn text(&mut self, key: &str, value: &str) {
        write_string(self.member(key), value);
    }

    /// What is not known is left out.
    pub(crate) fn known(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(key, value);
        }
    }

    pub(crate) fn texts(&mut self, key: &str, values: &[String]) {
        let write = |out: &mut String, value: &String, _| write_string(out, value);
        write_items(self.member(key), ('[', ']'), values.iter(), None, write);
    }

    pub(crate) fn number(&mut self, key: &str, value: u64) {
        // Writing to a String cannot fail.
        let _ = write!(self.member(key), "{value}");
    }

    /// Ends it.
    pub(crate) fn end(self) {
        self.out.push('}');
    }
}

fn write_escaped(out: &mut String, c: char) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        // Writing to a String cannot fail.
        let _ = write!(out, "\\u{unit:04x}");
    }
}

/// `depth` is the depth of indentation, `None` on one line.
fn write_value(out: &mut String, value: &Value, depth: Option<usize>) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => out.push_str(&number_text(number)),
        Value::String(text) => write_string(out, text),
        Value::Array(items) => {
            write_items(out, ('[', ']'), items.iter(), depth, |out, item, inner| {
                write_value(out, item, inner);
            })
        }
        Value::Object(members) => write_items(
            out,
            ('{', '}'),
            members.iter(),
            depth,
            |out, (key, value), inner| {
                write_string(out, key);
                out.push_str(": ");
                write_value(out, value, inner);
            },
        ),
    }
}

fn write_items<T>(
    out: &mut String,
    (open, close): (char, char),
    items: impl ExactSizeIterator<Item = T>,
    depth: Option<usize>,
    write: impl Fn(&mut String, T, Option<usize>),
) {
    out.push(open);
    let empty = items.len() == 0;
    let inner = depth.map(|depth| depth + 1);
    for (i, item) in items.enumerate() {
        match (i, inner) {
            (0, None) => {}
            (_, None) => out.push_str(", "),
            (0, Some(depth)) => new_line(out, depth),
            (_, Some(depth)) => {
                out.push(',');
                new_line(out, depth);
            }
        }
        write(out, item, inner);
    }
    if let Some(depth) = depth.filter(|_| !empty) {
        new_line(out, depth);
    }
    out.push(close);
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', 4 * depth));
}

/// A number as Python writes it back after reading it.
fn number_text(number: &Number) -> String {
    let text = number.as_str();
    if !text.contains(['.', 'e', 'E']) {
        // An integer of any size; Python knows no minus zero among them.
        return if text == "-0" {
            "0".to_owned()
        } else {
            text.to_owned()
        };
    }
    // Beyond the range Python would write `Infinity`, which is not JSON: the largest number stands for it.
    let value: f64 = text.parse().unwrap_or(0.0);
    float_repr(value.clamp(f64::MIN, f64::MAX))
}

/// Python's `repr` of a float: the shortest digits that read back the same, with an exponent below 1e-4 and from 1e16.
fn float_repr(value: f64) -> String {
    let shortest = format!("{value:e}");
    let mantissa = shortest.split('e').next().unwrap_or_default();
    let decimals = mantissa
        .split_once('.')
        .map_or(0, |(_, digits)| digits.len());
    // Where two of that length are equally near, Python takes the even one and the standard library the upper, but for
    // a given number of digits the even one too.
    let even = format!("{value:.decimals$e}");
    let scientific = if even.parse() == Ok(value) {
        even
    } else {
        shortest
    };
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        return without_exponent(mantissa, exponent);
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

/// `-1.25` and 3 as `-1250.0`: the point where the exponent moves it, a digit on both sides of it.
fn without_exponent(mantissa: &str, exponent: i32) -> String {
    let minus = if mantissa.starts_with('-') { "-" } else { "" };
    let zeros = usize::try_from(-exponent).unwrap_or(0);
    let mut digits = "0".repeat(zeros);
    digits.extend(mantissa.chars().filter(char::is_ascii_digit));
    let point = usize::try_from(exponent).unwrap_or(0) + 1;
    while digits.len() <= point {
        digits.push('0');
    }
    digits.insert(point, '.');
    format!("{minus}{digits}")
}

#[cfg(test)]
mod private_keys;
#[cfg(test)]
mod tests;
