//! The configuration file: which one, and which of its sections.

mod hints;

use std::{collections::BTreeMap, io, path::Path, sync::Arc};

use crate::{
    ini::{Entry, Ini},
    option::{Program, nearest, row},
    origin::{Origin, Texts},
    problem::{Place, Problem},
    service_view,
};

/// Offers what the file sets. Gives the path of the file that was read; the error is a file that cannot be.
///
/// A file that was named must be there; the default file is read when it is.
pub(crate) fn read(
    program: Program,
    named: Option<&str>,
    texts: &mut Texts,
    warnings: &mut Vec<String>,
    problems: &mut Vec<Problem>,
) -> Result<Option<Arc<str>>, Problem> {
    let path: Arc<str> = named.unwrap_or(program.default_file()).into();
    match std::fs::read(&*path) {
        Ok(bytes) => take(
            program,
            &path,
            text(&path, &bytes)?,
            texts,
            warnings,
            problems,
        ),
        Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => {
            return Ok(None);
        }
        Err(error) => {
            let why = service_view::explained(Path::new(&*path), &error);
            let what = format!("cannot read the configuration file: {why}");
            return Err(Problem::new(Place::File(path.to_string()), what));
        }
    }
    Ok(Some(path))
}

fn text<'a>(path: &Arc<str>, bytes: &'a [u8]) -> Result<&'a str, Problem> {
    std::str::from_utf8(bytes).map_err(|error| {
        let line = 1 + bytes[..error.valid_up_to()]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count();
        Problem::new(Place::Line(Arc::clone(path), line, None), "not UTF-8").allowing("UTF-8")
    })
}

fn take(
    program: Program,
    path: &Arc<str>,
    text: &str,
    texts: &mut Texts,
    warnings: &mut Vec<String>,
    problems: &mut Vec<Problem>,
) {
    let (ini, errors) = Ini::parse(text);
    problems.extend(errors.into_iter().map(|found| {
        Problem::new(
            Place::Line(Arc::clone(path), found.line, found.key),
            found.error.to_string(),
        )
    }));
    warnings.extend(hints::near_misses(path, &ini));
    let of_fetchers = [Program::Fetcher.section(), Program::Fetcher.own_section()];
    if of_fetchers.iter().any(|name| ini.entries(name).is_some()) {
        texts.fetchers_file = Some(Arc::clone(path));
    }
    let (section, own) = (program.section(), program.own_section());
    let allowed = match section == own {
        true => format!("[{own}]"),
        false => format!("[{section}], and beside it [{own}]"),
    };
    let theirs = (section != own).then(|| ini.entries(section)).flatten();
    match (theirs, ini.entries(own)) {
        (None, None) => {
            let what = format!("there is no section [{section}]");
            let place = Place::File(path.to_string());
            problems.push(Problem::new(place, what).allowing(allowed));
        }
        (theirs, ours) => {
            let both = [
                (section, theirs.unwrap_or_default()),
                (own, ours.unwrap_or_default()),
            ];
            let entries = merge(path, both, problems);
            warnings.extend(hints::remarks(program, path, &entries));
            offer(program, path, entries, texts, problems);
        }
    }
}

/// One entry a key. A key of a section itself beats one of `[DEFAULT]`; in both sections it has two meanings.
fn merge(
    path: &Arc<str>,
    sections: [(&str, Vec<Entry>); 2],
    problems: &mut Vec<Problem>,
) -> Vec<Entry> {
    let mut merged: BTreeMap<String, (&str, Entry)> = BTreeMap::new();
    for (section, entries) in sections {
        for entry in entries {
            match merged.get(&entry.name) {
                Some((first_section, first)) if !first.default && !entry.default => {
                    let what = format!("stands in line {} in [{first_section}] too", first.line);
                    let place = Place::Line(Arc::clone(path), entry.line, Some(entry.name));
                    problems.push(
                        Problem::new(place, what)
                            .allowing("each option in one of the two sections"),
                    );
                }
                Some((_, first)) if !first.default => {}
                _ => {
                    merged.insert(entry.name.clone(), (section, entry));
                }
            }
        }
    }
    merged.into_values().map(|(_, entry)| entry).collect()
}

fn offer(
    program: Program,
    path: &Arc<str>,
    entries: Vec<Entry>,
    texts: &mut Texts,
    problems: &mut Vec<Problem>,
) {
    for entry in entries {
        // `-` and `_` are alike in arguments only: sys4 would refuse such a key.
        let known = row(program, &entry.name).filter(|row| row.name == entry.name);
        let place = Place::Line(Arc::clone(path), entry.line, Some(entry.name.clone()));
        match (known, entry.value) {
            (None, _) => problems.push(Problem::unknown(
                place,
                "key",
                nearest(program, &entry.name),
            )),
            (Some(row), Err(error)) => {
                texts.spoil(row);
                problems.push(Problem::new(place, error.to_string()));
            }
            (Some(row), Ok(value)) => {
                texts.offer(
                    row,
                    value,
                    Origin::File {
                        path: Arc::clone(path),
                        line: entry.line,
                    },
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> (String, Vec<String>) {
        let mut texts = Texts::new(Program::Fetcher);
        let mut problems = Vec::new();
        take(
            Program::Fetcher,
            &"f".into(),
            text,
            &mut texts,
            &mut Vec::new(),
            &mut problems,
        );
        let level = texts.text(row(Program::Fetcher, "log_level").unwrap());
        (
            format!("{} ({})", level.value, level.origin),
            problems.iter().map(Problem::to_string).collect(),
        )
    }

    #[test]
    fn sections_that_are_ours() {
        for (text, want, why) in [
            (
                "[tlsrpt_fetcher]\nlog_level=info",
                "info (file f:2)",
                "sys4's section",
            ),
            (
                "[tlsrptd_fetcher]\nlog_level=info",
                "info (file f:2)",
                "ours",
            ),
            (
                "[other]\nfoo=%\n[tlsrpt_fetcher]",
                "warn (default)",
                "sections of others are ignored",
            ),
            (
                "[DEFAULT]\nlog_level=info\n[tlsrpt_fetcher]",
                "info (file f:2)",
                "defaults count",
            ),
            (
                "[DEFAULT]\nlog_level=info\n[tlsrpt_fetcher]\n[tlsrptd_fetcher]\nlog_level=debug",
                "debug (file f:5)",
                "our own key beats the default that sys4's section has too",
            ),
            (
                "[DEFAULT]\nlog_level=info\n[tlsrpt_fetcher]\nlog_level=debug\n[tlsrptd_fetcher]",
                "debug (file f:4)",
                "and the other way round",
            ),
        ] {
            assert_eq!(read_text(text), (want.to_owned(), vec![]), "{why}");
        }
    }

    #[test]
    fn mistakes_with_their_lines() {
        for (text, want, why) in [
            (
                "[x]\n",
                "f: there is no section [tlsrpt_fetcher] (allowed: ",
                "a file for somebody else",
            ),
            (
                "[tlsrpt_fetcher]\n\nloglevel=1",
                "f:3: loglevel: unknown key; did you mean log_level?",
                "a slip",
            ),
            (
                "[tlsrpt_fetcher]\nlog-level=1",
                "f:2: log-level: unknown key; did you mean log_level?",
                "- is for arguments",
            ),
            (
                "[DEFAULT]\nbase=/x\n[tlsrpt_fetcher]",
                "f:2: base: unknown key",
                "a default is a key of every section",
            ),
            (
                "[tlsrpt_fetcher]\nlog_level=5%",
                "f:2: log_level: a lone %",
                "as Python",
            ),
            (
                "[tlsrpt_fetcher]\nlog_level=info\n[tlsrptd_fetcher]\nlog_level=info",
                "f:4: log_level: stands in line 2 in [tlsrpt_fetcher] too",
                "which one would count?",
            ),
        ] {
            let (_, problems) = read_text(text);
            assert!(
                problems.len() == 1 && problems[0].starts_with(want),
                "{why}: {problems:?}"
            );
        }
    }

    #[test]
    fn bytes_that_are_no_text_have_a_line() {
        let problem = text(&"f".into(), b"[tlsrpt_fetcher]\n#\xff").unwrap_err();
        assert_eq!(problem.to_string(), "f:2: not UTF-8 (allowed: UTF-8)");
    }
}
