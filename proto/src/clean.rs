//! Texts from strangers, cut to size and freed of control characters, before keys are made of them.

use std::borrow::Cow;

use serde_json::Value;

use crate::anomaly::Anomaly;
use crate::pyjson::{self, Object};

/// The most that the strings of one policy may hold together. RFC 8461 section 3.3 suggests this limit for a fetched
/// MTA-STS policy; the largest recorded had 57 kB in 600 lines.
const MAX_LIST: usize = 64 * 1024;
/// What a string costs in a list beside its own bytes: quotes, comma and space.
const LIST_ITEM: usize = 4;

/// The bounds of what a datagram may put into our keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextLimits {
    /// Each text longer than so many bytes is cut, at a character's boundary. A TXT record is cut at a separator, so that
    /// no address is cut short. What a policy has in keys that we do not know may take as much in all.
    /// The lists of a policy are bounded besides: 64 KiB each, as RFC 8461 section 3.3 suggests for a whole policy.
    pub max_text_length: usize,
}

impl Default for TextLimits {
    fn default() -> TextLimits {
        TextLimits {
            max_text_length: 4096,
        }
    }
}

/// Cleans texts, and notes what was odd about them.
pub(crate) struct Cleaner {
    max_text: usize,
    anomalies: Vec<Anomaly>,
}

impl Cleaner {
    pub(crate) fn new(limits: &TextLimits) -> Cleaner {
        Cleaner {
            max_text: limits.max_text_length,
            anomalies: Vec::new(),
        }
    }

    /// For what comes from a file or a fetcher: who counted it has cut it, or chose not to.
    pub(crate) fn unlimited() -> Cleaner {
        Cleaner {
            max_text: usize::MAX,
            anomalies: Vec::new(),
        }
    }

    pub(crate) fn record_anomaly(&mut self, anomaly: Anomaly) {
        if !self.anomalies.contains(&anomaly) {
            self.anomalies.push(anomaly);
        }
    }

    pub(crate) fn anomalies(self) -> Vec<Anomaly> {
        self.anomalies
    }

    /// A text, `None` when nothing is left of it.
    pub(crate) fn text(&mut self, text: &str) -> Option<String> {
        let clean = clean(text);
        let cut = &clean[..floor_char_boundary(&clean, self.max_text)];
        if cut.len() < clean.len() {
            self.record_anomaly(Anomaly::Clipped);
        }
        let cut = cut.trim();
        (!cut.is_empty()).then(|| cut.to_owned())
    }

    /// A text of a JSON value. A number is a text too; anything else is left out.
    pub(crate) fn value(&mut self, value: &Value) -> Option<String> {
        match value {
            Value::String(text) => self.text(text),
            Value::Null => None,
            Value::Number(_) => {
                self.record_anomaly(Anomaly::WrongType);
                self.text(&pyjson::compact(value))
            }
            _ => {
                self.record_anomaly(Anomaly::WrongType);
                None
            }
        }
    }

    /// The texts of an array, or of a string that stands for one. A text of several lines is several texts.
    pub(crate) fn list(&mut self, value: &Value) -> Vec<String> {
        match value {
            Value::Array(items) => items.iter().flat_map(|item| self.lines(item)).collect(),
            Value::Null => Vec::new(),
            _ => self.lines(value),
        }
    }

    fn lines(&mut self, value: &Value) -> Vec<String> {
        match value {
            Value::String(text) => self.text_lines(text).collect(),
            _ => self.value(value).into_iter().collect(),
        }
    }

    /// A text of several lines is several texts.
    pub(crate) fn text_lines(&mut self, text: &str) -> impl Iterator<Item = String> {
        let lines = text.split(['\r', '\n']);
        lines.filter_map(|line| self.text(line))
    }

    /// Cuts a list where it becomes too long in all.
    pub(crate) fn cut_list(&mut self, list: &mut Vec<String>) {
        let mut size = 0;
        let fits = list.iter().take_while(|text| {
            size += text.len() + LIST_ITEM;
            size <= MAX_LIST
        });
        let fits = fits.count();
        if fits < list.len() {
            self.record_anomaly(Anomaly::Clipped);
            list.truncate(fits);
        }
    }

    /// Members that we do not know: kept as they are as long as they take no more than one text in all.
    pub(crate) fn unknown(&mut self, members: Object) -> Object {
        if members.is_empty() {
            return members;
        }
        let mut size = 0_usize;
        let mut kept = Object::new();
        for (key, value) in members {
            let key = clean(&key).into_owned();
            let value = clean_value(value);
            size = size.saturating_add(key.len() + pyjson::compact(&value).len());
            if size > self.max_text {
                self.record_anomaly(Anomaly::Clipped);
                break;
            }
            kept.insert(key, value);
        }
        kept
    }

    /// A TXT record. It is cut at a separator: half an address may be somebody else's.
    pub(crate) fn tlsrpt_record(&mut self, text: &str) -> String {
        let clean = clean(text);
        if clean.len() <= self.max_text {
            return clean.into_owned();
        }
        self.record_anomaly(Anomaly::Clipped);
        let cut = &clean[..floor_char_boundary(&clean, self.max_text)];
        cut.rfind([',', ';'])
            .map_or(String::new(), |at| cut[..at].to_owned())
    }
}

fn clean_value(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(clean(&text).into_owned()),
        Value::Array(items) => items.into_iter().map(clean_value).collect(),
        Value::Object(members) => {
            let clean =
                |(key, value): (String, Value)| (clean(&key).into_owned(), clean_value(value));
            Value::Object(members.into_iter().map(clean).collect())
        }
        other => other,
    }
}

/// Control characters become spaces; noncharacters, which I-JSON forbids (RFC 7493 section 2.1), become U+FFFD.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    // Nearly every text: looked at many bytes at a time.
    let is_plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if is_plain || !text.contains(is_unclean) {
        return Cow::Borrowed(text);
    }
    let replace = |c: char| match c {
        c if !is_unclean(c) => c,
        c if c.is_control() || is_line_break(c) => ' ',
        _ => char::REPLACEMENT_CHARACTER,
    };
    Cow::Owned(text.chars().map(replace).collect())
}

fn is_unclean(c: char) -> bool {
    c.is_control() || is_line_break(c) || is_noncharacter(c)
}

/// Line and paragraph separator: not control characters by category, but a log's reader may break the line there.
fn is_line_break(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}')
}

fn is_noncharacter(c: char) -> bool {
    matches!(c, '\u{fdd0}'..='\u{fdef}') || u32::from(c) & 0xfffe == 0xfffe
}

fn floor_char_boundary(text: &str, at: usize) -> usize {
    if at >= text.len() {
        return text.len();
    }
    (0..=at)
        .rev()
        .find(|&i| text.is_char_boundary(i))
        .unwrap_or(0)
}
