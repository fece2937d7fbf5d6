//! The substitution of a REGEXP action: text with `\1`, `\g<name>`, `\g<0>` and escapes.

use std::collections::BTreeMap;

use super::PatternError;
use super::escape::{control, is_octal, octal};
use super::group::is_identifier;

/// A parsed substitution.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Template(pub(super) Vec<TemplatePart>);

#[derive(Debug, PartialEq, Eq)]
pub(super) enum TemplatePart {
    Text(String),
    /// What the group with this number matched; 0 is the whole match.
    Group(usize),
}

impl Template {
    /// `groups` and `names` are those of the pattern.
    pub(super) fn parse(
        text: &str,
        groups: usize,
        names: &BTreeMap<String, usize>,
    ) -> Result<Template, PatternError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find('\\') {
            push_text(&mut parts, &rest[..at]);
            let (part, length) = escape(&rest[at + 1..], names)?;
            match part {
                TemplatePart::Text(text) => push_text(&mut parts, &text),
                TemplatePart::Group(number) if number > groups => {
                    return Err(PatternError::invalid(format!(
                        "invalid group reference {number}"
                    )));
                }
                group => parts.push(group),
            }
            rest = &rest[at + 1 + length..];
        }
        push_text(&mut parts, rest);
        Ok(Template(parts))
    }
}

fn push_text(parts: &mut Vec<TemplatePart>, text: &str) {
    match parts.last_mut() {
        _ if text.is_empty() => {}
        Some(TemplatePart::Text(last)) => last.push_str(text),
        _ => parts.push(TemplatePart::Text(text.to_owned())),
    }
}

/// Parses an escape. Gives the part and the octets that were read.
fn escape(
    rest: &str,
    names: &BTreeMap<String, usize>,
) -> Result<(TemplatePart, usize), PatternError> {
    let Some(c) = rest.chars().next() else {
        return Err(PatternError::invalid("bad escape (end of substitution)"));
    };
    let text = |c: char| TemplatePart::Text(c.to_string());
    match c {
        'g' => group_name(rest, names),
        '0' => {
            let digits = 1 + rest[1..]
                .chars()
                .take(2)
                .take_while(|c| is_octal(*c))
                .count();
            Ok((text(octal(&rest[..digits])?), digits))
        }
        '1'..='9' => number(rest),
        'b' => Ok((text('\x08'), 1)),
        _ => match control(c) {
            Some(control) => Ok((text(control), 1)),
            None if c.is_ascii_alphabetic() => {
                Err(PatternError::invalid(format!(r"bad escape \{c}")))
            }
            // Python leaves the backslash where it means nothing.
            None => Ok((TemplatePart::Text(format!("\\{c}")), c.len_utf8())),
        },
    }
}

/// Three octal digits are a character; one or two digits are a group.
fn number(rest: &str) -> Result<(TemplatePart, usize), PatternError> {
    let digits = rest.bytes().take(3).take_while(u8::is_ascii_digit).count();
    if digits == 3 && rest[..3].chars().all(is_octal) {
        return Ok((TemplatePart::Text(octal(&rest[..3])?.to_string()), 3));
    }
    let digits = digits.min(2);
    let number = rest[..digits]
        .parse()
        .map_err(|_| PatternError::invalid("invalid group reference"))?;
    Ok((TemplatePart::Group(number), digits))
}

/// `\g<name>` or `\g<number>`.
fn group_name(
    rest: &str,
    names: &BTreeMap<String, usize>,
) -> Result<(TemplatePart, usize), PatternError> {
    let inner = rest[1..]
        .strip_prefix('<')
        .ok_or_else(|| PatternError::invalid("missing < behind \\g"))?;
    let (name, _) = inner
        .split_once('>')
        .ok_or_else(|| PatternError::invalid("missing >, unterminated name"))?;
    let read = "g<>".len() + name.len();
    if is_identifier(name) {
        let number = names
            .get(name)
            .ok_or_else(|| PatternError::invalid(format!("unknown group name '{name}'")))?;
        return Ok((TemplatePart::Group(*number), read));
    }
    if name.bytes().all(|b| b.is_ascii_digit())
        && let Ok(number) = name.parse()
    {
        return Ok((TemplatePart::Group(number), read));
    }
    Err(PatternError::invalid(format!(
        "bad character in group name '{name}'"
    )))
}
