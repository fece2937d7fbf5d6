//! `%%` and `%(key)s`, as Python's BasicInterpolation has them.

use super::IniError;

/// Python's limit.
const DEPTH: usize = 10;

/// The value with its references followed; `raw` gives the raw value of a key.
pub(super) fn value<'a>(
    text: &str,
    raw: &impl Fn(&str) -> Option<&'a str>,
) -> Result<String, IniError> {
    let mut out = String::new();
    follow(text, raw, 1, &mut out)?;
    Ok(out)
}

fn follow<'a>(
    text: &str,
    raw: &impl Fn(&str) -> Option<&'a str>,
    depth: usize,
    out: &mut String,
) -> Result<(), IniError> {
    if depth > DEPTH {
        return Err(IniError::TooDeep);
    }
    let mut rest = text;
    while let Some((plain, tail)) = rest.split_once('%') {
        out.push_str(plain);
        rest = if let Some(tail) = tail.strip_prefix('%') {
            out.push('%');
            tail
        } else if let Some(tail) = tail.strip_prefix('(') {
            let (name, tail) = reference(tail).ok_or(IniError::BadReference)?;
            let name = name.to_lowercase();
            let value = raw(&name).ok_or(IniError::UnknownReference(name))?;
            follow_reference(value, raw, depth, out)?;
            tail
        } else {
            return Err(IniError::LonePercent);
        };
    }
    out.push_str(rest);
    Ok(())
}

/// A value without a sign is taken as it is, however deep it stands.
fn follow_reference<'a>(
    value: &str,
    raw: &impl Fn(&str) -> Option<&'a str>,
    depth: usize,
    out: &mut String,
) -> Result<(), IniError> {
    if value.contains('%') {
        return follow(value, raw, depth + 1, out);
    }
    out.push_str(value);
    Ok(())
}

/// `KEY)s` and what comes behind; KEY is not empty.
fn reference(text: &str) -> Option<(&str, &str)> {
    let (name, tail) = text.split_once(')')?;
    let tail = tail.strip_prefix('s')?;
    (!name.is_empty()).then_some((name, tail))
}
