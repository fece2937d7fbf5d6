//! Reading the parts of a JSON text that are wanted, without a tree of all its values.

use std::{fmt, marker::PhantomData};

use serde_core::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::read::Parsed;

/// The wanted members of an object.
pub(crate) trait Parts: Default {
    /// Takes the value of a member, wanted or not. Of a key that stands twice the last value counts.
    ///
    /// # Errors
    ///
    /// What the value says.
    fn take<'de, A: MapAccess<'de>>(&mut self, key: &str, members: &mut A) -> Result<(), A::Error>;
}

/// What stands where objects are looked for.
pub(crate) enum FoundParts<P> {
    Object(P),
    /// What is no object in the list has no members.
    List(Vec<P>),
    Other,
}

/// Reads the parts of a text; a text that is no object has none.
///
/// # Errors
///
/// As [`super::parse`].
pub(crate) fn parse_parts<P: Parts>(text: &str) -> Result<P, serde_json::Error> {
    serde_json::from_str::<FoundParts<P>>(text).map(FoundParts::object)
}

/// The next value as a text, if it is one.
pub(crate) fn text<'de, A: MapAccess<'de>>(members: &mut A) -> Result<Option<String>, A::Error> {
    Ok(match members.next_value()? {
        Parsed(Value::String(text)) => Some(text),
        Parsed(_) => None,
    })
}

/// The next value as a count; 0 for anything else.
pub(crate) fn count<'de, A: MapAccess<'de>>(members: &mut A) -> Result<u64, A::Error> {
    let Parsed(value) = members.next_value()?;
    Ok(value.as_u64().unwrap_or(0))
}

/// Passes over the next value.
pub(crate) fn ignore<'de, A: MapAccess<'de>>(members: &mut A) -> Result<(), A::Error> {
    members.next_value::<IgnoredAny>().map(drop)
}

impl<P: Default> FoundParts<P> {
    pub(crate) fn object(self) -> P {
        match self {
            FoundParts::Object(parts) => parts,
            FoundParts::List(_) | FoundParts::Other => P::default(),
        }
    }

    pub(crate) fn list(self) -> Option<Vec<P>> {
        match self {
            FoundParts::List(list) => Some(list),
            FoundParts::Object(_) | FoundParts::Other => None,
        }
    }
}

impl<'de, P: Parts> Deserialize<'de> for FoundParts<P> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<FoundParts<P>, D::Error> {
        deserializer.deserialize_any(FoundVisitor(PhantomData))
    }
}

struct FoundVisitor<P>(PhantomData<P>);

impl<'de, P: Parts> Visitor<'de> for FoundVisitor<P> {
    type Value = FoundParts<P>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<FoundParts<P>, E> {
        Ok(FoundParts::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<FoundParts<P>, E> {
        Ok(FoundParts::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<FoundParts<P>, E> {
        Ok(FoundParts::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<FoundParts<P>, E> {
        Ok(FoundParts::Other)
    }

    fn visit_str<E>(self, _: &str) -> Result<FoundParts<P>, E> {
        Ok(FoundParts::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<FoundParts<P>, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element::<FoundParts<P>>()? {
            list.push(item.object());
        }
        Ok(FoundParts::List(list))
    }

    /// A number comes as an object with a key of serde_json's own, which nobody wants.
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<FoundParts<P>, A::Error> {
        let mut parts = P::default();
        while let Some(key) = members.next_key::<String>()? {
            parts.take(&key, &mut members)?;
        }
        Ok(FoundParts::Object(parts))
    }
}
