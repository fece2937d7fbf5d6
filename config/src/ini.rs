//! The file's dialect: that of Python's `configparser` with its defaults, told apart from it by nothing but that
//! all errors are found at once.
//!
//! `=` or `:` separates, `#` and `;` begin a comment line, an indented line goes on with the value before it (an empty
//! line too), keys have no case, keys of `[DEFAULT]` are keys of every section, `%` interpolates.

mod interpolate;

use thiserror::Error;

/// A file, read.
#[derive(Debug, Default)]
pub(crate) struct Ini {
    defaults: Section,
    sections: Vec<Section>,
}

/// A section and its own keys.
#[derive(Debug, Default)]
struct Section {
    name: String,
    line: usize,
    keys: Vec<Key>,
}

/// One key as it stands in the file, before interpolation.
#[derive(Debug)]
struct Key {
    name: String,
    value: String,
    line: usize,
}

/// A key of a section after interpolation.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) line: usize,
    /// It stands in `[DEFAULT]`.
    pub(crate) default: bool,
    pub(crate) value: Result<String, IniError>,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum IniError {
    #[error("there is no section before this line (allowed: a [SECTION] line first)")]
    NoSection,
    #[error(
        "a key without a value (allowed: KEY = VALUE, [SECTION], or a comment that begins with # or ;)"
    )]
    NoSeparator,
    #[error("a value without a key (allowed: KEY = VALUE)")]
    NoKey,
    #[error("the section [{0}] stands already in line {1} (allowed: each section once)")]
    DuplicateSection(String, usize),
    #[error("the key stands already in line {0} of its section (allowed: each key once)")]
    DuplicateKey(usize),
    #[error("a lone % (allowed: %% for the sign itself, %(KEY)s for the value of another key)")]
    LonePercent,
    #[error("a reference that does not end (allowed: %(KEY)s)")]
    BadReference,
    #[error(
        "%({0})s refers to a key that is not in the section (allowed: a key of the section or of [DEFAULT])"
    )]
    UnknownReference(String),
    #[error("references lead more than 10 deep, maybe in a circle")]
    TooDeep,
}

/// An error, its line and the key that stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IniProblem {
    pub(crate) line: usize,
    pub(crate) key: Option<String>,
    pub(crate) error: IniError,
}

impl Ini {
    /// Reads the text of a file.
    pub(crate) fn parse(text: &str) -> (Ini, Vec<IniProblem>) {
        let mut parser = Parser::default();
        for (index, line) in lines(text).enumerate() {
            parser.line(index + 1, line);
        }
        parser.finish()
    }

    /// The names of the sections, `[DEFAULT]` apart, and their lines.
    pub(crate) fn names(&self) -> impl Iterator<Item = (&str, usize)> {
        self.sections
            .iter()
            .map(|section| (section.name.as_str(), section.line))
    }

    /// The keys of a section and of `[DEFAULT]`; `None` where there is no such section.
    pub(crate) fn entries(&self, name: &str) -> Option<Vec<Entry>> {
        let section = self.sections.iter().find(|section| section.name == name)?;
        let raw = |name: &str| section.value(name).or_else(|| self.defaults.value(name));
        let entry = |key: &Key, default| Entry {
            name: key.name.clone(),
            line: key.line,
            default,
            value: interpolate::value(&key.value, &raw),
        };
        let inherited = self
            .defaults
            .keys
            .iter()
            .filter(|key| section.value(&key.name).is_none());
        let own = section.keys.iter().map(|key| entry(key, false));
        Some(own.chain(inherited.map(|key| entry(key, true))).collect())
    }
}

impl Section {
    fn value(&self, name: &str) -> Option<&str> {
        self.keys
            .iter()
            .find(|key| key.name == name)
            .map(|key| key.value.as_str())
    }
}

/// Where lines go next.
#[derive(Default)]
struct Parser {
    ini: Ini,
    problems: Vec<IniProblem>,
    place: CurrentSection,
    /// The indent of the last line that was no continuation: what is deeper goes on with its value.
    indent: usize,
    /// The key that a continuation would go on with, and the lines of its value so far.
    open: Option<(Key, Vec<String>)>,
}

#[derive(Default, Clone, Copy)]
enum CurrentSection {
    #[default]
    Nowhere,
    Defaults,
    Section(usize),
}

impl Parser {
    fn line(&mut self, number: usize, line: &str) {
        let value = strip(line);
        if value.starts_with(['#', ';']) {
            return;
        }
        if value.is_empty() {
            // An empty line may be the middle of a value; at its end it is cut off again.
            if let Some((_, lines)) = &mut self.open {
                lines.push(String::new());
            }
            return;
        }
        let indent = line.chars().take_while(|c| is_space(*c)).count();
        match &mut self.open {
            Some((_, lines)) if indent > self.indent => lines.push(value.to_owned()),
            _ => {
                self.indent = indent;
                self.header_or_key(number, value);
            }
        }
    }

    fn header_or_key(&mut self, number: usize, value: &str) {
        if let Some(name) = header(value) {
            self.close();
            self.place = self.section(number, name);
            return;
        }
        let Some((name, text)) = value.split_once(['=', ':']) else {
            let error = match self.place {
                CurrentSection::Nowhere => IniError::NoSection,
                _ => IniError::NoSeparator,
            };
            return self.problem(number, None, error);
        };
        let name = strip(name).to_lowercase();
        let text = strip(text).to_owned();
        if matches!(self.place, CurrentSection::Nowhere) {
            return self.problem(number, None, IniError::NoSection);
        }
        if name.is_empty() {
            return self.problem(number, None, IniError::NoKey);
        }
        self.close();
        if let Some(first) = self
            .keys()
            .iter()
            .find(|key| key.name == name)
            .map(|key| key.line)
        {
            self.problem(number, Some(name.clone()), IniError::DuplicateKey(first));
        }
        let key = Key {
            name,
            value: String::new(),
            line: number,
        };
        self.open = Some((key, vec![text]));
    }

    /// `[DEFAULT]` may stand several times, every other section once.
    fn section(&mut self, number: usize, name: &str) -> CurrentSection {
        if name == "DEFAULT" {
            return CurrentSection::Defaults;
        }
        let sections = &mut self.ini.sections;
        if let Some(index) = sections.iter().position(|section| section.name == name) {
            let error = IniError::DuplicateSection(name.to_owned(), sections[index].line);
            self.problem(number, None, error);
            return CurrentSection::Section(index);
        }
        sections.push(Section {
            name: name.to_owned(),
            line: number,
            keys: Vec::new(),
        });
        CurrentSection::Section(sections.len() - 1)
    }

    fn keys(&mut self) -> &mut Vec<Key> {
        match self.place {
            CurrentSection::Section(index) => &mut self.ini.sections[index].keys,
            CurrentSection::Nowhere | CurrentSection::Defaults => &mut self.ini.defaults.keys,
        }
    }

    /// The value that was open is whole. Of a key that stands twice the first one stays.
    fn close(&mut self) {
        let Some((mut key, lines)) = self.open.take() else {
            return;
        };
        key.value = lines.join("\n").trim_end_matches(is_space).to_owned();
        let keys = self.keys();
        if keys.iter().all(|known| known.name != key.name) {
            keys.push(key);
        }
    }

    fn problem(&mut self, line: usize, key: Option<String>, error: IniError) {
        // Without a first section every line would be wrong in the same way.
        if error == IniError::NoSection && self.problems.iter().any(|known| known.error == error) {
            return;
        }
        self.problems.push(IniProblem { line, key, error });
    }

    fn finish(mut self) -> (Ini, Vec<IniProblem>) {
        self.close();
        (self.ini, self.problems)
    }
}

/// `[NAME]`, and whatever stands behind the last `]`: Python lets it pass.
fn header(value: &str) -> Option<&str> {
    let inner = value.strip_prefix('[')?;
    let end = inner.rfind(']').filter(|end| *end > 0)?;
    Some(&inner[..end])
}

/// Lines as Python's text files have them: they end in LF, CR LF, or CR alone.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = rest.find(['\n', '\r']).unwrap_or(rest.len());
        let (line, tail) = rest.split_at(end);
        rest = tail
            .strip_prefix("\r\n")
            .or_else(|| tail.strip_prefix(['\r', '\n']))
            .unwrap_or("");
        Some(line)
    })
}

fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// What Python takes for white space: Unicode's, and four separators of ASCII.
fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}

#[cfg(test)]
mod differential;
#[cfg(test)]
mod tests;
