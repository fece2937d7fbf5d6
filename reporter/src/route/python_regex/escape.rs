//! Escapes: a backslash and what follows.

use super::PatternError;
use super::class::{self, CharClass, CharKind};
use super::pattern::{PatternPart, PatternReader};

/// An escape inside a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SetEscape {
    Char(char),
    CharClass(CharClass),
}

/// Control characters in patterns and substitutions. `\b` differs: in a pattern it is a word boundary.
pub(super) fn control(letter: char) -> Option<char> {
    Some(match letter {
        'a' => '\x07',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        '\\' => '\\',
        _ => return None,
    })
}

pub(super) fn is_octal(c: char) -> bool {
    matches!(c, '0'..='7')
}

/// The character of an octal escape of up to three digits.
pub(super) fn octal(digits: &str) -> Result<char, PatternError> {
    u8::from_str_radix(digits, 8).map(char::from).map_err(|_| {
        PatternError::invalid(format!(
            r"octal escape value \{digits} outside of range 0-0o377"
        ))
    })
}

impl PatternReader {
    /// An escape outside of sets.
    pub(super) fn escape(&mut self) -> Result<PatternPart, PatternError> {
        let c = self.escaped()?;
        if let Some(class) = CharClass::named(c) {
            return Ok(self.class(class));
        }
        Ok(match c {
            'A' => PatternPart::anchor(r"\A"),
            'Z' => PatternPart::anchor(r"\z"),
            'b' => PatternPart::anchor(self.boundary(true)),
            'B' => PatternPart::anchor(self.boundary(false)),
            '0' => {
                let more = self.take_while(2, is_octal);
                class::literal(octal(&format!("0{more}"))?, self.flags)
            }
            '1'..='9' => self.number(c)?,
            _ => class::literal(self.character(c)?, self.flags),
        })
    }

    /// An escape inside a set: no anchors, no references, `\b` is a backspace.
    pub(super) fn set_escape(&mut self) -> Result<SetEscape, PatternError> {
        let c = self.escaped()?;
        if let Some(class) = CharClass::named(c) {
            return Ok(SetEscape::CharClass(class));
        }
        Ok(SetEscape::Char(match c {
            'b' => '\x08',
            '0'..='7' => {
                let more = self.take_while(2, is_octal);
                octal(&format!("{c}{more}"))?
            }
            '8' | '9' => return Err(bad_escape(c)),
            _ => self.character(c)?,
        }))
    }

    fn escaped(&mut self) -> Result<char, PatternError> {
        self.next()
            .ok_or_else(|| PatternError::invalid("bad escape (end of pattern)"))
    }

    /// Three octal digits are a character, other digits a group's number.
    fn number(&mut self, first: char) -> Result<PatternPart, PatternError> {
        let mut digits = first.to_string();
        if let Some(second) = self.peek().filter(char::is_ascii_digit) {
            self.take_if(second);
            digits.push(second);
            if is_octal(first) && is_octal(second) && self.peek().is_some_and(is_octal) {
                digits.extend(self.next());
                return Ok(class::literal(octal(&digits)?, self.flags));
            }
        }
        let number = digits
            .parse()
            .map_err(|_| PatternError::invalid("invalid group reference"))?;
        self.reference(number)
    }

    /// `\xHH`, `\uHHHH`, `\UHHHHHHHH`, a control character, or the character itself.
    fn character(&mut self, c: char) -> Result<char, PatternError> {
        let digits = match c {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            'N' => return Err(PatternError::NoEqual(r"\N{...}".to_owned())),
            _ if control(c).is_some() => return Ok(control(c).unwrap_or(c)),
            _ if c.is_ascii_alphabetic() => return Err(bad_escape(c)),
            _ => return Ok(c),
        };
        let hex = self.take_while(digits, |c| c.is_ascii_hexdigit());
        if hex.len() != digits {
            return Err(PatternError::invalid(format!(
                r"incomplete escape \{c}{hex}"
            )));
        }
        match u32::from_str_radix(&hex, 16) {
            Ok(0xd800..=0xdfff) => Err(PatternError::NoEqual(format!(r"the surrogate \{c}{hex}"))),
            Ok(code) => char::from_u32(code)
                .ok_or_else(|| PatternError::invalid(format!(r"bad escape \{c}{hex}"))),
            Err(_) => Err(PatternError::invalid(format!(r"bad escape \{c}{hex}"))),
        }
    }

    /// `\b` (`edge`) or `\B`, by Python's definition of a word.
    fn boundary(&self, edge: bool) -> String {
        let word = CharClass {
            of: CharKind::Word,
            negated: false,
        }
        .text(self.flags);
        if edge {
            format!("(?:(?<={word})(?!{word})|(?<!{word})(?={word}))")
        } else {
            format!("(?:(?<={word})(?={word})|(?<!{word})(?!{word}))")
        }
    }
}

fn bad_escape(c: char) -> PatternError {
    PatternError::invalid(format!(r"bad escape \{c}"))
}
