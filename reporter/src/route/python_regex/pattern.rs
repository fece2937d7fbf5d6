//! The sequence level of a pattern: branches, items, repeats, anchors.

use std::collections::BTreeMap;

use super::PatternError;
use super::class::{self, CharClass};

/// A pattern in the engine's syntax.
#[derive(Debug)]
pub(super) struct Translated {
    pub(super) text: String,
    /// Number of groups, the whole match not counted.
    pub(super) groups: usize,
    pub(super) names: BTreeMap<String, usize>,
}

pub(super) fn translate(pattern: &str) -> Result<Translated, PatternError> {
    let mut reader = PatternReader::new(pattern);
    let whole = reader.branches(true)?;
    if reader.peek().is_some() {
        return Err(PatternError::invalid("unbalanced parenthesis"));
    }
    reader.check_forward_references()?;
    Ok(Translated {
        text: whole.text,
        groups: reader.groups.len(),
        names: reader.names,
    })
}

/// A translated part, with what Python's rules need to know of it.
#[derive(Debug, Clone)]
pub(super) struct PatternPart {
    pub(super) text: String,
    /// Fewest and most characters it can match: look-behind needs a fixed width.
    pub(super) width: (u64, u64),
    pub(super) kind: Repeatable,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeatable {
    /// May be repeated.
    Item,
    /// `^`, `$`, `\b` and the like: may not.
    Anchor,
    /// Is repeated already.
    Repeat,
}

impl PatternPart {
    pub(super) fn item(text: impl Into<String>, width: (u64, u64)) -> PatternPart {
        PatternPart {
            text: text.into(),
            width,
            kind: Repeatable::Item,
        }
    }

    pub(super) fn one(text: impl Into<String>) -> PatternPart {
        PatternPart::item(text, (1, 1))
    }

    /// Whether it has a numbered group. Literal parentheses are always escaped.
    fn captures(&self) -> bool {
        self.text
            .split('(')
            .skip(1)
            .any(|rest| !rest.starts_with('?'))
    }

    pub(super) fn anchor(text: impl Into<String>) -> PatternPart {
        PatternPart {
            text: text.into(),
            width: (0, 0),
            kind: Repeatable::Anchor,
        }
    }
}

/// The flags in force at one place of the pattern.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Flags {
    pub(super) ignore_case: bool,
    pub(super) multi_line: bool,
    pub(super) dot_all: bool,
    pub(super) verbose: bool,
    pub(super) ascii: bool,
}

/// Reads a pattern by Python's rules, left to right, once.
pub(super) struct PatternReader {
    chars: Vec<char>,
    at: usize,
    pub(super) flags: Flags,
    /// Width of each group by number less one; `None` while it is open.
    pub(super) groups: Vec<Option<(u64, u64)>>,
    pub(super) names: BTreeMap<String, usize>,
    /// Groups that conditions name; they may come later.
    pub(super) conditions: Vec<usize>,
    /// Inside a look-behind: the number of groups before it.
    pub(super) look_behind: Option<usize>,
    depth: usize,
}

/// The engine's own limit is 64.
const MAX_DEPTH: usize = 50;

impl PatternReader {
    fn new(pattern: &str) -> PatternReader {
        PatternReader {
            chars: pattern.chars().collect(),
            at: 0,
            flags: Flags::default(),
            groups: Vec::new(),
            names: BTreeMap::new(),
            conditions: Vec::new(),
            look_behind: None,
            depth: 0,
        }
    }

    /// Alternatives up to the closing parenthesis or the end.
    pub(super) fn branches(&mut self, top: bool) -> Result<PatternPart, PatternError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(PatternError::NoEqual(format!(
                "nesting deeper than {MAX_DEPTH}"
            )));
        }
        let mut branches = vec![self.sequence(top)?];
        while self.take_if('|') {
            branches.push(self.sequence(false)?);
        }
        self.depth -= 1;
        let fewest = branches.iter().map(|b| b.width.0).min().unwrap_or(0);
        let most = branches.iter().map(|b| b.width.1).max().unwrap_or(0);
        let text = branches
            .into_iter()
            .map(|b| b.text)
            .collect::<Vec<_>>()
            .join("|");
        Ok(PatternPart::item(text, (fewest, most)))
    }

    /// One alternative. `first`: flags for the whole pattern may still come.
    pub(super) fn sequence(&mut self, first: bool) -> Result<PatternPart, PatternError> {
        let mut items: Vec<PatternPart> = Vec::new();
        while let Some(c) = self.peek() {
            if c == '|' || c == ')' {
                break;
            }
            self.at += 1;
            if self.flags.verbose && self.skipped(c) {
                continue;
            }
            match c {
                '*' | '+' | '?' | '{' => self.repeat(c, &mut items)?,
                '(' => items.extend(self.group(first && items.is_empty())?),
                _ => items.push(self.simple(c)?),
            }
        }
        let fewest = items
            .iter()
            .fold(0_u64, |sum, item| sum.saturating_add(item.width.0));
        let most = items
            .iter()
            .fold(0_u64, |sum, item| sum.saturating_add(item.width.1));
        let text = items.into_iter().map(|item| item.text).collect::<String>();
        Ok(PatternPart::item(text, (fewest, most)))
    }

    fn simple(&mut self, c: char) -> Result<PatternPart, PatternError> {
        Ok(match c {
            '.' if self.flags.dot_all => PatternPart::one("(?s:.)"),
            '.' => PatternPart::one(r"[^\n]"),
            '^' if self.flags.multi_line => PatternPart::anchor("(?m:^)"),
            '^' => PatternPart::anchor(r"\A"),
            '$' if self.flags.multi_line => PatternPart::anchor("(?m:$)"),
            // Python's `$` also matches before a line feed that ends the text.
            '$' => PatternPart::anchor(r"(?=\n?\z)"),
            '[' => self.set()?,
            '\\' => self.escape()?,
            _ => class::literal(c, self.flags),
        })
    }

    /// `*`, `+`, `?` and `{m,n}` with their lazy and possessive forms.
    fn repeat(&mut self, c: char, items: &mut Vec<PatternPart>) -> Result<(), PatternError> {
        let (least, most) = match c {
            '*' => (0, None),
            '+' => (1, None),
            '?' => (0, Some(1)),
            _ => match self.braces()? {
                Some(bounds) => bounds,
                // Braces that hold no numbers are text.
                None => {
                    items.push(class::literal('{', self.flags));
                    return Ok(());
                }
            },
        };
        let item = match items.pop() {
            None => return Err(PatternError::invalid("nothing to repeat")),
            Some(item) if item.kind == Repeatable::Anchor => {
                return Err(PatternError::invalid("nothing to repeat"));
            }
            Some(item) if item.kind == Repeatable::Repeat => {
                return Err(PatternError::invalid("multiple repeat"));
            }
            Some(item) => item,
        };
        let one_turn_at_most = item.width.1 > 0 && most == Some(1);
        if item.width.0 == 0 && item.captures() && !one_turn_at_most {
            // Python and the engine differ in which iteration such a group keeps.
            let what = "repeating a group that may match nothing";
            return Err(PatternError::NoEqual(what.to_owned()));
        }
        let lazy = self.take_if('?');
        let mut text = repeated(&item, least, most, lazy);
        if !lazy && self.take_if('+') {
            text = format!("(?>{text})");
        }
        let width = (
            item.width.0.saturating_mul(least),
            most.map_or(if item.width.1 == 0 { 0 } else { u64::MAX }, |n| {
                item.width.1.saturating_mul(n)
            }),
        );
        items.push(PatternPart {
            text,
            width,
            kind: Repeatable::Repeat,
        });
        Ok(())
    }

    /// The rest of `{m}`, `{m,}`, `{,n}`, `{m,n}`; nothing is read if it is none of them.
    fn braces(&mut self) -> Result<Option<(u64, Option<u64>)>, PatternError> {
        let start = self.at;
        if self.peek() == Some('}') {
            return Ok(None);
        }
        let low = self.digits();
        let high = if self.take_if(',') {
            self.digits()
        } else {
            low.clone()
        };
        if !self.take_if('}') {
            self.at = start;
            return Ok(None);
        }
        let number = |text: &str| {
            text.parse::<u64>()
                .ok()
                .filter(|n| *n < u64::from(u32::MAX))
                .ok_or_else(|| PatternError::invalid("the repetition number is too large"))
        };
        let least = if low.is_empty() { 0 } else { number(&low)? };
        let most = if high.is_empty() {
            None
        } else {
            Some(number(&high)?)
        };
        if most.is_some_and(|most| most < least) {
            return Err(PatternError::invalid("min repeat greater than max repeat"));
        }
        Ok(Some((least, most)))
    }

    /// White space and comments that the verbose flag hides.
    fn skipped(&mut self, c: char) -> bool {
        if c == '#' {
            while self.next().is_some_and(|c| c != '\n') {}
            return true;
        }
        matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
    }

    pub(super) fn class(&self, class: CharClass) -> PatternPart {
        PatternPart::one(class.text(self.flags))
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    pub(super) fn take_if(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    /// Takes up to `most` characters for which `fits` is true.
    pub(super) fn take_while(&mut self, most: usize, fits: impl Fn(char) -> bool) -> String {
        let rest = self.chars[self.at..].iter().take(most);
        let taken: String = rest.copied().take_while(|c| fits(*c)).collect();
        self.at += taken.chars().count();
        taken
    }

    fn digits(&mut self) -> String {
        self.take_while(usize::MAX, |c| c.is_ascii_digit())
    }
}

/// An item with its bounds, in the engine's syntax.
fn repeated(item: &PatternPart, least: u64, most: Option<u64>, lazy: bool) -> String {
    let text = &item.text;
    if item.width.1 > 0 {
        let most = most.map_or(String::new(), |most| most.to_string());
        return format!(
            "(?:{text}){{{least},{most}}}{}",
            if lazy { "?" } else { "" }
        );
    }
    // The engine does not repeat what is always empty. Once is equivalent, or an alternative with nothing.
    match (least, most, lazy) {
        (_, Some(0), _) => "(?:)".to_owned(),
        (0, _, false) => format!("(?:{text}|)"),
        (0, _, true) => format!("(?:|{text})"),
        _ => format!("(?:{text})"),
    }
}
