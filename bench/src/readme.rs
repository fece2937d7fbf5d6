//! Puts the rows that README shows into README, in Markdown, between two comments: nobody copies figures by hand.

use std::fs;
use std::path::Path;

use crate::error::BenchError;
use crate::table::{Row, Table};

/// Writes the part of that name anew.
pub(crate) fn write(
    path: &Path,
    part: &str,
    machine: &str,
    table: &Table,
) -> Result<(), BenchError> {
    let text = fs::read_to_string(path).map_err(BenchError::io("cannot read", path))?;
    let new = format!("{}\n\n{}", machine.trim_end(), markdown(table));
    let text = replaced(&text, part, &new).ok_or_else(|| BenchError::NoPart {
        path: path.to_owned(),
        part: part.to_owned(),
    })?;
    fs::write(path, text).map_err(BenchError::io("cannot write", path))
}

/// The text with what stands between the comments of this part replaced; nothing where they are missing.
fn replaced(text: &str, part: &str, new: &str) -> Option<String> {
    let (begin, end) = (
        format!("<!-- bench {part} -->\n"),
        format!("<!-- end of bench {part} -->"),
    );
    let (before, rest) = text.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!(
        "{before}{begin}\n{}\n\n{end}{after}",
        new.trim_end()
    ))
}

fn markdown(table: &Table) -> String {
    let head = "| figure | floor | tlsrpt_reporter 0.6.0 | ours | runs | asked |\n|---|---|---|---|---|---|\n";
    let rows = table.0.iter().filter_map(line);
    rows.fold(head.to_owned(), |text, line| text + &line)
}

/// The line of a row that README shows.
fn line(row: &Row) -> Option<String> {
    let name = row.readme.as_ref()?;
    let [floor, theirs, mut ours] = row.medians();
    let [_, _, spread] = row.spreads();
    if let Some(spread) = spread {
        ours += &format!(" ({})", spread.replace("..", " to "));
    }
    let verdict = row.verdict().map_or(String::new(), |verdict| verdict.text);
    let runs = row.runs();
    Some(format!(
        "| {name} | {floor} | {theirs} | {ours} | {runs} | {verdict} |\n"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::Kind;
    use crate::figure::{Goal, Unit};

    #[test]
    fn only_rows_that_readme_shows_are_written() {
        let mut shown = Row::new("  memory", Unit::Memory).in_readme("memory, 1,000 domains");
        shown.push(Kind::Ours, 9.0);
        let mut asked = Row::new("speed", Unit::Number).asked(Goal::OfFloor(0.95));
        asked.push(Kind::Floor, 100.0);
        asked.push(Kind::Ours, 98.0);
        asked.push(Kind::Ours, 90.0);
        asked.push(Kind::Ours, 99.0);
        let other = Row::new("other", Unit::Number);
        let want = "\
| figure | floor | tlsrpt_reporter 0.6.0 | ours | runs | asked |
|---|---|---|---|---|---|
| memory, 1,000 domains | - | - | 9.0 MiB | 1 |  |
| speed | 100 | - | 98 (90 to 99) | 1/0/3 | 0.98 of the floor, 0.95 asked: reached |
";
        assert_eq!(markdown(&Table(vec![shown, asked, other])), want);
    }

    #[test]
    fn a_part_is_written_anew_between_its_comments() {
        let text = "a\n<!-- bench x -->\nold\n<!-- end of bench x -->\nb\n";
        let want = "a\n<!-- bench x -->\n\nnew\n\n<!-- end of bench x -->\nb\n";
        assert_eq!(replaced(text, "x", "new\n").unwrap(), want);
        assert_eq!(replaced(want, "x", "new\n").unwrap(), want, "again");
        assert_eq!(replaced(text, "y", "new\n"), None, "no such part");
    }

    #[test]
    fn readme_has_both_parts() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
        let text = fs::read_to_string(path).unwrap();
        for part in ["collector", "reporter"] {
            assert!(replaced(&text, part, "new").is_some(), "{part}");
        }
    }
}
