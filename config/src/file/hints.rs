//! Probable mistakes that Python's `configparser` accepts silently, and we accept with a warning.

use std::sync::Arc;

use crate::{
    ini::{Entry, Ini},
    option::{Kind, Program, row},
    problem::{Place, Problem},
};

const PROGRAMS: [Program; 5] = [
    Program::Collectd,
    Program::Fetcher,
    Program::Reportd,
    Program::Statusd,
    Program::Shipper,
];

/// Sections that are ignored although their name is almost that of a section that is read.
pub(super) fn near_misses(path: &Arc<str>, ini: &Ini) -> Vec<String> {
    let known = || PROGRAMS.map(|program| [program.section(), program.own_section()]);
    let hint = |(name, line): (&str, usize)| {
        let plain = name.trim().to_lowercase().replace(['-', ' ', '.'], "_");
        let known = || known().into_iter().flatten();
        if known().any(|section| section == name) {
            return None;
        }
        // Two slips, and `_` for what separates the words.
        let near = known().min_by_key(|section| strsim::osa_distance(section, &plain))?;
        let is_near = strsim::osa_distance(near, &plain) <= 2;
        let place = Place::Line(Arc::clone(path), line, None);
        let what = format!("the section [{name}] is not read; did you mean [{near}]?");
        is_near.then(|| Problem::new(place, what).to_string())
    };
    ini.names().filter_map(hint).collect()
}

/// Comments behind values: they are part of the value.
pub(super) fn remarks(program: Program, path: &Arc<str>, entries: &[Entry]) -> Vec<String> {
    let hint = |entry: &Entry| {
        let value = entry.value.as_ref().ok()?;
        let kind = row(program, &entry.name)?.kind;
        let is_command = matches!(kind, Kind::Shell | Kind::Words | Kind::Fetchers);
        let remark = remark(value, is_command)?;
        let place = Place::Line(Arc::clone(path), entry.line, Some(entry.name.clone()));
        let what = format!(
            "`{remark}` is part of the value; a remark stands in a line of its own, which begins with # or ;"
        );
        Some(Problem::new(place, what).to_string())
    };
    entries.iter().filter_map(hint).collect()
}

/// From the first `#` or `;` on that stands behind white space. In a command `;` is a word like others.
fn remark(value: &str, is_command: bool) -> Option<&str> {
    let begins = |c: char| c == '#' || (c == ';' && !is_command);
    let mut before = ' ';
    for (at, c) in value.char_indices() {
        // A value that begins so is nothing but a remark.
        if begins(c) && before.is_whitespace() {
            return Some(&value[at..]);
        }
        before = c;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hints(text: &str) -> Vec<String> {
        let (ini, problems) = Ini::parse(text);
        assert!(problems.is_empty(), "{text}");
        let path = "f".into();
        let entries = ini.entries("tlsrpt_reportd").unwrap_or_default();
        let mut hints = near_misses(&path, &ini);
        hints.extend(remarks(Program::Reportd, &path, &entries));
        hints
    }

    #[test]
    fn sections_that_are_almost_ours() {
        for (name, near, why) in [
            ("tlsrptd-reportd", "tlsrptd_reportd", "a dash"),
            ("tlsrpt reportd", "tlsrpt_reportd", "a space"),
            ("TLSRPT_reportd", "tlsrpt_reportd", "capitals"),
            (" tlsrpt_reportd ", "tlsrpt_reportd", "blanks"),
            ("tlsrpt_collect", "tlsrpt_collectd", "a letter"),
            ("tlsrpt_fetchers", "tlsrpt_fetcher", "a letter too many"),
            ("tlrspt_reportd", "tlsrpt_reportd", "two letters exchanged"),
        ] {
            let want = format!("f:1: the section [{name}] is not read; did you mean [{near}]?");
            assert_eq!(hints(&format!("[{name}]\n")), [want], "{why}");
        }
        for name in [
            "tlsrpt_reportd",
            "tlsrptd_fetcher",
            "other",
            "tlsrpt",
            "reporter",
            "DEFAULT",
        ] {
            assert_eq!(hints(&format!("[{name}]\n")), [""; 0], "{name}");
        }
    }

    #[test]
    fn remarks_behind_values() {
        for (line, remark, why) in [
            (
                "organization_name = X # my org",
                "# my org",
                "after a blank",
            ),
            (
                "organization_name = X\t; my org",
                "; my org",
                "the other sign",
            ),
            (
                "organization_name = # none yet",
                "# none yet",
                "nothing but a remark",
            ),
            (
                "keep_days = 10 # days",
                "# days",
                "the error is another line",
            ),
            (
                "organization_name = X #1 # y",
                "#1 # y",
                "from the first on",
            ),
            (
                "http_script = curl --fail # posts",
                "# posts",
                "it would hide the URL",
            ),
            ("organization_name = C#, F#;", "", "no blank before it"),
            (
                "http_script = cd /x ; curl --fail",
                "",
                "a shell's separator",
            ),
            (
                "organization_name =\n  X\n  # a line of its own\n",
                "",
                "a remark",
            ),
        ] {
            let found = hints(&format!("[tlsrpt_reportd]\n{line}\n"));
            let want = match remark {
                "" => Vec::new(),
                remark => vec![format!(
                    "f:2: {}: `{remark}` is part of the value; a remark stands in a line of its own, which begins with # or ;",
                    line.split(' ').next().unwrap()
                )],
            };
            assert_eq!(found, want, "{why}");
        }
    }
}
