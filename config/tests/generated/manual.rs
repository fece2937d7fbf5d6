//! The manuals: pages written by hand in mdoc(7), filled in with what the table says.
//!
//! A line of a page `@options PROGRAM` becomes the program's options in whole, by name; `@summary PROGRAM` the same in
//! the order of the table, with the first sentence of each; `@general PROGRAM` those that stand on the command line
//! only; `@commands` the commands of `tlsrptctl`. A line that begins with `@@` is a remark to who writes the page.

use std::fmt::Write;

use tlsrptd_config::{
    command::COMMANDS,
    help::{general, listed, wrap},
    option::{Default, Program, Row, rows},
};

const WIDTH: usize = 78;

/// A page of it; or the line that asks for what there is not.
pub fn fill(page: &str) -> Result<String, String> {
    let mut out = String::new();
    for line in page.lines() {
        match line.strip_prefix('@') {
            Some(remark) if remark.starts_with('@') => {}
            Some(wish) => out += &filled(wish).ok_or_else(|| line.to_owned())?,
            None => {
                out += line;
                out.push('\n');
            }
        }
    }
    Ok(out)
}

fn filled(wish: &str) -> Option<String> {
    let (what, of) = wish.split_once(' ').unwrap_or((wish, ""));
    let program = [
        Program::Collectd,
        Program::Fetcher,
        Program::Reportd,
        Program::Ctl,
        Program::Statusd,
        Program::Shipper,
    ]
    .into_iter()
    .find(|program| program.name() == of);
    match (what, program) {
        ("options", Some(program)) => Some(options(program)),
        ("summary", Some(program)) => Some(summary(program)),
        ("general", Some(program)) => Some(on_command_line(program)),
        ("commands", None) if of.is_empty() => Some(commands()),
        _ => None,
    }
}

/// By name, as one looks them up.
fn options(program: Program) -> String {
    let mut rows: Vec<&Row> = rows(program).iter().collect();
    rows.sort_by_key(|row| row.name);
    let mut out = String::from(".Bl -tag -width 4n\n");
    for row in rows {
        head(&mut out, row);
        text(&mut out, row.meaning);
        if let Some(allowed) = row.allowed() {
            text(&mut out, &format!("Allowed: {allowed}."));
        }
        if !row.known_to_sys4 {
            let _ = writeln!(out, "Section\n.Ic {} .", program.own_section());
        }
        if !matches!(row.default, Default::Is(_)) {
            let example = format!("{} = {}", row.name, row.default.example());
            let _ = writeln!(out, ".Dl {}", literal(&example));
        }
    }
    out + ".El\n"
}

/// By subject, as the table has them.
fn summary(program: Program) -> String {
    let mut out = String::from(".Bl -tag -width 4n\n");
    for row in listed(program) {
        head(&mut out, row);
        let first = row.meaning.split_inclusive(". ").next();
        text(&mut out, first.unwrap_or_default().trim_end());
    }
    out + ".El\n"
}

fn head(out: &mut String, row: &Row) {
    let default = match row.default {
        Default::Required { .. } => "required".to_owned(),
        Default::Unset { then, .. } => format!("not set: {then}"),
        Default::Is(value) => format!("default: {value}"),
    };
    let _ = writeln!(out, ".It Ic {} Pq {}", row.name, quoted(&default));
}

fn on_command_line(program: Program) -> String {
    let mut out = String::from(".Bl -tag -width 4n\n");
    for option in general(program) {
        let _ = write!(out, ".It Fl \\-{}", option.name);
        if !option.metavar.is_empty() {
            let _ = write!(out, " Ar {}", option.metavar);
        }
        out.push('\n');
        text(&mut out, &option.meaning);
    }
    out + ".El\n"
}

fn commands() -> String {
    let mut out = String::from(".Bl -tag -width 4n\n");
    for command in COMMANDS {
        let _ = write!(out, ".It Cm {}", command.name);
        if !command.operands.is_empty() {
            let _ = write!(out, " Ar {}", quoted(command.operands));
        }
        out.push('\n');
        text(&mut out, command.meaning);
    }
    out + ".El\n"
}

/// A sentence a line, as mdoc(7) wants it.
fn text(out: &mut String, text: &str) {
    for sentence in text.replace(". ", ".\n").lines() {
        for line in wrap(sentence, WIDTH) {
            let words: Vec<String> = line.split(' ').map(word).collect();
            let line = words.join(" ");
            if line.starts_with(['.', '\'']) {
                out.push_str("\\&");
            }
            *out += &line;
            out.push('\n');
        }
    }
}

/// A word of prose. What one may copy keeps its hyphens, which troff(1) makes typographical otherwise.
fn word(word: &str) -> String {
    let is_code = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || "/:_=".contains(c);
    if word.starts_with('-') || word.contains("tlsrpt") || word.contains(is_code) {
        return literal(word);
    }
    word.replace('\\', "\\e")
}

/// As it is, character by character.
fn literal(text: &str) -> String {
    text.replace('\\', "\\e")
        .replace('-', "\\-")
        .replace('\'', "\\(aq")
        .replace('"', "\\(dq")
        .replace('~', "\\(ti")
        .replace('^', "\\(ha")
}

/// One argument of a macro, which is never itself one.
fn quoted(text: &str) -> String {
    format!("\"\\&{}\"", literal(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_filled_in() {
        for (page, want, why) in [
            ("a\n.Sh B\n", Ok("a\n.Sh B\n"), "what is written by hand"),
            ("@@ why\na\n", Ok("a\n"), "a remark"),
            (
                "@options nobody\n",
                Err("@options nobody"),
                "no such program",
            ),
            ("@all tlsrptctl\n", Err("@all tlsrptctl"), "no such part"),
            ("@commands of\n", Err("@commands of"), "too much"),
        ] {
            let got = fill(page);
            let got = got.as_deref().map_err(String::as_str);
            assert_eq!(got, want, "{why}");
        }
        let all = fill("@options tlsrpt-fetcher").unwrap();
        assert!(
            all.contains("\n.It Ic log_level Pq \"\\&default: warn\"\n"),
            "{all}"
        );
    }

    #[test]
    fn text_is_text() {
        for (given, want, why) in [
            ("One. Two.", "One.\nTwo.\n", "a sentence a line"),
            (".name", "\\&.name\n", "no request"),
            ("a\\b", "a\\eb\n", "no escape"),
            (
                "a so-called --x",
                "a so-called \\-\\-x\n",
                "hyphens of both sorts",
            ),
        ] {
            let mut out = String::new();
            text(&mut out, given);
            assert_eq!(out, want, "{why}");
        }
        assert_eq!(quoted("No \"x\""), "\"\\&No \\(dqx\\(dq\"");
    }
}
