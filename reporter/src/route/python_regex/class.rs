//! Literals, character classes and `[...]` sets.

use super::PatternError;
use super::escape::SetEscape;
use super::pattern::{Flags, PatternPart, PatternReader};

/// `\d`, `\s`, `\w` and their opposites, by Python's definitions, which differ from the engine's: `\w` is `str.isalnum()`
/// and `_`, without marks and joiners; `\s` includes the four information separators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CharClass {
    pub(super) of: CharKind,
    pub(super) negated: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CharKind {
    Digit,
    Space,
    Word,
}

impl CharClass {
    /// The class of `\d`, `\D`, `\s`, `\S`, `\w`, `\W`.
    pub(super) fn named(letter: char) -> Option<CharClass> {
        let of = match letter.to_ascii_lowercase() {
            'd' => CharKind::Digit,
            's' => CharKind::Space,
            'w' => CharKind::Word,
            _ => return None,
        };
        Some(CharClass {
            of,
            negated: letter.is_ascii_uppercase(),
        })
    }

    /// The class as a set; it may stand inside another set.
    pub(super) fn text(self, flags: Flags) -> String {
        let members = match (self.of, flags.ascii) {
            (CharKind::Digit, true) => "0-9",
            (CharKind::Digit, false) => r"\p{Nd}",
            (CharKind::Space, true) => r"\t\n\x0b\x0c\r\x20",
            (CharKind::Space, false) => r"\s\x1c-\x1f",
            (CharKind::Word, true) => "0-9A-Za-z_",
            (CharKind::Word, false) => r"\p{L}\p{N}_",
        };
        format!("[{}{members}]", if self.negated { "^" } else { "" })
    }
}

/// One character as itself.
pub(super) fn literal(c: char, flags: Flags) -> PatternPart {
    if !flags.ignore_case || (c.is_ascii() && !c.is_ascii_alphabetic()) {
        return PatternPart::one(quoted(c));
    }
    PatternPart::one(match (flags.ascii, c.is_ascii()) {
        (true, true) => format!("[{}{}]", c.to_ascii_lowercase(), c.to_ascii_uppercase()),
        (true, false) => quoted(c),
        (false, _) => format!("(?i:{})", quoted(c)),
    })
}

/// Escaped, so that it has no special meaning anywhere in the engine's syntax.
fn quoted(c: char) -> String {
    if c.is_ascii_alphanumeric() {
        c.to_string()
    } else {
        format!("\\x{{{:X}}}", u32::from(c))
    }
}

impl PatternReader {
    /// The rest of a `[...]` set.
    pub(super) fn set(&mut self) -> Result<PatternPart, PatternError> {
        let negated = self.take_if('^');
        let mut members = String::new();
        loop {
            let c = self.set_char()?;
            // A `]` that stands first is a member.
            if c == ']' && !members.is_empty() {
                break;
            }
            let low = self.set_item(c)?;
            if !self.take_if('-') {
                members.push_str(&self.member(low));
                continue;
            }
            let next = self.set_char()?;
            if next == ']' {
                members.push_str(&self.member(low));
                members.push_str(&quoted('-'));
                break;
            }
            match (low, self.set_item(next)?) {
                (SetEscape::Char(low), SetEscape::Char(high)) if low <= high => {
                    members.push_str(&self.range(low, high));
                }
                _ => return Err(PatternError::invalid("bad character range")),
            }
        }
        let set = format!("[{}{members}]", if negated { "^" } else { "" });
        let fold = self.flags.ignore_case && !self.flags.ascii;
        Ok(PatternPart::one(if fold {
            format!("(?i:{set})")
        } else {
            set
        }))
    }

    fn set_char(&mut self) -> Result<char, PatternError> {
        self.next()
            .ok_or_else(|| PatternError::invalid("unterminated character set"))
    }

    fn set_item(&mut self, c: char) -> Result<SetEscape, PatternError> {
        if c == '\\' {
            self.set_escape()
        } else {
            Ok(SetEscape::Char(c))
        }
    }

    fn member(&self, item: SetEscape) -> String {
        match item {
            SetEscape::Char(c) => self.range(c, c),
            SetEscape::CharClass(class) => class.text(self.flags),
        }
    }

    /// A range; without Unicode, `(?i)` folds the ASCII letters alone.
    fn range(&self, low: char, high: char) -> String {
        let mut text = format!("{}-{}", quoted(low), quoted(high));
        if self.flags.ignore_case && self.flags.ascii {
            for (from, to, other) in [('a', 'z', 'A'), ('A', 'Z', 'a')] {
                let (from_other, to_other) = (low.max(from), high.min(to));
                if from_other <= to_other {
                    let swap = |c: char| char::from(c as u8 - from as u8 + other as u8);
                    text.push_str(&format!("{}-{}", swap(from_other), swap(to_other)));
                }
            }
        }
        text
    }
}
