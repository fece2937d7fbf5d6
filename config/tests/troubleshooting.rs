//! docs/troubleshooting.md: the log lines that it explains are those of the sources, and every line at warn and error is
//! explained.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What stands first in a row of these tables, with `...` for what varies, stands in one of the sources.
#[test]
fn every_log_line_explained_exists() {
    let sources = sources();
    let text = fs::read_to_string(root().join("docs/troubleshooting.md")).unwrap();
    let (mut lines, mut unknown) = (0, Vec::new());
    let mut is_explained = false;
    for row in text.lines() {
        if row.starts_with("| line |") || row.starts_with("| reason |") {
            is_explained = true;
        } else if !row.starts_with('|') {
            is_explained = false;
        } else if is_explained && !row.starts_with("|--") {
            let line = row
                .split('`')
                .nth(1)
                .unwrap_or_else(|| panic!("no line in {row}"));
            let parts: Vec<&str> = line
                .split("...")
                .map(str::trim)
                .filter(|part| part.chars().any(char::is_alphabetic))
                .collect();
            if !sources
                .iter()
                .any(|source| parts.iter().all(|part| source.contains(part)))
            {
                unknown.push(line);
            }
            lines += 1;
        }
    }
    assert!(unknown.is_empty(), "not in the sources: {unknown:#?}");
    assert!(lines > 60, "{lines} lines are too few to be all");
}

/// What is logged at these levels asks for a word: what it means, and what to do.
#[test]
fn every_line_at_warn_and_error_is_explained() {
    let text = fs::read_to_string(root().join("docs/troubleshooting.md")).unwrap();
    let (mut lines, mut unknown) = (0, Vec::new());
    for source in sources() {
        for call in source
            .split("error!(")
            .skip(1)
            .chain(source.split("warn!(").skip(1))
        {
            let Some(message) = message(call) else {
                continue;
            };
            let mut fixed = fixed_parts(&message).peekable();
            // A message that is all made elsewhere has its row there.
            if fixed.peek().is_some() {
                lines += 1;
                if !fixed.all(|part| text.contains(part)) {
                    unknown.push(message.clone());
                }
            }
        }
    }
    assert!(unknown.is_empty(), "rows are missing for: {unknown:#?}");
    assert!(lines > 50, "{lines} lines are too few to be all");
}

/// The last text of a macro's arguments, which begin here.
fn message(call: &str) -> Option<String> {
    let (mut depth, mut last, mut text) = (1, None, None::<String>);
    let mut chars = call.chars();
    while depth > 0 {
        let c = chars.next()?;
        match (&mut text, c) {
            (Some(_), '"') => last = text.take(),
            (Some(text), '\\') => text.extend(chars.next()),
            (Some(text), c) => text.push(c),
            (None, '"') => text = Some(String::new()),
            (None, '(') => depth += 1,
            (None, ')') => depth -= 1,
            (None, _) => {}
        }
    }
    last
}

/// What stands between the braces of a format.
fn fixed_parts(format: &str) -> impl Iterator<Item = &str> {
    format
        .split(['{', '}'])
        .step_by(2)
        .map(str::trim)
        .filter(|part| part.chars().filter(|c| c.is_alphabetic()).count() > 2)
}

/// The programs' sources without their tests, texts that go over several lines put together.
fn sources() -> Vec<String> {
    let mut found = Vec::new();
    for part in [
        "collectd", "shipper", "reporter", "fleet", "service", "config", "proto",
    ] {
        read(&root().join(part).join("src"), &mut found);
    }
    assert!(found.len() > 50);
    found
}

fn read(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("tests") {
                read(&path, found);
            }
        } else if path.extension().is_some_and(|ending| ending == "rs")
            && !path.ends_with("tests.rs")
        {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap();
            found.push(joined(code));
        }
    }
}

/// A backslash at the end of a line takes the blanks of the next one with it.
fn joined(code: &str) -> String {
    let mut parts = code.split("\\\n");
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        whole.push_str(part.trim_start());
    }
    whole
}
