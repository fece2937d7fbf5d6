//! Reading JSON that strangers wrote.
//!
//! `serde_json::Value` keeps the text of numbers (its feature `arbitrary_precision`) by way of a key of its own: to its
//! reader, an object that begins with the key `$serde_json::private::Number` *is* a number, or an error. Here any text is
//! a text wherever it stands, so nothing of ours reads a `Value` but through [`parse`] and [`read`].

use std::fmt;

use serde_core::de::{
    Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor,
};
use serde_json::{Number, Value};

use super::Object;

/// Reads JSON.
///
/// # Errors
///
/// Not JSON (RFC 8259), or nested deeper than 128 times.
pub fn parse(text: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str(text).map(|Parsed(value)| value)
}

/// Reads JSON as leniently as a collector should.
///
/// What serde_json refuses and Python takes, or what only a careless sender writes, is mended and read again: halves of
/// surrogate pairs become U+FFFD, raw control characters become spaces. The second value says whether that was needed.
///
/// # Errors
///
/// As [`parse`], when nothing can be mended.
pub fn read(text: &str) -> Result<(Value, bool), serde_json::Error> {
    match parse(text) {
        Ok(value) => Ok((value, false)),
        Err(error) => {
            let mended = mend(text);
            if mended == text {
                return Err(error);
            }
            Ok((parse(&mended)?, true))
        }
    }
}

/// The same for what is built while it is read. The seed is asked again when the text had to be mended.
pub(crate) fn read_with<T, S>(text: &str, seed: S) -> Result<T, serde_json::Error>
where
    S: for<'text> DeserializeSeed<'text, Value = T> + Copy,
{
    let read = |text: &str| {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let value = seed.deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(value)
    };
    match read(text) {
        Err(error) => {
            let error: serde_json::Error = error;
            let mended = mend(text);
            if mended == text {
                return Err(error);
            }
            read(&mended)
        }
        Ok(value) => Ok(value),
    }
}

/// A value that no key can turn into another.
pub(super) struct Parsed(pub(super) Value);

impl<'de> Deserialize<'de> for Parsed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Parsed, D::Error> {
        deserializer.deserialize_any(AnyValue).map(Parsed)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Parsed(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Object::new();
        while let Some(key) = members.next_key_seed(KeyOf)? {
            let Key::Member(key) = key else {
                let digits: String = members.next_value()?;
                let number: Number = digits.parse().map_err(A::Error::custom)?;
                return Ok(number.into());
            };
            let Parsed(value) = members.next_value()?;
            // Of a key that stands twice: the first place, the last value, as Python has it.
            object.insert(key, value);
        }
        Ok(object.into())
    }
}

/// What serde_json hands over in place of a key.
enum Key {
    /// A key of the text.
    Member(String),
    /// The private one: what follows is a number's text.
    Number,
}

/// Tells the two apart by asking for an optional key: a text's key is always there ("map keys cannot be null"), while
/// the private one is a plain text whatever it is asked for. Tests hold both against the library's next version.
struct KeyOf;

impl<'de> DeserializeSeed<'de> for KeyOf {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for KeyOf {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        String::deserialize(deserializer).map(Key::Member)
    }

    fn visit_str<E>(self, _: &str) -> Result<Key, E> {
        Ok(Key::Number)
    }
}

fn mend(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c == '\\' || c.is_ascii_control()) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let (written, taken) = mend_one(rest);
        out.push_str(written);
        rest = &rest[taken..];
    }
    out.push_str(rest);
    out
}

/// What to write for the control character or escape in front, and how many bytes it takes.
fn mend_one(rest: &str) -> (&str, usize) {
    if !rest.starts_with('\\') {
        return (" ", 1);
    }
    match surrogate(rest) {
        Some(0xd800..=0xdbff) if matches!(surrogate(&rest[6..]), Some(0xdc00..=0xdfff)) => {
            (&rest[..12], 12)
        }
        Some(_) => ("\\ufffd", 6),
        // Another escape: the backslash and what it escapes stay together.
        None => {
            let escaped = rest[1..]
                .chars()
                .next()
                .filter(|c| !c.is_ascii_control())
                .map_or(0, char::len_utf8);
            (&rest[..1 + escaped], 1 + escaped)
        }
    }
}

/// The value of a `\uD800` to `\uDFFF` in front.
fn surrogate(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let value = u32::from_str_radix(digits, 16).ok()?;
    (0xd800..=0xdfff).contains(&value).then_some(value)
}
