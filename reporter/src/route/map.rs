//! One map file: its rules, the one that matches, and its action.

use std::fmt;
use std::path::{Path, PathBuf};

use tlsrptd_config::service_view;

use super::python_regex::{Matcher, RunError, Substitution};
use super::uri;
use crate::model::{Destination, NamedBy};

/// The maps, with the names of sys4's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MapKind {
    Rua,
    Mail,
    Http,
}

impl fmt::Display for MapKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            MapKind::Rua => "rua map",
            MapKind::Mail => "mail map",
            MapKind::Http => "http map",
        })
    }
}

/// Why a map cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RouteError {
    /// The file cannot be read.
    #[error("{map}: cannot read {}: {}", path.display(), service_view::explained(path, source))]
    Read {
        /// `rua map`, `mail map` or `http map`.
        map: String,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line is not valid.
    #[error("{map} line {line}: {reason} (in {})", path.display())]
    Line {
        /// `rua map`, `mail map` or `http map`.
        map: String,
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong, in sys4's words where it has any.
        reason: String,
    },
}

/// A valid map.
#[derive(Debug)]
pub(super) struct DestinationMap {
    which: MapKind,
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    line: usize,
    on: Match,
    action: Action,
}

#[derive(Debug)]
enum Match {
    /// Exactly this name, in lower case.
    Name(String),
    /// Every name with this ending; the text starts with a dot.
    Below(String),
    Every,
    Pattern(Matcher),
}

#[derive(Debug)]
enum Action {
    Accept,
    Discard,
    Replace(Vec<Destination>),
    Append(Vec<Destination>),
    Rewrite(Box<Substitution>),
}

/// The result of a map.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Mapped {
    /// The destinations, changed or not.
    To(Vec<Destination>),
    /// A line said DISCARD.
    Discarded,
    /// A pattern exceeded the engine's limit: the result is unknown, so nothing is delivered.
    Failed(String),
}

impl DestinationMap {
    /// Reads a map.
    ///
    /// # Errors
    /// With every wrong line.
    pub(super) fn load(which: MapKind, path: &Path) -> Result<DestinationMap, Vec<RouteError>> {
        let text = std::fs::read_to_string(path).map_err(|source| {
            vec![RouteError::Read {
                map: which.to_string(),
                path: path.to_owned(),
                source,
            }]
        })?;
        DestinationMap::parse(which, &text).map_err(|problems| {
            let error = |(line, reason)| RouteError::Line {
                map: which.to_string(),
                path: path.to_owned(),
                line,
                reason,
            };
            problems.into_iter().map(error).collect()
        })
    }

    fn parse(which: MapKind, text: &str) -> Result<DestinationMap, Vec<(usize, String)>> {
        let (mut rules, mut problems) = (Vec::new(), Vec::new());
        for (line, text) in (1..).zip(text.lines()) {
            let words: Vec<&str> = text.split_whitespace().collect();
            match words.split_first() {
                None => {}
                Some((first, _)) if first.starts_with('#') => {}
                Some((on, rest)) => match parse_rule(on, rest) {
                    Ok((on, action)) => rules.push(Rule { line, on, action }),
                    Err(reason) => problems.push((line, reason)),
                },
            }
        }
        if problems.is_empty() {
            Ok(DestinationMap { which, rules })
        } else {
            Err(problems)
        }
    }

    /// Applies the first rule whose domain pattern matches `name` or whose regular expression matches `text`.
    pub(super) fn apply(&self, name: &str, text: &str, destinations: Vec<Destination>) -> Mapped {
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        for rule in &self.rules {
            match rule.on.matches(&name, text) {
                Ok(false) => {}
                Ok(true) => {
                    return rule
                        .action
                        .apply(destinations)
                        .unwrap_or_else(|error| self.failed(rule, &error));
                }
                Err(error) => return self.failed(rule, &error),
            }
        }
        Mapped::To(destinations)
    }

    fn failed(&self, rule: &Rule, error: &RunError) -> Mapped {
        Mapped::Failed(format!("{} line {}: {error}", self.which, rule.line))
    }
}

fn parse_rule(on: &str, rest: &[&str]) -> Result<(Match, Action), String> {
    let Some((action, parameters)) = rest.split_first() else {
        return Err("Missing action".to_owned());
    };
    // The match is parsed before the action: of two mistakes sys4 shows the first.
    let on = parse_match(on)?;
    Ok((on, parse_action(action, parameters)?))
}

fn parse_match(text: &str) -> Result<Match, String> {
    let (kind, pattern) = text.split_once(':').unwrap_or(("domain", text));
    match kind {
        "domain" if pattern == "." => Ok(Match::Every),
        "domain" if pattern.starts_with('.') => Ok(Match::Below(pattern.to_ascii_lowercase())),
        "domain" => Ok(Match::Name(pattern.to_ascii_lowercase())),
        "regexp" => Matcher::compile(pattern)
            .map(Match::Pattern)
            .map_err(|error| format!("Could not compile regexp match '{pattern}': {error}")),
        _ => Err(format!("Unsupported match type '{kind}'")),
    }
}

fn parse_action(action: &str, parameters: &[&str]) -> Result<Action, String> {
    let uris = || {
        if parameters.is_empty() {
            return Err(format!("Map action {action} needs additional parameters"));
        }
        let named = |uri: &&str| Destination::new(*uri, NamedBy::Operator);
        Ok(parameters.iter().map(named).collect())
    };
    let none = |result| {
        if parameters.is_empty() {
            return Ok(result);
        }
        Err(format!(
            "Map action {action} does not accept additional parameters"
        ))
    };
    match action {
        "ACCEPT" => none(Action::Accept),
        "DISCARD" => none(Action::Discard),
        "REPLACE" => uris().map(Action::Replace),
        "APPEND" => uris().map(Action::Append),
        "REGEXP" => match parameters {
            [pattern, template] => Substitution::compile(pattern, template)
                .map(|substitution| Action::Rewrite(Box::new(substitution)))
                .map_err(|error| {
                    format!("Could not compile '{pattern}' with '{template}': {error}")
                }),
            _ => Err(format!(
                "Map action REGEXP needs 2 additional parameters but got {}",
                parameters.len()
            )),
        },
        _ => Err(format!("Unknown action {action}")),
    }
}

impl Match {
    fn matches(&self, name: &str, text: &str) -> Result<bool, RunError> {
        match self {
            Match::Every => Ok(true),
            Match::Name(wanted) => Ok(name == wanted),
            // `.example.com` is not `example.com`.
            Match::Below(suffix) => {
                Ok(name.len() > suffix.len() && name.ends_with(suffix.as_str()))
            }
            Match::Pattern(matcher) => matcher.matches(text),
        }
    }
}

impl Action {
    fn apply(&self, mut destinations: Vec<Destination>) -> Result<Mapped, RunError> {
        Ok(match self {
            Action::Accept => Mapped::To(destinations),
            Action::Discard => Mapped::Discarded,
            Action::Replace(named) => Mapped::To(named.clone()),
            Action::Append(named) => {
                destinations.extend_from_slice(named);
                Mapped::To(destinations)
            }
            Action::Rewrite(substitution) => {
                for destination in &mut destinations {
                    let uri = substitution.apply(destination.uri())?;
                    let mut rewritten = Destination::new(uri, NamedBy::Operator);
                    if uri::is_same_host(destination, &rewritten) {
                        rewritten.named_by = destination.named_by;
                    }
                    *destination = rewritten;
                }
                Mapped::To(destinations)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_named_in_sys4s_words() {
        for (text, expected) in [
            ("example.com", "Missing action"),
            ("example.com accept", "Unknown action accept"),
            ("foo:example.com ACCEPT", "Unsupported match type 'foo'"),
            (
                ". ACCEPT x",
                "Map action ACCEPT does not accept additional parameters",
            ),
            (
                ". DISCARD # why",
                "Map action DISCARD does not accept additional parameters",
            ),
            (
                ". REPLACE",
                "Map action REPLACE needs additional parameters",
            ),
            (". APPEND", "Map action APPEND needs additional parameters"),
            (
                ". REGEXP a",
                "Map action REGEXP needs 2 additional parameters but got 1",
            ),
            (
                ". REGEXP a b c",
                "Map action REGEXP needs 2 additional parameters but got 3",
            ),
            (
                "regexp:( ACCEPT",
                "Could not compile regexp match '(': missing ), unterminated subpattern",
            ),
            (
                ". REGEXP a \\1",
                "Could not compile 'a' with '\\1': invalid group reference 1",
            ),
            (
                ". REGEXP \\N{DASH} b",
                "Could not compile '\\N{DASH}' with 'b': \\N{...} has no equal here",
            ),
        ] {
            let problems = DestinationMap::parse(MapKind::Rua, text).unwrap_err();
            assert_eq!(problems, [(1, expected.to_owned())], "{text}");
        }
    }

    #[test]
    fn all_mistakes_of_a_file_come_at_once_with_their_lines() {
        let text = "# comment\n\n. ACCEPT\n. NO\n  \n. REPLACE\n";
        let problems = DestinationMap::parse(MapKind::Rua, text).unwrap_err();
        assert_eq!(
            problems.iter().map(|(line, _)| *line).collect::<Vec<_>>(),
            [4, 6]
        );

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rua.map");
        std::fs::write(&path, text).unwrap();
        let errors = DestinationMap::load(MapKind::Rua, &path).unwrap_err();
        let first = errors[0].to_string();
        assert_eq!(
            first,
            format!("rua map line 4: Unknown action NO (in {})", path.display())
        );
        let errors = DestinationMap::load(MapKind::Http, Path::new("/nonexistent")).unwrap_err();
        assert!(
            errors[0]
                .to_string()
                .starts_with("http map: cannot read /nonexistent: ")
        );
    }

    #[test]
    fn the_first_matching_line_wins() {
        #[rustfmt::skip]
        let rows = [
            // map, name, text, whether it was discarded, why
            ("example.com DISCARD", "example.com", "", true, "the exact name"),
            ("domain:example.com DISCARD", "example.com", "", true, "spelled out"),
            ("Example.COM DISCARD", "example.com", "", true, "without case"),
            ("example.com DISCARD", "EXAMPLE.com.", "", true, "a trailing dot of the name is ignored"),
            ("example.com DISCARD", "a.example.com", "", false, "not a name below"),
            (".example.com DISCARD", "a.b.example.com", "", true, "a name below"),
            (".example.com DISCARD", "example.com", "", false, "not the name itself"),
            (".example.com DISCARD", "badexample.com", "", false, "nor one that ends alike"),
            (". DISCARD", "anything", "", true, "all"),
            ("example.com. DISCARD", "example.com", "", false, "as with sys4: the pattern's own dot stays"),
            ("regexp:mail DISCARD", "x", "mailto:a@x", true, "a pattern sees the text"),
            ("regexp:to: DISCARD", "x", "mailto:a@x", false, "from its start"),
            ("regexp:a:b DISCARD", "x", "a:bc", true, "a colon in a pattern"),
            ("a ACCEPT\n. DISCARD", "a", "", false, "the first line wins"),
            ("a ACCEPT\n. DISCARD", "b", "", true, "or the next"),
        ];
        for (map, name, text, discarded, why) in rows {
            let map = DestinationMap::parse(MapKind::Mail, map).unwrap();
            let mapped = map.apply(name, text, Vec::new());
            assert_eq!(mapped == Mapped::Discarded, discarded, "{why}");
        }
    }

    #[test]
    fn a_pattern_that_fails_delivers_nothing() {
        let map = DestinationMap::parse(MapKind::Mail, r"regexp:(x)(?:a|aa|\1)*c ACCEPT").unwrap();
        let text = format!("x{}", "a".repeat(60));
        assert!(
            matches!(map.apply("x", &text, Vec::new()), Mapped::Failed(why) if why.starts_with("mail map line 1: "))
        );
    }
}
